//! Members: who is in an organization, with which role.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, ManageMemberships, ReadMemberships, ReadOrganization};
use resonance_domain::{
    ErrorCode, EventKind, FieldError, InOrg, Membership, MembershipId, MembershipOrder, OrganizationId, Page,
    PageRequest, RoleKey, UserId, admin_may_go, bounded_text,
};
use resonance_persistence::{Member, MemberFilter, Repositories, TextCursor, UnitOfWork};

use crate::{
    Outcome, Refusal, Request, ServiceError,
    changes::Changes,
    refusals::Attempt,
    roles::{existing_role, not_beyond_own},
};

/// Longer searches find nothing that a shorter one would not.
const MAX_SEARCH: usize = 256;

/// Which members are wanted, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberQuery {
    /// A part of the name or of the primary address.
    pub search: Option<String>,
    /// The role's key.
    pub role: Option<String>,
    /// The order.
    pub order: MembershipOrder,
    /// The other way round.
    pub descending: bool,
}

/// The use cases of memberships.
#[derive(Debug, Clone, Copy)]
pub struct Memberships<'a>(&'a Request);

impl Request {
    /// The use cases of memberships.
    #[must_use]
    pub fn memberships(&self) -> Memberships<'_> {
        Memberships(self)
    }
}

impl Memberships<'_> {
    /// A page of the members. Requires `org:sys_memberships:read`. One statement.
    ///
    /// # Errors
    /// Denials. Refusals: of `search` and `role`.
    pub async fn list(
        self,
        organization: OrganizationId,
        query: &MemberQuery,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<Member>> {
        let grant = self.0.grant::<ReadMemberships>(organization).await?;
        let filter = filter(query)?;
        let members = self.0.core().database.memberships();
        let rows = members.page(&grant, &filter, query.order, query.descending, page);
        Ok(Page::from_rows(page, rows.await?))
    }

    /// How many members there are under the same query. Requires `org:sys_memberships:read`. One statement.
    ///
    /// # Errors
    /// As [`Memberships::list`].
    pub async fn count(self, organization: OrganizationId, query: &MemberQuery) -> Outcome<u64> {
        let grant = self.0.grant::<ReadMemberships>(organization).await?;
        let members = self.0.core().database.memberships();
        Ok(members.count(&grant, &filter(query)?).await?)
    }

    /// Those of `ids` that are members, in no order. Requires `org:sys_memberships:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(self, organization: OrganizationId, ids: &[MembershipId]) -> Outcome<Vec<Member>> {
        let grant = self.0.grant::<ReadMemberships>(organization).await?;
        Ok(self.0.core().database.memberships().get_many(&grant, ids).await?)
    }

    /// Gives a member another role. Requires `org:sys_memberships:manage`, and every permission of that role. One
    /// transaction, one change of roles at a time in an organization.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `memberId`; `INVALID` and `ROLE_EXCEEDS_OWN` for `role`; `LAST_ADMIN`.
    pub async fn change_role(self, id: InOrg<MembershipId>, role: &str) -> Outcome<Member> {
        let request = self.0;
        let user = request.signed_in()?.user;
        let attempt = Attempt::on("changeMemberRole", id.organization, id.global_id());
        let member = request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageMemberships>()?;
                let role = existing_role(uow, &grant, role).await??;
                not_beyond_own(&role.permissions, &standing, "role")?;
                let role = role.key;
                let now = request.core().clock.now();
                let (member, changed) = give_role(uow, &grant, id.id, &role, now).await?;
                if let Some(payload) = changed {
                    let kind = EventKind::MembershipRoleChanged;
                    uow.record(request.event(kind, Some(id.organization), id.global_id(), payload));
                }
                Ok::<_, ServiceError>(member)
            })
            .await?;
        if member.membership.user == user {
            request.forget(id.organization);
        }
        Ok(member)
    }

    /// Ends somebody's membership. What they made stays; no domain lets them in again until they were a member once more.
    /// Requires `org:sys_memberships:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `memberId`; `LAST_ADMIN`.
    pub async fn remove(self, id: InOrg<MembershipId>) -> Outcome<Member> {
        let request = self.0;
        let user = request.signed_in()?.user;
        let attempt = Attempt::on("removeMember", id.organization, id.global_id());
        let member = request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, id.organization).await?;
                let grant = standing.grant::<ManageMemberships>()?;
                let member = take_out(uow, &grant, id.id, request.core().clock.now()).await?;
                uow.record(self.ended(&member.membership));
                Ok::<_, ServiceError>(member)
            })
            .await?;
        if member.membership.user == user {
            request.forget(id.organization);
        }
        Ok(member)
    }

    /// Leaves an organization. Any member, but not the last admin. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `LAST_ADMIN`.
    pub async fn leave(self, organization: Option<OrganizationId>) -> Outcome<OrganizationId> {
        let request = self.0;
        let organization = request.organization(organization)?;
        let user = request.signed_in()?.user;
        let attempt = Attempt::in_organization("leaveOrganization", organization);
        request
            .attempt(attempt, async |uow| {
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<ReadOrganization>()?;
                if standing.role().is_admin() {
                    let admins = uow.memberships().admins(&grant).await?;
                    admin_may_go(with(&admins, user)).map_err(Refusal::refusal)?;
                }
                uow.memberships().leave(&standing).await?;
                let now = request.core().clock.now();
                uow.record(self.ended(&Membership {
                    id: standing.membership(),
                    organization,
                    user,
                    role: standing.role().clone(),
                    created_at: now,
                    updated_at: now,
                }));
                Ok::<_, ServiceError>(())
            })
            .await?;
        request.forget(organization);
        Ok(organization)
    }

    fn ended(self, membership: &Membership) -> resonance_persistence::NewEvent {
        self.0.event(
            EventKind::MembershipDeleted,
            Some(membership.organization),
            InOrg::new(membership.organization, membership.id).global_id(),
            of_ended(membership),
        )
    }
}

/// Gives a member another role, whoever decides it; what changed, for the event, if anything did. The caller holds the
/// organization.
pub(crate) async fn give_role(
    uow: &UnitOfWork,
    grant: &Grant<ManageMemberships>,
    id: MembershipId,
    role: &RoleKey,
    now: DateTime<Utc>,
) -> Outcome<(Member, Option<Changes>)> {
    let member = uow.memberships().get(grant, id).await?;
    let mut member = member.ok_or_else(not_a_member)?;
    let before = std::mem::replace(&mut member.membership.role, role.clone());
    if before == *role {
        return Ok((member, None));
    }
    if before.is_admin() {
        let admins = uow.memberships().admins(grant).await?;
        admin_may_go(with(&admins, member.membership.user)).map_err(Refusal::refusal)?;
    }
    member.membership.updated_at = now;
    uow.memberships().set_role(grant, id, role, now).await?;
    let payload = Changes::default()
        .field("role", before.as_str(), role.as_str())
        .with("user", member.membership.user.type_id());
    Ok((member, Some(payload)))
}

/// Ends somebody's membership, whoever decides it. The caller holds the organization.
pub(crate) async fn take_out(
    uow: &UnitOfWork,
    grant: &Grant<ManageMemberships>,
    id: MembershipId,
    now: DateTime<Utc>,
) -> Outcome<Member> {
    let member = uow.memberships().get(grant, id).await?;
    let member = member.ok_or_else(not_a_member)?;
    if member.membership.role.is_admin() {
        let admins = uow.memberships().admins(grant).await?;
        admin_may_go(with(&admins, member.membership.user)).map_err(Refusal::refusal)?;
    }
    uow.memberships().remove(grant, &member.membership).await?;
    if Some(member.membership.user) != grant.user() {
        // Else whoever was removed could join again at once where a domain lets people in.
        uow.enrolments().bar(grant, member.membership.user, now).await?;
    }
    Ok(member)
}

/// What events tell of a membership that begins.
pub(crate) fn of_new(membership: &Membership) -> Changes {
    Changes::default()
        .made("role", membership.role.as_str())
        .with("user", membership.user.type_id())
}

/// What events tell of a membership that has ended.
pub(crate) fn of_ended(membership: &Membership) -> Changes {
    Changes::default()
        .gone("role", membership.role.as_str())
        .with("user", membership.user.type_id())
}

/// How many admins there would be if `user` was counted in any case.
fn with(admins: &[UserId], user: UserId) -> u64 {
    admins.iter().filter(|admin| **admin != user).count() as u64 + 1
}

pub(crate) fn filter(query: &MemberQuery) -> Outcome<MemberFilter> {
    let search = query
        .search
        .as_deref()
        .map(|text| bounded_text(text, 0, MAX_SEARCH));
    let role = query.role.as_deref().map(RoleKey::parse);
    Ok(MemberFilter {
        search: search.transpose().map_err(|error| error.at("search"))?,
        role: role.transpose().map_err(|error| error.at("role"))?,
    })
}

fn not_a_member() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such member").at("memberId")
}
