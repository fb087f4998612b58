//! One's own account.

use std::fmt;

use resonance_authz::ReadOrganization;
use resonance_domain::{
    EventKind, IdsExt, OrganizationId, PersonName, SESSION_IDLE_LIFETIME, Session, User, UserId, UserProfile,
};
use resonance_identity::SecretToken;
use resonance_persistence::{Repositories, UnitOfWork};

use crate::{Outcome, Request, SESSION_TOKEN, changes::Changes, codes::ADMIT};

impl Request {
    /// Signing up and in, passwords, one's own profile.
    #[must_use]
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(self)
    }
}

/// The use cases around one's own account.
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'a>(pub(crate) &'a Request);

/// A session that was just opened, with its token: this is the only time that it is known.
#[derive(Clone)]
pub struct OpenedSession {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What opens it. A secret.
    pub token: String,
}

impl fmt::Debug for OpenedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedSession")
            .field("session", &self.session.id)
            .finish_non_exhaustive()
    }
}

impl Accounts<'_> {
    /// Changes the own name, in every organization's list of members too. `None` leaves it as it is.
    ///
    /// # Errors
    /// `Unauthenticated`; `TOO_SHORT`, `TOO_LONG` or `INVALID` for `name`.
    pub async fn update_profile(self, name: Option<&str>) -> Outcome<User> {
        let request = self.0;
        let own = request.actor().own()?;
        let name = name
            .map(PersonName::parse)
            .transpose()
            .map_err(|error| error.at("name"))?;
        let core = request.core();
        core.database
            .atomically(async |uow| {
                let user = uow.users().lock(&own).await?;
                let user = user.ok_or(resonance_authz::Denied::Unauthenticated)?;
                let Some(name) = name.filter(|name| name.as_str() != user.name) else {
                    return Ok(user);
                };
                uow.users().rename(&own, &name, core.clock.now()).await?;
                let payload = Changes::default().field("name", user.name.as_str(), name.as_str());
                uow.record(request.event(EventKind::UserUpdated, None, user.id.type_id(), payload));
                Ok(User {
                    name: name.into_string(),
                    ..user
                })
            })
            .await
    }

    /// What a member sees of people of an organization: of those who are members, and of those who left something
    /// there, such as a generation, before they left themselves. Others are simply absent.
    ///
    /// Every member may ask. The address is there for members only, and only for whoever may list them
    /// (`org:sys_memberships:read`).
    ///
    /// # Errors
    /// `Unauthenticated`, or `NotVisible` for whoever is no member.
    pub async fn profiles(self, organization: OrganizationId, ids: &[UserId]) -> Outcome<Vec<UserProfile>> {
        let grant = self.0.grant::<ReadOrganization>(organization).await?;
        Ok(self.0.core().database.users().profiles(&grant, ids).await?)
    }

    /// Opens a session for `user`, who proved to be that in this unit of work.
    pub(crate) async fn open_session(self, uow: &UnitOfWork, user: User) -> Outcome<OpenedSession> {
        let request = self.0;
        let now = request.core().clock.now();
        let origin = request.origin();
        let token = SecretToken::random(SESSION_TOKEN, &mut rand::rng());
        let session = Session {
            id: request.core().ids.next(),
            user: user.id,
            active_organization: user.last_active_organization,
            user_agent: origin.user_agent.clone(),
            ip_address: origin.ip_address.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: now + SESSION_IDLE_LIFETIME,
        };
        uow.sessions()
            .open(&ADMIT, &session, token.hash().as_bytes())
            .await?;
        uow.record(request.event_of(
            user.id,
            EventKind::SessionCreated,
            session.id.type_id(),
            Changes::default().made("expiresAt", serde_json::json!(session.expires_at)),
        ));
        Ok(OpenedSession {
            user,
            session,
            token: token.expose(),
        })
    }
}
