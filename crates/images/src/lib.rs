//! resonance-images
