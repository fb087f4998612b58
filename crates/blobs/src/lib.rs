//! resonance-blobs
