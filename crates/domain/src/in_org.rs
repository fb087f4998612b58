//! The address of a tenant's thing.

use std::{fmt, str::FromStr};

use crate::{
    Id, IdKind, OrganizationId, ParseIdError,
    id::{SUFFIX, parse_base32, push_base32, suffix_of},
};

/// Where a thing of an organization lives: the organization, and the thing's id in it.
///
/// The written form appends the organization's 26 characters to the thing's [TypeID](Id::type_id), so that
/// nothing has to be loaded to find out whose it is, and the text still sorts by time.
///
/// ```
/// use resonance_domain::{GenerationId, InOrg, OrganizationId};
/// # use uuid::Uuid;
/// let address = InOrg::new(
///     OrganizationId::from_uuid(Uuid::from_u128(1)),
///     GenerationId::from_uuid(Uuid::from_u128(2)),
/// );
/// let text = "gen_0000000000000000000000000200000000000000000000000001";
/// assert_eq!(address.global_id(), text);
/// assert_eq!(text.parse(), Ok(address));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InOrg<I> {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Which one it is.
    pub id: I,
}

impl<I> InOrg<I> {
    /// Puts an address together.
    #[must_use]
    pub const fn new(organization: OrganizationId, id: I) -> Self {
        Self { organization, id }
    }
}

impl<K: IdKind> InOrg<Id<K>> {
    /// The written form: prefix, the thing's id, the organization's id.
    #[must_use]
    pub fn global_id(&self) -> String {
        let mut text = String::with_capacity(K::PREFIX.len() + 1 + 2 * SUFFIX);
        text.push_str(K::PREFIX);
        text.push('_');
        push_base32(&mut text, self.id.as_uuid());
        push_base32(&mut text, self.organization.as_uuid());
        text
    }
}

impl<K: IdKind> fmt::Debug for InOrg<Id<K>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.global_id())
    }
}

impl<K: IdKind> FromStr for InOrg<Id<K>> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, organization) = suffix_of::<K>(text)?
            .split_at_checked(SUFFIX)
            .ok_or(ParseIdError)?;
        Ok(Self {
            organization: Id::from_uuid(parse_base32(organization)?),
            id: Id::from_uuid(parse_base32(id)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::VoiceId;

    proptest! {
        #[test]
        fn every_address_survives_being_written_and_read(organization: u128, id: u128) {
            let address = InOrg::new(Id::from_uuid(Uuid::from_u128(organization)), VoiceId::from_uuid(Uuid::from_u128(id)));
            prop_assert_eq!(address.global_id().parse::<InOrg<VoiceId>>(), Ok(address));
            prop_assert!(address.global_id().parse::<VoiceId>().is_err());
            prop_assert!(address.id.type_id().parse::<InOrg<VoiceId>>().is_err());
        }
    }
}
