//! What an organization used.

use chrono::{Datelike as _, NaiveDate};
use resonance_authz::ReadUsage;
use resonance_domain::{
    ErrorCode, FieldError, OrganizationId, UsageDay, UsageGrain, UsageMetric, UsagePoint, UsageSubject,
};
use resonance_persistence::Repositories;
pub use resonance_persistence::{
    EngineUsage, KeyUsage, MemberUsage, UsageCell, UsageDimension, UsagePeriod, VoiceUsage,
};

use crate::{Outcome, Request};

/// The longest period, in days: a year and the days around it.
const MAX_DAYS: i64 = 400;
/// The longest period by hours, in days.
const MAX_DAYS_BY_HOURS: i64 = 32;

/// The room of usage. See [`Request::usage`].
///
/// What counts is what was settled: characters that were spoken, voices that were made. Days are UTC.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a>(&'a Request);

impl Request {
    /// What an organization used.
    #[must_use]
    pub fn usage(&self) -> Usage<'_> {
        Usage(self)
    }
}

impl Usage<'_> {
    /// The days from `from` (default: the first of `until`'s month) to `until` (default: today), both included.
    ///
    /// # Errors
    /// `INVALID` (`from`) if it lies after `until`, or more than 400 days before.
    pub fn period(self, from: Option<NaiveDate>, until: Option<NaiveDate>) -> Outcome<UsagePeriod> {
        let until = until.unwrap_or_else(|| self.0.now().date_naive());
        let from = from.or_else(|| until.with_day(1)).unwrap_or(until);
        let wrong = |message: String| FieldError::new(ErrorCode::Invalid, message).at("from");
        match until.signed_duration_since(from).num_days() {
            i64::MIN..0 => Err(wrong("must not be after until".to_owned()).into()),
            0..MAX_DAYS => Ok(UsagePeriod { from, until }),
            _ => Err(wrong(format!("must be less than {MAX_DAYS} days before until")).into()),
        }
    }

    /// Whether the actor may see what the organization used. Requires `org:usage:read`.
    ///
    /// # Errors
    /// `NotVisible` for whoever is no member, `Forbidden` for a member who may not.
    pub async fn check(self, organization: OrganizationId) -> Outcome<()> {
        self.0.grant::<ReadUsage>(organization).await.map(drop)
    }

    /// How much of a metric was settled in a period. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn settled(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<u64> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        Ok(self
            .0
            .core()
            .database
            .usage_totals()
            .settled(&grant, metric, period)
            .await?)
    }

    /// How many characters are held at the moment: set aside for generations that are not finished. Requires
    /// `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn held(self, organization: OrganizationId) -> Outcome<u64> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        Ok(self.0.core().database.usage_totals().held(&grant).await?)
    }

    /// The same by hours, days or months, earliest first, of the organization or one subject; those without usage are left
    /// out. Requires `org:usage:read`.
    ///
    /// # Errors
    /// `INVALID` (`from`) for more than 32 days by hours; otherwise the database's.
    pub async fn series(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        grain: UsageGrain,
        subject: &UsageSubject,
        period: UsagePeriod,
    ) -> Outcome<Vec<UsagePoint>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        fits(grain, period)?;
        let totals = self.0.core().database.usage_totals();
        Ok(totals.series(&grant, metric, grain, subject, period).await?)
    }

    /// The same day by day. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_day(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<Vec<UsageDay>> {
        let whole = UsageSubject::Organization;
        let days = self
            .series(organization, metric, UsageGrain::Day, &whole, period)
            .await?;
        let day = |point: UsagePoint| UsageDay {
            day: point.start.date_naive(),
            quantity: point.quantity,
        };
        Ok(days.into_iter().map(day).collect())
    }

    /// The same by hours, days or months and divided by who or what, earliest first. Requires `org:usage:read`.
    ///
    /// # Errors
    /// As [`Usage::series`].
    pub async fn table(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        grain: UsageGrain,
        dimension: UsageDimension,
        period: UsagePeriod,
    ) -> Outcome<Vec<UsageCell>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        fits(grain, period)?;
        let totals = self.0.core().database.usage_totals();
        Ok(totals.table(&grant, metric, grain, dimension, period).await?)
    }

    /// The same by engine, the greatest first. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_engine(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<Vec<EngineUsage>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        let totals = self.0.core().database.usage_totals();
        Ok(totals.by_engine(&grant, metric, period).await?)
    }

    /// The same by API key, the greatest first. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_key(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<Vec<KeyUsage>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        let usage = self.0.core().database.usage_totals();
        Ok(usage.by_key(&grant, metric, period).await?)
    }

    /// The same by member, the greatest first. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_member(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<Vec<MemberUsage>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        Ok(self
            .0
            .core()
            .database
            .usage_totals()
            .by_member(&grant, metric, period)
            .await?)
    }

    /// The same by voice, the greatest first. Requires `org:usage:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn by_voice(
        self,
        organization: OrganizationId,
        metric: UsageMetric,
        period: UsagePeriod,
    ) -> Outcome<Vec<VoiceUsage>> {
        let grant = self.0.grant::<ReadUsage>(organization).await?;
        Ok(self
            .0
            .core()
            .database
            .usage_totals()
            .by_voice(&grant, metric, period)
            .await?)
    }
}

/// Whether a period is short enough for a grain.
fn fits(grain: UsageGrain, period: UsagePeriod) -> Result<(), FieldError> {
    let days = period.until.signed_duration_since(period.from).num_days() + 1;
    if grain == UsageGrain::Hour && days > MAX_DAYS_BY_HOURS {
        let message = format_args!("by hours, a period has at most {MAX_DAYS_BY_HOURS} days");
        return Err(FieldError::new(ErrorCode::Invalid, message).at("from"));
    }
    Ok(())
}
