//! One request: who asks, from where, and what was already found out about them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use resonance_authz::{Action, Actor, Denied, Grant, OperatorRecord, SignedIn, Standing};
use resonance_domain::{OrganizationId, Origin, VoiceAddress};
use resonance_persistence::{OpenKey, RegisteredPermission, Repositories, UnitOfWork};
use tokio::sync::OnceCell;

use crate::{Account, Outcome, ServiceError, Services, core::Core};

/// One request. Front ends make one for each and drop it with the answer.
///
/// Standings that reading needs are read once per request and organization; writing always reads them anew, inside
/// its own transaction.
#[derive(Debug, Clone)]
pub struct Request(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: Services,
    actor: Actor,
    /// The key that the request came with.
    key: Option<OpenKey>,
    account: Option<Account>,
    active_organization: Option<OrganizationId>,
    origin: Origin,
    now: DateTime<Utc>,
    standings: Mutex<HashMap<OrganizationId, Arc<OnceCell<Option<Standing>>>>>,
    operator: OnceCell<Option<OperatorRecord>>,
    registered: OnceCell<Vec<RegisteredPermission>>,
}

impl Request {
    pub(crate) fn new(services: Services, actor: Actor, origin: Origin) -> Self {
        let now = services.core().clock.now();
        Self(Arc::new(Inner {
            services,
            actor,
            key: None,
            account: None,
            active_organization: None,
            origin,
            now,
            standings: Mutex::default(),
            operator: OnceCell::new(),
            registered: OnceCell::new(),
        }))
    }

    /// A request of somebody whose token was checked; `standing` is that in the active organization.
    pub(crate) fn authenticated(
        services: Services,
        account: Account,
        standing: Option<Standing>,
        origin: Origin,
        requested_organization: Option<OrganizationId>,
    ) -> Self {
        let now = services.core().clock.now();
        let actor = Actor::User(SignedIn {
            user: account.user.id,
            session: account.session.id,
        });
        let active_organization = requested_organization.or(standing.as_ref().map(Standing::organization));
        let request = Self(Arc::new(Inner {
            services,
            actor,
            key: None,
            account: Some(account),
            active_organization,
            origin,
            now,
            standings: Mutex::default(),
            operator: OnceCell::new(),
            registered: OnceCell::new(),
        }));
        if let Some(standing) = standing {
            request.remember(standing);
        }
        request
    }

    /// A request of a program whose key was checked; it works in the key's organization.
    pub(crate) fn of_key(services: Services, key: OpenKey, origin: Origin) -> Self {
        let now = services.core().clock.now();
        let holder = key.standing.holder();
        Self(Arc::new(Inner {
            services,
            actor: Actor::ApiKey(holder),
            key: Some(key),
            account: None,
            active_organization: Some(holder.organization),
            origin,
            now,
            standings: Mutex::default(),
            operator: OnceCell::new(),
            registered: OnceCell::new(),
        }))
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.0.actor
    }

    /// The signed-in user and the session, as they were when the request came in; `None` for requests that no token
    /// came with.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.0.account.as_ref()
    }

    /// The organization that the request works in unless an input names another: the one that the request's header
    /// names, else the session's, else the one that the user worked in last, if the user is still a member of it.
    ///
    /// SECURITY: membership in an organization that the header names is not proved by this.
    #[must_use]
    pub fn active_organization(&self) -> Option<OrganizationId> {
        self.0.active_organization
    }

    /// The organization that an input is about: the one that it names, or else the active one. Whether the user is a
    /// member is for the use case to find out.
    ///
    /// # Errors
    /// `Unauthenticated`, or `OrganizationRequired` if there is none.
    pub fn organization(&self, named: Option<OrganizationId>) -> Outcome<OrganizationId> {
        if self.0.key.is_none() {
            self.signed_in()?;
        }
        named
            .or(self.active_organization())
            .ok_or(ServiceError::OrganizationRequired)
    }

    /// The services behind the request.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.0.services
    }

    /// When the request came in.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.now
    }

    /// The asking user's standing in an organization.
    ///
    /// # Errors
    /// `Unauthenticated`, or `NotVisible` for whoever is no member.
    pub async fn standing(&self, organization: OrganizationId) -> Outcome<Standing> {
        let user = self.signed_in()?.user;
        let cell = {
            let mut standings = self.0.standings.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(standings.entry(organization).or_default())
        };
        let standing = cell
            .get_or_try_init(|| async {
                match self.core().database.standings().of(user, organization).await {
                    Ok(standing) => Ok(Some(standing)),
                    Err(resonance_authz::StandError::Denied(_)) => Ok(None),
                    Err(resonance_authz::StandError::Source(error)) => Err(ServiceError::Storage(error)),
                }
            })
            .await?;
        standing.clone().ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    /// The permissions that operators registered, by key; read once in a request.
    pub(crate) async fn registered_permissions(&self) -> Outcome<&[RegisteredPermission]> {
        let read =
            || async { Ok::<_, ServiceError>(self.core().database.instance_roles().permissions().await?) };
        Ok(self.0.registered.get_or_try_init(read).await?)
    }

    /// Remembers a standing that was read together with other data, so that it is not read again.
    pub(crate) fn remember(&self, standing: Standing) {
        let mut standings = self.0.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings
            .entry(standing.organization())
            .or_insert_with(|| Arc::new(OnceCell::new_with(Some(Some(standing)))));
    }

    /// Remembers the standing that the actor has from now on.
    pub(crate) fn learn(&self, standing: Standing) {
        let mut standings = self.0.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::new(OnceCell::new_with(Some(Some(standing.clone()))));
        standings.insert(standing.organization(), cell);
    }

    /// Forgets a standing that changed.
    pub(crate) fn forget(&self, organization: OrganizationId) {
        let mut standings = self.0.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.remove(&organization);
    }

    /// Authority to read, from the remembered standing, or from that of the key which the request came with.
    pub(crate) async fn grant<A: Action>(&self, organization: OrganizationId) -> Outcome<Grant<A>> {
        match &self.0.key {
            Some(key) if key.key.organization == organization => Ok(key.standing.grant()?),
            Some(_) => Err(Denied::NotVisible.into()),
            None => Ok(self.standing(organization).await?.grant()?),
        }
    }

    /// Authority to change something, as the unit of work sees it that changes it.
    pub(crate) async fn grant_in<A: Action>(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
    ) -> Outcome<Grant<A>> {
        match self.key_in(uow, organization).await? {
            Some(key) => Ok(key.standing.grant()?),
            None => {
                let user = self.signed_in()?.user;
                Ok(uow.standings().of(user, organization).await?.grant()?)
            }
        }
    }

    /// The same, at least over what the actor made.
    pub(crate) async fn grant_within_reach_in<A: Action>(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
    ) -> Outcome<Grant<A>> {
        match self.key_in(uow, organization).await? {
            Some(key) => Ok(key.standing.grant_within_reach()?),
            None => {
                let user = self.signed_in()?.user;
                Ok(uow
                    .standings()
                    .of(user, organization)
                    .await?
                    .grant_within_reach()?)
            }
        }
    }

    /// Whether whoever asks may speak with a voice at all: a key may have a list of its own.
    pub(crate) fn may_speak_with(&self, voice: &VoiceAddress) -> bool {
        self.0
            .key
            .as_ref()
            .is_none_or(|open| open.key.may_speak_with(voice))
    }

    /// The key that acts in the organization, as the repositories see it now; `None` if a person acts.
    pub(crate) async fn key_in(
        &self,
        repositories: &impl Repositories,
        organization: OrganizationId,
    ) -> Outcome<Option<OpenKey>> {
        match self.actor() {
            Actor::ApiKey(holder) if holder.organization == organization => {
                let now = self.core().clock.now();
                Ok(Some(repositories.api_keys().of(holder, now).await?))
            }
            Actor::ApiKey(_) => Err(Denied::NotVisible.into()),
            Actor::Anonymous | Actor::User(_) => Ok(None),
        }
    }

    /// The operator who asks, read once per request.
    pub(crate) async fn operator(&self) -> Outcome<OperatorRecord> {
        let user = self.signed_in().map_err(|_| Denied::NotVisible)?.user;
        let found = self
            .0
            .operator
            .get_or_try_init(|| self.core().database.operators().record(user));
        found.await?.ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    pub(crate) fn signed_in(&self) -> Result<SignedIn, Denied> {
        self.0.actor.signed_in()
    }

    pub(crate) fn core(&self) -> &Core {
        self.0.services.core()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }
}
