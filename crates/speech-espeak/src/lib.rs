//! resonance-speech-espeak
