//! Memberships, as operators manage them: under the rules that hold for everybody.

use resonance_authz::{Grant, ManageMemberships};
use resonance_domain::{
    EmailAddress, ErrorCode, EventKind, FieldError, IdsExt, InOrg, Membership, MembershipId, OrganizationId,
    Reason, RoleKey, UserId, seat_is_free,
};
use resonance_persistence::{Member, NewMembership, Repositories, UnitOfWork};

use super::{Operators, only_reason, staff::no_user};
use crate::{
    Outcome, Refusal, ServiceError,
    membership_requests::of_accepted,
    memberships::{give_role, of_ended, of_new, take_out},
    received_invitations,
    roles::existing_role,
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
        let reason = Reason::parse(reason);
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, reason.as_ref().ok(), organization).await?;
                let grant = operator.within::<ManageMemberships>(organization);
                let role = given(uow, &grant, role, reason.err()).await?;
                let own = operator.over(user);
                // Held, so that the account does not end meanwhile.
                let found = uow.users().lock(&own).await?.ok_or_else(no_user)?;
                let addresses = uow.user_emails().list(&own).await?;
                let addresses: Vec<EmailAddress> = addresses
                    .iter()
                    .filter(|email| email.verified_at.is_some())
                    .filter_map(|email| EmailAddress::parse(&email.address).ok())
                    .collect();
                let addresses: Vec<&EmailAddress> = addresses.iter().collect();
                let now = core.clock.now();
                // Their seats are the new member's; if nothing comes of it, they stay open.
                let invited = uow.invitations().fulfil(&grant, user, now).await?;
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
                for invitation in &invited {
                    let subject = InOrg::new(organization, invitation.id).global_id();
                    let payload = received_invitations::of_accepted(invitation, user);
                    let act = (
                        EventKind::InvitationAccepted,
                        Some(organization),
                        subject,
                        payload,
                    );
                    self.record(uow, &operator, act);
                }
                let subject = InOrg::new(organization, membership.id).global_id();
                let payload = of_new(&membership);
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
        let reason = Reason::parse(reason);
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, reason.as_ref().ok(), id.organization).await?;
                let grant = operator.within(id.organization);
                let role = given(uow, &grant, role, reason.err()).await?;
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
                let payload = of_ended(&member.membership);
                let kind = EventKind::MembershipDeleted;
                let act = (kind, Some(id.organization), id.global_id(), payload);
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(member)
            })
            .await
    }
}

/// The role that is to be given, if nothing is wrong with it nor with the reason.
async fn given(
    uow: &UnitOfWork,
    grant: &Grant<ManageMemberships>,
    role: &str,
    wrong_reason: Option<FieldError>,
) -> Outcome<RoleKey> {
    match (existing_role(uow, grant, role).await?, wrong_reason) {
        (Ok(role), None) => Ok(role.key),
        (role, reason) => {
            let reason = reason.map(|error| error.at("reason"));
            Err(role.err().into_iter().chain(reason).collect::<Vec<_>>().into())
        }
    }
}
