//! Speech for Resonance: what an engine is, and what is done with sound.
//!
//! [`engine`] holds the contract between those who want a text spoken and the engines that speak; the engines live in
//! crates and modules of their own. [`audio`] decodes recordings, measures them, and encodes what engines speak.
//!
//! This crate never knows who speaks, for whom, or where the sound is kept: no organization, no database, no object
//! store, no GraphQL.
//!
//! ```
//! use std::num::NonZeroU32;
//! use resonance_domain::AudioFormat;
//! use resonance_speech::audio::{Limits, Pcm, decode, encode, peaks};
//!
//! let rate = NonZeroU32::new(24_000).ok_or("a rate of zero")?;
//! let tone = (0..24_000).map(|n| 0.5 * (n as f32 * 0.1).sin()).collect();
//! let file = encode(&Pcm::new(tone, rate), AudioFormat::Flac)?;
//! assert_eq!(file.content_type, "audio/flac");
//!
//! let heard = decode(file.bytes, &Limits::SPEECH)?.pcm;
//! assert_eq!(heard.duration().as_secs(), 1);
//! assert_eq!(peaks(&heard, 3), [128, 128, 128]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audio;
pub mod engine;
