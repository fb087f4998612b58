//! resonance-testkit
