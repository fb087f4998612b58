//! What goes in and out of files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests compute with small numbers"
)]

mod decoding;
mod encoding;
mod hostile;
mod normalising;
mod sound;
mod streaming;
