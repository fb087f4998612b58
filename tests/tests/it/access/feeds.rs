//! Listening: every subscription.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{SchemaDocument, World};

use super::{Outsider, Targets, assert_no_leak, assert_same, reads};

/// Makes variables.
type Variables = fn(&Targets) -> Value;

/// How a subscription is asked for what an organization has.
const FEEDS: &[(&str, Variables)] = &[
    ("generation", |of| json!({ "id": of.generation })),
    ("generations", |of| json!({ "organizationId": of.organization })),
    (
        "organizationEvents",
        |of| json!({ "organizationId": of.organization }),
    ),
];

/// How long to wait for a word that must not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has everybody listen to A, while A speaks.
pub(super) async fn walk(world: &World, schema: &SchemaDocument) {
    for field in schema.fields("Subscription") {
        let name = field.name.as_str();
        let case = FEEDS.iter().find(|(known, _)| *known == name);
        let (_, variables) = case.unwrap_or_else(|| panic!("Subscription.{name} has no line in the table"));
        let query = &reads::operation("subscription", schema, &field, &reads::as_member);
        let outsiders = Outsider::all(world);
        let attempts = outsiders.iter().flat_map(|outsider| {
            outsider.pairs.iter().map(move |(hidden, absent)| async move {
                let hear = async |of| outsider.client.listen(query, variables(of), PATIENCE).await;
                let (one, other) = tokio::join!(hear(hidden), hear(absent));
                (outsider, hidden, absent, one, other)
            })
        });
        let admin = &world.a.admin;
        let member = world
            .a
            .member
            .client
            .listen(query, variables(&Targets::of(&world.a)), PATIENCE);
        let (attempts, inside, ()) = tokio::join!(join_all(attempts), member, async {
            tokio::time::sleep(PATIENCE / 4).await;
            let text = format!("Now {name} of {}.", world.a.mark);
            admin.speak(&world.a.id, &world.a.voice, &text).await;
        });
        for (outsider, hidden, absent, one, other) in attempts {
            let asked = variables(hidden);
            if asked["organizationId"] == world.b.id.as_str() && outsider.pairs.len() > 2 {
                continue;
            }
            let about = format!("{} listens to {name} with {asked}", outsider.who);
            let code = if outsider.who == "nobody" {
                "UNAUTHENTICATED"
            } else {
                "NOT_FOUND"
            };
            assert!(one.body.contains(code), "{about}\n{one:#?}");
            assert_no_leak(world, &asked.to_string(), &one, &about);
            let words: Vec<_> = hidden.words().into_iter().chain(absent.words()).collect();
            assert_same(&one, &other, &words, &about);
        }
        let told = world
            .a
            .secrets()
            .iter()
            .any(|secret| inside.body.contains(secret));
        assert!(told, "{name}: {inside:#?}");
    }
}
