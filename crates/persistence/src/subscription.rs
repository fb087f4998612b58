//! The mirror of what the billing provider knows of subscriptions.

use chrono::{DateTime, Utc};
use resonance_authz::{Grant, Implies, ReadBilling, SystemGrant, system::Bill};
use resonance_domain::{
    BillingPeriod, Id, InOrg, OrganizationId, Subscription, SubscriptionId, SubscriptionStatus, period_key,
};
use sea_orm::QueryResult;

use crate::{StorageError, executor::Executor, organization::at, raw::Sql, read_rows::known};

/// The period of the organization `$1` at the time `$<now>` by its subscription, if one is demanded (`$<demanded>`) and
/// there is one; as [`Subscription::period_of`].
pub(crate) fn period(now: u8, demanded: u8) -> String {
    format!(
        "(SELECT CASE WHEN s.period_end > ${now} THEN s.period ELSE s.next_period END FROM subscriptions s
          WHERE s.organization_id = $1 AND s.is_current AND ${demanded})"
    )
}

/// Whether a subscription of the organization `$1` lets it speak at the time `$<now>`, payments forgiven that fail since
/// `$<since>`; as [`Subscription::entitles`].
pub(crate) fn entitles(now: u8, since: u8) -> String {
    format!(
        "EXISTS (SELECT 1 FROM subscriptions s WHERE s.organization_id = $1 AND (
            (s.status IN ('active', 'trialing') AND (NOT s.cancel_at_period_end OR s.period_end > ${now}))
            OR (s.status = 'past_due' AND s.past_due_since > ${since})))"
    )
}

/// Subscriptions.
#[derive(Debug, Clone, Copy)]
pub struct Subscriptions<'a>(pub(crate) Executor<'a>);

/// Read by [`subscription`], in this order.
const COLUMNS: &str = "s.organization_id, s.id, s.reference, s.status, s.product, s.amount, s.currency, s.recurring, \
    s.period_start, s.period_end, s.cancel_at_period_end, s.past_due_since, s.ended_at, s.created_at, s.changed_at";

impl Subscriptions<'_> {
    /// The subscription of an organization that counts.
    ///
    /// # Errors
    /// The database's.
    pub async fn current(
        self,
        grant: &Grant<impl Implies<ReadBilling>>,
    ) -> Result<Option<Subscription>, StorageError> {
        let sql =
            format!("SELECT {COLUMNS} FROM subscriptions s WHERE s.organization_id = $1 AND s.is_current");
        self.0
            .row(
                Sql::new(sql, [grant.organization().as_uuid().into()]),
                subscription,
            )
            .await
    }

    /// Holds an organization until the unit of work ends, so that its subscriptions change one at a time. `None` if there
    /// is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold(
        self,
        _grant: &SystemGrant<Bill>,
        organization: OrganizationId,
    ) -> Result<Option<HeldOrganization>, StorageError> {
        let lock = self.0.on_postgres("FOR NO KEY UPDATE OF o");
        let sql = format!(
            "SELECT o.plan_id, (SELECT product FROM plans WHERE plans.id = o.plan_id), o.deleted_at IS NOT NULL
             FROM organizations o WHERE o.id = $1 {lock}"
        );
        self.0
            .row(Sql::new(sql, [organization.as_uuid().into()]), |row| {
                Ok(HeldOrganization {
                    plan: at::<Option<uuid::Uuid>>(row, 0)?.map(Id::from_uuid),
                    product: at(row, 1)?,
                    deleted: at(row, 2)?,
                })
            })
            .await
    }

    /// Stores what the provider tells of a subscription, unless something later was told before or it is another
    /// organization's: then `false`. The identity here stays what it was.
    ///
    /// # Errors
    /// The database's.
    pub async fn store(self, _grant: &SystemGrant<Bill>, told: &Subscription) -> Result<bool, StorageError> {
        const STORE: &str = "INSERT INTO subscriptions (organization_id, id, reference, status, product, amount, currency,
                recurring, period, next_period, period_start, period_end, cancel_at_period_end, past_due_since, ended_at,
                created_at, changed_at, is_current)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, FALSE)
            ON CONFLICT (reference) DO UPDATE SET status = $4, product = $5, amount = $6, currency = $7, recurring = $8,
                period = $9, next_period = $10, period_start = $11, period_end = $12, cancel_at_period_end = $13,
                past_due_since = $14, ended_at = $15, created_at = $16, changed_at = $17
            WHERE subscriptions.organization_id = $1 AND subscriptions.changed_at < $17";
        let BillingPeriod { start, end } = told.period;
        let values = [
            told.organization.as_uuid().into(),
            told.id.as_uuid().into(),
            told.reference.as_str().into(),
            told.status.as_str().into(),
            told.product.as_str().into(),
            told.amount.into(),
            told.currency.as_str().into(),
            told.recurring.as_str().into(),
            period_key(start).into(),
            period_key(end).into(),
            start.into(),
            end.into(),
            told.cancel_at_period_end.into(),
            told.past_due_since.into(),
            told.ended_at.into(),
            told.created_at.into(),
            told.changed_at.into(),
        ];
        Ok(self.0.execute(STORE, values).await? > 0)
    }

    /// Every subscription of an organization, in no order.
    ///
    /// # Errors
    /// The database's.
    pub async fn all(
        self,
        _grant: &SystemGrant<Bill>,
        organization: OrganizationId,
    ) -> Result<Vec<Subscription>, StorageError> {
        let sql = format!("SELECT {COLUMNS} FROM subscriptions s WHERE s.organization_id = $1");
        self.0
            .rows(Sql::new(sql, [organization.as_uuid().into()]), subscription)
            .await
    }

    /// Makes one subscription the one that counts. Two statements.
    ///
    /// # Errors
    /// The database's.
    pub async fn choose(
        self,
        _grant: &SystemGrant<Bill>,
        chosen: InOrg<SubscriptionId>,
    ) -> Result<(), StorageError> {
        const UNCHOOSE: &str = "UPDATE subscriptions SET is_current = FALSE
            WHERE organization_id = $1 AND id <> $2 AND is_current";
        const CHOOSE: &str =
            "UPDATE subscriptions SET is_current = TRUE WHERE organization_id = $1 AND id = $2";
        for sql in [UNCHOOSE, CHOOSE] {
            let values = [chosen.organization.as_uuid().into(), chosen.id.as_uuid().into()];
            self.0.execute(sql, values).await?;
        }
        Ok(())
    }
}

/// What an organization whose subscription changes has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOrganization {
    /// Its plan.
    pub plan: Option<resonance_domain::PlanId>,
    /// The product that stands for the plan.
    pub product: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
}

fn subscription(row: &QueryResult) -> Result<Subscription, StorageError> {
    let status: String = at(row, 3)?;
    let time = |column| at::<DateTime<Utc>>(row, column);
    Ok(Subscription {
        organization: Id::from_uuid(at(row, 0)?),
        id: Id::from_uuid(at(row, 1)?),
        reference: at(row, 2)?,
        status: known(SubscriptionStatus::from_stored(&status), "subscriptions.status")?,
        product: at(row, 4)?,
        amount: at(row, 5)?,
        currency: at(row, 6)?,
        recurring: at(row, 7)?,
        period: BillingPeriod {
            start: time(8)?,
            end: time(9)?,
        },
        cancel_at_period_end: at(row, 10)?,
        past_due_since: at(row, 11)?,
        ended_at: at(row, 12)?,
        created_at: time(13)?,
        changed_at: time(14)?,
    })
}
