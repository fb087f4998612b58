//! What the engine promises to those who use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod derivation;
mod hostile;
mod speaking;
mod studio;
