//! People with accounts.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{OrganizationId, UserEmailId, UserId, text::text_type};

text_type! {
    /// A person's display name: 1 to 128 characters on one line.
    PersonName, one_line, 1..=128
}

/// How long a sign-up waits for its address to be proved.
pub const SIGN_UP_LIFETIME: TimeDelta = TimeDelta::days(1);
/// How many addresses an account may have, proved or not.
pub const EMAILS_PER_USER: usize = 10;

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account's identity.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The primary e-mail address, as written.
    pub email: String,
    /// Whether the primary address was proved to be theirs.
    pub email_verified: bool,
    /// The organization that the user worked in last.
    pub last_active_organization: Option<OrganizationId>,
    /// Since when an operator keeps the account out; `None` means never.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// One e-mail address of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEmail {
    /// Its identity.
    pub id: UserEmailId,
    /// Whose it is.
    pub user: UserId,
    /// The address, as written.
    pub address: String,
    /// When it was proved to be theirs; `None` means not yet.
    pub verified_at: Option<DateTime<Utc>>,
    /// Whether it is the address that mails go to.
    pub primary: bool,
}

/// What an organization's members see of somebody who is or was one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserProfile {
    /// The account's identity.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The primary e-mail address; `None` for whoever is no member (any more), and for viewers who may not list the
    /// members.
    pub email: Option<String>,
}
