//! Pages for people: paying, looking after a subscription, an invoice.

use std::fmt::Write as _;

use axum::{
    Form, Router,
    extract::{Path, State as Given},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use crate::{
    Refusal,
    state::{Shared, State},
    subscriptions::Ending,
    things::{Checkout, Session, Status},
};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#222}\
    h1{font-size:1.4rem}small{color:#777}button{font:inherit;padding:.4rem 1rem;margin-right:.5rem}\
    section{border:1px solid #ddd;border-radius:.5rem;padding:1rem;margin:1rem 0}form{display:inline}";

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/checkout/{key}", get(checkout).post(pay))
        .route("/checkout/{key}/confirmation", get(confirmation))
        .route("/portal/{token}", get(portal))
        .route("/portal/{token}/{subscription}/cancel", post(cancel))
        .route("/portal/{token}/{subscription}/resume", post(resume))
        .route("/invoices/{id}", get(invoice))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn money(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn page(title: &str, content: &str) -> Response {
    let title = escaped(title);
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1>{content}<p><small>A sandbox: no money is taken.</small></html>"
    ))
    .into_response()
}

/// A refusal, to be read by people.
fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let detail = refusal.body["detail"].as_str().unwrap_or_default();
    (
        status,
        page("This does not work", &format!("<p>{}", escaped(detail))),
    )
        .into_response()
}

fn shown(page: Result<Response, Refusal>) -> Response {
    page.unwrap_or_else(|refusal| refused(&refusal))
}

impl State {
    fn checkout_page(&self, checkout: &Checkout) -> Response {
        if checkout.succeeded {
            return Redirect::to(&self.success_url(checkout)).into_response();
        }
        let product = checkout.product_ids.first().and_then(|id| self.product(id));
        let (name, cents) = product.map_or(("", 0), |product| (product.name.as_str(), product.cents));
        let email = checkout.email.as_ref().map_or_else(
            || "<p><label>E-mail <input type=\"email\" name=\"customer_email\" required></label>".to_owned(),
            |email| format!("<p>{}", escaped(email)),
        );
        let mut content = format!(
            "<section><p><b>{}</b><p>{} each month</section><form method=\"post\">{email}<p><button>Pay</button></form>",
            escaped(name),
            money(cents)
        );
        if let Some(url) = &checkout.return_url {
            let _ = write!(content, "<p><a href=\"{}\">Back</a>", escaped(url));
        }
        page("Checkout", &content)
    }

    fn portal_page(&self, session: &Session) -> Response {
        let mut content = String::new();
        let subscriptions = self.kept.subscriptions.iter().rev();
        for subscription in subscriptions.filter(|found| found.customer_id == session.customer_id) {
            let name = self
                .product(&subscription.product_id)
                .map_or("", |product| product.name.as_str());
            let period_end = subscription.period_end.format("%Y-%m-%d");
            let (what, action) = match (subscription.status, subscription.cancel_at_period_end) {
                (Status::Canceled, _) => ("It has ended.".to_owned(), None),
                (_, true) => (format!("It ends on {period_end}."), Some(("resume", "Resume"))),
                (_, false) => (format!("It renews on {period_end}."), Some(("cancel", "Cancel"))),
            };
            let _ = write!(
                content,
                "<section><p><b>{}</b> ({})<p>{} each month. {what}",
                escaped(name),
                subscription.status.as_str(),
                money(subscription.cents)
            );
            if let Some((action, label)) = action {
                let _ = write!(
                    content,
                    "<p><form method=\"post\" action=\"/portal/{}/{}/{action}\"><button>{label}</button></form>",
                    session.token, subscription.id
                );
            }
            content.push_str("</section>");
        }
        if content.is_empty() {
            content.push_str("<p>There are no subscriptions.");
        }
        if let Some(url) = &session.return_url {
            let _ = write!(content, "<p><a href=\"{}\">Back</a>", escaped(url));
        }
        page("Subscriptions", &content)
    }

    /// Cancels or resumes a subscription of whom a session belongs to.
    fn decide_in_portal(&mut self, token: &str, id: &str, cancel: bool) -> Result<Response, Refusal> {
        let session = self.session(token)?.clone();
        if self.subscription(id)?.customer_id != session.customer_id {
            return Err(Refusal::not_found());
        }
        self.cancel(id, cancel, Ending::default())?;
        Ok(Redirect::to(&self.portal_url(&session)).into_response())
    }
}

#[derive(Debug, Deserialize)]
struct Payment {
    customer_email: Option<String>,
}

async fn checkout(Given(shared): Given<Shared>, Path(key): Path<String>) -> Response {
    let state = shared.lock();
    shown(state.checkout(&key).map(|checkout| state.checkout_page(checkout)))
}

async fn pay(
    Given(shared): Given<Shared>,
    Path(key): Path<String>,
    Form(payment): Form<Payment>,
) -> Response {
    let mut state = shared.lock();
    // Who presses the button twice has paid once.
    if !state.checkout(&key).is_ok_and(|checkout| checkout.succeeded)
        && let Err(refusal) = state.complete(&key, payment.customer_email)
    {
        return refused(&refusal);
    }
    let url = state.checkout(&key).map(|checkout| state.success_url(checkout));
    shown(url.map(|url| Redirect::to(&url).into_response()))
}

async fn confirmation(Given(shared): Given<Shared>, Path(key): Path<String>) -> Response {
    let state = shared.lock();
    shown(state.checkout(&key).map(|checkout| {
        let content = if checkout.succeeded {
            "<p>It is paid."
        } else {
            "<p>It is not paid yet."
        };
        page("Checkout", content)
    }))
}

async fn portal(Given(shared): Given<Shared>, Path(token): Path<String>) -> Response {
    let state = shared.lock();
    shown(state.session(&token).map(|session| state.portal_page(session)))
}

async fn cancel(Given(shared): Given<Shared>, Path((token, id)): Path<(String, String)>) -> Response {
    shown(shared.lock().decide_in_portal(&token, &id, true))
}

async fn resume(Given(shared): Given<Shared>, Path((token, id)): Path<(String, String)>) -> Response {
    shown(shared.lock().decide_in_portal(&token, &id, false))
}

async fn invoice(Given(shared): Given<Shared>, Path(id): Path<String>) -> Response {
    let state = shared.lock();
    let order = state.order(&id).ok().filter(|order| order.has_invoice);
    shown(order.ok_or_else(Refusal::not_found).map(|order| {
        let name = state
            .product(&order.product_id)
            .map_or("", |product| product.name.as_str());
        let content = format!(
            "<section><p>{}<p>{}<p>{}</section>",
            escaped(name),
            money(order.cents),
            order.created_at.format("%Y-%m-%d")
        );
        page(&format!("Invoice SANDBOX-{:04}", order.number), &content)
    }))
}
