//! The chains of the audit log, as the relay continues them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::OrganizationId;
use resonance_identity::{AuditHash, AuditKey};
use resonance_persistence::{ChainHead, LoggedEvent, Repositories, Seal, UnitOfWork};
use uuid::Uuid;

use crate::Outcome;

/// The signature of an end that follows on one which was no true one: it never holds again. What somebody did to the
/// end of a chain must not be healed by what happens next.
const BROKEN: AuditHash = [0; 32];

/// Gives events, in their order, the next places in the chains of their logs: two statements for all chains that there
/// are, one for the events.
pub(crate) async fn seal(
    grant: &SystemGrant<Relay>,
    uow: &UnitOfWork,
    key: &AuditKey,
    events: &[LoggedEvent],
    now: DateTime<Utc>,
) -> Outcome<()> {
    let logs: BTreeSet<Option<OrganizationId>> = events.iter().map(|event| event.organization).collect();
    let beginnings = logs.into_iter().map(|log| beginning(key, log)).collect();
    let heads = uow.audit_chains().hold(grant, beginnings).await?;
    let mut ends: BTreeMap<Uuid, End> = heads
        .into_iter()
        .map(|head| (ChainHead::chain(head.organization), End::of(key, head)))
        .collect();
    let mut seals = Vec::with_capacity(events.len());
    for event in events {
        if let Some(end) = ends.get_mut(&ChainHead::chain(event.organization)) {
            seals.push(end.append(key, event));
        }
    }
    uow.events().seal(grant, &seals, now).await?;
    let heads = ends.into_values().map(|end| end.head(key));
    uow.audit_chains().advance(grant, heads).await?;
    Ok(())
}

/// The end of a chain in which nothing is yet.
pub(crate) fn beginning(key: &AuditKey, log: Option<OrganizationId>) -> ChainHead {
    let chain = ChainHead::chain(log).into_bytes();
    let hash = key.origin(&chain);
    ChainHead {
        organization: log,
        length: 0,
        mac: key.sign_head(&chain, 0, &hash).to_vec(),
        hash: hash.to_vec(),
    }
}

/// Whether the instance itself wrote this end.
pub(crate) fn is_genuine_end(key: &AuditKey, head: &ChainHead) -> bool {
    let chain = ChainHead::chain(head.organization).into_bytes();
    key.is_head(&chain, head.length, &head.hash, &head.mac)
}

/// Whether the instance itself wrote this event, and nobody changed it since.
pub(crate) fn is_genuine(key: &AuditKey, event: &LoggedEvent) -> bool {
    event.readable && key.is_signature(&event.record().canonical(), &event.mac)
}

/// A link as it is reckoned with; one that has not the length of a link is no link.
pub(crate) fn as_link(hash: &[u8]) -> AuditHash {
    hash.try_into().unwrap_or_default()
}

/// The end of a chain that is being continued.
struct End {
    organization: Option<OrganizationId>,
    length: u64,
    hash: AuditHash,
    genuine: bool,
}

impl End {
    fn of(key: &AuditKey, head: ChainHead) -> Self {
        let genuine = is_genuine_end(key, &head);
        if !genuine {
            tracing::error!(
                organization = ?head.organization,
                length = head.length,
                "the end of a chain of the audit log was tampered with"
            );
        }
        Self {
            organization: head.organization,
            length: head.length,
            hash: as_link(&head.hash),
            genuine,
        }
    }

    fn append(&mut self, key: &AuditKey, event: &LoggedEvent) -> Seal {
        self.length += 1;
        self.hash = key.link(&self.hash, self.length, &event.mac);
        Seal {
            event: event.id,
            position: self.length,
            chain_hash: self.hash,
            // Nobody is told of what was made up.
            is_fed: is_genuine(key, event),
        }
    }

    fn head(self, key: &AuditKey) -> ChainHead {
        let chain = ChainHead::chain(self.organization).into_bytes();
        let mac = if self.genuine {
            key.sign_head(&chain, self.length, &self.hash)
        } else {
            BROKEN
        };
        ChainHead {
            organization: self.organization,
            length: self.length,
            hash: self.hash.to_vec(),
            mac: mac.to_vec(),
        }
    }
}
