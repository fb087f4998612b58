//! resonance-authz-oracle
