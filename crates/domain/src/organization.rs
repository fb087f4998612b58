//! The tenant.

use chrono::{DateTime, Utc};

use crate::{Metadata, OrganizationId, Slug, UserId, text::text_type};

text_type! {
    /// An organization's display name: 1 to 256 characters on one line.
    OrganizationName, one_line, 1..=256
}

text_type! {
    /// What an organization says about itself: up to 1,000 characters; empty means nothing.
    OrganizationDescription, bounded_text, 0..=1000
}

/// An organization: every voice, generation and usage record belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its identity.
    pub id: OrganizationId,
    /// Its display name.
    pub name: String,
    /// Its name in addresses, unique in the instance.
    pub slug: String,
    /// What it says about itself; empty means nothing.
    pub description: String,
    /// The object-store key of its logo; `None` means that a generated avatar stands in.
    pub logo_key: Option<String>,
    /// Data that members read and that whoever manages the profile writes.
    pub public_metadata: Metadata,
    /// How many members and pending invitations it may have; 0 means any number.
    pub member_limit: u32,
    /// Whether it may be deleted at all, by whoever has the permission.
    pub deletable: bool,
    /// Who created it; `None` once that account is gone.
    pub created_by: Option<UserId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Organization {
    /// Its slug as a checked value is not needed again once stored; this is the key by which others find it.
    #[must_use]
    pub fn is_called(&self, slug: &Slug) -> bool {
        self.slug == slug.as_str()
    }
}
