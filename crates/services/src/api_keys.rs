//! API keys: access for an organization's programs.

use chrono::{DateTime, Utc};
use resonance_authz::{
    AnyPermission, Denied, Grant, ManageApiKeys, ReadApiKeys, RolePermissions, Standing, SystemGrant,
    not_for_keys, system::Authenticate,
};
use resonance_domain::{
    API_KEYS_PER_ORGANIZATION, ApiKey, ApiKeyId, ApiKeyName, ApiKeyState, ErrorCode, EventKind, FieldError,
    FieldErrors, IdsExt, InOrg, MAX_API_KEY_VOICES, OrganizationId, Origin, Page, PageRequest, VoiceAddress,
    character_budget, key_expiry,
};
use resonance_identity::SecretToken;
use resonance_persistence::{IdCursor, Repositories, UnitOfWork};
use serde_json::{Value, json};

use crate::{
    API_KEY_TOKEN, Outcome, Request, ServiceError, Services, changes::Changes, refusals::Attempt,
    roles::not_beyond_own,
};

/// How exactly a key remembers when it was last used.
const TOUCH_AFTER: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
/// How many characters of the secret people see afterwards.
const HINT: usize = 4;

/// What a new key is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateApiKey {
    /// The organization; none means the active one.
    pub organization: Option<OrganizationId>,
    /// What it is called.
    pub name: String,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
    /// The voices with which it may speak, in their written form; `None` means all.
    pub voices: Option<Vec<String>>,
    /// How many characters it may speak in a billing period; `None` means any number.
    pub character_budget: Option<i64>,
    /// Until when it opens anything; `None` means until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is to change about a key; the outer `None` leaves it as it is, the inner one removes the limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateApiKey {
    /// What it is called.
    pub name: Option<String>,
    /// The keys of its permissions.
    pub permissions: Option<Vec<String>>,
    /// The voices with which it may speak.
    pub voices: Option<Option<Vec<String>>>,
    /// How many characters it may speak in a billing period.
    pub character_budget: Option<Option<i64>>,
    /// Until when it opens anything.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// A key that was just made, with the secret that nobody sees again. `Debug` does not show it.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub token: SecretToken,
}

/// The use cases of API keys. They are for people: no key makes, changes or revokes keys.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a>(&'a Request);

impl Request {
    /// The use cases of API keys.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(self)
    }
}

impl Services {
    /// One request of a program that holds `token`, an organization's API key. One statement. That the key was used is
    /// noted at most every minute, and the answer does not wait for it.
    ///
    /// # Errors
    /// `Unauthenticated` for every token that opens nothing: malformed, unknown, expired, revoked, or of an organization
    /// that is no more.
    pub async fn authenticate_key(&self, token: &str, origin: Origin) -> Outcome<Request> {
        let core = self.core();
        let now = core.clock.now();
        let token = SecretToken::parse(API_KEY_TOKEN, token).map_err(|_| Denied::Unauthenticated)?;
        let found = core
            .database
            .api_keys()
            .authenticate(
                &SystemGrant::<Authenticate>::for_job(),
                token.hash().as_bytes(),
                now,
            )
            .await?
            .ok_or(Denied::Unauthenticated)?;
        let noted_until = now - TOUCH_AFTER;
        let holder = found.standing.holder();
        if found.key.last_used_at.is_none_or(|last| last < noted_until) {
            let database = core.database.clone();
            tokio::spawn(async move {
                let touched = database
                    .atomically(async |uow| {
                        let grant = SystemGrant::<Authenticate>::for_job();
                        uow.api_keys().touch(&grant, holder, now, noted_until).await
                    })
                    .await;
                if let Err(error) = touched {
                    // The next request with the key tries again.
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "noting the use of a key failed"
                    );
                }
            });
        }
        Ok(Request::of_key(self.clone(), found, origin))
    }
}

impl ApiKeys<'_> {
    /// Makes a key. Requires `org:sys_api_keys:manage`, and every permission that the key gets. The secret is in the
    /// answer, and nowhere else. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: of `name`, `permissions`, `voices`, `characterBudget` and `expiresAt`; `ROLE_EXCEEDS_OWN` for
    /// `permissions`; `NOT_FOUND` for `voices`; `CONFLICT` if 100 keys are active already.
    pub async fn create(self, input: CreateApiKey) -> Outcome<CreatedApiKey> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(input.organization)?;
        let now = core.clock.now();
        let mut errors = FieldErrors::default();
        let name = errors.take("name", ApiKeyName::parse(&input.name));
        let permissions = errors.take("permissions", permissions(&input.permissions));
        let voices = match input.voices {
            Some(texts) => errors.take("voices", voices(organization, &texts)).map(Some),
            None => Some(None),
        };
        let budget = input.character_budget.map(character_budget).transpose();
        let budget = errors.take("characterBudget", budget);
        let expires_at = input.expires_at.map(|at| key_expiry(at, now)).transpose();
        let expires_at = errors.take("expiresAt", expires_at);
        let attempt = Attempt::in_organization("createApiKey", organization);
        let token = SecretToken::random(API_KEY_TOKEN, &mut rand::rng());
        let key = request
            .attempt(attempt, async |uow| {
                let (standing, grant) = self.manage(uow, organization).await?;
                errors.finish()?;
                let (Some(name), Some(permissions), Some(voices), Some(budget), Some(expires_at)) =
                    (name, permissions, voices, budget, expires_at)
                else {
                    return Err(ServiceError::Refused(Vec::new()));
                };
                not_beyond_own(&permissions, &standing, "permissions")?;
                self.exist(uow, &standing, voices.as_deref()).await?;
                self.room(uow, &grant).await?;
                let secret = token.expose();
                let key = ApiKey {
                    id: core.ids.next(),
                    organization,
                    name: name.into_string(),
                    hint: secret[secret.len() - HINT..].to_owned(),
                    permissions: permissions.keys().map(str::to_owned).collect(),
                    voices,
                    character_budget: budget,
                    expires_at,
                    revoked_at: None,
                    last_used_at: None,
                    created_by: grant.user(),
                    created_at: now,
                    updated_at: now,
                };
                uow.api_keys()
                    .insert(&grant, &key, token.hash().as_bytes())
                    .await?;
                let made = told(&key).into_iter();
                let payload = made.fold(Changes::default(), |all, (field, value)| all.made(field, value));
                self.record(uow, EventKind::ApiKeyCreated, &key, payload);
                Ok(key)
            })
            .await?;
        Ok(CreatedApiKey { key, token })
    }

    /// Changes a key, from its next request on. Requires `org:sys_api_keys:manage`, and every permission that the key has
    /// and gets. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `id`; `CONFLICT` for `id` if it was revoked; otherwise as [`ApiKeys::create`].
    pub async fn update(self, id: InOrg<ApiKeyId>, input: UpdateApiKey) -> Outcome<ApiKey> {
        let request = self.0;
        let now = request.core().clock.now();
        let mut errors = FieldErrors::default();
        let name = input
            .name
            .and_then(|name| errors.take("name", ApiKeyName::parse(&name)));
        let permissions = input
            .permissions
            .and_then(|keys| errors.take("permissions", permissions(&keys)));
        let voices = input.voices.map(|texts| match texts {
            Some(texts) => errors.take("voices", voices(id.organization, &texts)),
            None => None,
        });
        let budget = input.character_budget.map(|budget| {
            let budget = budget.map(character_budget).transpose();
            errors.take("characterBudget", budget).flatten()
        });
        let expires_at = input.expires_at.map(|at| {
            let at = at.map(|at| key_expiry(at, now)).transpose();
            errors.take("expiresAt", at).flatten()
        });
        let attempt = Attempt::on("updateApiKey", id.organization, id.global_id());
        request
            .attempt(attempt, async |uow| {
                let (standing, grant, mut key) = self.hold(uow, id).await?;
                errors.finish()?;
                if key.revoked_at.is_some() {
                    return Err(FieldError::new(ErrorCode::Conflict, "the key was revoked")
                        .at("id")
                        .into());
                }
                let before = key.clone();
                // Whoever lacks what the key has would act through it.
                not_beyond_own(&had(&key), &standing, "permissions")?;
                if let Some(permissions) = permissions {
                    not_beyond_own(&permissions, &standing, "permissions")?;
                    key.permissions = permissions.keys().map(str::to_owned).collect();
                }
                if let Some(voices) = voices {
                    self.exist(uow, &standing, voices.as_deref()).await?;
                    key.voices = voices;
                }
                key.name = name.map_or(key.name, ApiKeyName::into_string);
                key.character_budget = budget.unwrap_or(key.character_budget);
                key.expires_at = expires_at.unwrap_or(key.expires_at);
                if key == before {
                    return Ok(key);
                }
                let opens = |key: &ApiKey| key.state(now) == ApiKeyState::Active;
                if opens(&key) && !opens(&before) {
                    self.room(uow, &grant).await?;
                }
                key.updated_at = now;
                uow.api_keys().store(&grant, &key).await?;
                let values = told(&before).into_iter().zip(told(&key));
                let payload = values.fold(Changes::default(), |all, ((field, old), (_, new))| {
                    all.field(field, old, new)
                });
                self.record(uow, EventKind::ApiKeyUpdated, &key, payload);
                Ok(key)
            })
            .await
    }

    /// Revokes a key: from its next request on it opens nothing. Revoking it again changes nothing. Requires
    /// `org:sys_api_keys:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `NOT_FOUND` for `id`.
    pub async fn revoke(self, id: InOrg<ApiKeyId>) -> Outcome<ApiKey> {
        let now = self.0.core().clock.now();
        let attempt = Attempt::on("revokeApiKey", id.organization, id.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let (_, grant, mut key) = self.hold(uow, id).await?;
                if key.revoked_at.is_some() {
                    return Ok(key);
                }
                key.revoked_at = Some(now);
                key.updated_at = now;
                uow.api_keys().store(&grant, &key).await?;
                let payload = Changes::default()
                    .field("revoked", false, true)
                    .with("name", key.name.as_str());
                self.record(uow, EventKind::ApiKeyRevoked, &key, payload);
                Ok::<_, ServiceError>(key)
            })
            .await
    }

    /// A page of an organization's keys, newest first. Requires `org:sys_api_keys:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn list(
        self,
        organization: OrganizationId,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<ApiKey>> {
        let grant = self.0.grant::<ReadApiKeys>(organization).await?;
        let keys = self.0.core().database.api_keys();
        Ok(Page::from_rows(page, keys.page(&grant, page).await?))
    }

    /// How many there are. Requires `org:sys_api_keys:read`.
    ///
    /// # Errors
    /// Denials.
    pub async fn count(self, organization: OrganizationId) -> Outcome<u64> {
        let grant = self.0.grant::<ReadApiKeys>(organization).await?;
        Ok(self.0.core().database.api_keys().count(&grant).await?)
    }

    /// Those of `ids` that there are, in no order. Requires `org:sys_api_keys:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(self, organization: OrganizationId, ids: &[ApiKeyId]) -> Outcome<Vec<ApiKey>> {
        let grant = self.0.grant::<ReadApiKeys>(organization).await?;
        Ok(self.0.core().database.api_keys().get_many(&grant, ids).await?)
    }

    /// Authority over the keys, the organization held.
    async fn manage(
        self,
        uow: &UnitOfWork,
        organization: OrganizationId,
    ) -> Outcome<(Standing, Grant<ManageApiKeys>)> {
        let user = self.0.signed_in()?.user;
        let standing = uow.standings().of_locked(user, organization).await?;
        let grant = standing.grant::<ManageApiKeys>()?;
        Ok((standing, grant))
    }

    async fn hold(
        self,
        uow: &UnitOfWork,
        id: InOrg<ApiKeyId>,
    ) -> Outcome<(Standing, Grant<ManageApiKeys>, ApiKey)> {
        let (standing, grant) = self.manage(uow, id.organization).await?;
        let found = uow.api_keys().get(&grant, id.id).await?;
        let not_found = || FieldError::new(ErrorCode::NotFound, "there is no such key").at("id");
        Ok((standing, grant, found.ok_or_else(not_found)?))
    }

    /// Whether there may be one active key more.
    async fn room(self, uow: &UnitOfWork, grant: &Grant<ManageApiKeys>) -> Outcome<()> {
        let now = self.0.core().clock.now();
        if uow.api_keys().count_active(grant, now).await? < API_KEYS_PER_ORGANIZATION {
            return Ok(());
        }
        let message = format!("an organization has at most {API_KEYS_PER_ORGANIZATION} active keys");
        Err(FieldError::new(ErrorCode::Conflict, message).into())
    }

    /// Whether the organization may use every voice of a list.
    async fn exist(
        self,
        uow: &UnitOfWork,
        standing: &Standing,
        voices: Option<&[VoiceAddress]>,
    ) -> Outcome<()> {
        let Some(voices) = voices else {
            return Ok(());
        };
        let grant = standing.grant::<resonance_authz::ReadVoices>()?;
        for voice in voices {
            if uow.generations().speaking_voice(&grant, *voice).await?.is_none() {
                return Err(no_voice().into());
            }
        }
        Ok(())
    }

    fn record(self, uow: &UnitOfWork, kind: EventKind, key: &ApiKey, payload: Changes) {
        let subject = InOrg::new(key.organization, key.id).global_id();
        uow.record(self.0.event(kind, Some(key.organization), subject, payload));
    }
}

/// What the record tells of a key.
fn told(key: &ApiKey) -> [(&'static str, Value); 5] {
    let voices = key
        .voices
        .as_ref()
        .map(|voices| voices.iter().map(VoiceAddress::global_id).collect::<Vec<_>>());
    [
        ("name", json!(key.name)),
        ("permissions", json!(key.permissions)),
        ("voices", json!(voices)),
        ("characterBudget", json!(key.character_budget)),
        ("expiresAt", json!(key.expires_at)),
    ]
}

fn had(key: &ApiKey) -> RolePermissions {
    RolePermissions::from_stored(&key.permissions.join(" "))
}

fn permissions(keys: &[String]) -> Result<RolePermissions, FieldError> {
    let mut unknown = Vec::new();
    let permissions: RolePermissions = keys
        .iter()
        .filter_map(|key| match AnyPermission::parse(key) {
            Ok(permission) => Some(permission),
            Err(_) => {
                unknown.push(key.as_str());
                None
            }
        })
        .collect();
    if !unknown.is_empty() {
        let message = format_args!("there are no permissions {}", unknown.join(", "));
        return Err(FieldError::new(ErrorCode::Invalid, message));
    }
    if permissions.is_empty() {
        return Err(FieldError::new(
            ErrorCode::TooShort,
            "must name at least one permission",
        ));
    }
    let never = not_for_keys(&permissions);
    if !never.is_empty() {
        let named = never.keys().collect::<Vec<_>>().join(", ");
        let message = format_args!("are for people, not for keys: {named}");
        return Err(FieldError::new(ErrorCode::Invalid, message));
    }
    Ok(permissions)
}

/// The voices of a list: written addresses, none of another organization.
fn voices(organization: OrganizationId, texts: &[String]) -> Result<Vec<VoiceAddress>, FieldError> {
    if !(1..=MAX_API_KEY_VOICES).contains(&texts.len()) {
        let message = format_args!("must name 1 to {MAX_API_KEY_VOICES} voices");
        return Err(FieldError::new(ErrorCode::Invalid, message));
    }
    let mut voices = Vec::with_capacity(texts.len());
    for text in texts {
        match text.parse() {
            Ok(VoiceAddress::Custom(address)) if address.organization != organization => {
                return Err(no_voice());
            }
            Ok(voice) if voices.contains(&voice) => {}
            Ok(voice) => voices.push(voice),
            Err(_) => {
                return Err(FieldError::new(ErrorCode::Invalid, "must be ids of voices"));
            }
        }
    }
    Ok(voices)
}

fn no_voice() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such voice").at("voices")
}
