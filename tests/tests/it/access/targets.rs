//! What is asked for.

use resonance_domain::{
    ApiKeyId, DomainId, GenerationId, Id, IdKind, InOrg, InvitationId, MembershipId, MembershipRequestId,
    OrganizationId, RoleId, SessionId, UserEmailId, UserId, VoiceId, WebhookDeliveryId, WebhookEndpointId,
    kind,
};
use serde_json::{Value, json};
use tests::Tenant;
use uuid::Uuid;

/// The ids of an organization, of one thing of every kind in it, and of what one of its members has.
#[derive(Debug, Clone)]
pub(super) struct Targets {
    pub(super) organization: String,
    pub(super) slug: String,
    pub(super) membership: String,
    pub(super) invitation: String,
    pub(super) token: String,
    pub(super) user: String,
    pub(super) email: String,
    pub(super) email_id: String,
    pub(super) session: String,
    pub(super) domain: String,
    pub(super) request: String,
    pub(super) voice: String,
    pub(super) generation: String,
    pub(super) webhook: String,
    pub(super) delivery: String,
    pub(super) role: String,
    pub(super) key: String,
}

/// An id that nothing has.
fn nowhere<K: IdKind>() -> Id<K> {
    Id::from_uuid(Uuid::from_u128(0x0190_63d4_7af4_7cc2_bd7f_6ab1_1a4b_2c3d))
}

/// The same thing's id, in another organization.
fn moved<K: IdKind>(id: &str, to: OrganizationId) -> String {
    let at: InOrg<Id<K>> = id.parse().unwrap();
    InOrg::new(to, at.id).global_id()
}

impl Targets {
    /// What this organization really has.
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self {
            organization: tenant.id.clone(),
            slug: tenant.slug.clone(),
            membership: tenant.membership.clone(),
            invitation: tenant.invitation.clone(),
            token: tenant.invitation_token.clone(),
            user: tenant.member.user.clone(),
            email: tenant.member.email.clone(),
            email_id: tenant.member.email_id.clone(),
            session: tenant.member.session.clone(),
            domain: tenant.domain.clone(),
            request: tenant.membership_request.clone(),
            voice: tenant.voice.clone(),
            generation: tenant.generation.clone(),
            webhook: tenant.webhook.clone(),
            delivery: tenant.delivery.clone(),
            role: tenant.role.clone(),
            key: tenant.key.clone(),
        }
    }

    /// What does not exist at all.
    pub(super) fn absent() -> Self {
        Self::nothing_in(nowhere())
    }

    /// What this organization does not have. Its own id and slug are real.
    pub(super) fn absent_in(tenant: &Tenant) -> Self {
        Self {
            organization: tenant.id.clone(),
            slug: tenant.slug.clone(),
            ..Self::nothing_in(tenant.id.parse().unwrap())
        }
    }

    fn nothing_in(organization: OrganizationId) -> Self {
        let user: UserId = nowhere();
        let (email_id, session): (UserEmailId, SessionId) = (nowhere(), nowhere());
        let membership: MembershipId = nowhere();
        let invitation: InvitationId = nowhere();
        let (domain, request): (DomainId, MembershipRequestId) = (nowhere(), nowhere());
        let (voice, generation): (VoiceId, GenerationId) = (nowhere(), nowhere());
        let (webhook, delivery): (WebhookEndpointId, WebhookDeliveryId) = (nowhere(), nowhere());
        let (role, key): (RoleId, ApiKeyId) = (nowhere(), nowhere());
        Self {
            organization: organization.type_id(),
            slug: "pumice-speech".into(),
            membership: InOrg::new(organization, membership).global_id(),
            invitation: InOrg::new(organization, invitation).global_id(),
            token: format!("inv_{}", "A".repeat(43)),
            user: user.type_id(),
            email: "max@pumice.test".into(),
            email_id: email_id.type_id(),
            session: session.type_id(),
            domain: InOrg::new(organization, domain).global_id(),
            request: InOrg::new(organization, request).global_id(),
            voice: InOrg::new(organization, voice).global_id(),
            generation: InOrg::new(organization, generation).global_id(),
            webhook: InOrg::new(organization, webhook).global_id(),
            delivery: InOrg::new(organization, delivery).global_id(),
            role: InOrg::new(organization, role).global_id(),
            key: InOrg::new(organization, key).global_id(),
        }
    }

    /// The same things under the name of another organization, which is named itself as well.
    pub(super) fn moved_to(&self, tenant: &Tenant) -> Self {
        let to: OrganizationId = tenant.id.parse().unwrap();
        Self {
            organization: tenant.id.clone(),
            slug: tenant.slug.clone(),
            membership: moved::<kind::Membership>(&self.membership, to),
            invitation: moved::<kind::Invitation>(&self.invitation, to),
            domain: moved::<kind::Domain>(&self.domain, to),
            request: moved::<kind::MembershipRequest>(&self.request, to),
            voice: moved::<kind::Voice>(&self.voice, to),
            generation: moved::<kind::Generation>(&self.generation, to),
            webhook: moved::<kind::WebhookEndpoint>(&self.webhook, to),
            delivery: moved::<kind::WebhookDelivery>(&self.delivery, to),
            role: moved::<kind::Role>(&self.role, to),
            key: moved::<kind::ApiKey>(&self.key, to),
            ..self.clone()
        }
    }

    /// All of them, to be masked in answers that are compared.
    pub(super) fn words(&self) -> [&str; 17] {
        [
            &self.organization,
            &self.slug,
            &self.membership,
            &self.invitation,
            &self.token,
            &self.user,
            &self.email,
            &self.email_id,
            &self.session,
            &self.domain,
            &self.request,
            &self.voice,
            &self.generation,
            &self.webhook,
            &self.delivery,
            &self.role,
            &self.key,
        ]
    }

    /// A role to make.
    pub(super) fn new_role(&self) -> Value {
        json!({ "organizationId": self.organization, "key": "org:thief", "name": "Thief", "permissions": [] })
    }

    /// A change of the role.
    pub(super) fn changed_role(&self) -> Value {
        json!({ "roleId": self.role, "name": "Thief", "permissions": [] })
    }

    /// The ids that `node` takes, and one that it does not: people are seen through what they share with the viewer.
    pub(super) fn nodes(&self) -> [&str; 11] {
        [
            &self.organization,
            &self.membership,
            &self.invitation,
            &self.domain,
            &self.request,
            &self.voice,
            &self.generation,
            &self.webhook,
            &self.delivery,
            &self.key,
            &self.user,
        ]
    }
}
