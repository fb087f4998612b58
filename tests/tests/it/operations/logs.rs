//! What stands in the log, and what never does.

use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Client, PASSWORD, Server};

use super::until;

/// Asks who the viewer is, under a request id or none; the id in the answer.
async fn ask(client: &Client, id: Option<&str>) -> String {
    let mut request = client
        .request(reqwest::Method::POST, "/graphql")
        .json(&json!({ "query": "{ viewer { id } }" }));
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["x-request-id"].to_str().unwrap().to_owned()
}

/// The lines that were logged while a request was answered.
fn lines_of(server: &Server, request: &str) -> Vec<Value> {
    let lines = server.log();
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| {
            let spans = line["spans"].as_array();
            spans.is_some_and(|spans| spans.iter().any(|span| span["id"] == request))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_id_of_an_answer_stands_in_the_requests_lines() {
    let variables = [("RESONANCE_LOG", "info,tower_http=debug")];
    let server = Server::start_with(Backend::Sqlite, &variables).await;
    let client = server.anonymous();
    let own = ask(&client, Some("visit-7.of_ada")).await;
    assert_eq!(
        own, "visit-7.of_ada",
        "whoever names a request finds it by that name"
    );
    let (one, two) = (ask(&client, None).await, ask(&client, None).await);
    assert_ne!(one, two);
    // What is no id would forge lines.
    let mended = ask(&client, Some("a\" \"b")).await;
    assert!(mended.len() > 10 && !mended.contains('"'), "{mended}");
    for id in [own, one, two, mended] {
        until("the request stands in the log", async || {
            !lines_of(&server, &id).is_empty()
        })
        .await;
        let lines = lines_of(&server, &id);
        assert_eq!(lines[0]["span"]["path"], "/graphql", "{lines:#?}");
        assert_eq!(lines[0]["span"]["method"], "POST", "{lines:#?}");
        assert!(lines.iter().any(|line| line["status"] == 200), "{lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_inside_is_told_to_the_log_alone_and_found_there_by_its_id() {
    let server = Server::start(Backend::Sqlite).await;
    let ada = server.sign_up("Ada", "ada@inside.test").await;
    let organization = ada.found("Acme", "acme").await;
    server.execute("ALTER TABLE voices RENAME TO mislaid").await;
    let response = ada
        .client
        .request(reqwest::Method::POST, "/graphql")
        .json(&json!({
            "query": "query($id: ID!) { organization(id: $id) { voices(first: 1) { nodes { id } } } }",
            "variables": { "id": organization },
        }))
        .send()
        .await
        .unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL", "{body:#}");
    let incident = error["extensions"]["id"].as_str().expect("an id to quote");
    assert!(!body.to_string().contains("table"), "{body:#}");
    until("it stands in the log", async || {
        !lines_of(&server, &id).is_empty()
    })
    .await;
    let lines = lines_of(&server, &id);
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "once, and not more often: {lines:#?}");
    assert!(errors[0].to_string().contains("no such table"), "{errors:#?}");
    assert_eq!(errors[0]["id"], incident, "{errors:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_ever_logged() {
    const NEW_PASSWORD: &str = "wandering copper almanac";
    const WRONG_PASSWORD: &str = "stumbling amber lighthouse";
    const SECRET: &str = "a secret of the instance, of over 32 characters";
    // Everything that the product's own code can log, and all that its libraries log while errors are looked for.
    let variables = [("RESONANCE_LOG", "debug"), ("RESONANCE_SECRET", SECRET)];
    let server = Server::start_with(Backend::Postgres, &variables).await;
    let ada = server.sign_up("Ada", "ada@secrets.test").await;
    let mut secrets = vec![PASSWORD.to_owned(), SECRET.to_owned(), WRONG_PASSWORD.to_owned()];
    secrets.push(ada.client.token().to_owned());
    secrets.push(server.code("ada@secrets.test").await);

    let nobody = server.anonymous();
    let wrong = json!({ "email": ada.email, "password": WRONG_PASSWORD });
    let refused = nobody.try_mutate("signIn", "SignInInput", "token", wrong).await;
    assert_ne!(refused["userErrors"], json!([]));
    let again = server.sign_in(&ada).await;
    secrets.push(again.client.token().to_owned());

    let organization = ada.found("Acme", "acme").await;
    ada.invite(&organization, "org:member", &["max@secrets.test"])
        .await;
    let max = server.join("Max", "max@secrets.test").await;
    secrets.push(server.invitation_token("max@secrets.test").await);
    secrets.push(max.client.token().to_owned());
    let page = format!(
        "/invitations/{}",
        server.invitation_token("max@secrets.test").await
    );
    nobody.get(&page).await;

    let jwt = ada
        .client
        .mutate("createJwt", "CreateJwtInput", "jwt", json!({}))
        .await;
    secrets.push(jwt["jwt"].as_str().unwrap().to_owned());
    let voice = ada.client.system_voice().await;
    let generation = ada.speak(&organization, &voice, "Hush.").await;
    assert_eq!(ada.hear(&generation).await, "SUCCEEDED");
    let query = "query($id: ID!) { node(id: $id) { ... on Generation { audioUrl } } }";
    let data = ada.client.data(query, json!({ "id": generation })).await;
    let url = data["node"]["audioUrl"].as_str().unwrap().to_owned();
    assert_eq!(nobody.get(&url).await.status(), 200);
    secrets.push(url.split_once('?').unwrap().1.to_owned());

    let input = json!({ "email": ada.email });
    let selection = "passwordReset { id }";
    let asked = nobody
        .mutate(
            "requestPasswordReset",
            "RequestPasswordResetInput",
            selection,
            input,
        )
        .await;
    let first_code = secrets[4].clone();
    until("the code comes", async || {
        server.code(&ada.email).await != first_code
    })
    .await;
    let code = server.code(&ada.email).await;
    let reset = &asked["passwordReset"]["id"];
    let input = json!({ "passwordResetId": reset, "code": code, "newPassword": NEW_PASSWORD });
    nobody
        .mutate("resetPassword", "ResetPasswordInput", "__typename", input)
        .await;
    secrets.extend([code, NEW_PASSWORD.to_owned()]);
    // A token in a place where it does not belong, and one that nobody has.
    nobody
        .get("/graphql?query={viewer{id}}&token=ses_misplaced-token")
        .await;
    secrets.push("ses_misplaced-token".to_owned());
    let unknown = nobody.with_token("ses_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG");
    unknown.data("{ viewer { id } }", json!({})).await;
    secrets.push(unknown.token().to_owned());

    server.settle().await;
    let last = ask(&nobody, Some("the-last-request")).await;
    until("all is logged", async || !lines_of(&server, &last).is_empty()).await;
    let log = server.log();
    assert!(log.len() > 50, "{log:#?}");
    for secret in secrets {
        // A code's six digits may stand in a longer number.
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let stands_in = |line: &&String| {
            line.match_indices(&secret).any(|(at, _)| {
                !is_digit(line[..at].chars().next_back())
                    && !is_digit(line[at + secret.len()..].chars().next())
            })
        };
        let found: Vec<_> = log.iter().filter(stands_in).collect();
        assert!(found.is_empty(), "{secret} is in the log: {found:#?}");
    }
}
