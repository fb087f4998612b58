//! One organization with at most one member.

use futures_util::FutureExt;
use resonance_authz::{Authorizer, RolePermissions, StandError, Standing, StandingRecord, StandingSource};
use resonance_domain::{Id, MembershipId, OrganizationId, RoleKey, UserId};
use uuid::Uuid;

/// The organization.
pub(crate) const ACME: OrganizationId = Id::from_uuid(Uuid::from_u128(1));
/// Who may be its member.
pub(crate) const ADA: UserId = Id::from_uuid(Uuid::from_u128(2));
/// Ada's membership.
pub(crate) const MEMBERSHIP: MembershipId = Id::from_uuid(Uuid::from_u128(3));
/// Who is not.
pub(crate) const STRANGER: UserId = Id::from_uuid(Uuid::from_u128(4));

/// Knows Ada by her role, and what is on record of it; without a role the lookup breaks.
pub(crate) struct Directory(pub(crate) Option<RoleKey>, pub(crate) Option<RolePermissions>);

/// The lookup failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

impl StandingSource for Directory {
    type Error = Unavailable;

    async fn standing(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> Result<Option<StandingRecord>, Unavailable> {
        let role = self.0.clone().ok_or(Unavailable)?;
        Ok((user == ADA && organization == ACME).then_some(StandingRecord {
            membership: MEMBERSHIP,
            role,
            on_record: self.1.clone(),
        }))
    }
}

/// What `user` is in Acme if Ada has `role` there.
pub(crate) fn standing(user: UserId, role: Option<RoleKey>) -> Result<Standing, StandError<Unavailable>> {
    Authorizer::new(Directory(role, None))
        .standing(user, ACME)
        .now_or_never()
        .unwrap()
}

/// Ada's standing with `role`.
pub(crate) fn ada(role: RoleKey) -> Standing {
    standing(ADA, Some(role)).unwrap()
}

/// Ada's standing with `role`, of which storage says that it permits this.
pub(crate) fn ada_on_record(role: RoleKey, permissions: &str) -> Standing {
    let on_record = Some(RolePermissions::from_stored(permissions));
    Authorizer::new(Directory(Some(role), on_record))
        .standing(ADA, ACME)
        .now_or_never()
        .unwrap()
        .unwrap()
}

/// A role that no catalogue knows.
pub(crate) fn unknown_role() -> RoleKey {
    RoleKey::parse("org:sound_engineer").unwrap()
}
