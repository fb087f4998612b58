//! Typed identifiers: UUIDv7 inside, TypeIDs outside.

use std::{cmp::Ordering, fmt, hash::Hash, hash::Hasher, marker::PhantomData, str::FromStr};

use uuid::Uuid;

/// Names one kind of identifier.
pub trait IdKind {
    /// The text before the underscore in the identifier's written form.
    const PREFIX: &'static str;
}

/// The identifier of one kind of thing: a UUIDv7, so identifiers sort by the time they were made.
///
/// Its written form is a [TypeID](https://github.com/jetify-com/typeid): a prefix that says what it is, and the
/// UUID in 26 characters of Crockford's base 32.
///
/// ```
/// use resonance_domain::{OrganizationId, VoiceId};
/// # use uuid::Uuid;
/// let id = OrganizationId::from_uuid(Uuid::from_u128(0x0190_63d4_7af4_7cc2_bd7f_6ab1_1a4b_2c3d));
/// assert_eq!(id.type_id(), "org_01j1hx8yqmfk1btzvap4d4pb1x");
/// assert_eq!("org_01j1hx8yqmfk1btzvap4d4pb1x".parse::<OrganizationId>(), Ok(id));
/// assert!("org_01j1hx8yqmfk1btzvap4d4pb1x".parse::<VoiceId>().is_err());
/// ```
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Takes a UUID for an identifier of this kind. The caller vouches for the kind.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// The UUID, for storage.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.uuid
    }
}

impl<K: IdKind> Id<K> {
    /// The written form, such as `org_01j1hx8yqmfk1btzvap4d4pb1x`.
    #[must_use]
    pub fn type_id(&self) -> String {
        let mut text = String::with_capacity(K::PREFIX.len() + 1 + SUFFIX);
        text.push_str(K::PREFIX);
        text.push('_');
        push_base32(&mut text, self.uuid);
        text
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_id())
    }
}
impl<K: IdKind> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.type_id())
    }
}
impl<'de, K: IdKind> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A text that is not an identifier of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the expected kind")]
pub struct ParseIdError;

impl<K: IdKind> FromStr for Id<K> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_base32(suffix_of::<K>(text)?).map(Self::from_uuid)
    }
}

/// What follows `prefix_` in `text`.
pub(crate) fn suffix_of<K: IdKind>(text: &str) -> Result<&str, ParseIdError> {
    text.strip_prefix(K::PREFIX)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(ParseIdError)
}

/// Characters that a UUID takes in base 32.
pub(crate) const SUFFIX: usize = 26;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Inverse of [`ALPHABET`]; 255 marks what is not in it.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut value = 0;
    while value < 32 {
        digits[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

pub(crate) fn push_base32(text: &mut String, uuid: Uuid) {
    let mut value = uuid.as_u128();
    let mut digits = [b'0'; SUFFIX];
    // 26 digits hold 130 bits: the first one only ever carries three. Twelve digits take 60 bits, which are shifted
    // as one machine word.
    for chunk in digits.rchunks_mut(12) {
        let mut word = (value & ((1 << 60) - 1)) as u64;
        for digit in chunk.iter_mut().rev() {
            *digit = ALPHABET[(word & 31) as usize];
            word >>= 5;
        }
        value >>= 60;
    }
    // The alphabet is ASCII, so this is never empty.
    text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

pub(crate) fn parse_base32(text: &str) -> Result<Uuid, ParseIdError> {
    let bytes = text.as_bytes();
    if bytes.len() != SUFFIX || bytes[0] > b'7' {
        return Err(ParseIdError);
    }
    let mut value = 0_u128;
    for &byte in bytes {
        let digit = DIGITS[usize::from(byte)];
        if digit == 255 {
            return Err(ParseIdError);
        }
        value = (value << 5) | u128::from(digit);
    }
    Ok(Uuid::from_u128(value))
}

/// The registry of identifier kinds: append only, alphabetical, one line each.
macro_rules! ids {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident, $prefix:literal;)*) => {
        /// The kinds of identifiers, as types.
        pub mod kind {
            $($(#[$doc])* #[derive(Debug)] pub enum $kind {})*
        }
        $(
            $(#[$doc])*
            pub type $alias = Id<kind::$kind>;
            impl IdKind for kind::$kind {
                const PREFIX: &'static str = $prefix;
            }
        )*
        /// Every registered prefix.
        #[cfg(test)]
        const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// An organization's API key.
    ApiKeyId = ApiKey, "key";
    /// A mail domain of an organization.
    DomainId = Domain, "dom";
    /// Something that happened.
    EventId = Event, "evt";
    /// A text spoken by a voice.
    GenerationId = Generation, "gen";
    /// An invitation into an organization.
    InvitationId = Invitation, "inv";
    /// A piece of durable background work.
    JobId = Job, "job";
    /// A token for other services.
    JwtId = Jwt, "jwt";
    /// A user's membership in an organization.
    MembershipId = Membership, "mem";
    /// A user's request to join an organization.
    MembershipRequestId = MembershipRequest, "req";
    /// An organization: the tenant.
    OrganizationId = Organization, "org";
    /// What operators offer to organizations.
    PlanId = Plan, "plan";
    /// A custom role.
    RoleId = Role, "role";
    /// A signed-in session.
    SessionId = Session, "sess";
    /// Somebody's wish for an account, until the address is proved.
    SignUpId = SignUp, "signup";
    /// An organization's agreement with a billing provider.
    SubscriptionId = Subscription, "sub";
    /// One entry of the usage ledger.
    UsageEntryId = UsageEntry, "use";
    /// One e-mail address of a user.
    UserEmailId = UserEmail, "eml";
    /// A person with an account.
    UserId = User, "user";
    /// A six-digit code that was sent to an address.
    VerificationCodeId = VerificationCode, "code";
    /// A voice, the instance's or an organization's.
    VoiceId = Voice, "voice";
    /// One event on its way to one webhook endpoint.
    WebhookDeliveryId = WebhookDelivery, "whd";
    /// An address that an organization wants its events sent to.
    WebhookEndpointId = WebhookEndpoint, "whe";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_are_unique() {
        let mut prefixes = PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), PREFIXES.len());
    }

    #[test]
    fn texts_that_are_no_ids_are_refused() {
        for text in [
            "",
            "org",
            "org_",
            "org_01j1hx8yqmfk1btzvap4d4pb1",
            "org_01j1hx8yqmfk1btzvap4d4pb1xx",
            "org_81j1ht4yqmfk1bszvaq4d4pb1x",
            "org_01J1HX8YQMFK1BTZVAP4D4PB1X",
            "org_01j1hx8yqmfk1btzvap4d4pb1u",
            "user_01j1hx8yqmfk1btzvap4d4pb1x",
            "org-01j1hx8yqmfk1btzvap4d4pb1x",
            "org_01j1hx8yqmfk1btzvap4d4pb1é",
        ] {
            assert_eq!(text.parse::<OrganizationId>(), Err(ParseIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_survives_being_written_and_read(value: u128) {
            let id = GenerationId::from_uuid(Uuid::from_u128(value));
            prop_assert_eq!(id.type_id().parse::<GenerationId>(), Ok(id));
        }

        #[test]
        fn written_ids_sort_like_the_uuids(a: u128, b: u128) {
            let (x, y) = (UserId::from_uuid(Uuid::from_u128(a)), UserId::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(x.type_id().cmp(&y.type_id()), a.cmp(&b));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = text.parse::<UserId>();
            let _ = format!("user_{text}").parse::<UserId>();
        }
    }
}
