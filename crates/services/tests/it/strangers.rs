//! Whoever is no member learns nothing: every use case of organizations, by everybody who has no business there.

use std::pin::Pin;

use bytes::Bytes;
use resonance_domain::{Id, IdsExt, InOrg, InvitationId, MembershipId, OrganizationId, PageRequest, RoleKey};
use resonance_services::{
    InvitationKey, InviteMembers, MemberQuery, Outcome, Request, ServiceError, UpdateOrganization,
};
use resonance_testkit::{Instance, Person, on_both, verdict};
use serde_json::json;

/// What a use case is tried on.
#[derive(Debug, Clone)]
struct Target {
    organization: OrganizationId,
    slug: String,
    membership: InOrg<MembershipId>,
    invitation: InOrg<InvitationId>,
}

type Answer = Pin<Box<dyn Future<Output = String> + Send>>;
type UseCase = (&'static str, &'static str, fn(Request, Target) -> Answer);

/// The verdict, and every word that goes with it.
fn told<T: std::fmt::Debug>(outcome: &Outcome<T>) -> String {
    let words = match outcome {
        Ok(value) => format!("{value:?}"),
        Err(ServiceError::Refused(errors)) => format!("{errors:?}"),
        Err(error) => error.to_string(),
    };
    format!("{}: {words}", verdict(outcome))
}

macro_rules! use_cases {
    ($($name:literal, member: $member:literal, |$request:ident, $target:ident| $call:expr;)*) => {
        /// Name, what a plain member is told, and the call.
        const USE_CASES: &[UseCase] = &[$(
            ($name, $member, |$request, $target| Box::pin(async move { told(&$call.await) })),
        )*];
    };
}

use_cases! {
    "get", member: "OK", |request, t| request.organizations().get(t.organization);
    "by_slug", member: "OK", |request, t| request.organizations().by_slug(&t.slug);
    "get_many", member: "OK", |request, t| request.organizations().get_many(&[t.organization]);
    "update", member: "FORBIDDEN org:sys_profile:manage", |request, t| request.organizations().update(UpdateOrganization {
        organization: Some(t.organization),
        name: Some("Evil".into()),
        ..UpdateOrganization::default()
    });
    "update_metadata", member: "FORBIDDEN org:sys_profile:manage", |request, t|
        request.organizations().update_metadata(Some(t.organization), json!({ "evil": true }));
    "update_metadata badly", member: "FORBIDDEN org:sys_profile:manage", |request, t|
        request.organizations().update_metadata(Some(t.organization), json!([]));
    "set_logo", member: "FORBIDDEN org:sys_profile:manage", |request, t|
        request.organizations().set_logo(Some(t.organization), Bytes::from_static(b"no picture"));
    "remove_logo", member: "FORBIDDEN org:sys_profile:manage", |request, t|
        request.organizations().remove_logo(Some(t.organization));
    "logo_or_avatar", member: "OK", |request, t| request.organizations().logo_or_avatar(t.organization, None);
    "switch", member: "OK", |request, t| request.organizations().switch(t.organization);
    "delete", member: "FORBIDDEN org:sys_profile:delete", |request, t|
        request.organizations().delete(Some(t.organization));
    "explain_permission", member: "OK", |request, t|
        request.organizations().explain_permission(t.organization, "org:voices:read");
    "explain no permission", member: "INVALID permission", |request, t|
        request.organizations().explain_permission(t.organization, "org:voices:burn");
    "list members", member: "OK", |request, t|
        request.memberships().list(t.organization, &MemberQuery::default(), &PageRequest::first(9));
    "list members badly", member: "INVALID role", |request, t| {
        let query = MemberQuery { role: Some("admin".into()), ..MemberQuery::default() };
        async move { request.memberships().list(t.organization, &query, &PageRequest::first(9)).await }
    };
    "count members", member: "OK", |request, t|
        request.memberships().count(t.organization, &MemberQuery::default());
    "get members", member: "OK", |request, t|
        request.memberships().get_many(t.organization, &[t.membership.id]);
    "change_role", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.memberships().change_role(t.membership, "org:member");
    "change_role badly", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.memberships().change_role(t.membership, "org:owner");
    "remove", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.memberships().remove(t.membership);
    "invite", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().invite(InviteMembers {
            organization: Some(t.organization),
            emails: vec!["ada@example.org".into(), "dan@example.org".into()],
            role: "org:member".into(),
            expires_in_days: None,
        });
    "invite badly", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().invite(InviteMembers {
            organization: Some(t.organization),
            emails: Vec::new(),
            role: "org:owner".into(),
            expires_in_days: Some(0),
        });
    "resend", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().resend(t.invitation, None);
    "resend badly", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().resend(t.invitation, Some(0));
    "revoke", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().revoke(t.invitation);
    "list invitations", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().list(t.organization, &[], &PageRequest::first(9));
    "count invitations", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().count(t.organization, &[]);
    "get invitations", member: "FORBIDDEN org:sys_memberships:manage", |request, t|
        request.invitations().get_many(t.organization, &[t.invitation.id]);
    "accept", member: "NOT_FOUND invitationId", |request, t| {
        let key = InvitationKey::Id(t.invitation);
        async move { request.invitations().accept(&key).await }
    };
    "decline", member: "NOT_FOUND invitationId", |request, t| {
        let key = InvitationKey::Id(t.invitation);
        async move { request.invitations().decline(&key).await }
    };
    "leave", member: "OK", |request, t| request.memberships().leave(Some(t.organization));
}

/// An organization with an admin, a member and an invitation.
async fn furnished(instance: &Instance, admin: &Person, member: &Person) -> Target {
    let organization = instance.found(admin, "Acme").await;
    instance
        .bring_in(admin, organization, member, RoleKey::MEMBER)
        .await;
    let request = instance.request_in(admin, organization).await;
    let input = InviteMembers {
        emails: vec!["cem@example.org".into()],
        role: "org:member".into(),
        ..InviteMembers::default()
    };
    let invited = request.invitations().invite(input).await.unwrap().remove(0);
    let standing = request.standing(organization).await.unwrap();
    let viewed = request.organizations().get(organization).await.unwrap().unwrap();
    Target {
        organization,
        slug: viewed.organization.slug,
        membership: InOrg::new(organization, standing.membership()),
        invitation: InOrg::new(organization, invited.result.unwrap().id),
    }
}

/// Everything that is known of an organization, but its logins.
async fn everything(instance: &Instance, organization: OrganizationId) -> Vec<String> {
    let id = instance.sql_id(organization.as_uuid());
    let mut all = Vec::new();
    for (table, columns, key) in [
        (
            "organizations",
            "name || slug || CAST(public_metadata AS text) || CAST(updated_at AS text)",
            "id",
        ),
        (
            "memberships",
            "role || name_key || CAST(updated_at AS text)",
            "organization_id",
        ),
        (
            "invitations",
            "email || role || state || CAST(sendings AS text)",
            "organization_id",
        ),
        ("events", "kind || CAST(payload AS text)", "organization_id"),
        ("jobs", "queue || state", "organization_id"),
    ] {
        let query = format!("SELECT {columns} FROM {table} WHERE {key} = {id} ORDER BY 1");
        all.extend(instance.sql_texts(&query).await);
    }
    all
}

on_both! {
    async fn a_stranger_cannot_tell_what_is_hidden_from_what_is_absent(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = furnished(&instance, &ada, &bob).await;
        // Eve runs an organization that looks the same, and Cem has nothing but a pending invitation elsewhere.
        let eve = instance.sign_up("Ada", "eve@example.org").await;
        let fay = instance.sign_up("Bob", "fay@example.org").await;
        let evil = furnished(&instance, &eve, &fay).await;
        let dan = instance.sign_up("Dan", "dan@example.org").await;
        let nowhere: OrganizationId = instance.ids.next();
        let absent = Target {
            organization: nowhere,
            slug: "nothing-here".into(),
            membership: InOrg::new(nowhere, instance.ids.next()),
            invitation: InOrg::new(nowhere, instance.ids.next()),
        };
        // Another organization's things, disguised as one's own.
        let disguised = Target {
            membership: InOrg::new(evil.organization, acme.membership.id),
            invitation: InOrg::new(evil.organization, acme.invitation.id),
            ..evil.clone()
        };
        let absent_in_own = Target {
            membership: InOrg::new(evil.organization, Id::from_uuid(instance.fresh_uuid())),
            invitation: InOrg::new(evil.organization, Id::from_uuid(instance.fresh_uuid())),
            ..evil.clone()
        };
        let before = everything(&instance, acme.organization).await;
        for (name, _, use_case) in USE_CASES {
            assert_eq!(
                use_case(instance.anonymous(), acme.clone()).await,
                use_case(instance.anonymous(), absent.clone()).await,
                "{name} by nobody"
            );
            for person in [&eve, &fay, &dan] {
                assert_eq!(
                    use_case(instance.request_of(person).await, acme.clone()).await,
                    use_case(instance.request_of(person).await, absent.clone()).await,
                    "{name} by {}", person.email
                );
                // The header opens nothing.
                assert_eq!(
                    use_case(instance.request_in(person, acme.organization).await, acme.clone()).await,
                    use_case(instance.request_in(person, nowhere).await, absent.clone()).await,
                    "{name} by {}", person.email
                );
            }
            if name.contains("member") || name.contains("invitation") || ["change_role", "remove", "resend", "revoke", "accept", "decline"].contains(name) {
                assert_eq!(
                    use_case(instance.request_of(&eve).await, disguised.clone()).await,
                    use_case(instance.request_of(&eve).await, absent_in_own.clone()).await,
                    "{name} in disguise"
                );
            }
        }
        assert_eq!(everything(&instance, acme.organization).await, before);
    }

    async fn everybody_is_told_what_they_lack_and_no_more(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        instance.found(&eve, "Acme").await;
        let acme = furnished(&instance, &ada, &bob).await;
        for (name, member, use_case) in USE_CASES {
            let verdict = |told: String| told.split_once(": ").unwrap().0.to_owned();
            let nobody = verdict(use_case(instance.anonymous(), acme.clone()).await);
            assert_eq!(nobody, "UNAUTHENTICATED", "{name} by nobody");
            let stranger = use_case(instance.request_of(&eve).await, acme.clone()).await;
            let hidden = match *name {
                "get" | "by_slug" => "OK: None",
                "get_many" => "OK: []",
                "accept" | "decline" => "NOT_FOUND invitationId: ",
                _ => "NOT_FOUND: not found",
            };
            assert!(stranger.starts_with(hidden), "{name} by a stranger: {stranger}");
            let of_member = verdict(use_case(instance.request_of(&bob).await, acme.clone()).await);
            assert_eq!(of_member, *member, "{name} by a member");
        }
    }
}
