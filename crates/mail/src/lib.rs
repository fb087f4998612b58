//! resonance-mail
