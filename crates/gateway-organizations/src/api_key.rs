//! API keys.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject, dataloader::DataLoader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, InOrg, OrganizationId, VoiceAddress};
use resonance_gateway_accounts::{User, UserLoader};
use resonance_gateway_kit::{ApiError, ApiResult, BigInt, Total, connection, cursor, page_request, request};
use resonance_services::{IdCursor, Request};
use uuid::Uuid;

/// Whether a key opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ApiKeyState")]
pub enum ApiKeyState {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// A key with which the organization's programs come: `Authorization: Bearer rsk_…`. It opens what its permissions say, in
/// this organization alone, and belongs to the organization: it outlives the membership of whoever made it. Requires
/// `org:sys_api_keys:read`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct ApiKey {
    /// The key's id.
    pub id: ID,
    /// What it is called.
    pub name: String,
    /// The last four characters of its secret, by which people tell keys apart.
    pub hint: String,
    /// Whether it opens anything.
    pub state: ApiKeyState,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
    /// The ids of the voices with which it may speak; null means every voice that the organization may use.
    pub voice_ids: Option<Vec<ID>>,
    /// How many characters it may speak in a billing period; null means any number.
    pub character_budget: Option<BigInt>,
    /// Until when it opens anything; null means until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute; null means never.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    #[graphql(skip)]
    key: domain::ApiKey,
}

impl ApiKey {
    /// A key as it is at `now`.
    #[must_use]
    pub fn at(key: domain::ApiKey, now: DateTime<Utc>) -> Self {
        let voices = key.voices.as_ref();
        Self {
            id: InOrg::new(key.organization, key.id).global_id().into(),
            name: key.name.clone(),
            hint: key.hint.clone(),
            state: key.state(now).into(),
            permissions: key.permissions.clone(),
            voice_ids: voices.map(|voices| voices.iter().map(VoiceAddress::global_id).map(ID).collect()),
            character_budget: key.character_budget.map(BigInt),
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
            key,
        }
    }
}

#[ComplexObject]
impl ApiKey {
    /// Who made it; null once that account is gone.
    async fn created_by(&self, context: &Context<'_>) -> ApiResult<Option<User>> {
        let Some(user) = self.key.created_by else {
            return Ok(None);
        };
        let users = context.data_unchecked::<DataLoader<UserLoader>>();
        let address = InOrg::new(self.key.organization, user);
        users.load_one(address).await.map_err(ApiError::from)
    }

    /// How many characters it used in this billing period (the calendar month in UTC where there is no subscription), those
    /// that are set aside for what is queued included.
    #[graphql(complexity = 5)]
    async fn spent_characters(&self, context: &Context<'_>) -> ApiResult<BigInt> {
        let address = InOrg::new(self.key.organization, self.key.id);
        Ok(BigInt(request(context)?.billing().spent_by_key(address).await?))
    }
}

connection! {
    /// API keys of an organization, newest first.
    ApiKeyConnection;
    /// A key's place in the list.
    ApiKeyEdge of ApiKey
}

pub(crate) async fn api_keys(
    request: &Request,
    organization: OrganizationId,
    (first, after): (Option<i32>, Option<String>),
    (last, before): (Option<i32>, Option<String>),
) -> ApiResult<ApiKeyConnection> {
    let page = page_request(first, after.as_deref(), last, before.as_deref(), |id: Uuid| {
        IdCursor(id)
    })?;
    let keys = request.api_keys().list(organization, &page).await?;
    let now = request.now();
    let request = request.clone();
    let total = Total::lazily(move || {
        let request = request.clone();
        async move { request.api_keys().count(organization).await }
    });
    let edge = |key: domain::ApiKey| ApiKeyEdge {
        cursor: cursor(&key.id.as_uuid()),
        node: ApiKey::at(key, now),
    };
    Ok(ApiKeyConnection::new(keys.map(edge), total))
}
