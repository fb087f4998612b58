//! resonance-identity
