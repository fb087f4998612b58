//! What is spent in a period, and what may be.
//!
//! Whoever speaks takes the characters from what the organization may spend and from what they may spend themselves, by
//! one statement that takes them from both or is followed by a rollback. The rows stay held until the transaction
//! ends, so that any number of requests on any number of nodes never spend more than there is.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{
    CreateGenerations, CreateVoices, Grant, Implies, ManageBilling, ReadApiKeys, ReadBilling,
    ReadOrganization,
};
use resonance_domain::{
    ApiKeyId, BillingPeriod, BudgetHolder, BudgetState, Id, OrganizationId, SubscriptionStatus, UserId,
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    StorageError,
    executor::Executor,
    organization::at,
    raw::Sql,
    read_rows::{count, known},
    subscription::{entitles, period},
};

/// What is spent and what may be.
#[derive(Debug, Clone, Copy)]
pub struct Spendings<'a>(pub(crate) Executor<'a>);

/// Whether a billing provider has a say, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingTerms {
    /// Whether whoever speaks needs a subscription.
    pub demanded: bool,
    /// How long one may go on speaking while a payment fails.
    pub grace: TimeDelta,
}

/// What was spent of one budget, this time included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Whose.
    pub holder: BudgetHolder,
    /// The period in which it counts.
    pub period: String,
    /// How many characters are held and were used in the period.
    pub characters: u64,
    /// The most that may be; `None`: any number.
    pub limit: Option<u64>,
    /// The highest percentage that was told of.
    pub alerted: u8,
}

/// Why nothing can be spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scarcity {
    /// Whether a subscription is lacking.
    pub unsubscribed: bool,
    /// How the organization and whoever acts stand.
    pub budgets: Vec<Spent>,
    /// The most that the organization's plan lets it spend, if it does not sell more.
    pub plan: Option<u64>,
}

/// How many custom voices there are and may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceRoom {
    /// How many there are.
    pub voices: u64,
    /// How many the plan includes; `None`: any number.
    pub limit: Option<u64>,
}

/// The least of what limits `$who`.
macro_rules! cap {
    ($who:literal) => {
        concat!(
            "(SELECT MIN(c.characters) FROM spending_caps c WHERE c.organization_id = $1 AND c.id = ",
            $who,
            ")"
        )
    };
}

impl Spendings<'_> {
    /// Spends characters of the organization and of whoever acts. If there are not so many left of one of them or a subscription
    /// is lacking, the answer is whose were taken all the same, and the unit of work must be rolled back. One statement.
    ///
    /// The caller holds the organization's row, so that caps and plans are what they last were.
    ///
    /// # Errors
    /// The database's.
    pub async fn spend(
        self,
        grant: &Grant<CreateGenerations>,
        terms: BillingTerms,
        characters: u64,
        now: DateTime<Utc>,
    ) -> Result<Result<[Spent; 2], Vec<BudgetHolder>>, StorageError> {
        // The organization's row first, always: whoever comes second waits there and nowhere else.
        let sql = format!(
            "INSERT INTO spending (organization_id, id, period, characters, alerted)
             SELECT $1, who.id, COALESCE({}, $3), $5, 0
             FROM (SELECT 1 AS rank, $1 AS id UNION ALL SELECT 2, $2) AS who
             WHERE COALESCE({} >= $5, TRUE) AND (NOT $6 OR {})
             ORDER BY who.rank
             ON CONFLICT (organization_id, id, period) DO UPDATE SET characters = spending.characters + $5
                WHERE COALESCE({} >= spending.characters + $5, TRUE)
             RETURNING id, period, characters, {}, alerted",
            period(4, 6),
            cap!("who.id"),
            entitles(4, 7),
            cap!("spending.id"),
            cap!("spending.id"),
        );
        let [who, organization] = [author(grant), grant.organization().as_uuid()];
        let values = [
            organization.into(),
            who.into(),
            BillingPeriod::month_of(now).key().into(),
            now.into(),
            i64::try_from(characters).unwrap_or(i64::MAX).into(),
            terms.demanded.into(),
            (now - terms.grace).into(),
        ];
        let rows = self
            .0
            .rows(Sql::new(sql, values), |row| spent(row, grant))
            .await?;
        let taken = rows.iter().map(|row| row.holder).collect();
        let (organizations, authors): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| row.holder == BudgetHolder::Organization);
        let both = organizations.into_iter().next().zip(authors.into_iter().next());
        Ok(both
            .map(|(organization, author)| [organization, author])
            .ok_or(taken))
    }

    /// Why [`Spendings::spend`] spent nothing. One statement each for the budgets and the subscription.
    ///
    /// # Errors
    /// The database's.
    pub async fn scarcity(
        self,
        grant: &Grant<CreateGenerations>,
        terms: BillingTerms,
        now: DateTime<Utc>,
    ) -> Result<Scarcity, StorageError> {
        let sql = format!(
            "SELECT who.id, p.period, COALESCE((SELECT s.characters FROM spending s
                    WHERE s.organization_id = $1 AND s.id = who.id AND s.period = p.period), 0), {},
                COALESCE((SELECT s.alerted FROM spending s
                    WHERE s.organization_id = $1 AND s.id = who.id AND s.period = p.period), 0)
             FROM (SELECT 1 AS rank, $1 AS id UNION ALL SELECT 2, $2) AS who
             CROSS JOIN (SELECT COALESCE({}, $3) AS period) AS p
             ORDER BY who.rank",
            cap!("who.id"),
            period(4, 5),
        );
        let values = [
            grant.organization().as_uuid().into(),
            author(grant).into(),
            BillingPeriod::month_of(now).key().into(),
            now.into(),
            terms.demanded.into(),
        ];
        let budgets = self
            .0
            .rows(Sql::new(sql, values), |row| spent(row, grant))
            .await?;
        const PLAN: &str =
            "SELECT MIN(p.included_characters) FROM organizations o JOIN plans p ON p.id = o.plan_id
            WHERE o.id = $1 AND p.price_micros IS NULL";
        let plan = self
            .0
            .one(PLAN, [grant.organization().as_uuid().into()], |row| {
                row.try_get_by_index::<Option<i64>>(0)
            })
            .await?;
        Ok(Scarcity {
            unsubscribed: terms.demanded && !self.entitled(grant.organization(), terms, now).await?,
            budgets,
            plan: plan.flatten().map(i64::unsigned_abs),
        })
    }

    /// Whether the organization may make voices, as far as subscriptions are demanded.
    ///
    /// # Errors
    /// The database's.
    pub async fn may_make_voices(
        self,
        grant: &Grant<CreateVoices>,
        terms: BillingTerms,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        Ok(!terms.demanded || self.entitled(grant.organization(), terms, now).await?)
    }

    async fn entitled(
        self,
        organization: OrganizationId,
        terms: BillingTerms,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let sql = format!("SELECT 1 WHERE {}", entitles(2, 3));
        let values = [
            organization.as_uuid().into(),
            now.into(),
            (now - terms.grace).into(),
        ];
        Ok(self.0.one(&sql, values, |_| Ok(())).await?.is_some())
    }

    /// How the subscription of an organization stands; `None` if there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn subscription_status(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
    ) -> Result<Option<SubscriptionStatus>, StorageError> {
        const STATUS: &str = "SELECT status FROM subscriptions WHERE organization_id = $1 AND is_current";
        let status = self
            .0
            .one(STATUS, [grant.organization().as_uuid().into()], |row| {
                row.try_get_by_index::<String>(0)
            })
            .await?;
        status
            .map(|status| known(SubscriptionStatus::from_stored(&status), "subscriptions.status"))
            .transpose()
    }

    /// The name of the period of a moment: by the subscription, or else the month.
    ///
    /// # Errors
    /// The database's.
    pub async fn period(
        self,
        grant: &Grant<impl Implies<ReadOrganization>>,
        terms: BillingTerms,
        now: DateTime<Utc>,
    ) -> Result<String, StorageError> {
        let month = BillingPeriod::month_of(now).key();
        if !terms.demanded {
            return Ok(month);
        }
        let sql = format!("SELECT {}", period(2, 3));
        let values = [
            grant.organization().as_uuid().into(),
            now.into(),
            terms.demanded.into(),
        ];
        let found = self
            .0
            .one(&sql, values, |row| row.try_get_by_index::<Option<String>>(0))
            .await?;
        Ok(found.flatten().unwrap_or(month))
    }

    /// Whether somebody is a member of the organization.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_member(self, grant: &Grant<ManageBilling>, user: UserId) -> Result<bool, StorageError> {
        const MEMBER: &str = "SELECT 1 FROM memberships WHERE organization_id = $1 AND user_id = $2";
        let values = [grant.organization().as_uuid().into(), user.as_uuid().into()];
        Ok(self.0.one(MEMBER, values, |_| Ok(())).await?.is_some())
    }

    /// Notes that people are told that a budget is spent to `percent`. `false` if they were told of so much before in
    /// this period.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_alert(
        self,
        grant: &Grant<CreateGenerations>,
        spent: &Spent,
        percent: u8,
    ) -> Result<bool, StorageError> {
        // There is no row yet if the first that is asked for is too much.
        const NOTE: &str = "INSERT INTO spending (organization_id, id, period, characters, alerted)
            VALUES ($1, $2, $3, 0, $4)
            ON CONFLICT (organization_id, id, period) DO UPDATE SET alerted = $4 WHERE spending.alerted < $4";
        let values = [
            grant.organization().as_uuid().into(),
            id_of(grant.organization(), spent.holder).into(),
            spent.period.as_str().into(),
            i32::from(percent).into(),
        ];
        Ok(self.0.execute(NOTE, values).await? > 0)
    }

    /// The budgets of the organization and of members, with what was spent in the period that begins at `period`: that
    /// of the organization first. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn budgets(
        self,
        grant: &Grant<impl Implies<ReadBilling>>,
        period: &str,
    ) -> Result<Vec<BudgetState>, StorageError> {
        const BUDGETS: &str = "SELECT b.id, b.characters, COALESCE(s.characters, 0) FROM budgets b
            LEFT JOIN spending s ON s.organization_id = b.organization_id AND s.id = b.id AND s.period = $2
            WHERE b.organization_id = $1 ORDER BY CASE WHEN b.id = $1 THEN 0 ELSE 1 END, b.id";
        let organization = grant.organization();
        let values = [organization.as_uuid().into(), period.into()];
        self.0
            .rows(Sql::new(BUDGETS, values), |row| {
                let id: Uuid = at(row, 0)?;
                let holder = if id == organization.as_uuid() {
                    BudgetHolder::Organization
                } else {
                    BudgetHolder::Member(Id::from_uuid(id))
                };
                Ok(BudgetState {
                    holder,
                    limit: Some(count(at(row, 1)?, "budgets.characters")?),
                    spent: count(at(row, 2)?, "spending.characters")?,
                })
            })
            .await
    }

    /// How many characters the organization holds and used in the period that begins at `period`.
    ///
    /// # Errors
    /// The database's.
    pub async fn spent(
        self,
        grant: &Grant<impl Implies<ReadBilling>>,
        period: &str,
    ) -> Result<u64, StorageError> {
        self.characters(grant.organization(), grant.organization().as_uuid(), period)
            .await
    }

    /// How many characters a key holds and used in the period that begins at `period`.
    ///
    /// # Errors
    /// The database's.
    pub async fn spent_by_key(
        self,
        grant: &Grant<impl Implies<ReadApiKeys>>,
        key: ApiKeyId,
        period: &str,
    ) -> Result<u64, StorageError> {
        self.characters(grant.organization(), key.as_uuid(), period).await
    }

    async fn characters(
        self,
        organization: OrganizationId,
        id: Uuid,
        period: &str,
    ) -> Result<u64, StorageError> {
        const SPENT: &str =
            "SELECT characters FROM spending WHERE organization_id = $1 AND id = $2 AND period = $3";
        let values = [organization.as_uuid().into(), id.into(), period.into()];
        let found = self
            .0
            .row(Sql::new(SPENT, values), |row| at::<i64>(row, 0))
            .await?;
        count(found.unwrap_or_default(), "spending.characters")
    }

    /// Sets the budget of the organization or of a member; `None` takes it away. What it was before. People are told anew
    /// how far it is spent.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_budget(
        self,
        grant: &Grant<ManageBilling>,
        member: Option<UserId>,
        characters: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, StorageError> {
        const BEFORE: &str = "SELECT characters FROM budgets WHERE organization_id = $1 AND id = $2";
        const SET: &str =
            "INSERT INTO budgets (organization_id, id, characters, updated_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (organization_id, id) DO UPDATE SET characters = $3, updated_at = $4";
        const UNSET: &str = "DELETE FROM budgets WHERE organization_id = $1 AND id = $2";
        let organization = grant.organization();
        let holder = member.map_or(BudgetHolder::Organization, BudgetHolder::Member);
        let key: [Value; 2] = [organization.as_uuid().into(), id_of(organization, holder).into()];
        let before = self
            .0
            .row(Sql::new(BEFORE, key.clone()), |row| at::<i64>(row, 0))
            .await?;
        match characters {
            Some(characters) => {
                let [organization, id] = key;
                let characters = i64::try_from(characters).unwrap_or(i64::MAX);
                let values = [organization, id, characters.into(), now.into()];
                self.0.execute(SET, values).await?;
            }
            None => {
                self.0.execute(UNSET, key).await?;
            }
        }
        forget_alerts(self.0, organization, holder).await?;
        before
            .map(|before| count(before, "budgets.characters"))
            .transpose()
    }

    /// How many custom voices there are and may be; until the unit of work ends, nobody makes another.
    ///
    /// # Errors
    /// The database's.
    pub async fn voice_room(self, grant: &Grant<CreateVoices>) -> Result<VoiceRoom, StorageError> {
        // Counted by a statement of its own: one that waits for a row sees the others as they were before.
        let lock = self.0.on_postgres("FOR NO KEY UPDATE");
        let held = format!("SELECT 1 FROM organizations WHERE id = $1 {lock}");
        const ROOM: &str = "SELECT (SELECT COUNT(*) FROM voices WHERE organization_id = $1),
            (SELECT p.custom_voices FROM organizations o JOIN plans p ON p.id = o.plan_id WHERE o.id = $1)";
        let organization = grant.organization().as_uuid();
        self.0.one(&held, [organization.into()], |_| Ok(())).await?;
        let room = self
            .0
            .row(Sql::new(ROOM, [organization.into()]), |row| {
                Ok(VoiceRoom {
                    voices: count(at(row, 0)?, "voices")?,
                    limit: at::<Option<i64>>(row, 1)?.map(i64::unsigned_abs),
                })
            })
            .await?;
        Ok(room.unwrap_or(VoiceRoom {
            voices: 0,
            limit: None,
        }))
    }
}

/// Has people told anew how far a budget is spent that has become another.
pub(crate) async fn forget_alerts(
    executor: Executor<'_>,
    organization: OrganizationId,
    holder: BudgetHolder,
) -> Result<(), StorageError> {
    const FORGET: &str =
        "UPDATE spending SET alerted = 0 WHERE organization_id = $1 AND id = $2 AND alerted > 0";
    let values = [organization.as_uuid().into(), id_of(organization, holder).into()];
    executor.execute(FORGET, values).await?;
    Ok(())
}

fn id_of(organization: OrganizationId, holder: BudgetHolder) -> Uuid {
    match holder {
        BudgetHolder::Organization => organization.as_uuid(),
        BudgetHolder::Member(user) => user.as_uuid(),
        BudgetHolder::ApiKey(key) => key.as_uuid(),
    }
}

fn holder(grant: &Grant<CreateGenerations>) -> BudgetHolder {
    match grant.author() {
        resonance_domain::Author::User(user) => BudgetHolder::Member(user),
        resonance_domain::Author::ApiKey(key) => BudgetHolder::ApiKey(key),
    }
}

pub(crate) fn author(grant: &Grant<CreateGenerations>) -> Uuid {
    id_of(grant.organization(), holder(grant))
}

fn spent(row: &sea_orm::QueryResult, grant: &Grant<CreateGenerations>) -> Result<Spent, StorageError> {
    let id: Uuid = at(row, 0)?;
    Ok(Spent {
        holder: if id == grant.organization().as_uuid() {
            BudgetHolder::Organization
        } else {
            holder(grant)
        },
        period: at(row, 1)?,
        characters: count(at(row, 2)?, "spending.characters")?,
        limit: at::<Option<i64>>(row, 3)?.map(i64::unsigned_abs),
        alerted: count(i64::from(at::<i32>(row, 4)?), "spending.alerted")?,
    })
}
