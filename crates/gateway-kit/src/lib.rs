//! resonance-gateway-kit
