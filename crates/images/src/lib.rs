//! Pictures that stand for somebody: uploaded logos made safe, and avatars drawn from initials.
//!
//! Uploads come from strangers: they are recognised by their content, decoded under limits and encoded anew, so
//! that what is served was made here. This crate must never know whose a picture is or where it is kept.
//!
//! ```
//! let svg = resonance_images::avatar("Ada Lovelace", b"any stable bytes, such as an id");
//! assert!(svg.contains(">AL</text>"));
//! ```

mod avatar;
mod logo;

pub use avatar::avatar;
pub use logo::{Logo, LogoError, MAX_LOGO_BYTES, MAX_LOGO_PIXELS, MAX_LOGO_SIDE, logo};
