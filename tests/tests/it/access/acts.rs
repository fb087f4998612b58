//! Acting: every mutation, on what is A's.

mod billing;
mod generations;

use serde_json::{Value, json};
use tests::{Answer, Client, SchemaDocument, World, picture, recording};

use super::{Outsider, Targets, assert_no_leak, assert_same};

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    /// The request is refused: nobody is signed in.
    Unauthenticated,
    /// It is refused as naming what does not exist, by the request as a whole or in the payload.
    NotFound,
    /// The request is refused for want of this permission.
    Forbidden(&'static str),
    /// The same as for what does not exist, whatever that is.
    Same,
    /// Not tried.
    Untried,
}
use Comes::{Forbidden, NotFound, Same, Unauthenticated, Untried};

/// Makes a file.
type File = fn() -> Vec<u8>;

/// A mutation, tried on things of A.
struct Act {
    name: &'static str,
    input: fn(&Targets) -> Value,
    /// Which field of the input is a file, and one that it takes.
    file: Option<(&'static str, File)>,
    nobody: Comes,
    /// Strangers, and whoever belongs to another organization only.
    outsider: Comes,
    /// A member of A without any permission beyond a member's.
    member: Comes,
}

const MEMBERS: &str = "org:sys_memberships:manage";
const GENERATIONS: &str = "org:generations:delete";
const DOMAINS: &str = "org:sys_domains:manage";
const KEYS: &str = "org:sys_api_keys:manage";
const WEBHOOKS: &str = "org:sys_webhooks:manage";
const PROFILE: &str = "org:sys_profile:manage";
const ROLES: &str = "org:sys_roles:manage";

/// Somebody else with an account, whom no code was sent to.
const OTHER: &str = "max@onyx.test";

const fn act(
    name: &'static str,
    input: fn(&Targets) -> Value,
    nobody: Comes,
    outsider: Comes,
    member: Comes,
) -> Act {
    Act {
        name,
        input,
        file: None,
        nobody,
        outsider,
        member,
    }
}

/// A mutation of what is an organization's.
const fn inside(name: &'static str, input: fn(&Targets) -> Value, member: Comes) -> Act {
    act(name, input, Unauthenticated, NotFound, member)
}

/// A mutation of an organization's domains.
const fn on_domains(name: &'static str, input: fn(&Targets) -> Value) -> Act {
    inside(name, input, Forbidden(DOMAINS))
}

/// A mutation of an organization as a whole.
const fn on_organization(name: &'static str, member: Comes) -> Act {
    inside(name, |of| json!({ "organizationId": of.organization }), member)
}

/// A mutation of what is one's own: nothing else can be named, so there is nothing to try but without a session.
const fn own(name: &'static str, input: fn(&Targets) -> Value) -> Act {
    act(name, input, Unauthenticated, Untried, Untried)
}

/// A mutation that is open to all: it does not tell whether there is what it names.
const fn open(name: &'static str, input: fn(&Targets) -> Value) -> Act {
    act(name, input, Same, Untried, Untried)
}

fn acts() -> Vec<Act> {
    let mut acts = vec![
        inside(
            "acceptInvitation",
            |of| json!({ "invitationId": of.invitation }),
            NotFound,
        ),
        inside(
            "acceptMembershipRequest",
            |of| json!({ "membershipRequestId": of.request }),
            Forbidden(MEMBERS),
        ),
        on_organization("acceptSuggestion", Untried),
        on_domains(
            "addDomain",
            |of| json!({ "organizationId": of.organization, "name": "pumice.test" }),
        ),
        on_organization("dismissSuggestion", Untried),
        on_organization("joinOrganization", Untried),
        inside(
            "rejectMembershipRequest",
            |of| json!({ "membershipRequestId": of.request }),
            Forbidden(MEMBERS),
        ),
        on_domains("removeDomain", |of| json!({ "domainId": of.domain })),
        on_domains(
            "sendDomainCode",
            |of| json!({ "domainId": of.domain, "email": "it@pumice.test" }),
        ),
        on_domains(
            "updateDomain",
            |of| json!({ "domainId": of.domain, "enrolmentMode": "AUTOMATIC_INVITATION" }),
        ),
        on_domains(
            "verifyDomainByCode",
            |of| json!({ "domainId": of.domain, "code": "123456" }),
        ),
        on_domains("verifyDomainByDns", |of| json!({ "domainId": of.domain })),
        inside(
            "withdrawMembershipRequest",
            |of| json!({ "membershipRequestId": of.request }),
            NotFound,
        ),
        own("addEmailAddress", |of| json!({ "email": of.email })),
        inside(
            "changeMemberRole",
            |of| json!({ "memberId": of.membership, "role": "org:admin" }),
            Forbidden(MEMBERS),
        ),
        own(
            "changePassword",
            |_| json!({ "currentPassword": "a", "newPassword": "b" }),
        ),
        on_organization("createJwt", Untried),
        own("createOrganization", |_| json!({ "name": "Acme" })),
        inside("createRole", Targets::new_role, Forbidden(ROLES)),
        inside("updateRole", Targets::changed_role, Forbidden(ROLES)),
        inside("deleteRole", |of| json!({ "roleId": of.role }), Forbidden(ROLES)),
        Act {
            file: Some(("sample", || recording(10.5))),
            ..inside(
                "createVoice",
                |of| {
                    json!({
                        "organizationId": of.organization,
                        "name": "Thief",
                        "sample": null,
                        "consent": { "attested": true, "statement": "Yes." },
                    })
                },
                Forbidden("org:voices:create"),
            )
        },
        inside(
            "createApiKey",
            |of| json!({ "organizationId": of.organization, "name": "x", "permissions": ["org:voices:read"] }),
            Forbidden(KEYS),
        ),
        inside(
            "updateApiKey",
            |of| json!({ "id": of.key, "name": "x" }),
            Forbidden(KEYS),
        ),
        inside("revokeApiKey", |of| json!({ "id": of.key }), Forbidden(KEYS)),
        inside(
            "createWebhookEndpoint",
            |of| json!({ "organizationId": of.organization, "url": "https://example.org/" }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "updateWebhookEndpoint",
            |of| json!({ "id": of.webhook, "enabled": false }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "deleteWebhookEndpoint",
            |of| json!({ "id": of.webhook }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "rotateWebhookSecret",
            |of| json!({ "id": of.webhook }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "testWebhookEndpoint",
            |of| json!({ "id": of.webhook }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "replayWebhookDelivery",
            |of| json!({ "id": of.delivery }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "replayFailedWebhookDeliveries",
            |of| json!({ "id": of.webhook, "since": "2026-01-01T00:00:00Z" }),
            Forbidden(WEBHOOKS),
        ),
        inside(
            "declineInvitation",
            |of| json!({ "invitationId": of.invitation }),
            NotFound,
        ),
        on_organization("deleteOrganization", Forbidden("org:sys_profile:delete")),
        inside(
            "deleteVoice",
            |of| json!({ "voiceId": of.voice }),
            Forbidden("org:voices:delete"),
        ),
        inside(
            "inviteMembers",
            |of| json!({ "organizationId": of.organization, "emails": ["eve@feldspar.test"], "role": "org:member" }),
            Forbidden(MEMBERS),
        ),
        on_organization("leaveOrganization", Untried),
        act(
            "removeEmailAddress",
            |of| json!({ "emailAddressId": of.email_id }),
            Unauthenticated,
            NotFound,
            Untried,
        ),
        inside(
            "removeMember",
            |of| json!({ "memberId": of.membership }),
            Forbidden(MEMBERS),
        ),
        on_organization("removeOrganizationLogo", Forbidden(PROFILE)),
        // Codes are limited by address, so each of these takes one of its own.
        open(
            "requestPasswordReset",
            |of| json!({ "email": if of.email.contains("quartz") { OTHER } else { &of.email } }),
        ),
        inside(
            "resendInvitation",
            |of| json!({ "invitationId": of.invitation }),
            Forbidden(MEMBERS),
        ),
        open(
            "resendSignUpCode",
            |of| json!({ "signUpId": of.user.replace("user_", "signup_") }),
        ),
        open(
            "resetPassword",
            |of| json!({ "passwordResetId": of.user.replace("user_", "code_"), "code": "123456", "newPassword": "tumbling violet meridian" }),
        ),
        inside(
            "revokeInvitation",
            |of| json!({ "invitationId": of.invitation }),
            Forbidden(MEMBERS),
        ),
        own("revokeOtherSessions", |_| Value::Null),
        act(
            "revokeSession",
            |of| json!({ "sessionId": of.session }),
            Unauthenticated,
            NotFound,
            Untried,
        ),
        on_organization("setActiveOrganization", Untried),
        Act {
            file: Some(("logo", picture)),
            ..inside(
                "setOrganizationLogo",
                |of| json!({ "organizationId": of.organization, "logo": null }),
                Forbidden(PROFILE),
            )
        },
        act(
            "setPrimaryEmailAddress",
            |of| json!({ "emailAddressId": of.email_id }),
            Unauthenticated,
            NotFound,
            Untried,
        ),
        open(
            "signIn",
            |of| json!({ "email": of.email, "password": "not the password" }),
        ),
        own("signOut", |_| Value::Null),
        open(
            "signUp",
            |of| json!({ "email": of.email, "name": "Eve", "password": "tumbling violet meridian" }),
        ),
        inside(
            "updateOrganization",
            |of| json!({ "organizationId": of.organization, "name": "Stolen", "slug": "stolen" }),
            Forbidden(PROFILE),
        ),
        inside(
            "updateOrganizationMetadata",
            |of| json!({ "organizationId": of.organization, "publicMetadata": { "stone": null } }),
            Forbidden(PROFILE),
        ),
        inside(
            "updateVoice",
            |of| json!({ "voiceId": of.voice, "name": "Mine" }),
            Forbidden("org:voices:update"),
        ),
        own("updateProfile", |_| json!({ "name": "Eve" })),
        on_organization("verifyAuditLog", Forbidden("org:sys_audit:read")),
        act(
            "verifyEmailAddress",
            |of| json!({ "emailAddressId": of.email_id, "code": "123456" }),
            Unauthenticated,
            Same,
            Untried,
        ),
        open(
            "verifySignUp",
            |of| json!({ "signUpId": of.user.replace("user_", "signup_"), "code": "123456" }),
        ),
    ];
    acts.extend(billing::acts());
    acts.extend(generations::acts());
    acts
}

pub(super) async fn walk(world: &World, schema: &SchemaDocument) {
    let acts = acts();
    for field in schema.fields("Mutation") {
        let act = acts.iter().find(|act| act.name == field.name);
        let act = act.unwrap_or_else(|| panic!("Mutation.{} has no line in the table", field.name));
        let everything = schema.everything(&field.gives, 4, &super::reads::as_member);
        let query = match field.arguments.first() {
            Some((_, of, _)) => format!(
                "mutation($input: {of}) {{ {}(input: $input) {everything} }}",
                act.name
            ),
            None => format!("mutation {{ {} {everything} }}", act.name),
        };
        for (number, outsider) in Outsider::all(world).iter().enumerate() {
            let expected = if outsider.who == "nobody" {
                act.nobody
            } else {
                act.outsider
            };
            for (pair, (hidden, absent)) in outsider.pairs.iter().enumerate() {
                if expected == Untried || names_only_what_is_ones_own(act, outsider, hidden) {
                    continue;
                }
                // What counts tries counts them for all the same, but tells no two waits alike.
                if expected == Same && pair > 0 {
                    continue;
                }
                let about = format!(
                    "{} tries {} with {:#}",
                    outsider.who,
                    act.name,
                    (act.input)(hidden)
                );
                // Each attempt of its own client, as some are counted by client and address.
                let client = |side| {
                    outsider
                        .client
                        .from(&format!("192.0.2.{}", 10 * number + 2 * pair + side))
                };
                let one = attempt(act, &query, &client(0), &(act.input)(hidden)).await;
                let other = attempt(act, &query, &client(1), &(act.input)(absent)).await;
                let expected = match act.member {
                    // In one's own organization one learns what one lacks, whatever is named; but for the permission
                    // that covers one's own things anyway, where it depends on what is named.
                    Forbidden(lacking)
                        if outsider.who == "a member of B" && pair == 2 && lacking != GENERATIONS =>
                    {
                        act.member
                    }
                    _ => expected,
                };
                expect(expected, &one, &about);
                assert_no_leak(world, &(act.input)(hidden).to_string(), &one, &about);
                let words = hidden.words().into_iter().chain(absent.words()).chain([OTHER]);
                let words: Vec<_> = words.collect();
                assert_same(&one, &other, &words, &about);
                by_header(world, act, &query, outsider, (hidden, absent)).await;
            }
        }
        if act.member != Untried {
            let input = (act.input)(&Targets::of(&world.a));
            let answer = attempt(act, &query, &world.a.member.client, &input).await;
            expect(act.member, &answer, &format!("a member tries {}", act.name));
            super::records::refused(world, act.name, &answer).await;
        }
    }
}

/// Whether everything that the input names is the organization that the asker belongs to: then it is no attempt on
/// A's. Ids of things are, as A's things are named there under B's name.
fn names_only_what_is_ones_own(act: &Act, outsider: &Outsider<'_>, targets: &Targets) -> bool {
    let input = (act.input)(targets);
    outsider.pairs.len() > 2
        && targets.organization == outsider.pairs[2].0.organization
        && input["organizationId"] == targets.organization.as_str()
        && !targets.words()[2..]
            .iter()
            .any(|word| input.to_string().contains(word))
}

/// The same by the header that names the organization, where the input may leave it out.
async fn by_header(
    world: &World,
    act: &Act,
    query: &str,
    outsider: &Outsider<'_>,
    (hidden, absent): (&Targets, &Targets),
) {
    let mut input = (act.input)(hidden);
    let must_name_it = [
        "acceptSuggestion",
        "dismissSuggestion",
        "joinOrganization",
        "setActiveOrganization",
    ];
    if must_name_it.contains(&act.name) || input["organizationId"].is_null() {
        return;
    }
    input["organizationId"] = Value::Null;
    let about = format!(
        "{} works in {} and tries {}",
        outsider.who, hidden.organization, act.name
    );
    let one = attempt(
        act,
        query,
        &outsider.client.working_in(&hidden.organization),
        &input,
    )
    .await;
    let other = attempt(
        act,
        query,
        &outsider.client.working_in(&absent.organization),
        &input,
    )
    .await;
    assert_ne!(one.code(), "", "{about}\n{one:#?}");
    assert_no_leak(world, "", &one, &about);
    assert_same(&one, &other, &[], &about);
}

async fn attempt(act: &Act, query: &str, client: &Client, input: &Value) -> Answer {
    let variables = json!({ "input": input });
    match act.file {
        Some((field, file)) => client.answer_with_file(query, variables, field, file()).await,
        None => client.answer(query, variables).await,
    }
}

fn expect(expected: Comes, answer: &Answer, about: &str) {
    match expected {
        Unauthenticated => assert_eq!(answer.code(), "UNAUTHENTICATED", "{about}\n{answer:#?}"),
        NotFound => assert_eq!(answer.code(), "NOT_FOUND", "{about}\n{answer:#?}"),
        Forbidden(permission) => {
            assert_eq!(answer.code(), "FORBIDDEN", "{about}\n{answer:#?}");
            let missing = &answer.json()["errors"][0]["extensions"]["missing"];
            assert_eq!(missing, permission, "{about}\n{answer:#?}");
        }
        Same => {
            let code = answer.code();
            assert!(
                code != "INTERNAL" && code != "RATE_LIMITED",
                "{about}\n{answer:#?}"
            );
        }
        Untried => {}
    }
}
