//! resonance-speech
pub mod audio;
