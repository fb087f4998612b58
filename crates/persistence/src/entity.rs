//! Rows as the tables hold them; private to this crate.

pub(crate) mod system_voice;
pub(crate) mod voice;
