//! The instance's settings and figures.

use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, InstanceSettings, InstanceTotals, Month, MonthlyActivity,
};
use resonance_persistence::{Repositories, StoredSettings};
use serde_json::json;

use super::{Operators, differences, only_reason, reason};
use crate::{Outcome, ServiceError};

/// The most months that one question is about.
const MAX_MONTHS: usize = 36;

/// What is to change in the instance's settings: absent stays, `Some(None)` goes back to what is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateInstance {
    /// The member limit of new organizations; 0 means none.
    pub member_limit: Option<Option<u32>>,
    /// Whether new organizations may be deleted by their admins.
    pub organizations_deletable: Option<Option<bool>>,
    /// Whether users may create organizations.
    pub organization_creation: Option<Option<bool>>,
    /// How many organizations a user may create.
    pub organizations_per_user: Option<Option<u32>>,
    /// Why.
    pub reason: String,
}

impl Operators<'_> {
    /// What holds in the instance. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn settings(self) -> Outcome<InstanceSettings> {
        self.admit().await?;
        let core = self.0.core();
        core.instance_settings(&core.database).await
    }

    /// Changes what holds in the instance. What was copied from it when organizations were created stays as it is there.
    /// One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`.
    pub async fn update_settings(self, input: UpdateInstance) -> Outcome<InstanceSettings> {
        let reason = only_reason(&input.reason)?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                let stored = uow.instance().lock_settings(&operator).await?;
                let changed = StoredSettings {
                    member_limit: input.member_limit.unwrap_or(stored.member_limit),
                    organizations_deletable: input
                        .organizations_deletable
                        .unwrap_or(stored.organizations_deletable),
                    organization_creation: input
                        .organization_creation
                        .unwrap_or(stored.organization_creation),
                    organizations_per_user: input
                        .organizations_per_user
                        .unwrap_or(stored.organizations_per_user),
                };
                let configured = core.settings.of_instance();
                let (before, after) = (stored.over(configured.clone()), changed.over(configured));
                if stored == changed {
                    return Ok(after);
                }
                let now = core.clock.now();
                uow.instance().store_settings(&operator, &changed, now).await?;
                let payload = differences([
                    (
                        "memberLimit",
                        json!(before.member_limit),
                        json!(after.member_limit),
                    ),
                    (
                        "organizationsDeletable",
                        json!(before.organizations_deletable),
                        json!(after.organizations_deletable),
                    ),
                    (
                        "organizationCreation",
                        json!(before.organization_creation),
                        json!(after.organization_creation),
                    ),
                    (
                        "organizationsPerUser",
                        json!(before.organizations_per_user),
                        json!(after.organizations_per_user),
                    ),
                ]);
                let act = (EventKind::InstanceUpdated, None, "instance".to_owned(), payload);
                self.record(uow, &operator, act);
                Ok::<_, ServiceError>(after)
            })
            .await
    }

    /// How much there is in the instance. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn totals(self) -> Outcome<InstanceTotals> {
        let operator = self.reading().await?;
        Ok(self.0.core().database.instance().totals(&operator).await?)
    }

    /// What happened month by month, oldest first, up to 36 months; nothing said means this month and the eleven before. A
    /// month in which nothing happened is there, with zeros. One statement.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: `INVALID` for `first`.
    pub async fn months(self, first: Option<Month>, last: Option<Month>) -> Outcome<Vec<MonthlyActivity>> {
        let operator = self.reading().await?;
        let last = last.unwrap_or_else(|| Month::of(self.0.now()));
        let first = first.unwrap_or_else(|| (0..11).fold(last, |month, _| month.previous()));
        let wanted: Vec<Month> = std::iter::successors(Some(first), |month| Some(month.next()))
            .take_while(|month| *month <= last)
            .take(MAX_MONTHS + 1)
            .collect();
        if wanted.is_empty() || wanted.len() > MAX_MONTHS {
            let message =
                format!("must be at most {MAX_MONTHS} months before the last one, and not after it");
            return Err(FieldError::new(ErrorCode::Invalid, message).at("first").into());
        }
        let found = self.0.core().database.activity().months(&operator, first, last);
        let found = found.await?;
        let of = |month: Month| {
            let there = found.iter().find(|there| there.month == month).copied();
            there.unwrap_or(MonthlyActivity {
                month,
                active_organizations: 0,
                generations: 0,
                characters: 0,
            })
        };
        Ok(wanted.into_iter().map(of).collect())
    }

    /// Checks fields of an act together.
    pub(super) fn checked<T>(
        text: &str,
        check: impl FnOnce(&mut FieldErrors) -> Option<T>,
    ) -> Outcome<(T, resonance_domain::Reason)> {
        let mut errors = FieldErrors::default();
        let value = check(&mut errors);
        let reason = reason(&mut errors, text);
        match (value, reason) {
            (Some(value), Some(reason)) => Ok((value, reason)),
            _ => Err(errors.into()),
        }
    }
}
