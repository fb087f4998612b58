//! The walk: everything that can be asked of the server, asked by everybody who must not get it.
//!
//! Each of them asks for what organization A has, by its real ids, and for the same by ids that do not exist. No answer
//! may hold a word of A's, and the two answers must be the same to the letter. Every field of the schema's roots and of
//! `Organization` has a line in one of the tables here; one that has none fails the test.

mod acts;
mod feeds;
mod operators;
mod reads;
mod records;
mod routes;
mod targets;

use std::collections::BTreeMap;

use resonance_testkit::on_both;
use serde_json::Value;
use tests::{Answer, Client, SchemaDocument, World};

use self::targets::Targets;

/// Who asks for what is A's.
struct Outsider<'a> {
    who: &'static str,
    client: &'a Client,
    /// What is asked for: pairs of A's things and of the same that do not exist.
    pairs: Vec<(Targets, Targets)>,
}

impl<'a> Outsider<'a> {
    /// Everybody outside of A: nobody, somebody without an organization, the admin and a member of another one.
    fn all(world: &'a World) -> Vec<Self> {
        let (real, absent) = (Targets::of(&world.a), Targets::absent());
        let pairs = vec![
            (real.clone(), absent.clone()),
            // Things that A has not: no organization, or that one.
            (Targets::absent_in(&world.a), absent),
        ];
        let mut inside_b = pairs.clone();
        // A's things under the name of one's own organization.
        inside_b.push((real.moved_to(&world.b), Targets::absent_in(&world.b)));
        let outsider = |who, client, pairs: &[_]| Self {
            who,
            client,
            pairs: pairs.to_vec(),
        };
        vec![
            outsider("nobody", &world.nobody, &pairs),
            outsider("a stranger", &world.stranger.client, &pairs),
            outsider("the admin of B", &world.b.admin.client, &inside_b),
            outsider("a member of B", &world.b.member.client, &inside_b),
        ]
    }

    /// What to ask of everything that there is: admins all, others what does not end their request.
    fn asks(&self) -> reads::Arguments<'static> {
        if self.who.contains("admin") {
            &reads::all
        } else {
            &reads::as_member
        }
    }
}

on_both! {
    async fn nobody_outside_an_organization_learns_anything_of_it(backend: Backend) {
        let world = World::new(backend).await;
        let schema = SchemaDocument::ask(&world.nobody).await;
        feeds::walk(&world, &schema).await;
        world.server.settle().await;
        // A preview is made when a member first hears it.
        let preview = format!("/voices/{}/preview", world.a.voice);
        assert_eq!(world.a.member.client.fetch(&preview).await.status, 200);
        let before = world.server.rows_of(&world.a.id).await;
        assert!(before.len() > 5, "{before:#?}");
        reads::walk(&world, &schema).await;
        acts::walk(&world, &schema).await;
        routes::walk(&world).await;
        world.server.settle().await;
        let after = world.server.rows_of(&world.a.id).await;
        // That its own members were refused is in its log.
        let moved: Vec<_> = before
            .iter()
            .filter(|row| !after.contains(row))
            .chain(after.iter().filter(|row| !before.contains(row)))
            .filter(|row| !row.contains("access.refused") && !row.starts_with("audit_chains"))
            .collect();
        assert!(moved.is_empty(), "something moved in A: {moved:#?}");
        records::check(&world, &schema).await;
    }
}

/// Asserts that an answer holds nothing of A's but what the question held.
fn assert_no_leak(world: &World, asked: &str, answer: &Answer, about: &str) {
    for secret in world.a.secrets() {
        let leaks = answer.body.contains(&secret) && !asked.contains(&secret)
            || answer.headers.iter().any(|(_, value)| value.contains(&secret));
        assert!(!leaks, "{about}: {secret} is in the answer\n{answer:#?}");
    }
}

/// Asserts that two answers are the same but for ids and times.
fn assert_same(hidden: &Answer, absent: &Answer, words: &[&str], about: &str) {
    let masked = |answer: &Answer| {
        let mut answer = answer.clone().without(words.iter().copied());
        if let Ok(mut json) = serde_json::from_str(&answer.body) {
            mask(&mut json);
            // Fields are resolved side by side; which one fails first is chance.
            if let Some(errors) = json["errors"].as_array_mut() {
                errors.sort_by_key(Value::to_string);
            }
            answer.body = format!("{:#}", sorted(json));
        }
        answer
    };
    let (hidden, absent) = (masked(hidden), masked(absent));
    assert_eq!(
        hidden, absent,
        "{about}: what is hidden differs from what is absent"
    );
}

/// The same with the fields of objects in alphabetical order: in which order they come back is chance, too.
fn sorted(json: Value) -> Value {
    match json {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            fields.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        json => json,
    }
}

/// Replaces ids and times by marks.
fn mask(json: &mut Value) {
    match json {
        Value::String(text) => {
            let is_id = text.rsplit_once('_').is_some_and(|(prefix, id)| {
                matches!(id.len(), 26 | 52)
                    && prefix.bytes().all(|b| b.is_ascii_lowercase())
                    && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
            let is_time = text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T';
            if let Some((path, _)) = text.split_once("?expires=") {
                *text = format!("{path} signed");
            } else if is_id {
                *text = "an id".into();
            } else if is_time {
                *text = "a time".into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => fields.values_mut().for_each(mask),
        _ => {}
    }
}
