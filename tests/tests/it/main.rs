//! Resonance from end to end: the real binary, over HTTP.

mod access;
