//! resonance-gateway-organizations
