//! Setting webhooks up.

use std::time::Duration;

use resonance_testkit::Receiver;
use serde_json::{Value, json};

use crate::Person;

impl Person {
    /// Has what happens to voices that are deleted sent to `receiver`, and tries it: the endpoint, its secret, and the
    /// test's delivery.
    ///
    /// # Panics
    /// If that is refused, or the test does not arrive.
    pub async fn set_up_webhook(
        &self,
        organization: &str,
        receiver: &Receiver,
        description: &str,
    ) -> (String, String, String) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let input = json!({
            "organizationId": organization,
            "url": receiver.url(),
            "description": description,
            "events": ["voice.deleted"],
        });
        let made = self
            .client
            .mutate(
                "createWebhookEndpoint",
                "CreateWebhookEndpointInput",
                "webhookEndpoint { id secret }",
                input,
            )
            .await;
        let id = text(&made["webhookEndpoint"]["id"]);
        let input = json!({ "id": id });
        let tested = self
            .client
            .mutate(
                "testWebhookEndpoint",
                "WebhookEndpointInput",
                "webhookDelivery { id }",
                input,
            )
            .await;
        let delivery = text(&tested["webhookDelivery"]["id"]);
        let query = "query($id: ID!) { node(id: $id) { ... on WebhookDelivery { state } } }";
        for _ in 0..200 {
            let data = self.client.data(query, json!({ "id": delivery })).await;
            if data["node"]["state"] == "SUCCEEDED" {
                return (id, text(&made["webhookEndpoint"]["secret"]), delivery);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the test of a webhook did not arrive");
    }
}
