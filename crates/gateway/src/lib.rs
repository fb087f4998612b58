//! resonance-gateway
