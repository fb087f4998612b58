//! Everything goes wrong at once, for as long as one likes: at the end every character is counted once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use resonance_polar_sandbox::{Change, Faults, Sandbox, Status};
use resonance_testkit::on_both;
use serde_json::{Value, json};
use tests::{Client, Person, Server};
use tokio::task::JoinSet;

use super::{billing, faults, point, sandbox, server, status, until};
use crate::{
    chance::{self, Chance},
    crash::number,
};

/// How many generations a run asks for, unless the environment says otherwise.
const GENERATIONS: u64 = 200;
/// Organizations that pay.
const CUSTOMERS: usize = 3;
/// What one of them may spend at most.
const BUDGET: u64 = 2_000;

/// Somebody who pays, with one who keeps asking.
struct Customer {
    person: Person,
    organization: String,
    subscription: String,
}

/// What is asked for, again and again, until the server is dead or there is enough.
async fn ask(
    client: Client,
    organization: String,
    voice: String,
    mut chance: Chance,
    count: Arc<AtomicU64>,
    enough: u64,
) {
    let create = "mutation($input: CreateGenerationInput!) { createGeneration(input: $input) {
        generation { id } userErrors { code } } }";
    let cancel = "mutation($input: CancelGenerationInput!) { cancelGeneration(input: $input) { userErrors { code } } }";
    while count.load(Ordering::Relaxed) < enough {
        let length = usize::try_from(1 + chance.up_to(12)).unwrap();
        let text: String = format!("{:x}", chance.next())
            .chars()
            .cycle()
            .take(length)
            .collect();
        let input = json!({ "organizationId": organization, "voiceId": voice, "text": text, "fresh": true });
        let Ok(answer) = client.try_answer(create, json!({ "input": input }), None).await else {
            return;
        };
        let Ok(answer) = serde_json::from_str::<Value>(&answer.body) else {
            return;
        };
        match answer["data"]["createGeneration"]["generation"]["id"].as_str() {
            Some(id) => {
                count.fetch_add(1, Ordering::Relaxed);
                if chance.up_to(10) == 0 {
                    let input = json!({ "input": { "id": id } });
                    if client.try_answer(cancel, input, None).await.is_err() {
                        return;
                    }
                }
            }
            // Over the budget, or not paid.
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn customers(server: &Server, sandbox: &Sandbox) -> Vec<Customer> {
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let person = server.sign_up("Ada", &format!("ada{number}@example.org")).await;
        let organization = person.found("Acme", &format!("acme-{number}")).await;
        let told = sandbox
            .create_subscription(&organization, super::PRODUCT, Status::Active)
            .unwrap();
        let subscription = told["id"].as_str().unwrap().to_owned();
        customers.push(Customer {
            person,
            organization,
            subscription,
        });
    }
    let budget = json!({ "organizationId": customers[0].organization, "characters": BUDGET });
    let first = &customers[0].person.client;
    first
        .mutate("setBudget", "SetBudgetInput", "billing { entitled }", budget)
        .await;
    customers
}

/// Waits until all that is held is spoken, as long as that goes on.
async fn come_to_rest(server: &Server) {
    let left = async || {
        server
            .count("generations WHERE state IN ('queued', 'running')")
            .await
    };
    loop {
        let before = left().await;
        if before == 0 {
            return;
        }
        until("something more is spoken", async || left().await < before).await;
    }
}

on_both! {
    async fn every_character_is_counted_once_whatever_goes_wrong(backend: Backend) {
        let seed = number("RESONANCE_BILLING_SEED").unwrap_or_else(chance::any_seed);
        let enough = number("RESONANCE_BILLING_GENERATIONS").unwrap_or(GENERATIONS);
        eprintln!("RESONANCE_BILLING_SEED={seed} RESONANCE_BILLING_GENERATIONS={enough}");
        let mut chance = Chance::new(seed);
        let sandbox = sandbox().await;
        let mut server = server(backend, &sandbox).await;
        let customers = customers(&server, &sandbox).await;
        let voice = server.anonymous().system_voice().await;
        let count = Arc::new(AtomicU64::new(0));
        let mut rounds = 0;
        while count.load(Ordering::Relaxed) < enough {
            rounds += 1;
            sandbox.set_faults(faults(&mut chance));
            let mut hands = JoinSet::new();
            for customer in &customers {
                let client = customer.person.client.at(&server);
                let dice = Chance::new(chance.next());
                hands.spawn(ask(client, customer.organization.clone(), voice.clone(), dice, Arc::clone(&count), enough));
            }
            tokio::time::sleep(Duration::from_millis(500 + chance.up_to(1_500))).await;
            // Most customers pay most of the time.
            let whose = &chance.one_of(&[0, 1, 2]).map(|at: usize| &customers[at]).unwrap().subscription;
            let change = Change { status: Some(status(&mut chance)), ..Change::default() };
            sandbox.set_subscription(whose, change).unwrap();
            tokio::time::sleep(Duration::from_millis(chance.up_to(500))).await;
            server = server.kill_and_restart().await;
            point(&sandbox, &server);
            hands.join_all().await;
        }
        eprintln!("{} generations in {rounds} lives", count.load(Ordering::Relaxed));
        // Everything is well again, and comes to rest.
        sandbox.set_faults(Faults::default());
        for customer in &customers {
            let paid = Change { status: Some(Status::Active), ..Change::default() };
            sandbox.set_subscription(&customer.subscription, paid).unwrap();
        }
        come_to_rest(&server).await;
        // What waits for a provider that was down waits no longer than five minutes.
        server.execute("UPDATE jobs SET state = 'queued' WHERE queue = 'bill' AND state = 'waiting'").await;
        until("the provider is told", async || server.count("usage_exports WHERE exported_at IS NULL").await == 0).await;
        until("the mirror shows what the provider has", async || {
            server.count("subscriptions WHERE status = 'active' AND is_current").await == CUSTOMERS
        }).await;
        let usage = sandbox.usage();
        for customer in &customers {
            let id = server.organization_literal(&customer.organization);
            let sum = async |query: &str| {
                let text = format!("SELECT CAST(COALESCE(SUM({query} AND organization_id = {id}");
                server.texts(&text).await.concat().parse::<i64>().unwrap()
            };
            let ledger = sum("quantity), 0) AS text) FROM usage_entries WHERE kind = 'settle'").await;
            let spoken = sum("characters), 0) AS text) FROM generations WHERE state = 'succeeded'").await;
            let mine = usage.iter().filter(|used| used.external_customer_id.as_deref() == Some(&customer.organization));
            let told: i64 = mine.filter_map(|used| used.sums.get("characters")).sum();
            assert!(ledger > 0, "somebody spoke");
            assert_eq!((told, ledger), (spoken, spoken));
        }
        let spent = billing(&customers[0].person.client.at(&server), &customers[0].organization).await;
        assert!(spent["spentCharacters"].as_str().unwrap().parse::<u64>().unwrap() <= BUDGET, "{spent}");
        let verified = server.site().run(&["usage", "verify"], &[("RESONANCE_POLAR_TOKEN", "x")]).await;
        assert_eq!((verified.code, verified.out), (Some(0), format!("{CUSTOMERS} organizations, 0 differences\n")), "{}", verified.err);
    }
}
