//! The built-in speech engine of Resonance: eSpeak NG's voices in pure Rust, with their data inside the binary.
//!
//! It needs no download, no account and no graphics card, speaks two dozen languages hundreds of times faster than
//! real time, and always speaks the same text in the same way. It sounds like the formant synthesiser that it is, and
//! it cannot clone: from a recording it takes the pitch, the range and the tempo, and says so
//! ([`Fidelity::Approximated`](resonance_domain::Fidelity::Approximated)).
//!
//! This crate is licensed under the GPL-3.0-or-later, because it links eSpeak NG; the binary that contains it is too.
//! It never knows who speaks or for whom; all that it keeps is its own data on the disk.
//!
//! ```
//! use resonance_speech::engine::{Progress, SpeechEngine, SynthesisRequest};
//! use resonance_speech_espeak::EspeakEngine;
//!
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let engine = EspeakEngine::new(folder.path())?;
//! let voice = engine.catalogue().await?.swap_remove(0).voice;
//! let text = "Good morning!".to_owned();
//! let request = SynthesisRequest { text, voice, settings: Default::default(), instructions: None, sample: None };
//! let speech = engine.synthesize(request, Progress::default()).await?;
//! assert!(speech.duration().as_millis() > 400);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod articulation;
mod catalogue;
mod data;
mod derivation;
mod engine;
mod language;
mod score;
mod speaking;
mod text;
mod voice;
mod voicing;

pub use data::InstallError;
pub use engine::EspeakEngine;
