//! The audit log, for those who read and verify it.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{Grant, Implies, OperatorGrant, ReadAudit, SystemGrant, system::Audit};
use resonance_domain::{EventKind, Id, OrganizationId, PageRequest, Slug};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    ChainHead, IdCursor, LoggedEvent, StorageError, audit_chain,
    event::{LOGGED, count, logged},
    executor::Executor,
    organization::at,
    raw::Sql,
};

/// How far the time in an event's id may lie from the event's own.
const DRIFT: TimeDelta = TimeDelta::minutes(1);

/// Proof that a log may be read from its beginning to its end.
#[must_use]
#[derive(Debug, Clone, Copy)]
pub struct OpenLog(Option<OrganizationId>);

impl OpenLog {
    /// An organization's, for a member who may read it.
    pub fn of(grant: &Grant<impl Implies<ReadAudit>>) -> Self {
        Self(Some(grant.organization()))
    }

    /// Any, or the instance's own (`None`).
    pub const fn any(_grant: &SystemGrant<Audit>, log: Option<OrganizationId>) -> Self {
        Self(log)
    }

    /// Any, or the instance's own (`None`), for an operator.
    pub const fn for_operator(_grant: &OperatorGrant, log: Option<OrganizationId>) -> Self {
        Self(log)
    }

    /// Whose; `None` for the instance's own.
    #[must_use]
    pub const fn organization(self) -> Option<OrganizationId> {
        self.0
    }

    fn chain(self) -> Value {
        ChainHead::chain(self.0).into()
    }

    /// The beginning of a statement on the log's events.
    fn events(self) -> Sql {
        self.select(LOGGED)
    }

    fn select(self, what: &str) -> Sql {
        let select = format!("SELECT {what} FROM events WHERE organization_id ");
        match self.0 {
            Some(organization) => Sql::new(select + "= $1", [organization.as_uuid().into()]),
            None => Sql::new(select + "IS NULL", []),
        }
    }
}

/// Which entries are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What happened; nothing in it means anything.
    pub kinds: Vec<EventKind>,
    /// Who acted, as a TypeID.
    pub actor: Option<String>,
    /// What it happened to, as an id.
    pub subject: Option<String>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// The logs.
#[derive(Debug, Clone, Copy)]
pub struct AuditLogs<'a>(pub(crate) Executor<'a>);

impl AuditLogs<'_> {
    /// A page of a log, newest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        log: OpenLog,
        filter: &AuditFilter,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<LoggedEvent>, StorageError> {
        let of_kind = |kind: Option<EventKind>| {
            let mut sql = log.events();
            if let Some(kind) = kind {
                sql.push(" AND kind = ").bind(kind.as_str());
            }
            narrow(&mut sql, filter);
            sql
        };
        let mut sql = match filter.kinds.as_slice() {
            [] => of_kind(None),
            [kind] => of_kind(Some(*kind)),
            // Each kind by its own index, no further than the page reaches: whatever the kinds, few rows are read.
            kinds => {
                let mut sql = Sql::new("SELECT * FROM (", []);
                for (nth, kind) in kinds.iter().enumerate() {
                    let mut one = of_kind(Some(*kind));
                    one.page_by_id("id", true, page);
                    sql.push(if nth == 0 {
                        "SELECT * FROM ("
                    } else {
                        " UNION ALL SELECT * FROM ("
                    });
                    sql.append(one).push(&format!(") AS of_kind_{nth}"));
                }
                sql.push(") AS of_kinds WHERE TRUE");
                sql
            }
        };
        sql.page_by_id("id", true, page);
        self.0.rows(sql, logged).await
    }

    /// How many entries there are. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, log: OpenLog, filter: &AuditFilter) -> Result<u64, StorageError> {
        let mut sql = log.select("COUNT(*)");
        if !filter.kinds.is_empty() {
            sql.push(" AND kind IN ")
                .list(filter.kinds.iter().map(|kind| kind.as_str()));
        }
        narrow(&mut sql, filter);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// The next entries of an organization's log in the order in which they happened, behind `after`. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn onward(
        self,
        grant: &Grant<impl Implies<ReadAudit>>,
        filter: &AuditFilter,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StorageError> {
        let mut sql = OpenLog::of(grant).events();
        narrow(&mut sql, filter);
        if let Some(after) = after {
            sql.push(" AND id > ").bind(after);
        }
        sql.push(" ORDER BY id LIMIT ").bind(i64::from(limit));
        self.0.rows(sql, logged).await
    }

    /// Where a log's chain ends; `None` if nothing was ever sealed in it.
    ///
    /// # Errors
    /// The database's.
    pub async fn head(self, log: OpenLog) -> Result<Option<ChainHead>, StorageError> {
        const HEAD: &str = "SELECT id, length, head_hash, head_mac FROM audit_chains WHERE id = $1";
        self.0.row(Sql::new(HEAD, [log.chain()]), audit_chain::head).await
    }

    /// The next events of a log's chain up to the place `last`, by place and id, behind `after`. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn sealed(
        self,
        log: OpenLog,
        last: u64,
        after: Option<(i64, Uuid)>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StorageError> {
        let mut sql = log.events();
        sql.push(" AND chain_position IS NOT NULL AND chain_position <= ")
            .bind(count(last));
        if let Some((position, id)) = after {
            sql.push(" AND (chain_position, id) > (").bind(position);
            sql.push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY chain_position, id LIMIT ")
            .bind(i64::from(limit));
        self.0.rows(sql, logged).await
    }

    /// Some events whose places lie behind the chain's end as it is at this moment. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn behind_the_end(self, log: OpenLog, limit: u32) -> Result<Vec<LoggedEvent>, StorageError> {
        let mut sql = log.events();
        sql.push(
            " AND chain_position IS NOT NULL AND chain_position > COALESCE((SELECT length FROM audit_chains WHERE id = ",
        )
        .bind(log.chain());
        sql.push("), 0) ORDER BY chain_position, id LIMIT ")
            .bind(i64::from(limit));
        self.0.rows(sql, logged).await
    }

    /// The next events that have no place, by id, behind `after`. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn unsealed(
        self,
        log: OpenLog,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StorageError> {
        let mut sql = log.events();
        sql.push(" AND chain_position IS NULL");
        if let Some(after) = after {
            sql.push(" AND id > ").bind(after);
        }
        sql.push(" ORDER BY id LIMIT ").bind(i64::from(limit));
        self.0.rows(sql, logged).await
    }

    /// The next organizations that are not deleted, by id, behind `after`.
    ///
    /// # Errors
    /// The database's.
    pub async fn organizations(
        self,
        _grant: &SystemGrant<Audit>,
        after: Option<OrganizationId>,
        limit: u32,
    ) -> Result<Vec<OrganizationId>, StorageError> {
        const NEXT: &str =
            "SELECT id FROM organizations WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or(Uuid::nil(), |id| id.as_uuid());
        let sql = Sql::new(NEXT, [after.into(), i64::from(limit).into()]);
        self.0.rows(sql, |row| Ok(Id::from_uuid(at(row, 0)?))).await
    }

    /// The organization with this slug.
    ///
    /// # Errors
    /// The database's.
    pub async fn organization_by_slug(
        self,
        _grant: &SystemGrant<Audit>,
        slug: &Slug,
    ) -> Result<Option<OrganizationId>, StorageError> {
        const FIND: &str = "SELECT id FROM organizations WHERE slug = $1 AND deleted_at IS NULL";
        let sql = Sql::new(FIND, [slug.as_str().into()]);
        self.0.row(sql, |row| Ok(Id::from_uuid(at(row, 0)?))).await
    }
}

fn narrow(sql: &mut Sql, filter: &AuditFilter) {
    if let Some(actor) = &filter.actor {
        sql.push(" AND actor = ").bind(actor.as_str());
    }
    if let Some(subject) = &filter.subject {
        sql.push(" AND subject = ").bind(subject.as_str());
    }
    // Ids sort by time, and every index ends with them.
    if let Some(from) = filter.from {
        sql.push(" AND created_at >= ").bind(from);
        sql.push(" AND id >= ").bind(first_id(from - DRIFT));
    }
    if let Some(to) = filter.to {
        sql.push(" AND created_at < ").bind(to);
        sql.push(" AND id < ").bind(first_id(to + DRIFT));
    }
}

/// What no id that is made at `time` or later sorts before.
fn first_id(time: DateTime<Utc>) -> Uuid {
    let milliseconds = u64::try_from(time.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(milliseconds.min((1 << 48) - 1)) << 80)
}
