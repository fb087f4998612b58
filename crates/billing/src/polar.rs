//! [Polar](https://polar.sh/docs), by its public API.
//!
//! Usage goes to `POST /v1/events/ingest` as events named `characters` and `custom_voices` with the number in the metadata
//! of the same name, for meters that sum it up. Webhooks are to come for `subscription.*`; whatever else comes is passed over.

mod wire;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header, redirect};
use resonance_domain::OrganizationId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    BillingError, BillingProvider, CheckoutOrder, Invoice, Told, ToldPage, UsageEvent, WebhookRefusal,
    signature::{Signed, verify},
};

/// How long Polar may take for an answer.
const TIME_OUT: Duration = Duration::from_secs(20);
const CONNECT_TIME_OUT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 16 * 1024 * 1024;
/// Subscriptions on a page: as many as Polar gives.
const PAGE: u32 = 100;
/// How much of what Polar says of an error is kept.
const EXCERPT: usize = 300;

/// How Polar is reached.
#[derive(Debug, Clone)]
pub struct PolarConfig {
    /// Where the API is: `https://api.polar.sh`, or `https://sandbox-api.polar.sh`.
    pub url: String,
    /// An organization access token of Polar's.
    pub token: SecretString,
    /// The secret of the webhook endpoint in Polar.
    pub webhook_secret: Option<SecretString>,
    /// The product that is bought if nothing else is said.
    pub product: Option<String>,
}

/// Why Polar cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A value is of no use.
    #[error("{0}")]
    Invalid(&'static str),
    /// The system's certificates or its TLS cannot be used.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// Polar.
#[derive(Debug)]
pub struct Polar {
    config: PolarConfig,
    client: Client,
}

impl Polar {
    /// Prepares the provider; asks Polar nothing yet.
    ///
    /// # Errors
    /// If the configuration is of no use.
    pub fn new(mut config: PolarConfig) -> Result<Self, SetupError> {
        let url = reqwest::Url::parse(&config.url);
        if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(SetupError::Invalid(
                "the address must begin with http:// or https://",
            ));
        }
        if config.token.expose_secret().is_empty() {
            return Err(SetupError::Invalid("the token must not be empty"));
        }
        let whole = config.url.trim_end_matches('/').len();
        config.url.truncate(whole);
        // TLS has one provider in a process; whoever was first chose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent("Resonance/1")
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIME_OUT)
            .timeout(TIME_OUT)
            .build()?;
        Ok(Self { config, client })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.config.url));
        request.bearer_auth(self.config.token.expose_secret())
    }

    /// Asks, and reads an answer that tells of success.
    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, BillingError> {
        read_as(&self.send(request).await?)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, BillingError> {
        self.asked(request).await?.map_err(Refusal::error)
    }

    /// Asks: what Polar answers, or how it refuses.
    async fn asked(&self, request: RequestBuilder) -> Result<Result<Vec<u8>, Refusal>, BillingError> {
        let failed = |error: reqwest::Error| unavailable(error.without_url().to_string());
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = read(response).await?;
        Ok(if status.is_success() {
            Ok(body)
        } else {
            Err(Refusal {
                status,
                retry_after,
                body,
            })
        })
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<wire::Page<T>, BillingError> {
        let query = query.iter().map(|(name, value)| (*name, value.as_str()));
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.config.url), query);
        let url = url.map_err(|error| unavailable(error.to_string()))?;
        let request = self
            .client
            .get(url)
            .bearer_auth(self.config.token.expose_secret());
        self.ask(request).await
    }

    /// Makes the customer, unless there is one. Where Polar makes no teams, the checkout makes the customer.
    async fn introduce(&self, order: &CheckoutOrder) -> Result<(), BillingError> {
        let buyer = &order.buyer;
        let customer = json!({
            "type": "team",
            "external_id": buyer.organization.type_id(),
            "name": buyer.name,
            // Customers that are teams have members, and a portal is a member's.
            "owner": { "email": buyer.email, "name": buyer.person, "external_id": buyer.organization.type_id() },
        });
        let request = self.request(Method::POST, "/v1/customers/").json(&customer);
        match self.asked(request).await? {
            Err(refusal) if !refusal.is_final() => Err(refusal.error()),
            // Whatever stands against it, the checkout makes the customer, or names what is wrong.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn orders(
        &self,
        organization: OrganizationId,
        limit: u32,
    ) -> Result<Vec<wire::Order>, BillingError> {
        let query = [
            ("external_customer_id", organization.type_id()),
            ("limit", limit.min(PAGE).to_string()),
            ("sorting", "-created_at".to_owned()),
        ];
        match self.page::<wire::Order>("/v1/orders/", &query).await {
            Ok(page) => Ok(page.items),
            Err(BillingError::NoCustomer) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl BillingProvider for Polar {
    fn name(&self) -> &'static str {
        "Polar"
    }

    fn batch(&self) -> u32 {
        1_000
    }

    async fn tell(&self, events: &[UsageEvent]) -> Result<(), BillingError> {
        let events: Vec<Value> = events.iter().map(wire::event).collect();
        let request = self.request(Method::POST, "/v1/events/ingest");
        let answer: wire::Ingested = self.ask(request.json(&json!({ "events": events }))).await?;
        let counted = answer.inserted + answer.duplicates;
        if counted < events.len() as u64 {
            tracing::warn!(
                told = events.len(),
                counted,
                "Polar counted fewer events than it was told of"
            );
            return Err(unavailable(format!(
                "{counted} of {} events counted",
                events.len()
            )));
        }
        Ok(())
    }

    async fn checkout(&self, order: &CheckoutOrder) -> Result<String, BillingError> {
        let product = order.product.as_ref().or(self.config.product.as_ref());
        let product = product.ok_or_else(|| BillingError::Refused {
            reason: "no product is configured".to_owned(),
            index: None,
        })?;
        self.introduce(order).await?;
        let checkout = json!({
            "products": [product],
            "external_customer_id": order.buyer.organization.type_id(),
            "success_url": order.success_url,
        });
        let request = self.request(Method::POST, "/v1/checkouts/").json(&checkout);
        Ok(self.ask::<wire::Checkout>(request).await?.url)
    }

    async fn portal(&self, organization: OrganizationId, return_url: &str) -> Result<String, BillingError> {
        let customer = organization.type_id();
        let of_customer = json!({ "external_customer_id": customer, "return_url": return_url });
        let mut of_member = of_customer.clone();
        of_member["external_member_id"] = customer.into();
        // A customer that is no team has no such member.
        for session in [of_member, of_customer] {
            let request = self
                .request(Method::POST, "/v1/customer-sessions/")
                .json(&session);
            match self.asked(request).await? {
                Ok(body) => return Ok(read_as::<wire::Session>(&body)?.customer_portal_url),
                Err(refusal) if refusal.is_about("external_customer_id") => {
                    return Err(BillingError::NoCustomer);
                }
                Err(refusal) if refusal.is_about("external_member_id") || refusal.is_about("member_id") => {}
                Err(refusal) => return Err(refusal.error()),
            }
        }
        Err(BillingError::NoCustomer)
    }

    async fn invoices(&self, organization: OrganizationId, limit: u32) -> Result<Vec<Invoice>, BillingError> {
        let orders = self.orders(organization, limit).await?.into_iter();
        let invoice = |order: wire::Order| Invoice {
            reference: order.id,
            number: order.invoice_number,
            amount: order.total_amount,
            currency: order.currency,
            paid: order.paid,
            created_at: order.created_at,
        };
        Ok(orders.map(invoice).collect())
    }

    async fn invoice_url(
        &self,
        organization: OrganizationId,
        reference: &str,
    ) -> Result<Option<String>, BillingError> {
        // Nobody reads the invoices of others by naming them.
        let orders = self.orders(organization, PAGE).await?;
        let Some(order) = orders.into_iter().find(|order| order.id == reference) else {
            return Ok(None);
        };
        let path = format!("/v1/orders/{}/invoice", order.id);
        if !order.is_invoice_generated {
            self.send(self.request(Method::POST, &path)).await?;
        }
        match self
            .ask::<wire::InvoiceLink>(self.request(Method::GET, &path))
            .await
        {
            Ok(link) => Ok(Some(link.url)),
            // It is being made.
            Err(BillingError::NoCustomer) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn subscriptions(&self, page: u32) -> Result<ToldPage, BillingError> {
        let query = [("limit", PAGE.to_string()), ("page", page.to_string())];
        let found = self
            .page::<wire::Subscription>("/v1/subscriptions/", &query)
            .await?;
        Ok(ToldPage {
            subscriptions: found
                .items
                .into_iter()
                .filter_map(wire::Subscription::told)
                .collect(),
            more: page < found.pagination.max_page,
        })
    }

    async fn end(&self, organization: OrganizationId) -> Result<(), BillingError> {
        let query = [
            ("external_customer_id", organization.type_id()),
            ("limit", PAGE.to_string()),
        ];
        let found = match self
            .page::<wire::Subscription>("/v1/subscriptions/", &query)
            .await
        {
            Ok(page) => page.items,
            Err(BillingError::NoCustomer) => return Ok(()),
            Err(error) => return Err(error),
        };
        for subscription in found.into_iter().filter_map(wire::Subscription::told) {
            // Should Polar not have heeded the question, nobody else's subscription is ended.
            if subscription.organization != Some(organization) || !subscription.status.is_alive() {
                continue;
            }
            let path = format!("/v1/subscriptions/{}", subscription.reference);
            if let Err(refusal) = self.asked(self.request(Method::DELETE, &path)).await? {
                // Somebody was faster, or else it is still to be done.
                if !refusal.is("AlreadyCanceledSubscription") && refusal.status != StatusCode::NOT_FOUND {
                    return Err(refusal.error());
                }
            }
        }
        Ok(())
    }

    fn read_webhook(
        &self,
        header: &(dyn Fn(&str) -> Option<String> + Sync),
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Told>, WebhookRefusal> {
        let secret = self
            .config
            .webhook_secret
            .as_ref()
            .ok_or(WebhookRefusal::Forged)?;
        let of = |name| header(name).ok_or(WebhookRefusal::Forged);
        let (id, timestamp, signatures) = (
            of("webhook-id")?,
            of("webhook-timestamp")?,
            of("webhook-signature")?,
        );
        let signed = Signed {
            id: &id,
            timestamp: &timestamp,
            signatures: &signatures,
        };
        // The key is the secret as it is shown, prefix and all; nothing of it is decoded.
        verify(secret.expose_secret().as_bytes(), signed, body, now)?;
        let message: wire::Message = serde_json::from_slice(body).map_err(|_| WebhookRefusal::Unreadable)?;
        if !message.kind.starts_with("subscription.") {
            return Ok(None);
        }
        let subscription = serde_json::from_value::<wire::Subscription>(message.data);
        let subscription = subscription.map_err(|_| WebhookRefusal::Unreadable)?;
        Ok(subscription.told())
    }
}

fn unavailable(reason: String) -> BillingError {
    BillingError::Unavailable {
        reason,
        retry_after: None,
    }
}

/// `Retry-After` in seconds, as Polar writes it.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

async fn read(mut response: Response) -> Result<Vec<u8>, BillingError> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| unavailable(error.without_url().to_string()))? {
            Some(chunk) if body.len() + chunk.len() <= LONGEST => body.extend_from_slice(&chunk),
            Some(_) => return Err(unavailable("an answer without an end".to_owned())),
            None => return Ok(body),
        }
    }
}

fn read_as<T: DeserializeOwned>(body: &[u8]) -> Result<T, BillingError> {
    serde_json::from_slice(body)
        .map_err(|error| unavailable(format!("an answer that cannot be read: {error}")))
}

/// An answer that tells of no success.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Refusal {
    /// Whether Polar calls it so.
    fn is(&self, name: &str) -> bool {
        wire::error_name(&self.body).as_deref() == Some(name)
    }

    /// Whether it is about a field of what was sent.
    fn is_about(&self, field: &str) -> bool {
        self.status == StatusCode::UNPROCESSABLE_ENTITY
            && wire::refused_field(&self.body).as_deref() == Some(field)
    }

    /// Whether Polar has understood what was asked and will not do it.
    fn is_final(&self) -> bool {
        matches!(
            self.status,
            StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::CONFLICT
                | StatusCode::UNPROCESSABLE_ENTITY
        )
    }

    /// What it means. Wrong scopes, conflicts and the like pass, or somebody mends them: only of what breaks the rules of
    /// the API is it known that it always will.
    fn error(self) -> BillingError {
        let said: String = String::from_utf8_lossy(&self.body)
            .chars()
            .take(EXCERPT)
            .collect();
        let reason = format!("{}: {said}", self.status);
        match self.status {
            StatusCode::NOT_FOUND => BillingError::NoCustomer,
            StatusCode::UNPROCESSABLE_ENTITY => BillingError::Refused {
                index: wire::refused_event(&self.body),
                reason,
            },
            _ => BillingError::Unavailable {
                reason,
                retry_after: self.retry_after,
            },
        }
    }
}
