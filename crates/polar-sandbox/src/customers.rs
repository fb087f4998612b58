//! Customers.

use axum::{
    Json,
    extract::{Path, State as Given},
    http::StatusCode,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    body::{Fields, object},
    query::{Asked, Pairs},
    refusal::{Refusal, problem},
    state::{Shared, State, new_id},
    subscriptions::Ending,
    things::Customer,
};

type Answer = Result<Json<Value>, Refusal>;

/// Who somebody is, as far as is known.
#[derive(Debug, Default)]
pub(crate) struct Who {
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub is_team: bool,
    pub owner: Option<String>,
    pub metadata: Map<String, Value>,
}

impl State {
    fn customer_by_email(&self, email: &str) -> Option<&Customer> {
        let same = |known: &str| known.eq_ignore_ascii_case(email);
        self.customer_where(|customer| customer.email.as_deref().is_some_and(same))
    }

    /// Makes a customer, and tells so; its id.
    fn new_customer(&mut self, who: Who) -> String {
        let customer = Customer {
            id: new_id(),
            external_id: who.external_id,
            email: who.email,
            name: who.name,
            is_team: who.is_team,
            owner: who.owner,
            metadata: who.metadata,
            created_at: self.now(),
            modified_at: None,
            deleted_at: None,
        };
        let (id, shown) = (customer.id.clone(), self.show_customer(&customer));
        self.kept.customers.push(customer);
        self.tell("customer.created", shown);
        id
    }

    /// The customer that somebody is: by the id that others gave it, else by e-mail address, else a new one; its id.
    pub(crate) fn settle_customer(&mut self, who: Who) -> String {
        let by_external_id = who.external_id.as_deref();
        if let Some(customer) = by_external_id.and_then(|id| self.customer_by_external_id(id)) {
            return customer.id.clone();
        }
        let by_email = who.email.as_deref();
        let Some(id) = by_email
            .and_then(|email| self.customer_by_email(email))
            .map(|customer| customer.id.clone())
        else {
            return self.new_customer(who);
        };
        let now = self.now();
        let mut all = self.kept.customers.iter_mut();
        if let Some(customer) = all.find(|customer| customer.id == id)
            && customer.external_id.is_none()
            && who.external_id.is_some()
        {
            customer.external_id = who.external_id;
            customer.modified_at = Some(now);
            let customer = customer.clone();
            let shown = self.show_customer(&customer);
            self.tell("customer.updated", shown);
        }
        id
    }

    fn create_customer(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut fields = Fields::new(body);
        let kind = fields.text("type");
        let is_team = kind.as_deref() == Some("team");
        let owner = fields.get("owner").and_then(|owner| owner.get("external_id"));
        let owner = owner.and_then(Value::as_str).map(str::to_owned);
        if !matches!(kind.as_deref(), None | Some("team" | "individual")) {
            fields.wrong(
                &["type"],
                "literal_error",
                "This is no type of customers.",
                &json!(kind),
            );
        }
        let who = Who {
            external_id: fields.text("external_id"),
            email: fields.email("email"),
            name: fields.text("name"),
            is_team,
            owner,
            metadata: fields.metadata("metadata", &[]),
        };
        if !is_team && fields.get("email").is_none() {
            fields.missing("email");
        }
        fields.done()?;
        let mut taken = Vec::new();
        let mut refuse = |field: &str, message: &str, input: &Option<String>| {
            let place = json!(["body", field]);
            taken.push(problem(&place, "value_error", message, &json!(input)));
        };
        if who
            .email
            .as_deref()
            .is_some_and(|email| self.customer_by_email(email).is_some())
        {
            refuse("email", "Another customer has this e-mail address.", &who.email);
        }
        let by_external_id = who.external_id.as_deref();
        if by_external_id.is_some_and(|id| self.customer_by_external_id(id).is_some()) {
            refuse(
                "external_id",
                "Another customer has this external id.",
                &who.external_id,
            );
        }
        if !taken.is_empty() {
            return Err(Refusal::values(taken));
        }
        let id = self.new_customer(who);
        self.customer(&id)
            .map(|customer| self.show_customer(customer))
            .ok_or_else(Refusal::not_found)
    }

    fn delete_customer(&mut self, external_id: &str) -> Result<(), Refusal> {
        let customer = self.customer_by_external_id(external_id);
        let id = customer.ok_or_else(Refusal::not_found)?.id.clone();
        let running = self
            .kept
            .subscriptions
            .iter()
            .filter(|subscription| subscription.customer_id == id && subscription.ended_at.is_none());
        let running: Vec<String> = running.map(|subscription| subscription.id.clone()).collect();
        for subscription in running {
            self.revoke(&subscription, Ending::default())?;
        }
        let now = self.now();
        if let Some(customer) = self.kept.customers.iter_mut().find(|customer| customer.id == id) {
            customer.deleted_at = Some(now);
            customer.modified_at = Some(now);
            let customer = customer.clone();
            let shown = self.show_customer(&customer);
            self.tell("customer.deleted", shown);
        }
        Ok(())
    }
}

pub(crate) async fn create(
    Given(shared): Given<Shared>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let body = object(&body)?;
    let made = shared.lock().create_customer(&body)?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(crate) async fn list(Given(shared): Given<Shared>, pairs: Pairs) -> Answer {
    let asked = Asked::new(pairs)?;
    let state = shared.lock();
    let newest = state.kept.customers.iter().rev();
    let found: Vec<&Customer> = newest
        .filter(|customer| customer.deleted_at.is_none() && asked.admits("email", customer.email.as_deref()))
        .collect();
    Ok(Json(asked.page(&found, |customer| state.show_customer(customer))))
}

pub(crate) async fn get(Given(shared): Given<Shared>, Path(external_id): Path<String>) -> Answer {
    let state = shared.lock();
    let customer = state.customer_by_external_id(&external_id);
    Ok(Json(
        state.show_customer(customer.ok_or_else(Refusal::not_found)?),
    ))
}

pub(crate) async fn get_state(Given(shared): Given<Shared>, Path(external_id): Path<String>) -> Answer {
    let state = shared.lock();
    let customer = state.customer_by_external_id(&external_id);
    Ok(Json(
        state.show_customer_state(customer.ok_or_else(Refusal::not_found)?),
    ))
}

pub(crate) async fn delete(
    Given(shared): Given<Shared>,
    Path(external_id): Path<String>,
) -> Result<StatusCode, Refusal> {
    shared.lock().delete_customer(&external_id)?;
    Ok(StatusCode::NO_CONTENT)
}
