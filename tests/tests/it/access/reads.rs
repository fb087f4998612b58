//! Asking: the fields of `Query`, of `Organization`, of `Viewer`.

use serde_json::{Value, json};
use tests::{Answer, Client, Field, SchemaDocument, World};

use super::{Outsider, Targets, assert_no_leak, assert_same};

/// Makes sets of variables.
type Variables = fn(&Targets) -> Vec<Value>;

/// How a field of `Query` is asked for what an organization has: once for each set of variables.
const QUERIES: &[(&str, Variables)] = &[
    ("invitationByToken", |of| vec![json!({ "token": of.invitation })]),
    ("node", |of| of.nodes().map(|id| json!({ "id": id })).to_vec()),
    ("nodes", |of| vec![json!({ "ids": of.nodes() })]),
    ("organization", |of| vec![json!({ "id": of.organization })]),
    ("organizationBySlug", |of| vec![json!({ "slug": of.slug })]),
    ("systemVoices", |_| vec![json!({})]),
    ("viewer", |_| vec![json!({})]),
];

/// The fields of `Query` that are open to whoever is not signed in.
const OPEN: [&str; 3] = ["invitationByToken", "systemVoices", "viewer"];

/// What a field of `Organization` requires that members lack.
const FIELDS: &[(&str, Option<&str>)] = &[
    ("assignableRoles", Some("org:sys_memberships:manage")),
    ("auditLog", Some("org:sys_audit:read")),
    ("createdAt", None),
    ("createdBy", None),
    ("deletable", None),
    ("description", None),
    ("domains", Some("org:sys_domains:read")),
    ("events", None),
    ("explainPermission", None),
    ("generations", None),
    ("hasLogo", None),
    ("id", None),
    ("invitations", Some("org:sys_memberships:manage")),
    ("logoUrl", None),
    ("memberLimit", None),
    ("memberCount", None),
    ("members", None),
    ("membershipRequests", Some("org:sys_memberships:manage")),
    ("name", None),
    ("permissions", None),
    ("publicMetadata", None),
    ("roles", None),
    ("slug", None),
    ("updatedAt", None),
    ("usage", None),
    ("billing", None),
    ("viewerCanDelete", None),
    ("viewerCanManageMembers", None),
    ("viewerCanUpdate", None),
    ("viewerPermissions", None),
    ("viewerRole", None),
    ("voices", None),
    ("apiKeys", Some("org:sys_api_keys:read")),
    ("webhookEndpoints", Some("org:sys_webhooks:manage")),
];

/// Arguments with which everything is asked: those that must be there, and pages that are not long.
pub(super) fn all(of: &str, field: &Field) -> Option<String> {
    if field.arguments.iter().any(|(name, ..)| name == "first") {
        return Some("(first: 3)".into());
    }
    let must: Vec<_> = field.arguments.iter().filter(|(.., must)| *must).collect();
    match (field.name.as_str(), must.as_slice()) {
        (_, []) => Some(String::new()),
        (_, [(name, of, _)]) if name == "metric" && of == "UsageMetric!" => {
            Some("(metric: CHARACTERS)".into())
        }
        ("series", _) => Some("(metric: CHARACTERS, grain: DAY)".into()),
        ("explainPermission", _) => Some("(permission: \"org:voices:create\")".into()),
        _ => panic!(
            "{of}.{} has arguments; say here with which to ask: {must:?}",
            field.name
        ),
    }
}

/// The same for whoever is no admin: without the fields that would end the request, as members may not ask for them.
pub(super) fn as_member(of: &str, field: &Field) -> Option<String> {
    let lacking = FIELDS
        .iter()
        .any(|(name, lacking)| *name == field.name && lacking.is_some());
    if of == "Organization" && lacking {
        None
    } else {
        all(of, field)
    }
}

/// Decides what is asked.
pub(super) type Arguments<'a> = &'a dyn Fn(&str, &Field) -> Option<String>;

/// A query for everything below a field of `Query`.
fn query(schema: &SchemaDocument, field: &Field, arguments: Arguments<'_>) -> String {
    operation("query", schema, field, arguments)
}

/// An operation that asks for everything below a field of its root.
pub(super) fn operation(
    kind: &str,
    schema: &SchemaDocument,
    field: &Field,
    arguments: Arguments<'_>,
) -> String {
    let declared: Vec<_> = field
        .arguments
        .iter()
        .map(|(name, of, _)| format!("${name}: {of}"))
        .collect();
    let given: Vec<_> = field
        .arguments
        .iter()
        .map(|(name, ..)| format!("{name}: ${name}"))
        .collect();
    let (declared, given) = if given.is_empty() {
        (String::new(), String::new())
    } else {
        (
            format!("({})", declared.join(", ")),
            format!("({})", given.join(", ")),
        )
    };
    let everything = schema.everything(&field.gives, 4, arguments);
    format!("{kind}{declared} {{ {}{given} {everything} }}", field.name)
}

pub(super) async fn walk(world: &World, schema: &SchemaDocument) {
    let outsiders = Outsider::all(world);
    for field in schema.fields("Query") {
        let name = field.name.as_str();
        let case = QUERIES.iter().find(|(known, _)| *known == name);
        let (_, variables) = case.unwrap_or_else(|| panic!("Query.{name} has no line in the table"));
        for outsider in &outsiders {
            let query = query(schema, &field, outsider.asks());
            for (hidden, absent) in &outsider.pairs {
                for (hidden_variables, absent_variables) in variables(hidden).iter().zip(variables(absent)) {
                    let about = format!("{} asks {name} with {hidden_variables}", outsider.who);
                    let one = outsider.client.answer(&query, hidden_variables.clone()).await;
                    let other = outsider.client.answer(&query, absent_variables).await;
                    // What is one's own may be told: B's members see B.
                    if !is_of(outsider, world, hidden) {
                        assert_shut(outsider, name, &one, &about);
                        let words: Vec<_> = hidden.words().into_iter().chain(absent.words()).collect();
                        assert_same(&one, &other, &words, &about);
                    }
                    assert_no_leak(world, &hidden_variables.to_string(), &one, &about);
                }
            }
        }
        // The same from inside: else the walk would prove nothing.
        let inside: [(_, _, Arguments<'_>); 2] = [
            ("member", &world.a.member.client, &as_member),
            ("admin", &world.a.admin.client, &all),
        ];
        for (who, client, arguments) in inside {
            let query = query(schema, &field, arguments);
            if OPEN.contains(&name) {
                continue;
            }
            for variables in variables(&Targets::of(&world.a)) {
                let answer = client.answer(&query, variables.clone()).await;
                let text = variables.to_string();
                let of_managers = [
                    &world.a.invitation,
                    &world.a.webhook,
                    &world.a.key,
                    &world.a.delivery,
                    &world.a.domain,
                    &world.a.membership_request,
                ];
                if who == "member" && of_managers.iter().any(|id| text.contains(*id)) {
                    assert_eq!(answer.code(), "FORBIDDEN", "{name} as {who}: {answer:#?}");
                } else if variables["id"] != world.a.member.user.as_str() {
                    // No `node` is a user: they are seen through what they share with the viewer.
                    let found = &answer.json()["data"][name];
                    assert!(!is_nothing(found), "{name} as {who}: {answer:#?}");
                }
            }
        }
    }
    viewers_with_the_header(world, schema).await;
    fields_of_an_organization(world, schema).await;
}

/// Whether what is asked for is the asker's own organization.
fn is_of(outsider: &Outsider<'_>, world: &World, asked: &Targets) -> bool {
    outsider.pairs.len() > 2 && asked.organization == world.b.id
}

fn is_nothing(data: &Value) -> bool {
    data.is_null()
        || data
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_null))
}

fn assert_shut(outsider: &Outsider<'_>, field: &str, answer: &Answer, about: &str) {
    let json = answer.json();
    if outsider.who == "nobody" && !OPEN.contains(&field) {
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{about}\n{answer:#?}");
    } else if !["systemVoices", "viewer"].contains(&field) {
        assert!(json.get("errors").is_none(), "{about}\n{json:#}");
        assert!(is_nothing(&json["data"][field]), "{about}\n{json:#}");
    }
}

/// Works in A by the header that names the organization, without being a member there.
async fn viewers_with_the_header(world: &World, schema: &SchemaDocument) {
    for outsider in Outsider::all(world) {
        let (hidden, absent) = &outsider.pairs[0];
        let query = format!("{{ viewer {} }}", schema.everything("Viewer", 4, outsider.asks()));
        let ask = async |organization: &str| {
            let client = outsider.client.working_in(organization);
            client.answer(&query, json!({})).await
        };
        let about = format!("{} works in A", outsider.who);
        let (one, other) = (ask(&hidden.organization).await, ask(&absent.organization).await);
        assert_no_leak(world, "", &one, &about);
        assert_same(&one, &other, &[], &about);
        if outsider.who != "nobody" {
            assert_eq!(
                one.json()["data"]["viewer"]["activeOrganization"],
                Value::Null,
                "{one:#?}"
            );
        }
    }
    let query = format!("{{ viewer {} }}", schema.everything("Viewer", 4, &as_member));
    let member = world.a.member.client.working_in(&world.a.id);
    let answer = member.answer(&query, json!({})).await;
    assert_eq!(
        answer.json()["data"]["viewer"]["activeOrganization"]["id"],
        world.a.id.as_str(),
        "{answer:#?}"
    );
}

/// Each field of an organization by itself, from inside and from outside.
async fn fields_of_an_organization(world: &World, schema: &SchemaDocument) {
    for field in schema.fields("Organization") {
        let name = field.name.as_str();
        let case = FIELDS.iter().find(|(known, _)| *known == name);
        let (_, lacking) = case.unwrap_or_else(|| panic!("Organization.{name} has no line in the table"));
        let everything = schema.everything(&field.gives, 3, &all);
        let query = format!(
            "query($id: ID!) {{ organization(id: $id) {{ {name}{} {everything} }} }}",
            all("Organization", &field).unwrap_or_default()
        );
        let ask = async |client: &Client, id: &str| client.answer(&query, json!({ "id": id })).await;
        for outsider in Outsider::all(world) {
            let about = format!("{} asks A for {name}", outsider.who);
            let (hidden, absent) = &outsider.pairs[0];
            let one = ask(outsider.client, &hidden.organization).await;
            let other = ask(outsider.client, &absent.organization).await;
            assert_shut(&outsider, "organization", &one, &about);
            assert_no_leak(world, &hidden.organization, &one, &about);
            let words: Vec<_> = hidden.words().into_iter().chain(absent.words()).collect();
            assert_same(&one, &other, &words, &about);
        }
        let admin = ask(&world.a.admin.client, &world.a.id).await;
        assert_eq!(admin.code(), "", "{name}: {admin:#?}");
        let member = ask(&world.a.member.client, &world.a.id).await;
        let error = &member.json()["errors"][0]["extensions"];
        match lacking {
            None => assert_eq!(member.code(), "", "{name}: {member:#?}"),
            Some(permission) => {
                assert_eq!(error["code"], "FORBIDDEN", "{name}: {member:#?}");
                assert_eq!(error["missing"], *permission, "{name}: {member:#?}");
                assert!(
                    field.description.contains(permission),
                    "{name} does not say what it requires"
                );
            }
        }
    }
}
