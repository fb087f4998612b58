//! resonance-persistence
