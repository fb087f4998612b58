//! Whether an audit log is what the instance wrote.

use resonance_domain::{EventId, OrganizationId};
use resonance_identity::{AuditHash, AuditKey};
use resonance_persistence::{ChainHead, LoggedEvent, OpenLog, Repositories};
use uuid::Uuid;

use crate::{
    Outcome,
    audit_chain::{as_link, beginning, is_genuine, is_genuine_end},
    core::Core,
};

/// Rows that are read at a time.
const BATCH: u32 = 500;
/// Differences that are told one by one; of the rest, only how many there are.
const MAX_TOLD: usize = 100;
/// Rows at one place that are looked at together to find the true one.
const MAX_AT_ONE_PLACE: usize = 16;

/// A link of the chain that somebody kept: what was last in it at some time, or a line of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLink {
    /// Its place, counted from 1; 0 for the empty chain, which every chain holds.
    pub position: u64,
    /// The link.
    pub hash: Vec<u8>,
}

/// What verifying a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerification {
    /// Whose log; `None` for the instance's own.
    pub organization: Option<OrganizationId>,
    /// How many events the chain holds, as its end says.
    pub length: u64,
    /// The last link. Kept together with the length somewhere else, it shows later that nothing before it was removed
    /// or put back to an earlier state, which the chain alone cannot show.
    pub hash: Vec<u8>,
    /// How many rows were looked at.
    pub checked: u64,
    /// Genuine events that wait for their places; the relay gives them these within moments.
    pub pending: u64,
    /// How many differences there are.
    pub difference_count: u64,
    /// The first hundred of them.
    pub differences: Vec<AuditDifference>,
}

impl AuditVerification {
    /// Whether the log is what the instance wrote.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.difference_count == 0
    }
}

/// Something that is not as the instance wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditDifference {
    /// What.
    pub kind: AuditDifferenceKind,
    /// At which place of the chain.
    pub position: Option<u64>,
    /// Up to which place, for places in which nothing is.
    pub until: Option<u64>,
    /// Which event.
    pub event: Option<EventId>,
}

/// What is not as the instance wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditDifferenceKind {
    /// An event was changed, or made up.
    Changed,
    /// Events are missing.
    Removed,
    /// An event is genuine, but does not follow on what stands before it.
    Moved,
    /// An event stands where another one stands already, or behind the end.
    Inserted,
    /// The end of the chain was changed.
    EndChanged,
    /// An event that was passed on has no place.
    Unsealed,
    /// The chain does not hold the link that was known.
    KnownLinkMissing,
}

impl AuditDifferenceKind {
    /// A sentence about it.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Changed => "an event was changed or made up",
            Self::Removed => "events are missing",
            Self::Moved => "an event does not follow on what stands before it",
            Self::Inserted => "an event stands where it was not written",
            Self::EndChanged => "the end of the chain was changed",
            Self::Unsealed => "an event that was passed on has lost its place",
            Self::KnownLinkMissing => "the chain does not hold the link that was known",
        }
    }
}

/// Walks through a log from its beginning to the end that it has now, a batch of rows at a time.
pub(crate) async fn verify(
    core: &Core,
    log: OpenLog,
    known: Option<&KnownLink>,
) -> Outcome<AuditVerification> {
    let key = &core.audit;
    let logs = core.database.audit_logs();
    let start = beginning(key, log.organization());
    let head = logs.head(log).await?.unwrap_or_else(|| start.clone());
    let mut walk = Walk::new(key, &start, &head, known);
    if !is_genuine_end(key, &head) {
        walk.tell(AuditDifferenceKind::EndChanged, Some(head.length), None);
    }
    let mut after = None;
    loop {
        let rows = logs.sealed(log, head.length, after, BATCH).await?;
        after = rows
            .last()
            .map(|row| (row.position.unwrap_or_default(), row.id.as_uuid()));
        let read = rows.len();
        rows.into_iter().for_each(|row| walk.row(row));
        if read < BATCH as usize {
            break;
        }
    }
    walk.end(&head);
    // In one statement with the end as it is by now: what was sealed in the meantime is no difference.
    for row in logs.behind_the_end(log, BATCH).await? {
        let position = row.position.and_then(|position| u64::try_from(position).ok());
        walk.found.checked += 1;
        walk.tell(AuditDifferenceKind::Inserted, position, Some(row.id));
    }
    let mut after: Option<Uuid> = None;
    loop {
        let rows = logs.unsealed(log, after, BATCH).await?;
        after = rows.last().map(|row| row.id.as_uuid());
        rows.iter().for_each(|row| walk.unsealed(row));
        if rows.len() < BATCH as usize {
            break;
        }
    }
    Ok(walk.found)
}

/// Where the walk stands.
struct Walk<'a> {
    key: &'a AuditKey,
    found: AuditVerification,
    known: Option<&'a KnownLink>,
    /// The link before the place that comes next; `None` where what stood there is missing.
    previous: Option<AuditHash>,
    /// The place that comes next.
    next: u64,
    /// Rows at one place, of which one should be the true one.
    here: Vec<LoggedEvent>,
}

impl<'a> Walk<'a> {
    fn new(key: &'a AuditKey, start: &ChainHead, head: &ChainHead, known: Option<&'a KnownLink>) -> Self {
        Self {
            key,
            found: AuditVerification {
                organization: head.organization,
                length: head.length,
                hash: head.hash.clone(),
                checked: 0,
                pending: 0,
                difference_count: 0,
                differences: Vec::new(),
            },
            known: known.filter(|known| known.position > 0),
            previous: Some(as_link(&start.hash)),
            next: 1,
            here: Vec::new(),
        }
    }

    fn tell(&mut self, kind: AuditDifferenceKind, position: Option<u64>, event: Option<EventId>) {
        self.tell_all(AuditDifference {
            kind,
            position,
            until: position,
            event,
        });
    }

    fn tell_all(&mut self, difference: AuditDifference) {
        self.found.difference_count += 1;
        if self.found.differences.len() < MAX_TOLD {
            self.found.differences.push(difference);
        }
    }

    fn row(&mut self, row: LoggedEvent) {
        self.found.checked += 1;
        if self
            .here
            .first()
            .is_some_and(|first| first.position == row.position)
        {
            if self.here.len() < MAX_AT_ONE_PLACE {
                self.here.push(row);
            } else {
                let position = row.position.and_then(|position| u64::try_from(position).ok());
                self.tell(AuditDifferenceKind::Inserted, position, Some(row.id));
            }
            return;
        }
        self.settle();
        self.here.push(row);
    }

    /// Decides about the rows at one place.
    fn settle(&mut self) {
        let mut rows = std::mem::take(&mut self.here);
        let Some(first) = rows.first() else { return };
        let position = first.position.unwrap_or_default();
        let Some(position) = u64::try_from(position)
            .ok()
            .filter(|position| *position >= self.next)
        else {
            // Before the first place, where nothing can be.
            for row in rows {
                self.tell(AuditDifferenceKind::Inserted, None, Some(row.id));
            }
            return;
        };
        if position > self.next {
            self.missing(position - 1);
        }
        let links: Vec<bool> = rows.iter().map(|row| self.follows(row, position)).collect();
        let genuine: Vec<bool> = rows.iter().map(|row| is_genuine(self.key, row)).collect();
        let true_one = (0..rows.len())
            .max_by_key(|nth| (links[*nth], genuine[*nth], std::cmp::Reverse(*nth)))
            .unwrap_or_default();
        let row = rows.swap_remove(true_one);
        if !genuine[true_one] {
            self.tell(AuditDifferenceKind::Changed, Some(position), Some(row.id));
        } else if !links[true_one] {
            self.tell(AuditDifferenceKind::Moved, Some(position), Some(row.id));
        }
        for row in rows {
            self.tell(AuditDifferenceKind::Inserted, Some(position), Some(row.id));
        }
        let hash = row.chain_hash.unwrap_or_default();
        if self
            .known
            .is_some_and(|known| known.position == position && known.hash == hash)
        {
            self.known = None;
        }
        self.previous = Some(as_link(&hash));
        self.next = position + 1;
    }

    /// Whether a row's link follows on the one before it. Behind a gap, nobody can say.
    fn follows(&self, row: &LoggedEvent, position: u64) -> bool {
        let hash = row.chain_hash.as_deref().unwrap_or_default();
        self.previous
            .is_none_or(|previous| self.key.link(&previous, position, &row.mac) == hash)
    }

    fn missing(&mut self, until: u64) {
        self.tell_all(AuditDifference {
            kind: AuditDifferenceKind::Removed,
            position: Some(self.next),
            until: Some(until),
            event: None,
        });
        self.previous = None;
    }

    fn end(&mut self, head: &ChainHead) {
        self.settle();
        if self.next <= head.length {
            self.missing(head.length);
        } else if self.found.is_intact() && self.previous.is_some_and(|last| last != *head.hash) {
            self.tell(AuditDifferenceKind::EndChanged, Some(head.length), None);
        }
        if let Some(known) = self.known {
            self.tell(AuditDifferenceKind::KnownLinkMissing, Some(known.position), None);
        }
    }

    fn unsealed(&mut self, row: &LoggedEvent) {
        self.found.checked += 1;
        if !is_genuine(self.key, row) {
            self.tell(AuditDifferenceKind::Changed, None, Some(row.id));
        } else if row.relayed {
            self.tell(AuditDifferenceKind::Unsealed, None, Some(row.id));
        } else {
            self.found.pending += 1;
        }
    }
}
