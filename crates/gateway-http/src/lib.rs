//! resonance-gateway-http
