//! The events of an organization in the order in which they were passed on, for its members.

use resonance_authz::{Grant, ReadOrganization};
use resonance_domain::{Event, EventKind};

use crate::{
    StorageError,
    event::{LOGGED, logged},
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::known,
};

/// Events that one page looks at. Of a rare kind, a page may hold none and still lead on.
const WINDOW: i64 = 1000;

/// The feed of events.
///
/// An event gets its position when the relay passes it on, and batches of the relay become visible one after the other:
/// whoever goes on behind the greatest position that they saw misses nothing.
#[derive(Debug, Clone, Copy)]
pub struct EventFeed<'a>(pub(crate) Executor<'a>);

/// A place in the feed: behind the event with this position; 0 is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FeedCursor(pub i64);

/// An event and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FedEvent {
    /// The place behind it.
    pub cursor: FeedCursor,
    /// What happened.
    pub event: Event,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// The events, oldest first.
    pub events: Vec<FedEvent>,
    /// Where the next page begins.
    pub end: FeedCursor,
    /// Whether there may be more behind this page already.
    pub has_more: bool,
}

impl EventFeed<'_> {
    /// Up to `limit` events of `kinds` behind `after`. Looks at a bounded number of events.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<ReadOrganization>,
        after: FeedCursor,
        kinds: &[EventKind],
        limit: u32,
    ) -> Result<FeedPage, StorageError> {
        let mut sql = Sql::new(
            format!("SELECT {LOGGED}, position FROM (SELECT * FROM events WHERE organization_id = $1 AND position > $2
                    ORDER BY position LIMIT $3) AS seen WHERE kind IN "),
            [
                grant.organization().as_uuid().into(),
                after.0.into(),
                WINDOW.into(),
            ],
        );
        sql.list(kinds.iter().map(|kind| kind.as_str()));
        sql.push(" ORDER BY position LIMIT ").bind(i64::from(limit) + 1);
        let mut events = self
            .0
            .rows(sql, |row| {
                Ok(FedEvent {
                    cursor: FeedCursor(at(row, 15)?),
                    event: known(logged(row)?.event(), "events.kind")?,
                })
            })
            .await?;
        let has_more = events.len() > limit as usize;
        events.truncate(limit as usize);
        let last = events.last().map_or(after, |event| event.cursor);
        let (end, has_more) = if has_more {
            (last, true)
        } else {
            match self.end_of_window(grant, after).await? {
                Some(end) => (end, true),
                None => (last, false),
            }
        };
        Ok(FeedPage {
            events,
            end,
            has_more,
        })
    }

    /// The end of what a page that begins behind `after` looks at, if the feed goes on behind it.
    async fn end_of_window(
        self,
        grant: &Grant<ReadOrganization>,
        after: FeedCursor,
    ) -> Result<Option<FeedCursor>, StorageError> {
        const END: &str = "SELECT position FROM events WHERE organization_id = $1 AND position > $2
            ORDER BY position LIMIT 1 OFFSET $3";
        let values = [
            grant.organization().as_uuid().into(),
            after.0.into(),
            (WINDOW - 1).into(),
        ];
        self.0
            .row(Sql::new(END, values), |row| at(row, 0).map(FeedCursor))
            .await
    }

    /// The end of the feed as it is now.
    ///
    /// # Errors
    /// The database's.
    pub async fn end(self, grant: &Grant<ReadOrganization>) -> Result<FeedCursor, StorageError> {
        const LAST: &str = "SELECT position FROM events WHERE organization_id = $1 AND position IS NOT NULL
            ORDER BY position DESC LIMIT 1";
        let values = [grant.organization().as_uuid().into()];
        let last = self.0.row(Sql::new(LAST, values), |row| at(row, 0)).await?;
        Ok(FeedCursor(last.unwrap_or_default()))
    }
}
