//! Generations as they change.
//!
//! A live note only says where to look: every item is read anew, under a standing that is read anew, so that a feed
//! ends with the membership and the session that it rests on.

use std::collections::VecDeque;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use resonance_authz::{Denied, Grant, ReadGenerations};
use resonance_domain::{EventKind, Generation, GenerationId, InOrg, OrganizationId};
use resonance_persistence::{Heard, LiveNote, Repositories};
use tokio::sync::broadcast::{
    Receiver,
    error::{RecvError, TryRecvError},
};

use crate::{Outcome, Request, ServiceError};

/// What happened in an organization's history.
#[derive(Debug, Clone, PartialEq)]
pub enum HistoryChange {
    /// A generation is new, or has changed; this is how it is now.
    Changed(Box<Generation>),
    /// A generation was removed.
    Deleted(GenerationId),
    /// Changes may have been missed: read the list anew.
    Missed,
}

impl Request {
    /// A generation as it is now, and again whenever it changes, on whatever node. Ends once it is final, or deleted,
    /// or the member may not read it any more. Requires `org:generations:read`.
    ///
    /// The first item is `NotVisible` if there is no such generation.
    #[must_use]
    pub fn watch_generation(&self, address: InOrg<GenerationId>) -> BoxStream<'static, Outcome<Generation>> {
        let watch = Watch {
            // From here on nothing is missed, so what is read next is never too old.
            ear: Ear::new(self, address.organization),
            address,
            last: None,
            ended: false,
        };
        stream::unfold(watch, Watch::next).boxed()
    }

    /// The changes in an organization's history from now on, on whatever node. Ends once the member may not read it
    /// any more. Requires `org:generations:read`.
    ///
    /// The first item is `NotVisible` for whoever is no member.
    #[must_use]
    pub fn watch_generations(
        &self,
        organization: OrganizationId,
    ) -> BoxStream<'static, Outcome<HistoryChange>> {
        let feed = Feed {
            ear: Ear::new(self, organization),
            pending: VecDeque::new(),
            opened: false,
            ended: false,
        };
        stream::unfold(feed, Feed::next).boxed()
    }
}

/// Hears of one organization.
struct Ear {
    request: Request,
    organization: OrganizationId,
    notes: Receiver<Heard>,
}

/// What concerns a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// This generation may have changed.
    Generation(GenerationId),
    /// Whether the feed may go on must be found out anew.
    Standing,
    /// Anything may have happened.
    Anything,
}

impl Ear {
    fn new(request: &Request, organization: OrganizationId) -> Self {
        Self {
            notes: request.core().database.live().subscribe(),
            request: request.clone(),
            organization,
        }
    }

    /// Waits for the next hint; `None` when there will be no more.
    async fn hear(&mut self) -> Option<Hint> {
        loop {
            let hint = match self.notes.recv().await {
                Ok(heard) => self.concerning(heard),
                Err(RecvError::Lagged(_)) => Some(Hint::Anything),
                Err(RecvError::Closed) => return None,
            };
            if hint.is_some() {
                return hint;
            }
        }
    }

    /// The next hint that has come already.
    fn heard_already(&mut self) -> Option<Hint> {
        loop {
            match self.notes.try_recv() {
                Ok(heard) => {
                    if let Some(hint) = self.concerning(heard) {
                        return Some(hint);
                    }
                }
                Err(TryRecvError::Lagged(_)) => return Some(Hint::Anything),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    fn concerning(&self, heard: Heard) -> Option<Hint> {
        match heard {
            Heard::Missed => Some(Hint::Anything),
            Heard::Note(LiveNote {
                organization,
                kind,
                subject,
            }) => {
                if organization != Some(self.organization) {
                    return self.is_about_me(&kind, subject?).then_some(Hint::Standing);
                }
                match kind.split('.').next() {
                    Some("generation") => {
                        let address: InOrg<GenerationId> = subject?.parse().ok()?;
                        (address.organization == self.organization).then_some(Hint::Generation(address.id))
                    }
                    Some("membership" | "organization") => Some(Hint::Standing),
                    _ => None,
                }
            }
        }
    }

    /// Whether a note says that this very session may have ended. It may also end unheard; then it ends the feed as soon
    /// as anything is to be told.
    fn is_about_me(&self, kind: &str, subject: String) -> bool {
        self.request.signed_in().is_ok_and(|me| {
            (kind == EventKind::SessionRevoked.as_str() && subject == me.session.type_id())
                || (kind == EventKind::UserPasswordChanged.as_str() && subject == me.user.type_id())
        })
    }

    /// Authority to read as it is now, not as it was when the request began.
    async fn grant(&self) -> Outcome<Grant<ReadGenerations>> {
        let core = self.request.core();
        let (me, now) = (self.request.signed_in()?, core.clock.now());
        let standings = core.database.standings();
        let standing = standings.of_session(me, self.organization, now).await?;
        let grant = standing.grant()?;
        // What is read beside the item, such as its author, is read under the same standing.
        self.request.learn(standing);
        Ok(grant)
    }

    async fn read(&self, id: GenerationId) -> Outcome<Option<Generation>> {
        let grant = self.grant().await?;
        Ok(self.request.core().database.generations().get(&grant, id).await?)
    }
}

struct Watch {
    ear: Ear,
    address: InOrg<GenerationId>,
    last: Option<Generation>,
    ended: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Outcome<Generation>, Self)> {
        loop {
            if self.ended || (self.last.is_some() && !self.wait().await) {
                return None;
            }
            let outcome = match self.ear.read(self.address.id).await {
                Ok(Some(generation)) if self.last.as_ref() == Some(&generation) => continue,
                Ok(Some(generation)) => {
                    self.ended = generation.state.is_final();
                    self.last = Some(generation.clone());
                    Ok(generation)
                }
                // What was there before is gone for this member: nothing more is to be told.
                Ok(None) | Err(ServiceError::Denied(_)) if self.last.is_some() => return None,
                Ok(None) => Err(ServiceError::Denied(Denied::NotVisible)),
                Err(error) => Err(error),
            };
            self.ended |= outcome.is_err();
            return Some((outcome, self));
        }
    }

    /// Waits until it is worth looking again.
    async fn wait(&mut self) -> bool {
        let mine = self.address.id;
        let concerns = |hint: &Hint| !matches!(hint, Hint::Generation(id) if *id != mine);
        loop {
            match self.ear.hear().await {
                Some(hint) if concerns(&hint) => break,
                Some(_) => {}
                None => return false,
            }
        }
        // One look answers everything that was heard before it.
        while self.ear.heard_already().is_some() {}
        true
    }
}

struct Feed {
    ear: Ear,
    /// What was heard and not looked at yet, each hint once.
    pending: VecDeque<Hint>,
    opened: bool,
    ended: bool,
}

impl Feed {
    async fn next(mut self) -> Option<(Outcome<HistoryChange>, Self)> {
        if self.ended {
            return None;
        }
        if !self.opened {
            self.opened = true;
            if let Err(error) = self.ear.grant().await {
                self.ended = true;
                return Some((Err(error), self));
            }
        }
        loop {
            let change = match self.next_hint().await? {
                Hint::Generation(id) => self.ear.read(id).await.map(|found| match found {
                    Some(generation) => HistoryChange::Changed(Box::new(generation)),
                    None => HistoryChange::Deleted(id),
                }),
                Hint::Standing => match self.ear.grant().await {
                    Ok(_) => continue,
                    Err(error) => Err(error),
                },
                Hint::Anything => self.ear.grant().await.map(|_| HistoryChange::Missed),
            };
            return match change {
                Err(ServiceError::Denied(_)) => None,
                change => {
                    self.ended = change.is_err();
                    Some((change, self))
                }
            };
        }
    }

    async fn next_hint(&mut self) -> Option<Hint> {
        if self.pending.is_empty() {
            self.pending.push_back(self.ear.hear().await?);
        }
        // Several hints at the same thing are answered by one look.
        while let Some(hint) = self.ear.heard_already() {
            if !self.pending.contains(&hint) {
                self.pending.push_back(hint);
            }
        }
        self.pending.pop_front()
    }
}
