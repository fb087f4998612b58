//! One's own sessions.

use resonance_domain::{ErrorCode, EventKind, FieldError, Page, PageRequest, Session, SessionId};
use resonance_persistence::{IdCursor, Repositories};

use crate::{Outcome, Request, ServiceError, changes::Changes};

impl Request {
    /// One's own sessions.
    #[must_use]
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

/// The use cases around one's own sessions.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a>(&'a Request);

impl Sessions<'_> {
    /// A page of the sessions that have not expired, newest first.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn page(self, page: &PageRequest<IdCursor>) -> Outcome<Page<Session>> {
        let own = self.0.actor().own()?;
        let core = self.0.core();
        let now = core.clock.now();
        Ok(core.database.sessions().page(&own, page, now).await?)
    }

    /// How many sessions have not expired.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn count(self) -> Outcome<u64> {
        let own = self.0.actor().own()?;
        let core = self.0.core();
        Ok(core.database.sessions().count(&own, core.clock.now()).await?)
    }

    /// Ends one of one's own sessions, at once.
    ///
    /// # Errors
    /// `Unauthenticated`; `NOT_FOUND` for `sessionId`.
    pub async fn revoke(self, session: SessionId) -> Outcome<()> {
        let request = self.0;
        let own = request.actor().own()?;
        request
            .core()
            .database
            .atomically(async |uow| {
                if !uow.sessions().end(&own, session).await? {
                    return Err(FieldError::new(ErrorCode::NotFound, "no such session")
                        .at("sessionId")
                        .into());
                }
                let kind = EventKind::SessionRevoked;
                uow.record(request.event(kind, None, session.type_id(), Changes::default()));
                Ok::<_, ServiceError>(())
            })
            .await
    }

    /// Ends all of one's own sessions but the one that the request came through, at once; how many.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn revoke_others(self) -> Outcome<u64> {
        let request = self.0;
        let own = request.actor().own()?;
        let session = request.signed_in()?.session;
        request
            .core()
            .database
            .atomically(async |uow| {
                let ended = uow.sessions().end_others(&own, session).await?;
                if ended > 0 {
                    let payload = Changes::default().with("others", ended);
                    uow.record(request.event(EventKind::SessionRevoked, None, session.type_id(), payload));
                }
                Ok::<_, ServiceError>(ended)
            })
            .await
    }
}
