//! resonance-domain
