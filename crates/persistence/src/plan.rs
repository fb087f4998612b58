//! Plans: what operators offer to organizations.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, Implies, OperatorGrant, ReadBilling, SystemGrant, system::Bill};
use resonance_domain::{BudgetHolder, Decimal, Id, OrganizationId, Plan, PlanId};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::{
    StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
    spending::forget_alerts,
};

/// The instance's plans, and which organization has which.
#[derive(Debug, Clone, Copy)]
pub struct Plans<'a>(pub(crate) Executor<'a>);

/// Read by [`plan`], in this order.
const COLUMNS: &str = "p.id, p.name, p.included_characters, p.price_micros, p.currency, p.custom_voices, \
    p.member_limit, p.product, p.created_at, p.updated_at";
/// Decimals of a price as it is stored.
const MICROS: u32 = 6;

impl Plans<'_> {
    /// Holds the catalogue of plans until the unit of work ends: nobody else changes it.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock(self, _operator: &OperatorGrant) -> Result<(), StorageError> {
        // Any number that nothing else locks.
        const LOCK: &str = "SELECT pg_advisory_xact_lock(7102315)";
        if self.0.is_postgres() {
            self.0.all(LOCK, [], |_| Ok(())).await?;
        }
        Ok(())
    }

    /// All plans, oldest first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(self, _operator: &OperatorGrant) -> Result<Vec<Plan>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM plans p ORDER BY p.id");
        self.0.rows(Sql::new(sql, []), plan).await
    }

    /// The plans that the provider sells, oldest first, for whoever may see what an organization pays.
    ///
    /// # Errors
    /// The database's.
    pub async fn sold(self, _grant: &Grant<impl Implies<ReadBilling>>) -> Result<Vec<Plan>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.product IS NOT NULL ORDER BY p.id");
        self.0.rows(Sql::new(sql, []), plan).await
    }

    /// One plan.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(self, _operator: &OperatorGrant, id: PlanId) -> Result<Option<Plan>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.id = $1");
        self.0.row(Sql::new(sql, [id.as_uuid().into()]), plan).await
    }

    /// The plan of an organization, for whoever may see what it pays.
    ///
    /// # Errors
    /// The database's.
    pub async fn current(
        self,
        grant: &Grant<impl Implies<ReadBilling>>,
    ) -> Result<Option<Plan>, StorageError> {
        let sql =
            format!("SELECT {COLUMNS} FROM organizations o JOIN plans p ON p.id = o.plan_id WHERE o.id = $1");
        self.0
            .row(Sql::new(sql, [grant.organization().as_uuid().into()]), plan)
            .await
    }

    /// The plans of organizations; those that have none are not in the answer. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_many(
        self,
        _operator: &OperatorGrant,
        organizations: &[OrganizationId],
    ) -> Result<Vec<(OrganizationId, Plan)>, StorageError> {
        let mut sql = Sql::new(
            format!(
                "SELECT {COLUMNS}, o.id FROM organizations o JOIN plans p ON p.id = o.plan_id WHERE o.id IN "
            ),
            [],
        );
        sql.list(organizations.iter().map(Id::as_uuid));
        self.0
            .rows(sql, |row| Ok((Id::from_uuid(at(row, 10)?), plan(row)?)))
            .await
    }

    /// The plan for which a product of the provider stands.
    ///
    /// # Errors
    /// The database's.
    pub async fn of_product(
        self,
        _grant: &SystemGrant<Bill>,
        product: &str,
    ) -> Result<Option<Plan>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM plans p WHERE p.product = $1");
        self.0.row(Sql::new(sql, [product.into()]), plan).await
    }

    /// Makes a plan.
    ///
    /// # Errors
    /// The database's; a conflict if another plan has the product.
    pub async fn insert(self, _operator: &OperatorGrant, new: &Plan) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO plans (id, name, included_characters, price_micros, currency, custom_voices,
            member_limit, product, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
        let [id, name, included, price, currency, voices, members, product] = stored(new)?;
        let made = new.created_at.into();
        let values = [
            id, name, included, price, currency, voices, members, product, made,
        ];
        self.0.execute(INSERT, values).await?;
        Ok(())
    }

    /// Stores everything about a plan, and the member limit of the organizations that have it. People are told anew how
    /// far what it includes is spent.
    ///
    /// # Errors
    /// The database's; a conflict if another plan has the product.
    pub async fn store(self, _operator: &OperatorGrant, plan: &Plan) -> Result<(), StorageError> {
        const STORE: &str =
            "UPDATE plans SET name = $2, included_characters = $3, price_micros = $4, currency = $5,
            custom_voices = $6, member_limit = $7, product = $8, updated_at = $9 WHERE id = $1";
        const LIMITS: &str =
            "UPDATE organizations SET member_limit = $2 WHERE plan_id = $1 AND member_limit <> $2";
        const FORGET: &str = "UPDATE spending SET alerted = 0 WHERE alerted > 0 AND id = organization_id
            AND organization_id IN (SELECT id FROM organizations WHERE plan_id = $1)";
        let [id, name, included, price, currency, voices, members, product] = stored(plan)?;
        let key = id.clone();
        let updated = plan.updated_at.into();
        let values = [
            id, name, included, price, currency, voices, members, product, updated,
        ];
        self.0.execute(STORE, values).await?;
        if let Some(limit) = plan.member_limit {
            self.0
                .execute(LIMITS, [key.clone(), i64::from(limit).into()])
                .await?;
        }
        self.0.execute(FORGET, [key]).await?;
        Ok(())
    }

    /// The organizations without this plan whose subscription is alive and of the product that stands for it, by id.
    ///
    /// # Errors
    /// The database's.
    pub async fn subscribers_without(
        self,
        _operator: &OperatorGrant,
        plan: &Plan,
    ) -> Result<Vec<OrganizationId>, StorageError> {
        const WITHOUT: &str = "SELECT o.id FROM organizations o JOIN subscriptions s
                ON s.organization_id = o.id AND s.is_current AND s.product = $2
                    AND s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')
            WHERE o.deleted_at IS NULL AND (o.plan_id IS NULL OR o.plan_id <> $1) ORDER BY o.id";
        let Some(product) = &plan.product else {
            return Ok(Vec::new());
        };
        let values = [plan.id.as_uuid().into(), product.as_str().into()];
        self.0
            .rows(Sql::new(WITHOUT, values), |row| Ok(Id::from_uuid(at(row, 0)?)))
            .await
    }

    /// Deletes a plan, unless an organization has it: then `false`.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete(self, _operator: &OperatorGrant, id: PlanId) -> Result<bool, StorageError> {
        const DELETE: &str = "DELETE FROM plans WHERE id = $1
            AND NOT EXISTS (SELECT 1 FROM organizations WHERE plan_id = $1 AND deleted_at IS NULL)";
        const LEFT: &str =
            "UPDATE organizations SET plan_id = NULL WHERE plan_id = $1 AND deleted_at IS NOT NULL";
        self.0.execute(LEFT, [id.as_uuid().into()]).await?;
        Ok(self.0.execute(DELETE, [id.as_uuid().into()]).await? > 0)
    }

    /// Gives an organization a plan, or takes it away; what the organization had. With the plan comes its member limit.
    ///
    /// # Errors
    /// The database's.
    pub async fn assign(
        self,
        _operator: &OperatorGrant,
        organization: OrganizationId,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<Option<PlanId>, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let sql = format!("SELECT plan_id FROM organizations WHERE id = $1 {lock}");
        let before = self
            .0
            .one(&sql, [organization.as_uuid().into()], |row| {
                row.try_get_by_index::<Option<Uuid>>(0)
            })
            .await?;
        self.give(organization, plan, now).await?;
        Ok(before.flatten().map(Id::from_uuid))
    }

    /// Gives an organization the plan for which its subscription's product stands, or takes it away. The caller holds the
    /// organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn assign_sold(
        self,
        _grant: &SystemGrant<Bill>,
        organization: OrganizationId,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.give(organization, plan, now).await
    }

    async fn give(
        self,
        organization: OrganizationId,
        plan: Option<&Plan>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const GIVE: &str = "UPDATE organizations SET plan_id = $2, member_limit = COALESCE($3, member_limit),
            updated_at = $4 WHERE id = $1";
        let limit = plan.and_then(|plan| plan.member_limit).map(i64::from);
        let values = [
            organization.as_uuid().into(),
            plan.map(|plan| plan.id.as_uuid()).into(),
            limit.into(),
            now.into(),
        ];
        self.0.execute(GIVE, values).await?;
        forget_alerts(self.0, organization, BudgetHolder::Organization).await
    }
}

/// Id, name, included characters, price, currency, custom voices, member limit, product.
fn stored(plan: &Plan) -> Result<[Value; 8], StorageError> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let micros = plan.price.map(|price| {
        let mut price = price;
        price.rescale(MICROS);
        known(i64::try_from(price.mantissa()).ok(), "plans.price_micros")
    });
    Ok([
        plan.id.as_uuid().into(),
        plan.name.as_str().into(),
        plan.included_characters.map(number).into(),
        micros.transpose()?.into(),
        plan.currency.as_str().into(),
        plan.custom_voices.map(number).into(),
        plan.member_limit.map(i64::from).into(),
        plan.product.as_deref().into(),
    ])
}

fn plan(row: &QueryResult) -> Result<Plan, StorageError> {
    let number = |column, place| {
        let number: Option<i64> = at(row, column)?;
        number.map(|number| count(number, place)).transpose()
    };
    let price: Option<i64> = at(row, 3)?;
    let members: Option<i64> = at(row, 6)?;
    Ok(Plan {
        id: Id::from_uuid(at(row, 0)?),
        name: at(row, 1)?,
        included_characters: number(2, "plans.included_characters")?,
        price: price.map(|micros| Decimal::new(micros, MICROS).normalize()),
        currency: at(row, 4)?,
        custom_voices: number(5, "plans.custom_voices")?,
        member_limit: members
            .map(|limit| count(limit, "plans.member_limit"))
            .transpose()?,
        product: at(row, 7)?,
        created_at: at(row, 8)?,
        updated_at: at(row, 9)?,
    })
}
