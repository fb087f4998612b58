//! resonance-services
