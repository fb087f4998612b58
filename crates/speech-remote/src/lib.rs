//! Speech engines that are other servers: whoever offers `POST /v1/audio/speech`, and the cloning worker.
//!
//! Around both lies one layer that expects servers to fail: time-outs, retries of what is worth it, a circuit breaker,
//! a limit of requests at a time, and a distrust of answers.

mod answer;
mod breaker;
mod config;
mod engine;
mod wire;

pub use config::{EngineConfig, Kind, Samples, VoiceConfig};
pub use engine::{Dice, RemoteEngine, SetupError};
