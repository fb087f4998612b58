//! Two nodes of one instance: one database, one object store, one secret.

use std::time::Duration;

use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Client, Person, Server, Socket};

const CHANGES: &str =
    "subscription($id: ID!) { generations(organizationId: $id) { id generation { state } } }";
const PROGRESS: &str = "subscription($id: ID!) { generation(id: $id) { state progress } }";
const VIEWER: &str = "{ viewer { id } }";
const NAME: &str = "query($id: ID!) { organization(id: $id) { name } }";

/// Two nodes, an organization, its admin and a member.
struct Pair {
    one: Server,
    two: Server,
    organization: String,
    admin: Person,
    member: Person,
}

impl Pair {
    async fn new() -> Self {
        let variables = [("RESONANCE_MEMBER_LIMIT", "0")];
        let one = Server::start_with(Backend::Postgres, &variables).await;
        let two = one.another_node().await;
        let admin = one.sign_up("Ada", "ada@nodes.test").await;
        let organization = admin.found("Acme", "acme").await;
        admin
            .invite(&organization, "org:member", &["max@nodes.test"])
            .await;
        let member = one.join("Max", "max@nodes.test").await;
        Self {
            one,
            two,
            organization,
            admin,
            member,
        }
    }

    /// The same person, at the second node.
    fn at_two(&self, person: &Person) -> Client {
        person.client.at(&self.two)
    }

    /// Has a text spoken through the second node; the generation's id.
    async fn speak_at_two(&self, text: &str) -> String {
        let person = Person {
            client: self.at_two(&self.admin),
            ..self.admin.clone()
        };
        let voice = person.client.system_voice().await;
        person.speak(&self.organization, &voice, text).await
    }

    /// A subscription to what changes in the history, on the first node.
    async fn changes(&self, person: &Person) -> Socket {
        let variables = json!({ "id": self.organization });
        person.client.subscribe(&self.one, CHANGES, variables).await
    }
}

/// Hears until `done`; what it was.
async fn hear_until(socket: &mut Socket, mut done: impl FnMut(&Value) -> bool) -> Value {
    for _ in 0..100 {
        let message = socket.hear().await.expect("the connection is open");
        if done(&message) {
            return message;
        }
    }
    panic!("that was never heard");
}

fn is_over(message: &Value) -> bool {
    message["type"] == "complete"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_sees_what_another_node_does() {
    let pair = Pair::new().await;
    let mut socket = pair.changes(&pair.member).await;
    // Over server-sent events, too.
    let listener = pair.member.client.clone();
    let variables = json!({ "id": pair.organization });
    let events =
        tokio::spawn(async move { listener.listen(CHANGES, variables, Duration::from_secs(6)).await });
    tokio::time::sleep(Duration::from_millis(500)).await;

    let id = pair
        .speak_at_two("Somebody at the other node wants this said.")
        .await;
    let mut states = Vec::new();
    hear_until(&mut socket, |message| {
        let change = &message["payload"]["data"]["generations"];
        if change["id"] == id.as_str() {
            states.push(change["generation"]["state"].as_str().unwrap().to_owned());
        }
        change["generation"]["state"] == "SUCCEEDED"
    })
    .await;
    let order = ["QUEUED", "RUNNING", "SUCCEEDED"];
    let places: Vec<_> = states
        .iter()
        .map(|state| order.iter().position(|known| known == state).unwrap())
        .collect();
    assert!(places.is_sorted(), "{states:?}");
    let heard = events.await.unwrap();
    assert!(
        heard.body.contains(&id) && heard.body.contains("SUCCEEDED"),
        "{heard:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generation_is_followed_from_any_node_to_its_end() {
    let pair = Pair::new().await;
    let id = pair
        .speak_at_two(&"A text of some length takes its time. ".repeat(100))
        .await;
    let variables = json!({ "id": id });
    let mut socket = pair.member.client.subscribe(&pair.one, PROGRESS, variables).await;
    let mut progress = Vec::new();
    hear_until(&mut socket, |message| {
        let generation = &message["payload"]["data"]["generation"];
        progress.extend(generation["progress"].as_f64());
        if generation["state"] == "FAILED" {
            panic!("{generation}");
        }
        is_over(message)
    })
    .await;
    assert!(progress.is_sorted(), "{progress:?}");
    assert_eq!(progress.last(), Some(&1.0), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_heard_at_every_node_while_one_of_them_speaks_it() {
    let pair = Pair::new().await;
    let text = "Somebody listens to the beginning while the end is still to be spoken. ".repeat(60);
    let id = pair.speak_at_two(&text).await;
    let hear = async |client: Client| {
        let mut answer = client.get(&format!("/audio/{id}/stream")).await;
        assert_eq!(answer.status(), 200);
        let mut heard = answer.chunk().await.unwrap().unwrap().to_vec();
        let query = "query($id: ID!) { node(id: $id) { ... on Generation { state } } }";
        let state = client.data(query, json!({ "id": id })).await["node"]["state"].clone();
        while let Some(bytes) = answer.chunk().await.unwrap() {
            heard.extend(bytes);
        }
        (state, heard)
    };
    let members = [pair.member.client.clone(), pair.at_two(&pair.member)];
    let [one, two] = members.map(hear);
    let (one, two) = tokio::join!(one, two);
    // One of the two does not speak.
    assert_eq!((&one.0, &two.0), (&json!("RUNNING"), &json!("RUNNING")));
    assert!(one.1 == two.1, "{} and {} bytes", one.1.len(), two.1.len());
    assert_eq!(pair.admin.hear(&id).await, "SUCCEEDED");
    let file = pair.at_two(&pair.member).get(&format!("/audio/{id}")).await;
    let file = file.bytes().await.unwrap();
    let (live, whole) = (one.1.len() as f64, file.len() as f64);
    assert!((live / whole - 1.0).abs() < 0.01, "{live} of {whole} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_runs_twice() {
    const TEXTS: usize = 60;
    let pair = Pair::new().await;
    let voice = pair.admin.client.system_voice().await;
    let mut asked = Vec::new();
    for n in 0..TEXTS {
        let person = Person {
            client: if n % 2 == 0 {
                pair.admin.client.clone()
            } else {
                pair.at_two(&pair.admin)
            },
            ..pair.admin.clone()
        };
        asked.push(
            person
                .speak(&pair.organization, &voice, &format!("Sentence number {n}."))
                .await,
        );
    }
    let emails: Vec<_> = (0..40).map(|n| format!("guest{n}@nodes.test")).collect();
    let emails: Vec<_> = emails.iter().map(String::as_str).collect();
    pair.admin.invite(&pair.organization, "org:member", &emails).await;
    pair.one.settle().await;

    for id in &asked {
        assert_eq!(pair.admin.hear(id).await, "SUCCEEDED");
    }
    // Each was begun once, by one of the two; each is on the ledger once; each letter was sent once.
    let begun = "events WHERE kind = 'generation.started'";
    assert_eq!(pair.one.count(begun).await, TEXTS);
    assert_eq!(pair.one.count("usage_entries WHERE kind = 'hold'").await, TEXTS);
    assert_eq!(pair.one.count("usage_entries WHERE kind = 'settle'").await, TEXTS);
    assert_eq!(pair.one.count("jobs WHERE queue <> 'bill'").await, 0);
    let mails = pair.one.mails().await;
    assert_eq!(mails.iter().filter(|mail| mail.to.contains("guest")).count(), 40);
    // A letter that is sent again replaces itself in the folder, but the log tells.
    let written = |server: &Server| {
        let log = server.log();
        log.iter().filter(|line| line.contains("mail written")).count()
    };
    let (one, two) = (written(&pair.one), written(&pair.two));
    assert_eq!(one + two, mails.len(), "{one} and {two}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_is_out_at_every_node_at_once() {
    let pair = Pair::new().await;
    let ask = async |client: &Client| client.data(NAME, json!({ "id": pair.organization })).await;
    // Both nodes have seen the member.
    for client in [pair.member.client.clone(), pair.at_two(&pair.member)] {
        assert_eq!(ask(&client).await["organization"]["name"], "Acme");
    }
    let mut socket = pair.changes(&pair.member).await;
    let variables = json!({ "id": pair.organization });
    let query = "query($id: ID!) { organization(id: $id) { members(search: \"max\") { nodes { id } } } }";
    let found = pair.admin.client.data(query, variables).await;
    let membership = &found["organization"]["members"]["nodes"][0]["id"];
    let input = json!({ "memberId": membership });
    pair.at_two(&pair.admin)
        .mutate("removeMember", "RemoveMemberInput", "removedMemberId", input)
        .await;
    assert_eq!(ask(&pair.member.client).await["organization"], Value::Null);
    assert_eq!(ask(&pair.at_two(&pair.member)).await["organization"], Value::Null);
    hear_until(&mut socket, |message| {
        is_over(message) || message["type"] == "error"
    })
    .await;
    // Nothing of what comes later is heard.
    pair.speak_at_two("Not for everybody's ears.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_is_over_at_every_node_at_once() {
    let pair = Pair::new().await;
    let other = pair.one.sign_in(&pair.member).await;
    let ask = async |client: &Client| client.data(VIEWER, json!({})).await;
    assert_eq!(
        ask(&other.client).await["viewer"]["id"],
        pair.member.user.as_str()
    );
    assert_eq!(
        ask(&other.client.at(&pair.two)).await["viewer"]["id"],
        pair.member.user.as_str()
    );
    let mut socket = pair.changes(&other).await;
    let input = json!({ "sessionId": other.session });
    pair.at_two(&pair.member)
        .mutate("revokeSession", "RevokeSessionInput", "endedSessionId", input)
        .await;
    assert_eq!(ask(&other.client).await["viewer"], Value::Null);
    assert_eq!(ask(&other.client.at(&pair.two)).await["viewer"], Value::Null);
    hear_until(&mut socket, |message| {
        is_over(message) || message["type"] == "error"
    })
    .await;
    // The session that revoked goes on.
    assert_eq!(
        ask(&pair.member.client).await["viewer"]["id"],
        pair.member.user.as_str()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_node_had_begun_the_other_one_ends() {
    let variables = [
        ("RESONANCE_JOB_LEASE_SECONDS", "2"),
        ("RESONANCE_SPEECH_CONCURRENCY", "1"),
    ];
    let one = Server::start_with(Backend::Postgres, &variables).await;
    let ada = one.sign_up("Ada", "ada@nodes.test").await;
    let organization = ada.found("Acme", "acme").await;
    let voice = ada.client.system_voice().await;
    let mut asked = Vec::new();
    for n in 0..5 {
        let text = format!("Number {n}. {}", "It goes on and on. ".repeat(50));
        asked.push(ada.speak(&organization, &voice, &text).await);
    }
    let mut one = one;
    one.kill().await;
    let two = one.another_node().await;
    let ada = Person {
        client: ada.client.at(&two),
        ..ada
    };
    for id in &asked {
        assert_eq!(ada.hear(id).await, "SUCCEEDED");
    }
    assert_eq!(two.count("usage_entries WHERE kind = 'settle'").await, 5);
}
