//! Orders and their invoices.

use axum::{
    Json,
    extract::{Path, State as Given},
    http::StatusCode,
};
use serde_json::{Value, json};

use crate::{
    query::{Asked, Pairs},
    refusal::Refusal,
    state::{Shared, State, new_id},
    things::Order,
};

type Answer = Result<Json<Value>, Refusal>;

impl State {
    /// Makes a paid order of what a subscription costs, and tells so; its id.
    pub(crate) fn new_order(
        &mut self,
        subscription_id: &str,
        billing_reason: &'static str,
    ) -> Result<String, Refusal> {
        let subscription = self.subscription(subscription_id)?.clone();
        let order = Order {
            id: new_id(),
            number: self.kept.orders.len() + 1,
            customer_id: subscription.customer_id,
            product_id: subscription.product_id,
            subscription_id: subscription.id,
            checkout_id: subscription.checkout_id,
            cents: subscription.cents,
            billing_reason,
            metadata: subscription.metadata,
            created_at: self.now(),
            modified_at: None,
            has_invoice: false,
        };
        let (id, shown) = (order.id.clone(), self.show_order(&order));
        self.kept.orders.push(order);
        self.tell("order.created", shown.clone());
        self.tell("order.paid", shown);
        Ok(id)
    }

    fn make_invoice(&mut self, id: &str) -> Result<(), Refusal> {
        if self.order(id)?.has_invoice {
            return Ok(());
        }
        let now = self.now();
        if let Some(order) = self.kept.orders.iter_mut().find(|order| order.id == id) {
            order.has_invoice = true;
            order.modified_at = Some(now);
        }
        let shown = self.show_order(self.order(id)?);
        self.tell("order.updated", shown);
        Ok(())
    }
}

pub(crate) async fn list(Given(shared): Given<Shared>, pairs: Pairs) -> Answer {
    let asked = Asked::new(pairs)?;
    let state = shared.lock();
    let newest = state.kept.orders.iter().rev();
    let found: Vec<&Order> = newest
        .filter(|order| {
            asked.admits("customer_id", Some(&order.customer_id))
                && asked.admits("external_customer_id", state.external_id(&order.customer_id))
                && asked.admits("product_id", Some(&order.product_id))
                && asked.admits("subscription_id", Some(&order.subscription_id))
                && asked.admits("checkout_id", order.checkout_id.as_deref())
        })
        .collect();
    Ok(Json(asked.page(&found, |order| state.show_order(order))))
}

pub(crate) async fn make_invoice(
    Given(shared): Given<Shared>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    shared.lock().make_invoice(&id)?;
    Ok((StatusCode::ACCEPTED, Json(Value::Null)))
}

pub(crate) async fn invoice(Given(shared): Given<Shared>, Path(id): Path<String>) -> Answer {
    let state = shared.lock();
    let order = state.order(&id)?;
    if !order.has_invoice {
        return Err(Refusal::not_found());
    }
    Ok(Json(
        json!({ "url": format!("{}/invoices/{}", state.base_url, order.id) }),
    ))
}
