//! Making, changing and revoking API keys.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::{ApiResult, UserError, parse_tenant_id, request, split};
use resonance_services::{CreateApiKey, Outcome, Request, UpdateApiKey};

use crate::{ApiKey, organization_mutations::organization_id};

/// What a new key is like.
#[derive(Debug, InputObject)]
pub(crate) struct CreateApiKeyInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// What it is called: 1 to 100 characters on one line.
    name: String,
    /// The keys of its permissions: any of `org:voices:read` and `org:generations:read`, `:create` and `:delete`, and registered
    /// ones; all others are for people (`INVALID`). None that the maker lacks (`ROLE_EXCEEDS_OWN`).
    permissions: Vec<String>,
    /// The voices with which it may speak, at most 100; for the key there are no others. Null or omitted means all.
    voice_ids: Option<Vec<ID>>,
    /// How many characters it may speak in a billing period. Null or omitted means any number.
    character_budget: Option<i64>,
    /// Until when it opens anything: in the future, and within ten years. Null or omitted means until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A limit of a key that can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ApiKeyLimit {
    /// The voices with which alone it may speak.
    Voices,
    /// The budget of characters.
    CharacterBudget,
    /// The end.
    ExpiresAt,
}

/// What is to change, from the key's next request on.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateApiKeyInput {
    /// The key.
    id: ID,
    /// What it is called. Null or omitted leaves it as it is.
    name: Option<String>,
    /// The keys of its permissions, in place of those that it has. Null or omitted leaves them as they are.
    permissions: Option<Vec<String>>,
    /// The voices with which it may speak. Null or omitted leaves them as they are.
    voice_ids: Option<Vec<ID>>,
    /// How many characters it may speak in a billing period. Null or omitted leaves that as it is.
    character_budget: Option<i64>,
    /// Until when it opens anything. Null or omitted leaves that as it is.
    expires_at: Option<DateTime<Utc>>,
    /// Limits to take away.
    clear: Option<Vec<ApiKeyLimit>>,
}

/// One key.
#[derive(Debug, InputObject)]
pub(crate) struct RevokeApiKeyInput {
    /// The key.
    id: ID,
}

/// What became of making a key.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateApiKeyPayload {
    /// The key; null if the input was refused.
    api_key: Option<ApiKey>,
    /// The secret. It is shown here and never again: keep it where programs find it and people do not. Null if the input
    /// was refused.
    token: Option<String>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of a key.
#[derive(Debug, SimpleObject)]
pub(crate) struct ApiKeyPayload {
    /// The key as it is now; null if the input was refused.
    api_key: Option<ApiKey>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Makes a key for the organization's programs. Requires `org:sys_api_keys:manage`, of a person. At most 100 active keys
    /// for an organization (`CONFLICT`).
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the key is like.")] input: CreateApiKeyInput,
    ) -> ApiResult<CreateApiKeyPayload> {
        let request = request(context)?;
        let created = async {
            let input = CreateApiKey {
                organization: organization_id(input.organization_id.as_ref())?,
                name: input.name,
                permissions: input.permissions,
                voices: input.voice_ids.map(texts),
                character_budget: input.character_budget,
                expires_at: input.expires_at,
            };
            request.api_keys().create(input).await
        };
        let (created, user_errors) = split(created.await)?;
        let token = created.as_ref().map(|created| created.token.expose());
        Ok(CreateApiKeyPayload {
            api_key: created.map(|created| ApiKey::at(created.key, request.now())),
            token,
            user_errors,
        })
    }

    /// Changes a key that was not revoked. Requires `org:sys_api_keys:manage`, and every permission that the key has and gets
    /// (`ROLE_EXCEEDS_OWN`).
    async fn update_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateApiKeyInput,
    ) -> ApiResult<ApiKeyPayload> {
        let request = request(context)?;
        let clear = input.clear.unwrap_or_default();
        let updated = async {
            let id = parse_tenant_id("id", &input.id)?;
            let input = UpdateApiKey {
                name: input.name,
                permissions: input.permissions,
                voices: limit(&clear, ApiKeyLimit::Voices, input.voice_ids.map(texts)),
                character_budget: limit(&clear, ApiKeyLimit::CharacterBudget, input.character_budget),
                expires_at: limit(&clear, ApiKeyLimit::ExpiresAt, input.expires_at),
            };
            request.api_keys().update(id, input).await
        };
        payload(request, updated.await)
    }

    /// Revokes a key for good: its next request is answered as if there had never been such a key. Requires
    /// `org:sys_api_keys:manage`.
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key.")] input: RevokeApiKeyInput,
    ) -> ApiResult<ApiKeyPayload> {
        let request = request(context)?;
        let revoked = async {
            let id = parse_tenant_id("id", &input.id)?;
            request.api_keys().revoke(id).await
        };
        payload(request, revoked.await)
    }
}

fn texts(ids: Vec<ID>) -> Vec<String> {
    ids.into_iter().map(|id| id.0).collect()
}

/// What is to become of a limit: a value that is given goes before its removal.
#[expect(clippy::option_option, reason = "left as it is, taken away, or set")]
fn limit<T>(clear: &[ApiKeyLimit], limit: ApiKeyLimit, value: Option<T>) -> Option<Option<T>> {
    match value {
        Some(value) => Some(Some(value)),
        None => clear.contains(&limit).then_some(None),
    }
}

fn payload(request: &Request, outcome: Outcome<domain::ApiKey>) -> ApiResult<ApiKeyPayload> {
    let (key, user_errors) = split(outcome)?;
    Ok(ApiKeyPayload {
        api_key: key.map(|key| ApiKey::at(key, request.now())),
        user_errors,
    })
}
