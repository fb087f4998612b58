//! From a session's token to a request.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{Denied, SystemGrant, system::Authenticate};
use resonance_domain::{Month, OrganizationId, Origin, SESSION_IDLE_LIFETIME, Session, User};
use resonance_identity::SecretToken;
use resonance_persistence::Repositories;

use crate::{Outcome, Request, SESSION_TOKEN, Services, activity};

/// How exactly a session remembers when it was last used.
const TOUCH_AFTER: TimeDelta = TimeDelta::minutes(5);

/// Who is signed in, as the request's token told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The session that the request came through.
    pub session: Session,
}

impl Services {
    /// One request of whoever holds `token`. `requested_organization` is the one that the request names by a header:
    /// it is the active one for this request, whatever the session's is; that the user is a member there is found
    /// out by whoever uses it.
    ///
    /// One SQL statement finds session, user and standing in the active organization, so that none of them costs a
    /// further one. That the session was used is noted at most every five minutes, and the answer does not wait for
    /// it.
    ///
    /// # Errors
    /// `Unauthenticated` for every token that opens nothing: malformed, unknown, expired, revoked, or of a suspended
    /// user.
    pub async fn authenticate(
        &self,
        token: &str,
        origin: Origin,
        requested_organization: Option<OrganizationId>,
    ) -> Outcome<Request> {
        let core = self.core();
        let now = core.clock.now();
        let token = SecretToken::parse(SESSION_TOKEN, token).map_err(|_| Denied::Unauthenticated)?;
        let found = core
            .database
            .sessions()
            .authenticate(
                &SystemGrant::<Authenticate>::for_job(),
                token.hash().as_bytes(),
                requested_organization,
                now,
            )
            .await?
            .ok_or(Denied::Unauthenticated)?;
        // In another month the first use counts, however soon it follows the last one.
        let noted_until = Month::of(now).start().max(now - TOUCH_AFTER);
        if found.session.last_used_at < noted_until {
            let used = Session {
                last_used_at: now,
                expires_at: now + SESSION_IDLE_LIFETIME,
                ip_address: origin.ip_address.clone(),
                ..found.session.clone()
            };
            self.touch_later(used, found.session.last_used_at, noted_until);
        }
        Ok(Request::authenticated(
            self.clone(),
            Account {
                user: found.user,
                session: found.session,
            },
            found.standing,
            origin,
            requested_organization,
        ))
    }

    fn touch_later(&self, used: Session, before: DateTime<Utc>, noted_until: DateTime<Utc>) {
        let database = self.core().database.clone();
        tokio::spawn(async move {
            let month = Month::of(used.last_used_at);
            let touched = database
                .atomically(async |uow| {
                    // Before the session's row is held: organizations come first everywhere.
                    if Month::of(before) != month {
                        activity::still_signed_in(uow, used.user, month).await?;
                    }
                    let grant = SystemGrant::<Authenticate>::for_job();
                    uow.sessions().touch(&grant, &used, noted_until).await
                })
                .await;
            if let Err(error) = touched {
                // The next request of the session tries again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "noting the use of a session failed"
                );
            }
        });
    }
}
