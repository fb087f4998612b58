//! From a user and an organization to a standing.

use resonance_domain::{MembershipId, OrganizationId, RoleKey, UserId};

use crate::{Denied, RolePermissions, Standing, permissions_of};

/// What storage knows of a membership that a standing rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRecord {
    /// The membership.
    pub membership: MembershipId,
    /// The role held.
    pub role: RoleKey,
    /// What a custom role permits, as it is on record now; `None` for a role that is not on record. Need not be
    /// looked up for a built-in role ([`RoleKey::is_built_in`]), of which the product itself knows.
    pub on_record: Option<RolePermissions>,
}

/// Where memberships are looked up. `resonance-persistence` implements it; whoever brings another storage
/// implements it there.
///
/// SECURITY: an implementation is part of the trusted base. It must answer from the state that the current unit
/// of work sees and must know neither memberships of deleted organizations nor those of suspended users.
pub trait StandingSource {
    /// What can go wrong while looking.
    type Error;

    /// The membership of `user` in `organization`, if there is one.
    fn standing(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> impl Future<Output = Result<Option<StandingRecord>, Self::Error>> + Send;
}

/// Why there is no standing.
#[derive(Debug, thiserror::Error)]
pub enum StandError<E> {
    /// The user has none.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It could not be found out.
    #[error("the standing could not be loaded")]
    Source(#[source] E),
}

/// Finds out what users are in organizations.
#[derive(Debug, Clone, Copy)]
pub struct Authorizer<S> {
    source: S,
}

impl<S: StandingSource> Authorizer<S> {
    /// An authorizer that asks `source`.
    pub const fn new(source: S) -> Self {
        Self { source }
    }

    /// The standing of `user` in `organization`.
    ///
    /// # Errors
    /// [`Denied::NotVisible`] for whoever is no member, or the source's error.
    pub async fn standing(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> Result<Standing, StandError<S::Error>> {
        let record = self
            .source
            .standing(user, organization)
            .await
            .map_err(StandError::Source)?;
        let record = record.ok_or(Denied::NotVisible)?;
        Ok(Self::standing_of(user, organization, record))
    }

    /// The standing that rests on a membership which the source returned with other data, such as a list of a
    /// user's organizations.
    ///
    /// SECURITY: `record` must come from the same place as [`StandingSource::standing`]'s.
    pub fn standing_of(user: UserId, organization: OrganizationId, record: StandingRecord) -> Standing {
        let permissions = permissions_of(&record.role, record.on_record);
        Standing::new(organization, user, record.membership, record.role, permissions)
    }
}
