//! The only way to begin a statement on a tenant's table.
//!
//! INVARIANT: every entity with an `organization_id` is reached through these functions, so that no statement on it
//! lacks the organization, and the organization is the grant's.

use resonance_domain::OrganizationId;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DeleteMany, EntityTrait, Insert, QueryFilter, Select, UpdateMany,
};

use resonance_authz::{Action, Grant};

/// An entity whose rows belong to organizations.
pub(crate) trait TenantOwned: EntityTrait {
    const ORGANIZATION: Self::Column;
}

/// What opens a tenant's rows: a grant of whichever family.
pub(crate) trait Opens {
    fn opened(&self) -> OrganizationId;
}

impl<A: Action> Opens for Grant<A> {
    fn opened(&self) -> OrganizationId {
        self.organization()
    }
}

impl Opens for resonance_authz::InvitationGrant {
    fn opened(&self) -> OrganizationId {
        self.organization()
    }
}

/// A system job at work on one organization, which its claimed row names.
#[derive(Debug)]
pub(crate) struct JobOn<'a, J>(
    #[expect(dead_code, reason = "a proof need not be read")] pub(crate) &'a resonance_authz::SystemGrant<J>,
    pub(crate) OrganizationId,
);

impl<J> Opens for JobOn<'_, J> {
    fn opened(&self) -> OrganizationId {
        self.1
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where statements on tenants' tables begin"
)]
pub(crate) fn select<E: TenantOwned>(opens: &impl Opens) -> Select<E> {
    E::find().filter(E::ORGANIZATION.eq(opens.opened().as_uuid()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where statements on tenants' tables begin"
)]
pub(crate) fn update<E: TenantOwned>(opens: &impl Opens) -> UpdateMany<E> {
    E::update_many().filter(E::ORGANIZATION.eq(opens.opened().as_uuid()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where statements on tenants' tables begin"
)]
pub(crate) fn delete<E: TenantOwned>(opens: &impl Opens) -> DeleteMany<E> {
    E::delete_many().filter(E::ORGANIZATION.eq(opens.opened().as_uuid()))
}

/// Overwrites whatever organization the row carried: the grant decides.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place where statements on tenants' tables begin"
)]
pub(crate) fn insert<E, M>(opens: &impl Opens, mut row: M) -> Insert<M>
where
    E: TenantOwned,
    M: ActiveModelTrait<Entity = E>,
{
    row.set(E::ORGANIZATION, opens.opened().as_uuid().into());
    E::insert(row)
}
