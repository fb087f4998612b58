//! Usage events.

use std::collections::{BTreeMap, HashSet};

use axum::{Json, extract::State as Given};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    body::{Fields, object},
    query::{Asked, Pairs},
    refusal::{Refusal, problem},
    state::{Shared, State, clock, new_id},
    things::{Customer, Event, Time},
};

/// How many events one request may bring.
const MOST: usize = 1_000;
/// How far ahead the clocks of others may be.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// What a customer used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The customer, by the id that others gave it; none, if it has none.
    pub external_customer_id: Option<String>,
    /// The name of the events.
    pub name: String,
    /// How many there are, without those that came again.
    pub events: u64,
    /// For each key of their metadata, the sum of its integers.
    pub sums: BTreeMap<String, i64>,
}

impl State {
    /// Whose event it is. That customer may have been made after the event came.
    pub(crate) fn event_customer(&self, event: &Event) -> Option<&Customer> {
        match (&event.customer_id, &event.external_customer_id) {
            (Some(id), _) => self.customer(id),
            (None, Some(external_id)) => self.customer_by_external_id(external_id),
            (None, None) => None,
        }
    }

    pub(crate) fn event_external_id<'a>(&'a self, event: &'a Event) -> Option<&'a str> {
        let given = event.external_customer_id.as_deref();
        given.or_else(|| self.external_id(event.customer_id.as_deref()?))
    }

    /// Reads one event; its id of others is told apart.
    fn read_event(
        &self,
        index: usize,
        value: &Value,
        now: Time,
    ) -> Result<(Option<String>, Event), Vec<Value>> {
        let place = vec![json!("body"), json!("events"), json!(index)];
        let Some(map) = value.as_object() else {
            let message = "This must be an object.";
            return Err(vec![problem(
                &json!(place),
                "model_attributes_type",
                message,
                value,
            )]);
        };
        let mut fields = Fields::at(map, place);
        let name = fields.needed("name");
        let external_id = fields.text("external_id");
        let metadata = fields.metadata("metadata", &["_cost", "_llm"]);
        let customer_id = fields.text("customer_id");
        let external_customer_id = fields.text("external_customer_id");
        if fields.get("customer_id").is_none() && fields.get("external_customer_id").is_none() {
            fields.missing("external_customer_id");
        }
        if let Some(id) = &customer_id
            && self.customer_where(|customer| customer.id == *id).is_none()
        {
            fields.wrong(
                &["customer_id"],
                "value_error",
                "There is no such customer.",
                &json!(id),
            );
        }
        let mut timestamp = now;
        if let Some(text) = fields.text("timestamp") {
            match DateTime::parse_from_rfc3339(&text) {
                Ok(time) => timestamp = time.with_timezone(&Utc),
                Err(_) => fields.wrong(
                    &["timestamp"],
                    "timezone_aware",
                    "This is no time with an offset.",
                    &json!(text),
                ),
            }
            if timestamp > now + SKEW {
                let message = "The time is still to come.";
                fields.wrong(&["timestamp"], "value_error", message, &json!(text));
            }
        }
        if !fields.problems.is_empty() {
            return Err(fields.problems);
        }
        let event = Event {
            id: new_id(),
            name,
            timestamp,
            customer_id,
            external_customer_id,
            metadata,
        };
        Ok((external_id, event))
    }

    fn ingest(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let wrong = |kind: &str, message: &str| {
            let place = json!(["body", "events"]);
            Refusal::schema(vec![problem(&place, kind, message, &Value::Null)])
        };
        let events = body
            .get("events")
            .ok_or_else(|| wrong("missing", "This field is needed."))?;
        let events = events
            .as_array()
            .ok_or_else(|| wrong("list_type", "This must be a list."))?;
        if events.len() > MOST {
            return Err(wrong("too_long", "There are at most 1000 events in a request."));
        }
        let now = clock();
        let (mut read, mut problems) = (Vec::new(), Vec::new());
        for (index, value) in events.iter().enumerate() {
            match self.read_event(index, value, now) {
                Ok(event) => read.push(event),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if !problems.is_empty() {
            return Err(Refusal::schema(problems));
        }
        let known: &mut HashSet<String> = &mut self.kept.event_ids;
        read.retain(|(external_id, _)| external_id.as_ref().is_none_or(|id| known.insert(id.clone())));
        let duplicates = events.len() - read.len();
        let inserted = read.len();
        self.kept.events.extend(read.into_iter().map(|(_, event)| event));
        Ok(json!({ "inserted": inserted, "duplicates": duplicates }))
    }

    /// What was used, by customer and name.
    pub(crate) fn usage(&self) -> Vec<Usage> {
        let mut found: BTreeMap<(Option<String>, String), Usage> = BTreeMap::new();
        for event in &self.kept.events {
            let customer = self.event_external_id(event).map(str::to_owned);
            let key = (customer.clone(), event.name.clone());
            let usage = found.entry(key).or_insert_with(|| Usage {
                external_customer_id: customer,
                name: event.name.clone(),
                events: 0,
                sums: BTreeMap::new(),
            });
            usage.events += 1;
            for (key, value) in &event.metadata {
                if let Some(number) = value.as_i64() {
                    let sum = usage.sums.entry(key.clone()).or_default();
                    *sum = sum.saturating_add(number);
                }
            }
        }
        found.into_values().collect()
    }
}

pub(crate) async fn ingest(Given(shared): Given<Shared>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let body = object(&body)?;
    let answer = shared.lock().ingest(&body)?;
    Ok(Json(answer))
}

pub(crate) async fn list(Given(shared): Given<Shared>, pairs: Pairs) -> Result<Json<Value>, Refusal> {
    let asked = Asked::new(pairs)?;
    let state = shared.lock();
    let admitted = state.kept.events.iter().filter(|event| {
        let customer = state.event_customer(event).map(|customer| customer.id.as_str());
        asked.admits("name", Some(&event.name))
            && asked.admits("external_customer_id", state.event_external_id(event))
            && asked.admits("customer_id", customer)
            && asked.admits("source", Some("user"))
    });
    let mut found: Vec<&Event> = admitted.collect();
    found.sort_by_key(|event| std::cmp::Reverse(event.timestamp));
    Ok(Json(asked.page(&found, |event| state.show_event(event))))
}
