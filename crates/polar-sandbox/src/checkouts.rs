//! Checkouts.

use axum::{
    Json,
    extract::{Path, State as Given},
    http::StatusCode,
};
use bytes::Bytes;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    body::{Fields, object},
    customers::Who,
    refusal::Refusal,
    state::{Shared, State, new_id, new_secret},
    subscriptions::Beginning,
    things::{Checkout, Status},
};

/// What came of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Who paid.
    pub customer_id: String,
    /// What began.
    pub subscription_id: String,
    /// What was paid.
    pub order_id: String,
}

impl State {
    fn create_checkout(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut fields = Fields::new(body);
        let asked = fields.get("products").and_then(Value::as_array);
        let product_ids: Vec<String> = asked
            .into_iter()
            .flatten()
            .filter_map(|id| id.as_str().map(str::to_owned))
            .collect();
        if product_ids.is_empty() {
            fields.missing("products");
        }
        for (index, id) in product_ids.iter().enumerate() {
            if self.product(id).is_none() {
                fields.wrong_entry("products", index, "There is no such product.", &json!(id));
            }
        }
        let customer_id = fields.text("customer_id");
        let external_customer_id = fields.text("external_customer_id");
        let known = match (&customer_id, &external_customer_id) {
            (Some(id), _) => {
                let found = self.customer_where(|customer| customer.id == *id);
                if found.is_none() {
                    let message = "There is no such customer.";
                    fields.wrong(&["customer_id"], "value_error", message, &json!(id));
                }
                found
            }
            (None, Some(id)) => self.customer_by_external_id(id),
            (None, None) => None,
        }
        .cloned();
        let (email, name) = (fields.email("customer_email"), fields.text("customer_name"));
        let (success_url, return_url) = (fields.text("success_url"), fields.text("return_url"));
        let metadata = fields.metadata("metadata", &[]);
        let customer_metadata = fields.metadata("customer_metadata", &[]);
        fields.done()?;
        let known = known.as_ref();
        let now = self.now();
        let checkout = Checkout {
            id: new_id(),
            client_secret: new_secret("polar_c_"),
            product_ids,
            succeeded: false,
            customer_id: known.map(|customer| customer.id.clone()),
            external_customer_id: external_customer_id.or_else(|| known?.external_id.clone()),
            // A customer that is known pays with the address that is known.
            email: known.and_then(|customer| customer.email.clone()).or(email),
            name: name.or_else(|| known?.name.clone()),
            success_url,
            return_url,
            metadata,
            customer_metadata,
            subscription_id: None,
            created_at: now,
            modified_at: None,
            expires_at: now + TimeDelta::hours(1),
        };
        let shown = self.show_checkout(&checkout);
        self.kept.checkouts.push(checkout);
        self.tell("checkout.created", shown.clone());
        Ok(shown)
    }

    fn edit_checkout(&mut self, id: &str, edit: impl FnOnce(&mut Checkout)) {
        let now = self.now();
        if let Some(checkout) = self.kept.checkouts.iter_mut().find(|checkout| checkout.id == id) {
            edit(checkout);
            checkout.modified_at = Some(now);
        }
    }

    /// Does what a payment leads to. The checkout is meant by its id or its secret.
    pub(crate) fn complete(&mut self, key: &str, email: Option<String>) -> Result<Completed, Refusal> {
        let checkout = self.checkout(key)?.clone();
        if checkout.succeeded {
            let detail = "The checkout is not open any more.";
            return Err(Refusal::named(StatusCode::FORBIDDEN, "NotOpenCheckout", detail));
        }
        let (id, now) = (checkout.id, self.now());
        if checkout.expires_at <= now {
            let detail = "The checkout has expired.";
            return Err(Refusal::named(StatusCode::GONE, "ExpiredCheckoutError", detail));
        }
        let email = checkout.email.or(email);
        let email = email.unwrap_or_else(|| format!("{id}@example.com"));
        self.edit_checkout(&id, |checkout| {
            checkout.succeeded = true;
            checkout.email = Some(email.clone());
        });
        let shown = self.show_checkout(self.checkout(&id)?);
        self.tell("checkout.updated", shown);
        let known = checkout.customer_id.filter(|id| {
            let there = self.customer_where(|customer| customer.id == *id);
            there.is_some()
        });
        let customer_id = known.unwrap_or_else(|| {
            self.settle_customer(Who {
                external_id: checkout.external_customer_id,
                email: Some(email),
                name: checkout.name,
                is_team: false,
                owner: None,
                metadata: checkout.customer_metadata,
            })
        });
        let beginning = Beginning {
            customer_id: customer_id.clone(),
            product_id: checkout.product_ids.into_iter().next().unwrap_or_default(),
            checkout_id: Some(id.clone()),
            metadata: checkout.metadata,
        };
        let subscription_id = self.begin(Status::Active, beginning)?;
        self.edit_checkout(&id, |checkout| {
            checkout.customer_id = Some(customer_id.clone());
            checkout.subscription_id = Some(subscription_id.clone());
        });
        let order_id = self.new_order(&subscription_id, "subscription_create")?;
        Ok(Completed {
            customer_id,
            subscription_id,
            order_id,
        })
    }
}

pub(crate) async fn create(
    Given(shared): Given<Shared>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let body = object(&body)?;
    let made = shared.lock().create_checkout(&body)?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(crate) async fn get(
    Given(shared): Given<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let state = shared.lock();
    let found = state.kept.checkouts.iter().find(|checkout| checkout.id == id);
    Ok(Json(state.show_checkout(found.ok_or_else(Refusal::not_found)?)))
}
