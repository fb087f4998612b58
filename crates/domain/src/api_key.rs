//! API keys: access for an organization's programs.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{ApiKeyId, ErrorCode, FieldError, OrganizationId, UserId, VoiceAddress, text::text_type};

/// How many keys an organization has at most, those that open nothing any more not counted.
pub const API_KEYS_PER_ORGANIZATION: u64 = 100;
/// How many voices a key's list names at most.
pub const MAX_API_KEY_VOICES: usize = 100;
/// The longest life that is given to a key beforehand: ten years.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(3_653);

text_type! {
    /// What a key is called: 1 to 100 characters on one line.
    ApiKeyName, one_line, 1..=100
}

/// Who made something in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Author {
    /// A member, or an operator.
    User(UserId),
    /// A program that holds a key of the organization.
    ApiKey(ApiKeyId),
}

impl Author {
    /// The user, unless it was a key.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::ApiKey(_) => None,
        }
    }

    /// The key, unless it was a user.
    #[must_use]
    pub const fn api_key(self) -> Option<ApiKeyId> {
        match self {
            Self::User(_) => None,
            Self::ApiKey(key) => Some(key),
        }
    }
}

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiKeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// The voices with which a key may speak; `None` means every one that the organization may use.
pub type ApiKeyVoices = Option<Vec<VoiceAddress>>;

/// A key of an organization, without the secret, which only its holder has. It belongs to the organization and
/// outlives the membership of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its identity.
    pub id: ApiKeyId,
    /// The organization, in which alone it opens anything.
    pub organization: OrganizationId,
    /// What it is called.
    pub name: String,
    /// The end of the secret, by which people tell keys apart.
    pub hint: String,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
    /// With which voices it may speak.
    pub voices: ApiKeyVoices,
    /// How many characters it may speak in a billing period; `None` means any number.
    pub character_budget: Option<u64>,
    /// Until when it opens anything; `None` means until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute; `None` means never.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Who made it; `None` once that account is gone.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    ///
    /// ```
    /// # use chrono::{DateTime, TimeDelta};
    /// # use resonance_domain::{ApiKey, ApiKeyState, Id};
    /// # let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    /// # let key = ApiKey { id: Id::from_uuid(uuid::Uuid::nil()), organization: Id::from_uuid(uuid::Uuid::nil()),
    /// #     name: "ci".into(), hint: "abcd".into(), permissions: vec![], voices: None, character_budget: None,
    /// #     expires_at: None, revoked_at: None, last_used_at: None, created_by: None, created_at: now, updated_at: now };
    /// let expiring = ApiKey { expires_at: Some(now), ..key };
    /// assert_eq!(expiring.state(now - TimeDelta::seconds(1)), ApiKeyState::Active);
    /// assert_eq!(expiring.state(now), ApiKeyState::Expired);
    /// ```
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> ApiKeyState {
        if self.revoked_at.is_some() {
            ApiKeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            ApiKeyState::Expired
        } else {
            ApiKeyState::Active
        }
    }

    /// Whether it may speak with a voice.
    #[must_use]
    pub fn may_speak_with(&self, voice: &VoiceAddress) -> bool {
        self.voices.as_ref().is_none_or(|voices| voices.contains(voice))
    }
}

/// Checks when a key is to expire: in the future, and within ten years.
///
/// # Errors
/// `INVALID`, without a field.
pub fn key_expiry(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, FieldError> {
    if at <= now || at > now + LONGEST_LIFE {
        let message = "must be in the future, and within ten years";
        return Err(FieldError::new(ErrorCode::Invalid, message));
    }
    Ok(at)
}

/// Checks a budget of characters for a period: from 1 to a million million.
///
/// # Errors
/// `INVALID`, without a field.
pub fn character_budget(characters: i64) -> Result<u64, FieldError> {
    match u64::try_from(characters) {
        Ok(budget @ 1..=1_000_000_000_000) => Ok(budget),
        _ => Err(FieldError::new(
            ErrorCode::Invalid,
            "must be from 1 to 1,000,000,000,000",
        )),
    }
}
