//! Billing, with the look-alike of Polar as the provider.

mod run;

use std::time::Duration;

use resonance_polar_sandbox::{Faults, Options, Product, Sandbox, Status, Webhook};
use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Client, Server};

const SECRET: &str = "polar_whs_a_secret_between_two";
const PRODUCT: &str = "b6d5c9f0-5c9f-4a5e-9d0a-000000000001";

async fn sandbox() -> Sandbox {
    let options = Options {
        products: vec![Product {
            id: PRODUCT.to_owned(),
            name: "Studio".to_owned(),
            cents: 900,
        }],
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

/// Tells the sandbox where the server listens now.
fn point(sandbox: &Sandbox, server: &Server) {
    sandbox.set_webhook(Webhook {
        url: server.url("/webhooks/billing"),
        secret: SECRET.to_owned(),
    });
}

async fn server(backend: Backend, sandbox: &Sandbox) -> Server {
    let variables = [
        ("RESONANCE_POLAR_TOKEN", "polar_sandbox"),
        ("RESONANCE_POLAR_URL", sandbox.base_url()),
        ("RESONANCE_POLAR_PRODUCT", PRODUCT),
        ("RESONANCE_POLAR_WEBHOOK_SECRET", SECRET),
        ("RESONANCE_SUBSCRIPTION_POLL_SECONDS", "2"),
        ("RESONANCE_JOB_LEASE_SECONDS", "2"),
    ];
    let server = Server::start_with(backend, &variables).await;
    point(sandbox, &server);
    server
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("in a minute it did not come to this: {what}");
}

async fn billing(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { organization(id: $id) { billing {
        provider entitled spentCharacters subscription { status } estimatedCost { total currency }
        budgets { characters spentCharacters } invoices { amount paid } } } }";
    let data = client.data(query, json!({ "id": organization })).await;
    data["organization"]["billing"].clone()
}

resonance_testkit::on_both! {
    async fn an_admin_pays_watches_and_limits_what_is_used(backend: Backend) {
        let sandbox = sandbox().await;
        let server = server(backend, &sandbox).await;
        let ada = server.sign_up("Ada", "ada@example.org").await;
        let acme = ada.found("Acme", "acme").await;
        let voice = ada.client.system_voice().await;
        let speak = "mutation($input: CreateGenerationInput!) { createGeneration(input: $input) {
            generation { id } userErrors { code } } }";
        let input = |text: &str| json!({ "input": { "organizationId": acme, "voiceId": voice, "text": text } });
        let refused = ada.client.ask(speak, input("Hello.")).await.body;
        let extensions = &refused["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "SUBSCRIPTION_REQUIRED", "{refused}");
        assert_eq!((&extensions["mutation"], &extensions["permission"]), (&json!("createCheckout"), &json!("org:sys_billing:manage")));

        let payload = ada.client.mutate("createCheckout", "CreateCheckoutInput", "url", json!({ "organizationId": acme })).await;
        let checkout = payload["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        sandbox.complete_checkout(&checkout).unwrap();
        until("the webhook tells of the payment", async || billing(&ada.client, &acme).await["entitled"] == true).await;
        let state = billing(&ada.client, &acme).await;
        assert_eq!(state["subscription"]["status"], "ACTIVE");
        assert_eq!(state["estimatedCost"], json!({ "total": "9", "currency": "USD" }));
        assert_eq!(state["invoices"], json!([{ "amount": "9", "paid": true }]));
        let link = ada.client.mutate("createBillingPortalLink", "CreateBillingPortalLinkInput", "url", json!({})).await;
        assert!(link["url"].as_str().unwrap().contains("/portal/"), "{link}");

        let budget = json!({ "organizationId": acme, "characters": 30 });
        ada.client.mutate("setBudget", "SetBudgetInput", "billing { entitled }", budget).await;
        let spoken = ada.client.ask(speak, input("Twenty-one characters")).await.body;
        let id = spoken["data"]["createGeneration"]["generation"]["id"].as_str().unwrap().to_owned();
        assert_eq!(ada.hear(&id).await, "SUCCEEDED");
        let refused = ada.client.ask(speak, input("And ten more")).await.body;
        let extensions = &refused["errors"][0]["extensions"];
        assert_eq!(
            (&extensions["code"], &extensions["quota"], &extensions["limit"], &extensions["spent"], &extensions["requested"]),
            (&json!("QUOTA_EXCEEDED"), &json!("ORGANIZATION"), &json!(30), &json!(21), &json!(12)),
        );
        until("the provider is told", async || {
            sandbox.usage().iter().any(|used| used.sums.get("characters") == Some(&21))
        }).await;
        let csv = ada.client.fetch(&format!("/organizations/{acme}/usage.csv?by=member&grain=month")).await;
        let lines: Vec<_> = csv.body.lines().collect();
        assert_eq!((csv.status, lines.len(), lines[0]), (200, 2, "start,metric,subject,name,quantity"));
        assert!(lines[1].ends_with(",Ada,21"), "{lines:?}");
        let wrong = ada.client.fetch(&format!("/organizations/{acme}/usage.csv?by=moon")).await;
        assert_eq!((wrong.status, wrong.code().as_str()), (400, "INVALID"));

        let forged = ada.client.request(reqwest::Method::POST, "/webhooks/billing").body("{}").send().await.unwrap();
        assert_eq!(forged.status(), 403);
        let told = server.count("events WHERE kind = 'budget.reached'").await;
        assert_eq!(told, 2, "half of it, and the refusal");
    }

    async fn without_a_provider_nothing_is_demanded_and_no_webhook_is_expected(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@example.org").await;
        let acme = ada.found("Acme", "acme").await;
        let state = billing(&ada.client, &acme).await;
        assert_eq!((&state["provider"], &state["entitled"], &state["invoices"]), (&Value::Null, &json!(true), &json!([])));
        let answer = ada.client.request(reqwest::Method::POST, "/webhooks/billing").body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let payload = ada.client.try_mutate("createCheckout", "CreateCheckoutInput", "url", json!({})).await;
        assert_eq!(payload["userErrors"][0]["code"], "UNSUPPORTED");
    }

    async fn usage_is_verified_on_the_command_line(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@example.org").await;
        let acme = ada.found("Acme", "acme").await;
        let voice = ada.client.system_voice().await;
        let id = ada.speak(&acme, &voice, "Hello there.").await;
        ada.hear(&id).await;
        let verified = server.site().run(&["usage", "verify"], &[]).await;
        assert_eq!((verified.code, verified.out.as_str()), (Some(0), "1 organizations, 0 differences\n"));
        server.execute("UPDATE spending SET characters = 13 WHERE id = organization_id").await;
        let verified = server.site().run(&["usage", "verify", "--organization", "acme"], &[]).await;
        assert_eq!(verified.code, Some(1), "{verified:?}");
        assert!(verified.out.contains("what is spent is not what is held and settled") && verified.out.contains("expected 12, found 13"));
        let nobody = server.site().run(&["usage", "verify", "--organization", "nobody"], &[]).await;
        assert!(nobody.code == Some(1) && nobody.err.contains("there is no organization nobody"), "{nobody:?}");
    }
}

/// What is wrong with the provider from now on, by chance.
fn faults(chance: &mut crate::chance::Chance) -> Faults {
    let mut faults = Faults {
        seed: chance.next(),
        webhooks_duplicate: chance.up_to(2) == 0,
        webhooks_reorder: chance.up_to(2) == 0,
        webhooks_delay_ms: chance.up_to(300),
        webhooks_drop: chance.up_to(6) == 0,
        ..Faults::default()
    };
    match chance.up_to(6) {
        0 => faults.down = true,
        1 => faults.too_many = true,
        2 => faults.slow_ms = 200,
        3 => faults.error_rate = 0.5,
        4 => faults.lost_answer_rate = 0.5,
        _ => {}
    }
    faults
}

/// How a subscription stands next, by chance: more often than not so that one may speak.
fn status(chance: &mut crate::chance::Chance) -> Status {
    match chance.up_to(8) {
        0 => Status::PastDue,
        1 => Status::Unpaid,
        2 => Status::Trialing,
        3 => Status::Canceled,
        _ => Status::Active,
    }
}
