//! Webhook endpoints: where an organization wants its events sent.

mod deliveries;
mod relaying;
mod sending;

use resonance_authz::{Grant, ManageWebhooks};
use resonance_domain::{
    ErrorCode, EventFilter, EventKind, FieldError, FieldErrors, IdsExt, InOrg, MAX_WEBHOOK_ENDPOINTS,
    OrganizationId, Page, PageRequest, WebhookDescription, WebhookEndpoint, WebhookEndpointId,
    webhook_secret_overlap,
};
use resonance_persistence::{IdCursor, Repositories, UnitOfWork};
use resonance_webhooks::{UrlRefusal, WebhookUrl};
use serde_json::{Value, json};

pub(crate) use relaying::enqueue;
pub(crate) use sending::{drain, run};

use crate::{
    Outcome, Request, ServiceError, changes::Changes, core::Core, published_event::is_published,
    refusals::Attempt,
};

/// What a new endpoint is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateWebhookEndpoint {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// Where to send.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Which events it gets; empty means all.
    pub events: Vec<String>,
    /// Whether it gets any from the start; it does unless this says no.
    pub enabled: Option<bool>,
}

/// What is to change about an endpoint; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateWebhookEndpoint {
    /// Where to send.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Which events it gets; empty means all.
    pub events: Option<Vec<String>>,
    /// Whether it gets any.
    pub enabled: Option<bool>,
}

/// The use cases of webhooks. Every one requires `org:sys_webhooks:manage`, which reaches all published events.
#[derive(Debug, Clone, Copy)]
pub struct Webhooks<'a>(&'a Request);

impl Request {
    /// The use cases of webhooks.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks(self)
    }
}

impl Webhooks<'_> {
    /// Makes an endpoint. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: of `url`, `description` and `events`; `CONFLICT` if there are 20 already.
    pub async fn create(self, input: CreateWebhookEndpoint) -> Outcome<WebhookEndpoint> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(input.organization)?;
        let user = request.signed_in()?.user;
        let mut errors = FieldErrors::default();
        let url = errors.take("url", parse_url(core, &input.url));
        let description = WebhookDescription::parse(input.description.as_deref().unwrap_or_default());
        let description = errors.take("description", description);
        let events = errors.take("events", EventFilter::parse(input.events, is_published));
        request
            .attempt(
                Attempt::in_organization("createWebhookEndpoint", organization),
                async |uow| {
                    let standing = uow.standings().of_locked(user, organization).await?;
                    let grant = standing.grant::<ManageWebhooks>()?;
                    errors.finish()?;
                    let (Some(url), Some(description), Some(events)) = (url, description, events) else {
                        return Err(ServiceError::Refused(Vec::new()));
                    };
                    if uow.webhook_endpoints().count(&grant).await? >= MAX_WEBHOOK_ENDPOINTS {
                        let message =
                            format!("an organization has at most {MAX_WEBHOOK_ENDPOINTS} endpoints");
                        return Err(FieldError::new(ErrorCode::Conflict, message).into());
                    }
                    let now = core.clock.now();
                    let endpoint = WebhookEndpoint {
                        id: core.ids.next(),
                        organization,
                        url: url.as_str().to_owned(),
                        description: description.into_string(),
                        events,
                        enabled: input.enabled.unwrap_or(true),
                        disabled: None,
                        secret_generation: 1,
                        previous_secret_until: None,
                        failing_since: None,
                        created_by: Some(user),
                        created_at: now,
                        updated_at: now,
                    };
                    uow.webhook_endpoints().insert(&grant, &endpoint).await?;
                    let made = told(&endpoint).into_iter();
                    let payload =
                        made.fold(Changes::default(), |all, (field, value)| all.made(&field, value));
                    self.record(uow, EventKind::WebhookEndpointCreated, &endpoint, payload);
                    Ok(endpoint)
                },
            )
            .await
    }

    /// Changes an endpoint. Switching it on again forgets why it was off. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `id`; of `url`, `description` and `events`.
    pub async fn update(
        self,
        id: InOrg<WebhookEndpointId>,
        input: UpdateWebhookEndpoint,
    ) -> Outcome<WebhookEndpoint> {
        let core = self.0.core();
        let mut errors = FieldErrors::default();
        let url = input
            .url
            .and_then(|url| errors.take("url", parse_url(core, &url)));
        let description = input
            .description
            .and_then(|text| errors.take("description", WebhookDescription::parse(&text)));
        let events = input
            .events
            .and_then(|entries| errors.take("events", EventFilter::parse(entries, is_published)));
        self.0
            .attempt(
                Attempt::on("updateWebhookEndpoint", id.organization, id.global_id()),
                async |uow| {
                    let (grant, mut endpoint) = self.hold(uow, id).await?;
                    errors.finish()?;
                    let before = endpoint.clone();
                    if let Some(url) = url {
                        endpoint.url = url.as_str().to_owned();
                    }
                    if let Some(description) = description {
                        endpoint.description = description.into_string();
                    }
                    if let Some(events) = events {
                        endpoint.events = events;
                    }
                    if let Some(enabled) = input.enabled {
                        if enabled && !endpoint.enabled {
                            endpoint.failing_since = None;
                        }
                        endpoint.enabled = enabled;
                        endpoint.disabled = None;
                    }
                    if before == endpoint {
                        return Ok(endpoint);
                    }
                    endpoint.updated_at = core.clock.now();
                    uow.webhook_endpoints().store(&grant, &endpoint).await?;
                    let values = told(&before).into_iter().zip(told(&endpoint));
                    let payload = values.fold(Changes::default(), |all, ((field, old), (_, new))| {
                        all.field(&field, old, new)
                    });
                    self.record(uow, EventKind::WebhookEndpointUpdated, &endpoint, payload);
                    Ok::<_, ServiceError>(endpoint)
                },
            )
            .await
    }

    /// Deletes an endpoint with its log. What waits for it is not sent any more. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `id`.
    pub async fn delete(self, id: InOrg<WebhookEndpointId>) -> Outcome<()> {
        let now = self.0.core().clock.now();
        self.0
            .attempt(
                Attempt::on("deleteWebhookEndpoint", id.organization, id.global_id()),
                async |uow| {
                    let (grant, endpoint) = self.hold(uow, id).await?;
                    uow.webhook_endpoints().delete(&grant, endpoint.id, now).await?;
                    let gone = told(&endpoint).into_iter();
                    let payload =
                        gone.fold(Changes::default(), |all, (field, value)| all.gone(&field, value));
                    self.record(uow, EventKind::WebhookEndpointDeleted, &endpoint, payload);
                    Ok::<_, ServiceError>(endpoint)
                },
            )
            .await?;
        Ok(())
    }

    /// Gives an endpoint a new secret. The one before signs as well for `overlap_hours` (0 to 168, 24 when nothing is
    /// said); older ones do not any more. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `id`; of `overlapHours`.
    pub async fn rotate_secret(
        self,
        id: InOrg<WebhookEndpointId>,
        overlap_hours: Option<i64>,
    ) -> Outcome<WebhookEndpoint> {
        let core = self.0.core();
        let overlap = webhook_secret_overlap(overlap_hours).map_err(|error| error.at("overlapHours"));
        self.0
            .attempt(
                Attempt::on("rotateWebhookSecret", id.organization, id.global_id()),
                async |uow| {
                    let (grant, mut endpoint) = self.hold(uow, id).await?;
                    let now = core.clock.now();
                    let until = now + overlap?;
                    endpoint.secret_generation += 1;
                    endpoint.previous_secret_until = (until > now).then_some(until);
                    endpoint.updated_at = now;
                    uow.webhook_endpoints().store(&grant, &endpoint).await?;
                    let payload = Changes::default()
                        .secret("secret")
                        .with("previousSecretUntil", json!(endpoint.previous_secret_until));
                    self.record(uow, EventKind::WebhookSecretRotated, &endpoint, payload);
                    Ok::<_, ServiceError>(endpoint)
                },
            )
            .await
    }

    /// The secret of an endpoint, as receivers' libraries take it. Nothing is asked of the database: whoever was handed
    /// the endpoint manages it.
    #[must_use]
    pub fn secret(self, endpoint: &WebhookEndpoint) -> String {
        let secrets = &self.0.core().webhook_secrets;
        let id = endpoint.id.as_uuid();
        secrets.derive(id.as_bytes(), endpoint.secret_generation).expose()
    }

    /// A page of an organization's endpoints, oldest first. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(
        self,
        organization: OrganizationId,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<WebhookEndpoint>> {
        let grant = self.0.grant::<ManageWebhooks>(organization).await?;
        let endpoints = self.0.core().database.webhook_endpoints();
        Ok(Page::from_rows(page, endpoints.page(&grant, page).await?))
    }

    /// How many there are.
    ///
    /// # Errors
    /// Denials.
    pub async fn count(self, organization: OrganizationId) -> Outcome<u64> {
        let grant = self.0.grant::<ManageWebhooks>(organization).await?;
        Ok(self.0.core().database.webhook_endpoints().count(&grant).await?)
    }

    /// Those of `ids` that there are, in no order. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(
        self,
        organization: OrganizationId,
        ids: &[WebhookEndpointId],
    ) -> Outcome<Vec<WebhookEndpoint>> {
        let grant = self.0.grant::<ManageWebhooks>(organization).await?;
        let endpoints = self.0.core().database.webhook_endpoints();
        Ok(endpoints.get_many(&grant, ids).await?)
    }

    /// Holds the organization, and reads the endpoint, which the user may manage.
    async fn hold(
        self,
        uow: &UnitOfWork,
        id: InOrg<WebhookEndpointId>,
    ) -> Outcome<(Grant<ManageWebhooks>, WebhookEndpoint)> {
        let user = self.0.signed_in()?.user;
        let standing = uow.standings().of_locked(user, id.organization).await?;
        let grant = standing.grant::<ManageWebhooks>()?;
        let found = uow.webhook_endpoints().get(&grant, id.id).await?;
        Ok((grant, found.ok_or_else(not_found)?))
    }

    fn record(self, uow: &UnitOfWork, kind: EventKind, endpoint: &WebhookEndpoint, payload: Changes) {
        let subject = InOrg::new(endpoint.organization, endpoint.id).global_id();
        uow.record(self.0.event(kind, Some(endpoint.organization), subject, payload));
    }
}

/// What the record tells of an endpoint: of its URL all but the query, which may hold a secret of the receiver.
fn told(endpoint: &WebhookEndpoint) -> [(String, Value); 5] {
    let url = WebhookUrl::parse(&endpoint.url, true).map(|url| url.without_query());
    [
        ("url", json!(url.unwrap_or_default())),
        // Two URLs that differ in their queries differ; the record says so without telling them.
        ("query", json!(fingerprint(&endpoint.url))),
        ("description", json!(endpoint.description)),
        ("events", json!(endpoint.events.entries())),
        ("enabled", json!(endpoint.enabled)),
    ]
    .map(|(field, value)| (field.to_owned(), value))
}

/// A short mark of a URL's query; nothing if it has none.
fn fingerprint(url: &str) -> Option<String> {
    use sha2::{Digest as _, Sha256};
    let (_, query) = url.split_once('?')?;
    let digest = Sha256::digest(query.as_bytes());
    Some(digest[..4].iter().map(|byte| format!("{byte:02x}")).collect())
}

fn parse_url(core: &Core, text: &str) -> Result<WebhookUrl, FieldError> {
    WebhookUrl::parse(text, core.settings.webhooks_private_addresses).map_err(|refusal| {
        let code = match refusal {
            UrlRefusal::TooLong => ErrorCode::TooLong,
            _ => ErrorCode::Invalid,
        };
        FieldError::new(code, refusal)
    })
}

fn not_found() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such endpoint").at("id")
}

impl crate::Services {
    /// Forgets deliveries that were over 30 days ago, and deleted endpoints with theirs. Every node does this by itself
    /// from time to time.
    ///
    /// # Errors
    /// The database's.
    pub async fn tidy_webhooks(&self) -> Result<(), resonance_persistence::StorageError> {
        sending::tidy(self.core()).await
    }
}
