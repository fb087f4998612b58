//! resonance-gateway-accounts
