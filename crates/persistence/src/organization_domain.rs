//! Mail domains, as the organization that has them sees them.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, Implies, ManageDomains, ReadDomains};
use resonance_domain::{
    DomainId, DomainName, DomainProof, EnrolmentMode, Id, OrganizationDomain, PageRequest, RoleKey,
};
use sea_orm::QueryResult;

use crate::{
    IdCursor, StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{known, role},
};

/// The mail domains of organizations.
#[derive(Debug, Clone, Copy)]
pub struct OrganizationDomains<'a>(pub(crate) Executor<'a>);

impl OrganizationDomains<'_> {
    /// Stores a domain that is not proved yet. The caller holds the organization's row.
    ///
    /// # Errors
    /// `Unique` if the organization has the name, or the database's.
    pub async fn insert(
        self,
        grant: &Grant<ManageDomains>,
        domain: &OrganizationDomain,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO organization_domains
            (organization_id, id, name, enrolment_mode, role, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)";
        let values = [
            grant.organization().as_uuid().into(),
            domain.id.as_uuid().into(),
            domain.name.as_str().into(),
            domain.mode.as_str().into(),
            domain.role.as_str().into(),
            domain.created_at.into(),
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// All of them, oldest first. There are few.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(self, grant: &Grant<ManageDomains>) -> Result<Vec<OrganizationDomain>, StorageError> {
        let mut sql = domains(grant.organization().as_uuid());
        sql.push(" ORDER BY id");
        self.0.rows(sql, domain).await
    }

    /// A page of them, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn page(
        self,
        grant: &Grant<impl Implies<ReadDomains>>,
        page: &PageRequest<IdCursor>,
    ) -> Result<Vec<OrganizationDomain>, StorageError> {
        let mut sql = domains(grant.organization().as_uuid());
        sql.page_by_id("id", false, page);
        self.0.rows(sql, domain).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn count(self, grant: &Grant<impl Implies<ReadDomains>>) -> Result<u64, StorageError> {
        const COUNT: &str = "SELECT COUNT(*) FROM organization_domains WHERE organization_id = $1";
        let sql = Sql::new(COUNT, [grant.organization().as_uuid().into()]);
        let counted = self.0.row(sql, |row| at::<i64>(row, 0)).await?;
        Ok(counted.unwrap_or_default().unsigned_abs())
    }

    /// Several of them, in no order; those that are not found are absent.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(
        self,
        grant: &Grant<impl Implies<ReadDomains>>,
        ids: &[DomainId],
    ) -> Result<Vec<OrganizationDomain>, StorageError> {
        let mut sql = domains(grant.organization().as_uuid());
        sql.push(" AND id IN ").list(ids.iter().map(Id::as_uuid));
        self.0.rows(sql, domain).await
    }

    /// One of them.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(
        self,
        grant: &Grant<ManageDomains>,
        id: DomainId,
    ) -> Result<Option<OrganizationDomain>, StorageError> {
        let mut sql = domains(grant.organization().as_uuid());
        sql.push(" AND id = ").bind(id.as_uuid());
        self.0.row(sql, domain).await
    }

    /// Notes that the organization proved a domain.
    ///
    /// # Errors
    /// `Unique` if another organization proved the name before, or the database's.
    pub async fn prove(
        self,
        grant: &Grant<ManageDomains>,
        id: DomainId,
        proof: DomainProof,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const PROVE: &str = "UPDATE organization_domains SET proof = $3, verified_at = $4, updated_at = $4
            WHERE organization_id = $1 AND id = $2 AND verified_at IS NULL";
        let values = [
            grant.organization().as_uuid().into(),
            id.as_uuid().into(),
            proof.as_str().into(),
            now.into(),
        ];
        self.0.execute(PROVE, values).await?;
        Ok(())
    }

    /// Changes mode and role. Requests through the domain that are pending get the role too.
    ///
    /// # Errors
    /// The database's.
    pub async fn update(
        self,
        grant: &Grant<ManageDomains>,
        id: DomainId,
        mode: EnrolmentMode,
        role: &RoleKey,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const UPDATE: &str = "UPDATE organization_domains SET enrolment_mode = $3, role = $4, updated_at = $5
            WHERE organization_id = $1 AND id = $2";
        const REQUESTS: &str = "UPDATE membership_requests SET role = $3
            WHERE organization_id = $1 AND domain_id = $2 AND state = 'pending'";
        let (organization, id) = (grant.organization().as_uuid(), id.as_uuid());
        let values = [
            organization.into(),
            id.into(),
            mode.as_str().into(),
            role.as_str().into(),
            now.into(),
        ];
        self.0.execute(UPDATE, values).await?;
        let values = [organization.into(), id.into(), role.as_str().into()];
        self.0.execute(REQUESTS, values).await?;
        Ok(())
    }

    /// Removes a domain. Requests through it stay, without naming it.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, grant: &Grant<ManageDomains>, id: DomainId) -> Result<(), StorageError> {
        const STATEMENTS: [&str; 2] = [
            "UPDATE membership_requests SET domain_id = NULL WHERE organization_id = $1 AND domain_id = $2",
            "DELETE FROM organization_domains WHERE organization_id = $1 AND id = $2",
        ];
        for statement in STATEMENTS {
            let values = [grant.organization().as_uuid().into(), id.as_uuid().into()];
            self.0.execute(statement, values).await?;
        }
        Ok(())
    }
}

fn domains(organization: uuid::Uuid) -> Sql {
    Sql::new(
        "SELECT id, organization_id, name, enrolment_mode, role, proof, verified_at, created_at, updated_at
         FROM organization_domains WHERE organization_id = $1",
        [organization.into()],
    )
}

pub(crate) fn name(text: &str) -> Result<DomainName, StorageError> {
    known(DomainName::parse(text).ok(), "organization_domains.name")
}

fn domain(row: &QueryResult) -> Result<OrganizationDomain, StorageError> {
    let mode = EnrolmentMode::from_stored(&at::<String>(row, 3)?);
    let proof = at::<Option<String>>(row, 5)?
        .map(|text| known(DomainProof::from_stored(&text), "organization_domains.proof"))
        .transpose()?;
    Ok(OrganizationDomain {
        id: Id::from_uuid(at(row, 0)?),
        organization: Id::from_uuid(at(row, 1)?),
        name: name(&at::<String>(row, 2)?)?,
        mode: known(mode, "organization_domains.enrolment_mode")?,
        role: role(&at::<String>(row, 4)?, "organization_domains.role")?,
        proved: proof.zip(at::<Option<DateTime<Utc>>>(row, 6)?),
        created_at: at(row, 7)?,
        updated_at: at(row, 8)?,
    })
}
