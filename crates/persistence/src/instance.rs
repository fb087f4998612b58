//! What the instance is, its settings, and how much there is in it.

use chrono::{DateTime, Utc};
use resonance_authz::OperatorGrant;
use resonance_domain::{EnrolmentMode, InstanceSettings, InstanceTotals, RoleKey};
use serde_json::Value;

use crate::{
    StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known, role},
};

/// The rows about the instance itself.
#[derive(Debug, Clone, Copy)]
pub struct InstanceRow<'a>(pub(crate) Executor<'a>);

/// What operators set; the configuration decides where they set nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSettings {
    /// See [`InstanceSettings::member_limit`].
    pub member_limit: Option<u32>,
    /// See [`InstanceSettings::organizations_deletable`].
    pub organizations_deletable: Option<bool>,
    /// See [`InstanceSettings::organization_creation`].
    pub organization_creation: Option<bool>,
    /// See [`InstanceSettings::organizations_per_user`].
    pub organizations_per_user: Option<u32>,
    /// See [`InstanceSettings::domains_enabled`].
    pub domains_enabled: Option<bool>,
    /// See [`InstanceSettings::enrolment_modes`].
    pub enrolment_modes: Option<Vec<EnrolmentMode>>,
    /// See [`InstanceSettings::domain_default_role`].
    pub domain_default_role: Option<RoleKey>,
}

impl StoredSettings {
    /// What is in force where `configured` is the configuration's word.
    #[must_use]
    pub fn over(&self, configured: InstanceSettings) -> InstanceSettings {
        InstanceSettings {
            member_limit: self.member_limit.unwrap_or(configured.member_limit),
            organizations_deletable: self
                .organizations_deletable
                .unwrap_or(configured.organizations_deletable),
            organization_creation: self
                .organization_creation
                .unwrap_or(configured.organization_creation),
            organizations_per_user: self
                .organizations_per_user
                .unwrap_or(configured.organizations_per_user),
            domains_enabled: self.domains_enabled.unwrap_or(configured.domains_enabled),
            enrolment_modes: self.enrolment_modes.clone().unwrap_or(configured.enrolment_modes),
            domain_default_role: self
                .domain_default_role
                .clone()
                .unwrap_or(configured.domain_default_role),
        }
    }
}

impl InstanceRow<'_> {
    /// Binds the database to the secret with this fingerprint unless it is bound already; the fingerprint that it is
    /// bound to. Whichever of several nodes comes first decides.
    ///
    /// # Errors
    /// The database's.
    pub async fn bind(self, fingerprint: &str, now: DateTime<Utc>) -> Result<String, StorageError> {
        const BIND: &str = "INSERT INTO instance (id, secret_fingerprint, created_at) VALUES (1, $1, $2)
            ON CONFLICT (id) DO NOTHING";
        const BOUND: &str = "SELECT secret_fingerprint FROM instance WHERE id = 1";
        self.0.execute(BIND, [fingerprint.into(), now.into()]).await?;
        let bound = self.0.one(BOUND, [], |row| row.try_get_by_index(0)).await?;
        bound.ok_or(StorageError::corrupt("instance"))
    }

    /// What operators set, as this unit of work sees it. Not remembered anywhere: a change holds at once, on every node.
    ///
    /// # Errors
    /// The database's.
    pub async fn settings(self) -> Result<StoredSettings, StorageError> {
        self.read("").await
    }

    /// The same, held until the unit of work ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock_settings(self, _grant: &OperatorGrant) -> Result<StoredSettings, StorageError> {
        self.read(self.0.on_postgres("FOR UPDATE")).await
    }

    async fn read(self, lock: &str) -> Result<StoredSettings, StorageError> {
        let sql = format!(
            "SELECT member_limit, organizations_deletable, organization_creation, organizations_per_user,
                domains_enabled, enrolment_modes, domain_default_role
             FROM instance_settings WHERE id = 1 {lock}"
        );
        let found = self
            .0
            .row(Sql::new(sql, []), |row| {
                let number = |column| {
                    at::<Option<i64>>(row, column)?
                        .map(|number| count(number, "instance_settings"))
                        .transpose()
                };
                Ok(StoredSettings {
                    member_limit: number(0)?,
                    organizations_deletable: at(row, 1)?,
                    organization_creation: at(row, 2)?,
                    organizations_per_user: number(3)?,
                    domains_enabled: at(row, 4)?,
                    enrolment_modes: at::<Option<Value>>(row, 5)?
                        .map(|stored| modes(&stored))
                        .transpose()?,
                    domain_default_role: at::<Option<String>>(row, 6)?
                        .map(|key| role(&key, "instance_settings.domain_default_role"))
                        .transpose()?,
                })
            })
            .await?;
        found.ok_or(StorageError::corrupt("instance_settings"))
    }

    /// Stores what operators set.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_settings(
        self,
        _grant: &OperatorGrant,
        settings: &StoredSettings,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const STORE: &str = "UPDATE instance_settings SET member_limit = $1, organizations_deletable = $2,
            organization_creation = $3, organizations_per_user = $4, domains_enabled = $5, enrolment_modes = $6,
            domain_default_role = $7, updated_at = $8 WHERE id = 1";
        let modes = settings.enrolment_modes.as_ref();
        let modes = modes.map(|modes| modes.iter().map(|mode| mode.as_str()).collect::<Value>());
        let values = [
            settings.member_limit.map(i64::from).into(),
            settings.organizations_deletable.into(),
            settings.organization_creation.into(),
            settings.organizations_per_user.map(i64::from).into(),
            settings.domains_enabled.into(),
            modes.into(),
            settings.domain_default_role.as_ref().map(RoleKey::as_str).into(),
            now.into(),
        ];
        self.0.execute(STORE, values).await?;
        Ok(())
    }

    /// How much there is. One statement; users and organizations are counted, the rest was added up month by month.
    ///
    /// # Errors
    /// The database's.
    pub async fn totals(self, _grant: &OperatorGrant) -> Result<InstanceTotals, StorageError> {
        const TOTALS: &str = "SELECT (SELECT COUNT(*) FROM users),
            (SELECT COUNT(*) FROM organizations WHERE deleted_at IS NULL),
            CAST(COALESCE(SUM(generations), 0) AS bigint), CAST(COALESCE(SUM(characters), 0) AS bigint)
            FROM instance_months";
        let found = self
            .0
            .row(Sql::new(TOTALS, []), |row| {
                let number = |column| count::<u64>(at(row, column)?, "instance_months");
                Ok(InstanceTotals {
                    users: number(0)?,
                    organizations: number(1)?,
                    generations: number(2)?,
                    characters: number(3)?,
                })
            })
            .await?;
        found.ok_or(StorageError::corrupt("instance_months"))
    }
}

fn modes(stored: &Value) -> Result<Vec<EnrolmentMode>, StorageError> {
    let names = stored.as_array().into_iter().flatten();
    names
        .map(|name| {
            let mode = name.as_str().and_then(EnrolmentMode::from_stored);
            known(mode, "instance_settings.enrolment_modes")
        })
        .collect()
}
