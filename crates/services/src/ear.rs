//! Hearing of what happens in one organization, for as long as one may.

use resonance_authz::{Action, Grant};
use resonance_domain::{EventKind, OrganizationId};
use resonance_persistence::{Heard, LiveNote, Repositories};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

use crate::{Outcome, Request};

/// Hears of one organization, on behalf of one session. From its making on nothing is missed unheard.
pub(crate) struct Ear {
    request: Request,
    organization: OrganizationId,
    notes: Receiver<Heard>,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// Something happened in the organization: an event's kind (or `generation.progressed`) and its subject.
    Here { kind: String, subject: Option<String> },
    /// This very session may have ended. It may also end unheard; then it ends a feed as soon as anything is to be told.
    OfMe,
    /// Anything may have happened.
    Missed,
}

impl Ear {
    pub(crate) fn new(request: &Request, organization: OrganizationId) -> Self {
        Self {
            notes: request.core().database.live().subscribe(),
            request: request.clone(),
            organization,
        }
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Waits for news; `None` when there will be no more.
    pub(crate) async fn hear(&mut self) -> Option<News> {
        loop {
            let news = match self.notes.recv().await {
                Ok(heard) => self.concerning(heard),
                Err(RecvError::Lagged(_)) => Some(News::Missed),
                Err(RecvError::Closed) => return None,
            };
            if news.is_some() {
                return news;
            }
        }
    }

    /// News that have come already.
    pub(crate) fn heard_already(&mut self) -> Option<News> {
        loop {
            match self.notes.try_recv() {
                Ok(heard) => {
                    if let Some(news) = self.concerning(heard) {
                        return Some(news);
                    }
                }
                Err(TryRecvError::Lagged(_)) => return Some(News::Missed),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    fn concerning(&self, heard: Heard) -> Option<News> {
        match heard {
            Heard::Missed => Some(News::Missed),
            Heard::Note(LiveNote {
                organization,
                kind,
                subject,
            }) => {
                if organization == Some(self.organization) {
                    return Some(News::Here { kind, subject });
                }
                self.is_about_me(&kind, &subject?).then_some(News::OfMe)
            }
        }
    }

    fn is_about_me(&self, kind: &str, subject: &str) -> bool {
        self.request.signed_in().is_ok_and(|me| {
            (kind == EventKind::SessionRevoked.as_str() && subject == me.session.type_id())
                || (kind == EventKind::UserPasswordChanged.as_str() && subject == me.user.type_id())
        })
    }

    /// Authority as it is now, not as it was when the request began.
    pub(crate) async fn grant<A: Action>(&self) -> Outcome<Grant<A>> {
        let core = self.request.core();
        if let Some(key) = self.request.key_in(&core.database, self.organization).await? {
            return Ok(key.standing.grant()?);
        }
        let (me, now) = (self.request.signed_in()?, core.clock.now());
        let standings = core.database.standings();
        let standing = standings.of_session(me, self.organization, now).await?;
        let grant = standing.grant()?;
        // What is read beside an item, such as its author, is read under the same standing.
        self.request.learn(standing);
        Ok(grant)
    }
}
