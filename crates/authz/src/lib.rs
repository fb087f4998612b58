//! resonance-authz
