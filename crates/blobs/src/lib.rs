//! Objects in a folder or in S3: one small interface over `object_store`.
//!
//! It says where bytes lie and brings them whole; it must never know whose they are or what they mean. Keys are
//! the caller's, and typed, so that none leaves its place.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use resonance_blobs::{BlobKey, Blobs, BlobsConfig};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().display();
//! let blobs = Blobs::open(&BlobsConfig { url: format!("file:{folder}"), ..BlobsConfig::default() })?;
//! let organization = BlobKey::parse("org_1")?;
//! let key = organization.join("audio")?.join("gen_1.wav")?;
//! blobs.put(&key, "RIFF".into(), "audio/wav").await?;
//! assert_eq!(blobs.get(&key).await?, "RIFF");
//! assert_eq!(blobs.delete_prefix(&organization).await?, 1);
//! # Ok(()) }
//! ```

mod config;
mod error;
mod folder;
mod key;
mod presigned;
mod store;
mod upload;

pub use config::{BlobsConfig, BlobsConfigError, S3Options};
pub use error::BlobError;
pub use key::{BlobKey, BlobKeyMalformed};
pub use presigned::ReadMethod;
pub use store::{BlobInfo, BlobRead, Blobs, Unsettled};
pub use upload::PutStreamError;
