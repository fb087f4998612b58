//! Organizations.

use chrono::{DateTime, Utc};
use resonance_authz::{
    Authorizer, ChangeOrganization, DeleteOrganization, Grant, Implies, OwnGrant, ReadOrganization, Standing,
    SystemGrant, system,
};
use resonance_domain::{Id, Organization, OrganizationId, PageRequest, Slug, UserId};
use sea_orm::{QueryResult, TryGetable};
use uuid::Uuid;

use crate::{
    IdCursor, Standings, StorageError,
    executor::Executor,
    page::folded,
    raw::Sql,
    read_rows::{count, known, metadata},
    role::ON_RECORD,
    standing::record,
};

/// The organizations.
#[derive(Debug, Clone, Copy)]
pub struct Organizations<'a>(pub(crate) Executor<'a>);

/// An organization as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewedOrganization {
    /// The organization.
    pub organization: Organization,
    /// How many generations its history holds.
    pub generation_count: u64,
    /// What the member is there.
    pub standing: Standing,
}

/// What founding an organization needs to know of the founder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founder {
    /// The display name.
    pub name: String,
    /// The primary address.
    pub email: String,
    /// How many organizations this user may create, where an operator decided otherwise than for everybody.
    pub organization_limit: Option<u32>,
}

/// What [`Organizations::picture`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationPicture {
    /// The organization's name, for an avatar.
    pub name: String,
    /// The logo's key in the object store.
    pub logo_key: Option<String>,
    /// When the organization's profile last changed.
    pub updated_at: DateTime<Utc>,
}

/// Read by [`organization`], in this order.
pub(crate) const COLUMNS: &str = "o.id, o.name, o.slug, o.description, o.logo_key, o.public_metadata, o.member_limit, \
    o.deletable, o.created_by, o.created_at, o.updated_at";

impl Organizations<'_> {
    /// The user who founds an organization, held until the unit of work ends: nobody founds two at a time, so that
    /// counting what they founded is safe.
    ///
    /// # Errors
    /// The database's.
    pub async fn founder(self, own: &OwnGrant) -> Result<Option<Founder>, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let sql = format!("SELECT name, email, organization_limit FROM users WHERE id = $1 {lock}");
        self.0
            .row(Sql::new(sql, [own.user().as_uuid().into()]), |row| {
                let limit: Option<i64> = at(row, 2)?;
                Ok(Founder {
                    name: at(row, 0)?,
                    email: at(row, 1)?,
                    organization_limit: limit
                        .map(|limit| count(limit, "users.organization_limit"))
                        .transpose()?,
                })
            })
            .await
    }

    /// How many of the organizations that the user founded exist.
    ///
    /// # Errors
    /// The database's.
    pub async fn founded(self, own: &OwnGrant) -> Result<u64, StorageError> {
        const FOUNDED: &str =
            "SELECT COUNT(*) FROM organizations WHERE created_by = $1 AND deleted_at IS NULL";
        let founded = self
            .0
            .one(FOUNDED, [own.user().as_uuid().into()], |row| {
                row.try_get_by_index::<i64>(0)
            })
            .await?;
        Ok(founded.unwrap_or_default().unsigned_abs())
    }

    /// Which of `candidates` are some organization's slug.
    ///
    /// # Errors
    /// The database's.
    pub async fn taken_slugs(
        self,
        _own: &OwnGrant,
        candidates: &[Slug],
    ) -> Result<Vec<String>, StorageError> {
        let mut sql = Sql::new("SELECT slug FROM organizations WHERE slug IN ", []);
        sql.list(candidates.iter().map(Slug::as_str));
        self.0.rows(sql, |row| at(row, 0)).await
    }

    /// Stores a new organization. `false` if its slug is taken, also by one that another transaction just stored;
    /// the unit of work can go on then.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(self, own: &OwnGrant, new: &Organization) -> Result<bool, StorageError> {
        const INSERT: &str = "INSERT INTO organizations
            (id, name, slug, description, public_metadata, private_metadata, member_limit, deletable,
             created_by, created_at, updated_at, name_key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11) ON CONFLICT (slug) DO NOTHING";
        let values = [
            new.id.as_uuid().into(),
            new.name.as_str().into(),
            new.slug.as_str().into(),
            new.description.as_str().into(),
            new.public_metadata.clone().into_value().into(),
            serde_json::json!({}).into(),
            i64::from(new.member_limit).into(),
            new.deletable.into(),
            own.user().as_uuid().into(),
            new.created_at.into(),
            folded(&new.name).into(),
        ];
        Ok(self.0.execute(INSERT, values).await? > 0)
    }

    /// An organization of the user's, with what the user is there. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn viewed(
        self,
        own: &OwnGrant,
        organization: OrganizationId,
    ) -> Result<Option<ViewedOrganization>, StorageError> {
        let mut sql = viewed_by(own);
        sql.push(" AND m.organization_id = ").bind(organization.as_uuid());
        self.0.row(sql, |row| viewed(own, row)).await
    }

    /// The same, found by slug.
    ///
    /// # Errors
    /// The database's.
    pub async fn viewed_by_slug(
        self,
        own: &OwnGrant,
        slug: &Slug,
    ) -> Result<Option<ViewedOrganization>, StorageError> {
        let mut sql = viewed_by(own);
        sql.push(" AND o.slug = ").bind(slug.as_str());
        self.0.row(sql, |row| viewed(own, row)).await
    }

    /// Those of `organizations` that are the user's, in no order. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn viewed_many(
        self,
        own: &OwnGrant,
        organizations: &[OrganizationId],
    ) -> Result<Vec<ViewedOrganization>, StorageError> {
        let mut sql = viewed_by(own);
        sql.push(" AND m.organization_id IN ")
            .list(organizations.iter().map(Id::as_uuid));
        self.0.rows(sql, |row| viewed(own, row)).await
    }

    /// A page of the user's organizations, oldest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        own: &OwnGrant,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<ViewedOrganization>, StorageError> {
        let mut sql = viewed_by(own);
        sql.page_by_id("m.organization_id", false, page);
        self.0.rows(sql, |row| viewed(own, row)).await
    }

    /// How many organizations the user is a member of.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, own: &OwnGrant) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM memberships WHERE user_id = $1";
        let counted = self
            .0
            .one(COUNT, [own.user().as_uuid().into()], |row| {
                row.try_get_by_index::<i64>(0)
            })
            .await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// The organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
    ) -> Result<Option<Organization>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM organizations o WHERE o.id = $1 AND o.deleted_at IS NULL");
        self.0
            .row(
                Sql::new(sql, [grant.organization().as_uuid().into()]),
                organization,
            )
            .await
    }

    /// Stores the profile: name, slug, description, logo and public metadata. Fails with a unique violation if the
    /// slug is another's.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_profile(
        self,
        grant: &Grant<ChangeOrganization>,
        profile: &Organization,
    ) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE organizations SET name = $2, slug = $3, description = $4, logo_key = $5,
            public_metadata = $6, updated_at = $7, name_key = $8 WHERE id = $1 AND deleted_at IS NULL";
        let values = [
            grant.organization().as_uuid().into(),
            profile.name.as_str().into(),
            profile.slug.as_str().into(),
            profile.description.as_str().into(),
            profile.logo_key.clone().into(),
            profile.public_metadata.clone().into_value().into(),
            profile.updated_at.into(),
            folded(&profile.name).into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// Ends all access: nobody is a member or invited any more, no work for the organization waits, nobody works in
    /// it. What remains is for [`crate::Purges`]. The caller holds the organization's row
    /// ([`Standings::of_locked`]).
    ///
    /// Jobs that sweep objects stay: an upload may be under way.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(
        self,
        grant: &Grant<DeleteOrganization>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        // Users, sessions, memberships: in this order everywhere, so that no two units of work wait for each other.
        const STATEMENTS: [&str; 6] = [
            "UPDATE users SET last_active_organization_id = NULL WHERE last_active_organization_id = $1
             AND id IN (SELECT user_id FROM memberships WHERE organization_id = $1)",
            "UPDATE sessions SET active_organization_id = NULL WHERE active_organization_id = $1
             AND user_id IN (SELECT user_id FROM memberships WHERE organization_id = $1)",
            "DELETE FROM memberships WHERE organization_id = $1",
            "DELETE FROM invitations WHERE organization_id = $1",
            // Somebody else may prove the names from now on.
            "UPDATE organization_domains SET verified_at = NULL WHERE organization_id = $1",
            // A job that is at work ends by itself: until then, the purge must wait for what it may still upload.
            "DELETE FROM jobs WHERE organization_id = $1 AND queue NOT IN ('sweep', 'purge')
             AND state <> 'running'",
        ];
        const CLOSE: &str = "UPDATE organizations SET deleted_at = $2, slug = NULL WHERE id = $1";
        let organization = grant.organization().as_uuid();
        for statement in STATEMENTS {
            self.0.execute(statement, [organization.into()]).await?;
        }
        self.0.execute(CLOSE, [organization.into(), now.into()]).await?;
        Ok(())
    }

    /// What stands for an organization in pictures.
    ///
    /// # Errors
    /// The database's.
    pub async fn picture(
        self,
        _grant: &SystemGrant<system::ShowLogo>,
        organization: OrganizationId,
    ) -> Result<Option<OrganizationPicture>, StorageError> {
        const PICTURE: &str =
            "SELECT name, logo_key, updated_at FROM organizations WHERE id = $1 AND deleted_at IS NULL";
        self.0
            .row(Sql::new(PICTURE, [organization.as_uuid().into()]), |row| {
                Ok(OrganizationPicture {
                    name: at(row, 0)?,
                    logo_key: at(row, 1)?,
                    updated_at: at(row, 2)?,
                })
            })
            .await
    }
}

/// A value of a row.
pub(crate) fn at<T: TryGetable>(row: &QueryResult, column: usize) -> Result<T, StorageError> {
    Ok(row.try_get_by_index(column)?)
}

/// The beginning of every statement that reads organizations for one of their members.
fn viewed_by(own: &OwnGrant) -> Sql {
    Sql::new(
        format!(
            "SELECT {COLUMNS}, o.generation_count, m.id, m.role, {ON_RECORD} FROM memberships m
             JOIN organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL WHERE m.user_id = $1"
        ),
        [own.user().as_uuid().into()],
    )
}

fn viewed(own: &OwnGrant, row: &QueryResult) -> Result<ViewedOrganization, StorageError> {
    let organization = organization(row)?;
    Ok(ViewedOrganization {
        standing: Authorizer::<Standings<'_>>::standing_of(own.user(), organization.id, record(row, 12)?),
        generation_count: count(at(row, 11)?, "organizations.generation_count")?,
        organization,
    })
}

pub(crate) fn organization(row: &QueryResult) -> Result<Organization, StorageError> {
    Ok(Organization {
        id: Id::from_uuid(at(row, 0)?),
        name: at(row, 1)?,
        slug: known(at::<Option<String>>(row, 2)?, "organizations.slug")?,
        description: at(row, 3)?,
        logo_key: at(row, 4)?,
        public_metadata: metadata(at(row, 5)?, "organizations.public_metadata")?,
        member_limit: count(at(row, 6)?, "organizations.member_limit")?,
        deletable: at(row, 7)?,
        created_by: at::<Option<Uuid>>(row, 8)?.map(UserId::from_uuid),
        created_at: at(row, 9)?,
        updated_at: at(row, 10)?,
    })
}
