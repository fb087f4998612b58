//! The events of an organization: page by page, and live.
//!
//! Both read the same list in the same order, so that a reader of pages misses nothing, and a subscriber neither: a live
//! note only says that it is time to read on. What a slow subscriber has not taken yet stays in the database.

use std::collections::VecDeque;

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use resonance_authz::{Grant, PermissionSet, ReadOrganization};
use resonance_domain::{EventFilter, EventKind, FieldError, OrganizationId, PageRequest};
use resonance_persistence::{FeedCursor, Repositories};

use crate::{
    Outcome, PublishedEvent, Request, ServiceError,
    ear::{Ear, News},
    published_event::{is_published, may_see},
    relay::PROGRESSED,
};

/// Events that a live subscription reads at a time.
const READ_AT_ONCE: u32 = 50;

/// An event and its place in the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FedPublishedEvent {
    /// Where the feed goes on behind it.
    pub cursor: FeedCursor,
    /// The event.
    pub event: PublishedEvent,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<FedPublishedEvent>,
    /// Where the next page begins: behind everything that this one looked at.
    pub end: FeedCursor,
    /// Whether there may be more behind it already.
    pub has_more: bool,
}

impl Request {
    /// The events of an organization behind `after` (from the beginning, if it is `None`), oldest first: those of
    /// `types` (kinds and nouns such as `membership.*`; empty means all) that the member's permissions allow to see, up
    /// to `limit`. Two statements.
    ///
    /// A page may hold fewer, even none, though there are more behind its end: it looks at a bounded number of events.
    ///
    /// # Errors
    /// Denials. Refusals: of `types`; `INVALID` for `first` above 100.
    pub async fn events(
        &self,
        organization: OrganizationId,
        types: Vec<String>,
        after: Option<FeedCursor>,
        limit: Option<i32>,
    ) -> Outcome<EventPage> {
        let limit = PageRequest::<()>::parse(limit, None, None, None)?.limit;
        let grant = self.grant::<ReadOrganization>(organization).await?;
        let filter = filter(types)?;
        page(self, &grant, &filter, after.unwrap_or_default(), limit).await
    }

    /// The same as it goes on: behind `after`, or from now on if that is `None`. Ends once the membership or the session
    /// does; what the member may see is decided anew at each event.
    ///
    /// The first item is `NotVisible` for whoever is no member, and a refusal for wrong `types`.
    #[must_use]
    pub fn watch_events(
        &self,
        organization: OrganizationId,
        types: Vec<String>,
        after: Option<FeedCursor>,
    ) -> BoxStream<'static, Outcome<FedPublishedEvent>> {
        let watch = Watch {
            // From here on nothing is missed, so where reading begins is never too late.
            ear: Ear::new(self, organization),
            types: Some(types),
            filter: EventFilter::default(),
            place: after,
            ready: VecDeque::new(),
            has_more: true,
            ended: false,
        };
        stream::unfold(watch, Watch::next).boxed()
    }
}

fn filter(types: Vec<String>) -> Result<EventFilter, FieldError> {
    EventFilter::parse(types, is_published).map_err(|error| error.at("types"))
}

/// The kinds that pass the filter and may be seen.
fn kinds(filter: &EventFilter, permissions: PermissionSet) -> Vec<EventKind> {
    let all = EventKind::ALL.iter().copied();
    all.filter(|kind| filter.admits(*kind) && may_see(permissions, *kind))
        .collect()
}

async fn page(
    request: &Request,
    grant: &Grant<ReadOrganization>,
    filter: &EventFilter,
    after: FeedCursor,
    limit: u32,
) -> Outcome<EventPage> {
    let kinds = kinds(filter, grant.permissions());
    let feed = request.core().database.event_feed();
    let page = feed.page(grant, after, &kinds, limit).await?;
    let events = page.events.iter().filter_map(|fed| {
        Some(FedPublishedEvent {
            cursor: fed.cursor,
            event: PublishedEvent::of(&fed.event)?,
        })
    });
    Ok(EventPage {
        events: events.collect(),
        end: page.end,
        has_more: page.has_more,
    })
}

struct Watch {
    ear: Ear,
    /// What the subscriber asked for; taken when the stream is first asked.
    types: Option<Vec<String>>,
    filter: EventFilter,
    place: Option<FeedCursor>,
    /// Read and not told yet.
    ready: VecDeque<FedPublishedEvent>,
    has_more: bool,
    ended: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Outcome<FedPublishedEvent>, Self)> {
        loop {
            if self.ended {
                return None;
            }
            // What was read may be told only as long as nothing was heard that ends or narrows it.
            if self.has_changed_standing() {
                if let Some(first) = self.ready.front() {
                    self.place = Some(FeedCursor(first.cursor.0 - 1));
                    self.ready.clear();
                }
                self.has_more = true;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            if !self.has_more && !self.wait().await {
                return None;
            }
            let began = self.types.is_none();
            match self.read().await {
                Ok(()) => {}
                // Who was let in and is shut out hears no more of it, not even why.
                Err(ServiceError::Denied(_)) if began => return None,
                Err(error) => {
                    self.ended = true;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Reads on, with authority as it is now.
    async fn read(&mut self) -> Outcome<()> {
        let grant = self.ear.grant::<ReadOrganization>().await?;
        if let Some(types) = self.types.take() {
            self.filter = filter(types)?;
        }
        let request = self.ear.request();
        let place = match self.place {
            Some(place) => place,
            None => request.core().database.event_feed().end(&grant).await?,
        };
        let page = page(request, &grant, &self.filter, place, READ_AT_ONCE).await?;
        self.place = Some(page.end);
        self.has_more = page.has_more;
        self.ready.extend(page.events);
        Ok(())
    }

    /// Waits until it is worth reading on.
    async fn wait(&mut self) -> bool {
        loop {
            match self.ear.hear().await {
                // Progress is no event.
                Some(News::Here { kind, .. }) if kind == PROGRESSED => {}
                Some(_) => break,
                None => return false,
            }
        }
        // One look answers everything that was heard before it.
        while self.ear.heard_already().is_some() {}
        self.has_more = true;
        true
    }

    /// Whether anything was heard, since the last reading, that may change what the subscriber may see.
    fn has_changed_standing(&mut self) -> bool {
        let mut changed = false;
        if self.ready.is_empty() {
            return false;
        }
        while let Some(news) = self.ear.heard_already() {
            self.has_more = true;
            changed |= match news {
                News::Missed | News::OfMe => true,
                News::Here { kind, .. } => ["membership", "organization", "role"]
                    .contains(&kind.split('.').next().unwrap_or_default()),
            };
        }
        changed
    }
}
