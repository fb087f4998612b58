//! Customers' sessions in the portal.

use axum::{Json, extract::State as Given, http::StatusCode};
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use crate::{
    body::{Fields, object},
    refusal::Refusal,
    state::{Shared, State, clock, new_id, new_secret},
    things::Session,
};

impl State {
    fn open_session(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut fields = Fields::new(body);
        let (id, external_id) = (fields.text("customer_id"), fields.text("external_customer_id"));
        let member = fields.text("external_member_id");
        let return_url = fields.text("return_url");
        if fields.get("customer_id").is_none() && fields.get("external_customer_id").is_none() {
            fields.missing("external_customer_id");
        }
        fields.done()?;
        let (field, input, customer) = match (&id, &external_id) {
            (Some(id), _) => (
                "customer_id",
                id,
                self.customer_where(|customer| customer.id == *id),
            ),
            (None, Some(id)) => ("external_customer_id", id, self.customer_by_external_id(id)),
            (None, None) => return Err(Refusal::not_found()),
        };
        let customer =
            customer.ok_or_else(|| Refusal::value(field, "There is no such customer.", &json!(input)))?;
        // A portal of a team is one of its members'; who is no team has none.
        match (&member, customer.is_team) {
            (None, true) => {
                return Err(Refusal::value(
                    "member_id",
                    "A team needs a member.",
                    &Value::Null,
                ));
            }
            (Some(member), _) if customer.owner.as_ref() != Some(member) => {
                return Err(Refusal::value(
                    "external_member_id",
                    "There is no such member.",
                    &json!(member),
                ));
            }
            _ => {}
        }
        let customer_id = customer.id.clone();
        let now = self.now();
        let session = Session {
            id: new_id(),
            token: new_secret("polar_cst_"),
            customer_id,
            return_url,
            created_at: now,
            expires_at: now + TimeDelta::hours(1),
        };
        let shown = self.show_session(&session);
        self.kept.sessions.push(session);
        Ok(shown)
    }

    /// The session that a token opens.
    pub(crate) fn session(&self, token: &str) -> Result<&Session, Refusal> {
        let now = clock();
        let mut all = self.kept.sessions.iter();
        all.find(|session| session.token == token && session.expires_at > now)
            .ok_or_else(Refusal::not_found)
    }
}

pub(crate) async fn create(
    Given(shared): Given<Shared>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let body = object(&body)?;
    let made = shared.lock().open_session(&body)?;
    Ok((StatusCode::CREATED, Json(made)))
}
