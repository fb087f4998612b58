//! resonance-gateway-speech
