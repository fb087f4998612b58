//! Memberships.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Grant, Implies, InvitationGrant, ManageMemberships, OwnGrant, ReadMemberships, ReadOrganization,
    Standing, SystemGrant, system,
};
use resonance_domain::{
    Id, Membership, MembershipId, MembershipOrder, OrganizationId, PageRequest, RoleKey, UserId,
};
use sea_orm::{QueryResult, Value};

use crate::{
    IdCursor, StorageError, TextCursor,
    executor::Executor,
    organization::at,
    page::{contains_pattern, folded},
    raw::Sql,
    read_rows::role,
};

/// The memberships.
#[derive(Debug, Clone, Copy)]
pub struct Memberships<'a>(pub(crate) Executor<'a>);

/// A member: the membership, and the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The membership.
    pub membership: Membership,
    /// The person's display name.
    pub name: String,
    /// The person's primary address.
    pub email: String,
}

impl Member {
    /// The member's place in a list in this order.
    #[must_use]
    pub fn place(&self, order: MembershipOrder) -> TextCursor {
        TextCursor {
            key: match order {
                MembershipOrder::JoinedAt => String::new(),
                MembershipOrder::Name => folded(&self.name),
                MembershipOrder::Email => folded(&self.email),
            },
            id: self.membership.id.as_uuid(),
        }
    }
}

/// Which members are wanted. What is absent restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFilter {
    /// A part of the name or of the primary address, in whichever case.
    pub search: Option<String>,
    /// The role.
    pub role: Option<RoleKey>,
}

/// A membership that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMembership {
    /// Its identity.
    pub id: MembershipId,
    /// The role.
    pub role: RoleKey,
    /// The user's display name.
    pub name: String,
    /// The user's primary address.
    pub email: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What a mail to or about a member needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberForLetter {
    /// The person's display name.
    pub name: String,
    /// The person's primary address.
    pub email: String,
    /// The organization's name.
    pub organization_name: String,
    /// The role; `None` for whoever is no member.
    pub role: Option<RoleKey>,
    /// What the role is called, where it is a custom one.
    pub role_name: Option<String>,
}

/// Read by [`member`], in this order.
const COLUMNS: &str =
    "m.id, m.organization_id, m.user_id, m.role, m.created_at, m.updated_at, u.name, u.email";

impl Memberships<'_> {
    /// Makes the user a member of the organization that they are founding in this unit of work.
    ///
    /// # Errors
    /// The database's.
    pub async fn found(
        self,
        own: &OwnGrant,
        organization: OrganizationId,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        // The founder's authority ends where somebody else founded.
        const INSERT: &str = "INSERT INTO memberships
            (organization_id, id, user_id, role, name_key, email_key, created_at, updated_at)
            SELECT id, $2, created_by, $4, $5, $6, $7, $7 FROM organizations WHERE id = $1 AND created_by = $3";
        let values = values(organization, own.user(), new);
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Makes the user a member of the organization that invites them. The caller holds the organization's row.
    ///
    /// # Errors
    /// The database's.
    pub async fn join(
        self,
        grant: &InvitationGrant,
        own: &OwnGrant,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        self.insert(grant.organization(), own.user(), new).await
    }

    /// Makes somebody a member whom nobody invited. The caller holds the organization's row.
    ///
    /// # Errors
    /// The database's.
    pub async fn add(
        self,
        grant: &Grant<ManageMemberships>,
        user: UserId,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        self.insert(grant.organization(), user, new).await
    }

    async fn insert(
        self,
        organization: OrganizationId,
        user: UserId,
        new: &NewMembership,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO memberships
            (organization_id, id, user_id, role, name_key, email_key, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
        self.0.execute(INSERT, values(organization, user, new)).await?;
        Ok(())
    }

    /// A page of the members. `descending` turns the order round. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadMemberships>>,
        filter: &MemberFilter,
        order: MembershipOrder,
        descending: bool,
        page: &PageRequest<TextCursor>,
    ) -> Result<Vec<Member>, StorageError> {
        let mut sql = members(grant.organization());
        restrict(&mut sql, filter);
        match order {
            // Identifiers sort by time.
            MembershipOrder::JoinedAt => {
                let page = PageRequest {
                    direction: page.direction,
                    limit: page.limit,
                    cursor: page.cursor.as_ref().map(|place| IdCursor(place.id)),
                };
                sql.page_by_id("m.id", descending, &page);
            }
            MembershipOrder::Name => {
                sql.page_by_text("m.name_key", "m.id", descending, page);
            }
            MembershipOrder::Email => {
                sql.page_by_text("m.email_key", "m.id", descending, page);
            }
        }
        self.0.rows(sql, member).await
    }

    /// How many members there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(
        self,
        grant: &Grant<impl Implies<ReadMemberships>>,
        filter: &MemberFilter,
    ) -> Result<u64, StorageError> {
        let mut sql = Sql::new(
            "SELECT COUNT(*) FROM memberships m WHERE m.organization_id = $1",
            [grant.organization().as_uuid().into()],
        );
        restrict(&mut sql, filter);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// One member.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<impl Implies<ReadMemberships>>,
        id: MembershipId,
    ) -> Result<Option<Member>, StorageError> {
        let mut sql = members(grant.organization());
        sql.push(" AND m.id = ").bind(id.as_uuid());
        self.0.row(sql, member).await
    }

    /// Several members, in no order; those that are not found are absent.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<impl Implies<ReadMemberships>>,
        ids: &[MembershipId],
    ) -> Result<Vec<Member>, StorageError> {
        let mut sql = members(grant.organization());
        sql.push(" AND m.id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, member).await
    }

    /// The admins whose accounts are not suspended.
    ///
    /// # Errors
    /// The database's.
    pub async fn admins(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
    ) -> Result<Vec<UserId>, StorageError> {
        const ADMINS: &str = "SELECT m.user_id FROM memberships m
            JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL
            WHERE m.organization_id = $1 AND m.role = 'org:admin' ORDER BY m.id";
        self.0
            .rows(Sql::new(ADMINS, [grant.organization().as_uuid().into()]), |row| {
                at(row, 0).map(UserId::from_uuid)
            })
            .await
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_role(
        self,
        grant: &Grant<ManageMemberships>,
        id: MembershipId,
        role: &RoleKey,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const SET: &str =
            "UPDATE memberships SET role = $3, updated_at = $4 WHERE organization_id = $1 AND id = $2";
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            role.as_str().into(),
            now.into(),
        ];
        self.0.execute(SET, values).await?;
        Ok(())
    }

    /// Ends somebody's membership; they work there no more.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove(
        self,
        grant: &Grant<ManageMemberships>,
        member: &Membership,
    ) -> Result<(), StorageError> {
        self.end(grant.organization(), member.id, member.user).await
    }

    /// Ends one's own membership.
    ///
    /// # Errors
    /// The database's.
    pub async fn leave(self, standing: &Standing) -> Result<(), StorageError> {
        self.end(standing.organization(), standing.membership(), standing.user())
            .await
    }

    async fn end(
        self,
        organization: OrganizationId,
        id: MembershipId,
        user: UserId,
    ) -> Result<(), StorageError> {
        // Users, sessions, memberships: in this order everywhere, so that no two units of work wait for each other.
        const STATEMENTS: [&str; 2] = [
            "UPDATE users SET last_active_organization_id = NULL
             WHERE id = $2 AND last_active_organization_id = $1",
            "UPDATE sessions SET active_organization_id = NULL
             WHERE user_id = $2 AND active_organization_id = $1",
        ];
        const END: &str = "DELETE FROM memberships WHERE organization_id = $1 AND user_id = $2 AND id = $3";
        let values: [Value; 2] = [organization.as_uuid().into(), user.as_uuid().into()];
        for statement in STATEMENTS {
            self.0.execute(statement, values.clone()).await?;
        }
        let [organization, user] = values;
        self.0
            .execute(END, [organization, user, id.as_uuid().into()])
            .await?;
        Ok(())
    }

    /// A user's name and primary address, for a mail to them.
    ///
    /// # Errors
    /// The database's.
    pub async fn addressee(
        self,
        _grant: &SystemGrant<system::Relay>,
        user: UserId,
    ) -> Result<Option<(String, String)>, StorageError> {
        const FIND: &str = "SELECT name, email FROM users WHERE id = $1";
        self.0
            .row(Sql::new(FIND, [user.as_uuid().into()]), |row| {
                Ok((at(row, 0)?, at(row, 1)?))
            })
            .await
    }

    /// A user and an organization, for a mail to or about them; `None` if one of them is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn for_letter(
        self,
        _grant: &SystemGrant<system::Relay>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<MemberForLetter>, StorageError> {
        const FIND: &str =
            "SELECT u.name, u.email, o.name, m.role, COALESCE(r.name, g.name) FROM organizations o
            JOIN users u ON u.id = $2
            LEFT JOIN memberships m ON m.organization_id = o.id AND m.user_id = u.id
            LEFT JOIN roles r ON r.organization_id = o.id AND r.key = m.role
            LEFT JOIN instance_roles g ON g.key = m.role
            WHERE o.id = $1 AND o.deleted_at IS NULL";
        let values = [organization.as_uuid().into(), user.as_uuid().into()];
        self.0
            .row(Sql::new(FIND, values), |row| {
                Ok(MemberForLetter {
                    name: at(row, 0)?,
                    email: at(row, 1)?,
                    organization_name: at(row, 2)?,
                    role: at::<Option<String>>(row, 3)?
                        .map(|text| role(&text, "memberships.role"))
                        .transpose()?,
                    role_name: at(row, 4)?,
                })
            })
            .await
    }
}

pub(crate) fn values(organization: OrganizationId, user: UserId, new: &NewMembership) -> [Value; 7] {
    [
        organization.as_uuid().into(),
        new.id.as_uuid().into(),
        user.as_uuid().into(),
        new.role.as_str().into(),
        folded(&new.name).into(),
        folded(&new.email).into(),
        new.created_at.into(),
    ]
}

fn members(organization: OrganizationId) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS} FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.organization_id = $1"
        ),
        [organization.as_uuid().into()],
    )
}

fn restrict(sql: &mut Sql, filter: &MemberFilter) {
    if let Some(role) = &filter.role {
        sql.push(" AND m.role = ").bind(role.as_str());
    }
    if let Some(search) = filter.search.as_deref().filter(|text| !text.trim().is_empty()) {
        let pattern = contains_pattern(search);
        sql.push(" AND (m.name_key LIKE ").bind(pattern.as_str());
        sql.push(" ESCAPE '\\' OR m.email_key LIKE ").bind(pattern);
        sql.push(" ESCAPE '\\')");
    }
}

pub(crate) fn member(row: &QueryResult) -> Result<Member, StorageError> {
    Ok(Member {
        membership: Membership {
            id: Id::from_uuid(at(row, 0)?),
            organization: Id::from_uuid(at(row, 1)?),
            user: Id::from_uuid(at(row, 2)?),
            role: role(&at::<String>(row, 3)?, "memberships.role")?,
            created_at: at(row, 4)?,
            updated_at: at(row, 5)?,
        },
        name: at(row, 6)?,
        email: at(row, 7)?,
    })
}
