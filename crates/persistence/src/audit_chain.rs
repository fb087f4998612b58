//! Where the chains of the audit log end.

use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{Id, OrganizationId};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{StorageError, event::count, executor::Executor, organization::at, raw::Sql};

/// The end of a chain: of an organization's, or of the instance's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Whose; `None` for the instance's own.
    pub organization: Option<OrganizationId>,
    /// How many events it holds.
    pub length: u64,
    /// The last link; of an empty chain, what the first link follows on.
    pub hash: Vec<u8>,
    /// The signature of the end.
    pub mac: Vec<u8>,
}

impl ChainHead {
    /// The chain's identity: the organization's, or all zeros.
    #[must_use]
    pub fn chain(organization: Option<OrganizationId>) -> Uuid {
        organization.map_or(Uuid::nil(), |id| id.as_uuid())
    }
}

/// The ends of chains, for whoever appends.
#[derive(Debug, Clone, Copy)]
pub struct AuditChains<'a>(pub(crate) Executor<'a>);

impl AuditChains<'_> {
    /// Holds the ends of these chains until the unit of work ends, in an order that is the same everywhere; those that
    /// are not there yet begin as they are given. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold(
        self,
        _grant: &SystemGrant<Relay>,
        mut beginnings: Vec<ChainHead>,
    ) -> Result<Vec<ChainHead>, StorageError> {
        if beginnings.is_empty() {
            return Ok(Vec::new());
        }
        // PostgreSQL inserts, or locks what is there, row by row in this order: no two relays wait for each other.
        beginnings.sort_unstable_by_key(|head| ChainHead::chain(head.organization));
        let mut sql = Sql::new(
            "INSERT INTO audit_chains (id, organization_id, length, head_hash, head_mac) VALUES ",
            [],
        );
        for (row, head) in beginnings.into_iter().enumerate() {
            sql.push(if row == 0 { "(" } else { ", (" });
            sql.bind(ChainHead::chain(head.organization)).push(", ");
            sql.bind(head.organization.map(|id| id.as_uuid())).push(", ");
            sql.bind(count(head.length)).push(", ");
            sql.bind(head.hash).push(", ").bind(head.mac).push(")");
        }
        sql.push(
            " ON CONFLICT (id) DO UPDATE SET length = audit_chains.length RETURNING id, length, head_hash, head_mac",
        );
        self.0.rows(sql, head).await
    }

    /// Moves the ends of chains that are held. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn advance(
        self,
        _grant: &SystemGrant<Relay>,
        heads: impl IntoIterator<Item = ChainHead>,
    ) -> Result<(), StorageError> {
        let mut sql = Sql::new(
            "UPDATE audit_chains SET length = v.column2, head_hash = v.column3, head_mac = v.column4 FROM (VALUES ",
            [],
        );
        let mut separator = "(";
        for head in heads {
            sql.push(separator);
            sql.bind(ChainHead::chain(head.organization)).push(", ");
            sql.bind(count(head.length)).push(", ");
            sql.bind(head.hash).push(", ").bind(head.mac).push(")");
            separator = ", (";
        }
        if separator == "(" {
            return Ok(());
        }
        sql.push(") AS v WHERE audit_chains.id = v.column1");
        self.0.run_along(sql).await
    }
}

/// Reads the identity, length, hash and signature of an end.
pub(crate) fn head(row: &QueryResult) -> Result<ChainHead, StorageError> {
    let chain: Uuid = at(row, 0)?;
    Ok(ChainHead {
        organization: (!chain.is_nil()).then(|| Id::from_uuid(chain)),
        // What cannot be a length is no true one, as its signature shows.
        length: u64::try_from(at::<i64>(row, 1)?).unwrap_or_default(),
        hash: at(row, 2)?,
        mac: at(row, 3)?,
    })
}
