//! Memberships, as operators manage them: under the rules that hold for everybody.

use resonance_authz::ManageMemberships;
use resonance_domain::{
    EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, InOrg, Membership, MembershipId, OrganizationId,
    UserId, seat_is_free,
};
use resonance_persistence::{Member, NewMembership, Repositories};

use super::{Operators, only_reason, staff::no_user};
use crate::{
    Outcome, Refusal, ServiceError,
    membership_requests::of_accepted,
    memberships::{existing_role, give_role, of_membership, take_out},
};

impl Operators<'_> {
    /// Makes a user a member without an invitation. The member limit holds. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `INVALID` for `role`; `NOT_FOUND` for `userId`; `ALREADY_MEMBER`;
    /// `MEMBER_LIMIT_REACHED`.
    pub async fn add_member(
        self,
        organization: OrganizationId,
        user: UserId,
        role: &str,
        reason: &str,
    ) -> Outcome<Member> {
        let (role, reason) = Self::checked(reason, |errors| {
            existing_role(role).map_err(|error| errors.push(error)).ok()
        })?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, organization).await?;
                let own = operator.over(user);
                // Held, so that the account does not end meanwhile.
                let found = uow.users().lock(&own).await?.ok_or_else(no_user)?;
                let grant = operator.within::<ManageMemberships>(organization);
                let addresses = uow.user_emails().list(&own).await?;
                let addresses: Vec<EmailAddress> = addresses
                    .iter()
                    .filter(|email| email.verified_at.is_some())
                    .filter_map(|email| EmailAddress::parse(&email.address).ok())
                    .collect();
                let addresses: Vec<&EmailAddress> = addresses.iter().collect();
                let now = core.clock.now();
                let room = uow.invitations().room(&grant, &addresses, now).await?;
                if uow.organizations().viewed(&own, organization).await?.is_some() {
                    let message = "this user is a member already";
                    return Err(FieldError::new(ErrorCode::AlreadyMember, message)
                        .at("userId")
                        .into());
                }
                seat_is_free(room.member_limit, room.seats_taken, 1).map_err(Refusal::refusal)?;
                let membership = Membership {
                    id: core.ids.next(),
                    organization,
                    user,
                    role,
                    created_at: now,
                    updated_at: now,
                };
                let new = NewMembership {
                    id: membership.id,
                    role: membership.role.clone(),
                    name: found.name.clone(),
                    email: found.email.clone(),
                    created_at: now,
                };
                uow.memberships().add(&grant, user, &new).await?;
                let requests = uow.sent_membership_requests();
                if let Some(asked) = requests.fulfil(&own, organization, now).await? {
                    let subject = InOrg::new(organization, asked.id).global_id();
                    let payload = of_accepted(&asked, "operator");
                    let act = (
                        EventKind::MembershipRequestAccepted,
                        Some(organization),
                        subject,
                        payload,
                    );
                    self.record(uow, &operator, act);
                }
                let subject = InOrg::new(organization, membership.id).global_id();
                let payload = of_membership(&membership);
                let act = (EventKind::MembershipCreated, Some(organization), subject, payload);
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(Member {
                    membership,
                    name: found.name,
                    email: found.email,
                })
            })
            .await
    }

    /// Gives a member another role. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `INVALID` for `role`; `NOT_FOUND` for `memberId`; `LAST_ADMIN`.
    pub async fn change_role(self, id: InOrg<MembershipId>, role: &str, reason: &str) -> Outcome<Member> {
        let (role, reason) = Self::checked(reason, |errors| {
            existing_role(role).map_err(|error| errors.push(error)).ok()
        })?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, id.organization).await?;
                let grant = operator.within(id.organization);
                let (member, changed) = give_role(uow, &grant, id.id, &role, core.clock.now()).await?;
                if let Some(payload) = changed {
                    let kind = EventKind::MembershipRoleChanged;
                    let act = (kind, Some(id.organization), id.global_id(), payload);
                    self.record(uow, &operator, act);
                }
                Ok::<_, ServiceError>(member)
            })
            .await
    }

    /// Ends somebody's membership. What they made stays. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `memberId`; `LAST_ADMIN`.
    pub async fn remove_member(self, id: InOrg<MembershipId>, reason: &str) -> Outcome<Member> {
        let reason = only_reason(reason)?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, id.organization).await?;
                let member =
                    take_out(uow, &operator.within(id.organization), id.id, core.clock.now()).await?;
                let payload = of_membership(&member.membership);
                let kind = EventKind::MembershipDeleted;
                let act = (kind, Some(id.organization), id.global_id(), payload);
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(member)
            })
            .await
    }
}
