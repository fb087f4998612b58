//! Generations as they change.
//!
//! A live note only says where to look: every item is read anew, under a standing that is read anew, so that a feed
//! ends with the membership and the session that it rests on.

use std::collections::VecDeque;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use resonance_authz::{Denied, ReadGenerations};
use resonance_domain::{Generation, GenerationId, InOrg, OrganizationId};
use resonance_persistence::Repositories;

use crate::{
    Outcome, Request, ServiceError,
    ear::{Ear, News},
};

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

/// What concerns a feed of generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// This generation may have changed.
    Generation(GenerationId),
    /// Whether the feed may go on must be found out anew.
    Standing,
    /// Anything may have happened.
    Anything,
}

impl Hint {
    fn of(news: News, organization: OrganizationId) -> Option<Self> {
        match news {
            News::Missed => Some(Self::Anything),
            News::OfMe => Some(Self::Standing),
            News::Here { kind, subject } => match kind.split('.').next() {
                Some("generation") => {
                    let address: InOrg<GenerationId> = subject?.parse().ok()?;
                    (address.organization == organization).then_some(Self::Generation(address.id))
                }
                Some("membership" | "organization") => Some(Self::Standing),
                _ => None,
            },
        }
    }
}

/// Reads a generation as it is now, with authority as it is now.
async fn read(ear: &Ear, id: GenerationId) -> Outcome<Option<Generation>> {
    let grant = ear.grant::<ReadGenerations>().await?;
    Ok(ear
        .request()
        .core()
        .database
        .generations()
        .get(&grant, id)
        .await?)
}

/// Waits for the next hint; `None` when there will be no more.
async fn hear(ear: &mut Ear) -> Option<Hint> {
    let organization = ear.organization();
    loop {
        if let Some(hint) = Hint::of(ear.hear().await?, organization) {
            return Some(hint);
        }
    }
}

/// The next hint that has come already.
fn heard_already(ear: &mut Ear) -> Option<Hint> {
    let organization = ear.organization();
    loop {
        if let Some(hint) = Hint::of(ear.heard_already()?, organization) {
            return Some(hint);
        }
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
            let outcome = match read(&self.ear, self.address.id).await {
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
            match hear(&mut self.ear).await {
                Some(hint) if concerns(&hint) => break,
                Some(_) => {}
                None => return false,
            }
        }
        // One look answers everything that was heard before it.
        while heard_already(&mut self.ear).is_some() {}
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
            if let Err(error) = self.ear.grant::<ReadGenerations>().await {
                self.ended = true;
                return Some((Err(error), self));
            }
        }
        loop {
            let change = match self.next_hint().await? {
                Hint::Generation(id) => read(&self.ear, id).await.map(|found| match found {
                    Some(generation) => HistoryChange::Changed(Box::new(generation)),
                    None => HistoryChange::Deleted(id),
                }),
                Hint::Standing => match self.ear.grant::<ReadGenerations>().await {
                    Ok(_) => continue,
                    Err(error) => Err(error),
                },
                Hint::Anything => self
                    .ear
                    .grant::<ReadGenerations>()
                    .await
                    .map(|_| HistoryChange::Missed),
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
            self.pending.push_back(hear(&mut self.ear).await?);
        }
        // Several hints at the same thing are answered by one look.
        while let Some(hint) = heard_already(&mut self.ear) {
            if !self.pending.contains(&hint) {
                self.pending.push_back(hint);
            }
        }
        self.pending.pop_front()
    }
}
