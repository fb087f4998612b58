//! All users and organizations of the instance, as operators see them.
//!
//! Searching is by beginnings, of names, slugs and proved addresses, as that is what both databases answer from an ordinary
//! index, however many rows there are; an id finds what it names. Totals count what the filter leaves.

use chrono::{DateTime, Utc};
use resonance_authz::OperatorGrant;
use resonance_domain::{
    DirectoryOrder, Id, Metadata, Organization, OrganizationId, PageRequest, User, UserId,
};
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::{
    IdCursor, StorageError, TextCursor,
    executor::Executor,
    organization::{self, at},
    page::{folded, without_nul},
    raw::Sql,
    read_rows::{count, metadata},
    user,
};

/// Everybody and every organization.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a>(pub(crate) Executor<'a>);

/// Which users or organizations are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryFilter {
    /// The beginning of a name, slug or proved address, in whichever case; or an id.
    pub search: Option<String>,
    /// Whether suspended users are wanted, or only those who are not. Organizations are never suspended.
    pub suspended: Option<bool>,
    /// The first moment of creation.
    pub created_from: Option<DateTime<Utc>>,
    /// The first moment of creation that is too late.
    pub created_until: Option<DateTime<Utc>>,
}

/// An organization, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryOrganization {
    /// The organization.
    pub organization: Organization,
    /// How many generations its history holds.
    pub generation_count: u64,
    /// Data that only operators see.
    pub private_metadata: Metadata,
    /// The newest month in which it was active, as `2026-11`.
    pub active_month: Option<String>,
}

impl DirectoryOrganization {
    /// The organization's place in a list in this order.
    #[must_use]
    pub fn place(&self, order: DirectoryOrder) -> TextCursor {
        place(order, &self.organization.name, self.organization.id.as_uuid())
    }
}

/// A user, as operators see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The user.
    pub user: User,
    /// How many organizations the user may create, where an operator decided so.
    pub organization_limit: Option<u32>,
    /// Whether the user is an operator.
    pub is_operator: bool,
}

impl DirectoryUser {
    /// The user's place in a list in this order.
    #[must_use]
    pub fn place(&self, order: DirectoryOrder) -> TextCursor {
        place(order, &self.user.name, self.user.id.as_uuid())
    }
}

fn place(order: DirectoryOrder, name: &str, id: Uuid) -> TextCursor {
    let key = match order {
        DirectoryOrder::CreatedAt => String::new(),
        DirectoryOrder::Name => folded(name),
    };
    TextCursor { key, id }
}

impl Directory<'_> {
    /// A page of the organizations. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn organizations(
        self,
        _grant: &OperatorGrant,
        filter: &DirectoryFilter,
        order: DirectoryOrder,
        descending: bool,
        page: &PageRequest<TextCursor>,
    ) -> Result<Vec<DirectoryOrganization>, StorageError> {
        let mut sql = organizations();
        organizations_of(&mut sql, filter);
        in_order(&mut sql, "o", order, descending, page);
        self.0.rows(sql, read_organization).await
    }

    /// How many there are under the same filter.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_organizations(
        self,
        _grant: &OperatorGrant,
        filter: &DirectoryFilter,
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "SELECT COUNT(*) FROM organizations o WHERE o.deleted_at IS NULL",
            [],
        );
        organizations_of(&mut sql, filter);
        self.count(sql).await
    }

    /// Several organizations, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn organizations_by_id(
        self,
        _grant: &OperatorGrant,
        ids: &[OrganizationId],
    ) -> Result<Vec<DirectoryOrganization>, StorageError> {
        let mut sql = organizations();
        sql.push(" AND o.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, read_organization).await
    }

    /// How many members each of these organizations has. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn member_counts(
        self,
        _grant: &OperatorGrant,
        ids: &[OrganizationId],
    ) -> Result<Vec<(OrganizationId, u64)>, StorageError> {
        let mut sql = Sql::new(
            "SELECT organization_id, COUNT(*) FROM memberships WHERE organization_id IN ",
            [],
        );
        sql.list(ids.iter().map(Id::as_uuid))
            .push(" GROUP BY organization_id");
        self.0
            .rows(sql, |row| {
                Ok((Id::from_uuid(at(row, 0)?), count(at(row, 1)?, "memberships")?))
            })
            .await
    }

    /// A page of the users. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(
        self,
        _grant: &OperatorGrant,
        filter: &DirectoryFilter,
        order: DirectoryOrder,
        descending: bool,
        page: &PageRequest<TextCursor>,
    ) -> Result<Vec<DirectoryUser>, StorageError> {
        let mut sql = users();
        users_of(&mut sql, filter);
        in_order(&mut sql, "users", order, descending, page);
        self.0.rows(sql, read_user).await
    }

    /// How many there are under the same filter.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_users(
        self,
        _grant: &OperatorGrant,
        filter: &DirectoryFilter,
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM users WHERE TRUE", []);
        users_of(&mut sql, filter);
        self.count(sql).await
    }

    /// Several users, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn users_by_id(
        self,
        _grant: &OperatorGrant,
        ids: &[UserId],
    ) -> Result<Vec<DirectoryUser>, StorageError> {
        let mut sql = users();
        sql.push(" AND users.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, read_user).await
    }

    async fn count(self, sql: Sql) -> Result<u64, StorageError> {
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }
}

fn organizations() -> Sql {
    Sql::new(
        format!(
            "SELECT {}, o.generation_count, o.private_metadata, o.active_month FROM organizations o
             WHERE o.deleted_at IS NULL",
            organization::COLUMNS
        ),
        [],
    )
}

fn users() -> Sql {
    Sql::new(
        format!(
            "SELECT {}, users.organization_limit, operators.user_id IS NOT NULL FROM users
             LEFT JOIN operators ON operators.user_id = users.id WHERE TRUE",
            user::COLUMNS
        ),
        [],
    )
}

fn organizations_of(sql: &mut Sql, filter: &DirectoryFilter) {
    match Search::of(filter) {
        Search::All => {}
        Search::Id(id) => {
            sql.push(" AND o.id = ").bind(id);
        }
        Search::Beginning(from, until) => {
            sql.push(" AND o.id IN (SELECT id FROM organizations WHERE ");
            between(sql, "name_key", &from, &until);
            sql.push(" UNION SELECT id FROM organizations WHERE ");
            between(sql, "slug", &from, &until);
            sql.push(")");
        }
    }
    created(sql, "o", filter);
}

fn users_of(sql: &mut Sql, filter: &DirectoryFilter) {
    match Search::of(filter) {
        Search::All => {}
        Search::Id(id) => {
            sql.push(" AND users.id = ").bind(id);
        }
        Search::Beginning(from, until) => {
            sql.push(" AND users.id IN (SELECT id FROM users WHERE ");
            between(sql, "name_key", &from, &until);
            sql.push(" UNION SELECT user_id FROM user_emails WHERE verified_at IS NOT NULL AND ");
            between(sql, "address_key", &from, &until);
            sql.push(")");
        }
    }
    match filter.suspended {
        Some(true) => sql.push(" AND users.suspended_at IS NOT NULL"),
        Some(false) => sql.push(" AND users.suspended_at IS NULL"),
        None => sql,
    };
    created(sql, "users", filter);
}

/// What a search looks for.
enum Search {
    All,
    Id(Uuid),
    /// From the first text to the last, both included.
    Beginning(String, String),
}

impl Search {
    fn of(filter: &DirectoryFilter) -> Self {
        let Some(search) = filter
            .search
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        else {
            return Self::All;
        };
        if let Ok(id) = search.parse::<OrganizationId>() {
            return Self::Id(id.as_uuid());
        }
        if let Ok(id) = search.parse::<UserId>() {
            return Self::Id(id.as_uuid());
        }
        let from = folded(&without_nul(search));
        // No text sorts behind the last of all characters.
        let until = format!("{from}\u{10FFFF}");
        Self::Beginning(from, until)
    }
}

fn between(sql: &mut Sql, column: &str, from: &str, until: &str) {
    sql.push(column).push(" >= ").bind(from);
    sql.push(" AND ").push(column).push(" <= ").bind(until);
}

fn created(sql: &mut Sql, table: &str, filter: &DirectoryFilter) {
    for (beyond, moment) in [(">=", filter.created_from), ("<", filter.created_until)] {
        if let Some(moment) = moment {
            sql.push(&format!(" AND {table}.created_at {beyond} "))
                .bind(moment);
        }
    }
}

fn in_order(
    sql: &mut Sql,
    table: &str,
    order: DirectoryOrder,
    descending: bool,
    page: &PageRequest<TextCursor>,
) {
    let id = format!("{table}.id");
    match order {
        // Identifiers sort by time.
        DirectoryOrder::CreatedAt => {
            let page = PageRequest {
                direction: page.direction,
                limit: page.limit,
                cursor: page.cursor.as_ref().map(|place| IdCursor(place.id)),
            };
            sql.page_by_id(&id, descending, &page);
        }
        DirectoryOrder::Name => {
            sql.page_by_text(&format!("{table}.name_key"), &id, descending, page);
        }
    }
}

fn read_organization(row: &QueryResult) -> Result<DirectoryOrganization, StorageError> {
    Ok(DirectoryOrganization {
        organization: organization::organization(row)?,
        generation_count: count(at(row, 11)?, "organizations.generation_count")?,
        private_metadata: metadata(at(row, 12)?, "organizations.private_metadata")?,
        active_month: at(row, 13)?,
    })
}

fn read_user(row: &QueryResult) -> Result<DirectoryUser, StorageError> {
    let limit: Option<i64> = at(row, user::COLUMN_COUNT)?;
    Ok(DirectoryUser {
        user: user::read(row)?,
        organization_limit: limit
            .map(|limit| count(limit, "users.organization_limit"))
            .transpose()?,
        is_operator: at(row, user::COLUMN_COUNT + 1)?,
    })
}
