//! Sound as samples: decoding what people upload, measuring it, and encoding what engines speak.
//!
//! Everything here is work for the processor and takes from milliseconds to seconds: asynchronous callers run it
//! on a blocking thread (`tokio::task::spawn_blocking`).

mod analysis;
mod blocks;
mod decode;
mod encode;
mod joiner;
mod loudness;
mod measure;
mod pcm;
mod peaks;
mod resample;
mod sample;
mod sentence_starts;
mod trim;

pub use analysis::VoiceAnalysis;
pub use decode::{DecodeError, Decoded, Limits, decode};
pub use encode::{EncodeError, Encoded, Finished, OutputFormat, StreamEncoder, StreamOptions, encode};
pub use joiner::{Joined, Joiner, Pauses};
pub use loudness::{Limiter, Loudness};
pub use measure::{Measurements, SILENCE_LUFS, measure};
pub use pcm::Pcm;
pub use peaks::{Peaks, peaks};
pub use sample::{SampleError, SampleShape, normalise_sample};
pub use sentence_starts::sentence_starts;
