//! Webhooks of a server that is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use resonance_testkit::{Receiver, on_both};
use serde_json::{Value, json};
use tests::Server;

/// How many things happen.
const EVENTS: usize = 60;

const VARIABLES: [(&str, &str); 2] = [
    ("RESONANCE_JOB_LEASE_SECONDS", "1"),
    ("RESONANCE_WEBHOOKS_PRIVATE_ADDRESSES", "true"),
];

on_both! {
    async fn no_event_is_lost_and_none_becomes_two_however_often_the_server_is_killed(backend: Backend) {
        let mut server = Server::start_with(backend, &VARIABLES).await;
        let receiver = Receiver::start().await;
        let ada = server.sign_up("Ada", "ada@example.test").await;
        let create = "mutation { createOrganization(input: { name: \"Acme\" }) { organization { id } } }";
        let made = ada.client.data(create, Value::Null).await;
        let organization = made["createOrganization"]["organization"]["id"].as_str().unwrap().to_owned();
        let endpoint = "mutation($input: CreateWebhookEndpointInput!) {
            createWebhookEndpoint(input: $input) { webhookEndpoint { id } userErrors { message } } }";
        let input = json!({ "organizationId": organization, "url": receiver.url(), "events": ["organization.updated"] });
        let made = ada.client.data(endpoint, json!({ "input": input })).await;
        assert!(made["createWebhookEndpoint"]["webhookEndpoint"]["id"].is_string(), "{made:#}");
        let update = "mutation($input: UpdateOrganizationInput!) {
            updateOrganization(input: $input) { organization { id } userErrors { message } } }";
        let mut promised = BTreeSet::new();
        for nth in 0..EVENTS {
            let name = format!("Acme {nth}");
            let input = json!({ "organizationId": organization, "name": name });
            ada.client.at(&server).data(update, json!({ "input": input })).await;
            promised.insert(name);
            if nth % 12 == 11 {
                // Somewhere between passing on, claiming, sending and storing.
                tokio::time::sleep(Duration::from_millis(nth as u64 % 7 * 4)).await;
                server = server.kill_and_restart().await;
            }
        }
        let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut arrived = BTreeSet::new();
        let all = async {
            while arrived != promised {
                for got in receiver.take() {
                    let event: Value = serde_json::from_str(&got.body).unwrap();
                    arrived.insert(event["data"]["name"]["new"].as_str().unwrap().to_owned());
                    bodies.entry(got.headers["webhook-id"].clone()).or_default().insert(got.body);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        // One id for one event, one body for one id, whatever was sent twice.
        assert_eq!(bodies.len(), EVENTS);
        assert!(bodies.values().all(|bodies| bodies.len() == 1));
    }
}
