//! resonance-speech
