//! Who was active when.
//!
//! A member counts as signed in during a month if they opened a session in it or went on using one. A row per member and
//! month is written once and never again, so that a busy member costs nothing.

use resonance_authz::{OperatorGrant, SystemGrant, system::Relay};
use resonance_domain::{Month, MonthlyActivity, OrganizationId, UserId};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
};

/// The records of activity.
#[derive(Debug, Clone, Copy)]
pub struct Activity<'a>(pub(crate) Executor<'a>);

/// Somebody who did something in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActedMember {
    /// Where.
    pub organization: OrganizationId,
    /// Who.
    pub user: UserId,
}

impl Activity<'_> {
    /// Notes that users were signed in during a month, in each organization that they are members of.
    ///
    /// # Errors
    /// The database's.
    pub async fn signed_in(
        self,
        _grant: &SystemGrant<Relay>,
        month: Month,
        users: &[UserId],
    ) -> Result<(), StorageError> {
        if users.is_empty() {
            return Ok(());
        }
        let month = month.to_string();
        let mut sql = Sql::new(
            "INSERT INTO member_months (organization_id, id, month, user_id, acted)
             SELECT organization_id, id, $1, user_id, $2 FROM memberships WHERE user_id IN ",
            [month.as_str().into(), false.into()],
        );
        sql.list(users.iter().map(resonance_domain::Id::as_uuid));
        sql.push(
            " ORDER BY organization_id, user_id
             ON CONFLICT (organization_id, month, user_id) DO NOTHING RETURNING organization_id",
        );
        let organizations = self.0.rows(sql, |row| at(row, 0)).await?;
        self.count_active(&month, organizations).await
    }

    /// Notes that members did something in a month.
    ///
    /// # Errors
    /// The database's.
    pub async fn acted(
        self,
        _grant: &SystemGrant<Relay>,
        month: Month,
        members: &[ActedMember],
    ) -> Result<(), StorageError> {
        if members.is_empty() {
            return Ok(());
        }
        let month = month.to_string();
        let mut sql = Sql::new(
            "INSERT INTO member_months (organization_id, id, month, user_id, acted)
             SELECT organization_id, id, $1, user_id, $2 FROM memberships WHERE (",
            [month.as_str().into(), true.into()],
        );
        for (place, member) in members.iter().enumerate() {
            sql.push(if place == 0 { "" } else { " OR " })
                .push("(organization_id = ")
                .bind(member.organization.as_uuid())
                .push(" AND user_id = ")
                .bind(member.user.as_uuid())
                .push(")");
        }
        sql.push(
            ") ORDER BY organization_id, user_id
             ON CONFLICT (organization_id, month, user_id) DO UPDATE SET acted = excluded.acted
             WHERE NOT member_months.acted RETURNING organization_id",
        );
        let organizations = self.0.rows(sql, |row| at(row, 0)).await?;
        self.count_active(&month, organizations).await
    }

    /// Counts those organizations that became active in a month, each once.
    async fn count_active(self, month: &str, mut organizations: Vec<Uuid>) -> Result<(), StorageError> {
        // One order everywhere, so that no two units of work wait for each other.
        organizations.sort_unstable();
        organizations.dedup();
        const MARK: &str = "UPDATE organizations SET active_month = $2 WHERE id = $1 AND deleted_at IS NULL
            AND (active_month IS NULL OR active_month < $2)
            AND (SELECT COUNT(*) FROM member_months WHERE organization_id = $1 AND month = $2) >= 2
            AND EXISTS (SELECT 1 FROM member_months WHERE organization_id = $1 AND month = $2 AND acted)";
        let mut active = 0_u64;
        for organization in organizations {
            // Held first: two who look at once would each see the rows of one.
            let lock = self.0.on_postgres("FOR NO KEY UPDATE");
            if !lock.is_empty() {
                let sql = format!(
                    "SELECT 1 FROM organizations WHERE id = $1 AND (active_month IS NULL OR active_month < $2) {lock}"
                );
                let values = [organization.into(), month.into()];
                if self.0.one(&sql, values, |_| Ok(())).await?.is_none() {
                    continue;
                }
            }
            active += self.0.execute(MARK, [organization.into(), month.into()]).await?;
        }
        self.add(month, active, 0, 0).await
    }

    /// Adds generations that succeeded to a month's sums.
    ///
    /// # Errors
    /// The database's.
    pub async fn spoken(
        self,
        _grant: &SystemGrant<Relay>,
        month: Month,
        generations: u64,
        characters: u64,
    ) -> Result<(), StorageError> {
        self.add(&month.to_string(), 0, generations, characters).await
    }

    async fn add(
        self,
        month: &str,
        organizations: u64,
        generations: u64,
        characters: u64,
    ) -> Result<(), StorageError> {
        if organizations + generations == 0 {
            return Ok(());
        }
        const ADD: &str = "INSERT INTO instance_months (month, active_organizations, generations, characters)
            VALUES ($1, $2, $3, $4) ON CONFLICT (month) DO UPDATE SET
                active_organizations = instance_months.active_organizations + excluded.active_organizations,
                generations = instance_months.generations + excluded.generations,
                characters = instance_months.characters + excluded.characters";
        let number = |number: u64| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
        let values = [
            month.into(),
            number(organizations),
            number(generations),
            number(characters),
        ];
        self.0.execute(ADD, values).await?;
        Ok(())
    }

    /// What happened in the months from the first to the last, both included, oldest first; months without anything are
    /// absent. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn months(
        self,
        _grant: &OperatorGrant,
        first: Month,
        last: Month,
    ) -> Result<Vec<MonthlyActivity>, StorageError> {
        const MONTHS: &str =
            "SELECT month, active_organizations, generations, characters FROM instance_months
            WHERE month >= $1 AND month <= $2 ORDER BY month";
        let values = [first.to_string().into(), last.to_string().into()];
        self.0
            .rows(Sql::new(MONTHS, values), |row| {
                let number = |column| count(at(row, column)?, "instance_months");
                Ok(MonthlyActivity {
                    month: known(at::<String>(row, 0)?.parse().ok(), "instance_months.month")?,
                    active_organizations: number(1)?,
                    generations: number(2)?,
                    characters: number(3)?,
                })
            })
            .await
    }
}
