//! What is on record.

use resonance_domain::EventKind;
use serde_json::Value;
use tests::{Answer, SchemaDocument, World};

/// Which events a mutation leaves when it does something.
const RECORDS: &[(&str, &[EventKind])] = {
    use EventKind::*;
    &[
        ("acceptInvitation", &[InvitationAccepted, MembershipCreated]),
        (
            "acceptMembershipRequest",
            &[MembershipRequestAccepted, MembershipCreated],
        ),
        ("acceptSuggestion", &[MembershipRequestCreated]),
        ("createBillingPortalLink", &[BillingPortalOpened]),
        ("createCheckout", &[CheckoutCreated]),
        // It reads.
        ("createInvoiceLink", &[]),
        ("setBudget", &[BudgetUpdated]),
        ("addDomain", &[DomainCreated]),
        ("addEmailAddress", &[UserEmailAdded, CodeRequested]),
        ("cancelGeneration", &[GenerationCancelled]),
        ("changeMemberRole", &[MembershipRoleChanged]),
        ("changePassword", &[UserPasswordChanged]),
        ("createGeneration", &[GenerationCreated]),
        // A link changes nothing.
        ("createGenerationArchive", &[]),
        // A token for a minute changes nothing.
        ("createJwt", &[]),
        ("createOrganization", &[OrganizationCreated, MembershipCreated]),
        ("createRole", &[RoleCreated]),
        ("createApiKey", &[ApiKeyCreated]),
        ("revokeApiKey", &[ApiKeyRevoked]),
        ("updateApiKey", &[ApiKeyUpdated]),
        ("createVoice", &[VoiceCreated]),
        ("createWebhookEndpoint", &[WebhookEndpointCreated]),
        ("declineInvitation", &[InvitationDeclined]),
        ("deleteGeneration", &[GenerationDeleted]),
        ("deleteGenerations", &[GenerationDeleted]),
        ("deleteOrganization", &[OrganizationDeleted]),
        ("deleteRole", &[RoleDeleted]),
        ("deleteVoice", &[VoiceDeleted]),
        ("deleteWebhookEndpoint", &[WebhookEndpointDeleted]),
        ("dismissSuggestion", &[SuggestionDismissed]),
        ("inviteMembers", &[InvitationCreated]),
        ("joinOrganization", &[MembershipCreated]),
        ("leaveOrganization", &[MembershipDeleted]),
        ("repeatGeneration", &[GenerationCreated]),
        ("rejectMembershipRequest", &[MembershipRequestRejected]),
        ("removeDomain", &[DomainDeleted]),
        ("removeEmailAddress", &[UserEmailRemoved]),
        ("removeMember", &[MembershipDeleted]),
        ("removeOrganizationLogo", &[OrganizationUpdated]),
        ("replayFailedWebhookDeliveries", &[WebhookReplayed]),
        ("replayWebhookDelivery", &[WebhookReplayed]),
        ("requestPasswordReset", &[CodeRequested]),
        ("resendInvitation", &[InvitationResent]),
        ("resendSignUpCode", &[CodeRequested, SignUpRepeated]),
        ("resetPassword", &[UserPasswordChanged]),
        ("revokeInvitation", &[InvitationRevoked]),
        ("revokeOtherSessions", &[SessionRevoked]),
        ("revokeSession", &[SessionRevoked]),
        ("rotateWebhookSecret", &[WebhookSecretRotated]),
        ("sendDomainCode", &[DomainCodeSent]),
        ("setActiveOrganization", &[SessionSwitched]),
        ("setOrganizationLogo", &[OrganizationUpdated]),
        ("setPrimaryEmailAddress", &[UserUpdated]),
        ("signIn", &[SessionCreated]),
        ("signOut", &[SessionRevoked]),
        (
            "signUp",
            &[CodeRequested, SignUpRepeated, UserCreated, SessionCreated],
        ),
        // What is sent is in the log of deliveries.
        ("testWebhookEndpoint", &[]),
        ("updateDomain", &[DomainUpdated]),
        ("updateOrganization", &[OrganizationUpdated]),
        ("updateOrganizationMetadata", &[OrganizationUpdated]),
        ("updateProfile", &[UserUpdated]),
        ("updateRole", &[RoleUpdated]),
        ("updateVoice", &[VoiceUpdated]),
        ("updateWebhookEndpoint", &[WebhookEndpointUpdated]),
        // It reads.
        ("verifyAuditLog", &[]),
        ("verifyDomainByCode", &[DomainVerified]),
        ("verifyDomainByDns", &[DomainVerified]),
        ("verifyEmailAddress", &[UserEmailVerified]),
        ("verifySignUp", &[UserCreated, SessionCreated]),
        ("withdrawMembershipRequest", &[MembershipRequestWithdrawn]),
    ]
};

/// What no mutation of the schema leaves: the system's own doing, the command line, operators, and refusals.
const OTHERS: &[EventKind] = &[
    EventKind::AccessRefused,
    EventKind::GenerationStarted,
    EventKind::GenerationSucceeded,
    EventKind::GenerationFailed,
    EventKind::UserMadeOperator,
    EventKind::UserUnmadeOperator,
    EventKind::UserSuspended,
    EventKind::UserRestored,
    EventKind::UserDeleted,
    EventKind::InstanceUpdated,
    EventKind::PermissionRegistered,
    EventKind::PermissionRemoved,
    EventKind::WebhookEndpointDisabled,
    EventKind::BudgetReached,
    EventKind::PlanCreated,
    EventKind::PlanUpdated,
    EventKind::PlanDeleted,
    EventKind::PlanAssigned,
    EventKind::SubscriptionUpdated,
];

/// That a member was refused stands in the organization's log, and names who, what and why.
pub(super) async fn refused(world: &World, operation: &str, answer: &Answer) {
    if answer.code() != "FORBIDDEN" {
        return;
    }
    let missing = &answer.json()["errors"][0]["extensions"]["missing"];
    let organization = world.server.organization_literal(&world.a.id);
    let query = format!(
        "SELECT CAST(payload AS text) FROM events WHERE kind = 'access.refused' AND organization_id = {organization}
         AND actor = '{}'",
        world.a.member.user
    );
    let payloads = world.server.texts(&query).await;
    let told = payloads.iter().any(|payload| {
        let payload: Value = serde_json::from_str(payload).unwrap();
        payload["operation"] == operation && payload["missing"] == *missing && payload["code"] == "FORBIDDEN"
    });
    assert!(
        told,
        "{operation} was refused, which is not on record: {payloads:#?}"
    );
}

/// Every mutation has its records, every record one shape.
pub(super) async fn check(world: &World, schema: &SchemaDocument) {
    for field in schema.fields("Mutation") {
        let listed = RECORDS.iter().any(|(mutation, _)| *mutation == field.name);
        assert!(listed, "Mutation.{} leaves which records?", field.name);
    }
    for kind in EventKind::ALL {
        let recorded = RECORDS.iter().any(|(_, kinds)| kinds.contains(kind)) || OTHERS.contains(kind);
        assert!(recorded, "what leaves {}?", kind.as_str());
    }
    let rows = world
        .server
        .texts("SELECT kind || '|' || CAST(payload AS text) FROM events")
        .await;
    for row in rows {
        let (kind, payload) = row.split_once('|').unwrap();
        let payload: Value = serde_json::from_str(payload).unwrap();
        let changes = payload["changes"].as_object();
        let changes = changes.unwrap_or_else(|| panic!("{kind} does not tell what changed: {payload}"));
        for (field, values) in changes {
            let keys: Vec<_> = values
                .as_object()
                .into_iter()
                .flat_map(|values| values.keys())
                .collect();
            assert!(
                keys.len() == 2 && values.get("old").is_some() && values.get("new").is_some(),
                "{kind}: {field} is not told by old and new: {payload}"
            );
        }
        // That something was made, changed or ended is told by what.
        let tells = [
            "created",
            "updated",
            "deleted",
            "role_changed",
            "accepted",
            "declined",
            "revoked",
            "resent",
            "added",
            "removed",
            "verified",
            "succeeded",
            "started",
            "failed",
            "cancelled",
            "switched",
        ];
        let verb = kind.split('.').next_back().unwrap();
        if tells.contains(&verb) && kind != "session.revoked" {
            assert!(!changes.is_empty(), "{kind} tells no change: {payload}");
        }
    }
}
