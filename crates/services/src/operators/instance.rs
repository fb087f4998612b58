//! The instance's settings and figures.

use resonance_domain::{
    EnrolmentMode, ErrorCode, EventKind, FieldError, FieldErrors, InstanceSettings, InstanceTotals, Month,
    MonthlyActivity, RoleKey,
};
use resonance_persistence::{Repositories, StoredSettings};
use serde_json::{Value, json};

use super::{Operators, reason};
use crate::{Outcome, ServiceError, changes::Changes};

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
    /// Whether organizations can have mail domains.
    pub domains_enabled: Option<Option<bool>>,
    /// How people with an address at a proved domain may be let in.
    pub enrolment_modes: Option<Option<Vec<EnrolmentMode>>>,
    /// The key of the role that they get where the organization says nothing.
    pub domain_default_role: Option<Option<String>>,
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
    /// `NotVisible`. Refusals: of `reason`; of `domainDefaultRole`.
    pub async fn update_settings(self, input: UpdateInstance) -> Outcome<InstanceSettings> {
        let (role, reason) = Self::checked(&input.reason, |errors| {
            let role = input.domain_default_role.as_ref().map(|role| {
                let key = role.as_deref().map(RoleKey::parse);
                key.transpose().map_err(|error| error.at("domainDefaultRole"))
            });
            role.transpose().map_err(|error| errors.push(error)).ok()
        })?;
        let core = self.0.core();
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                if let Some(Some(key)) = &role
                    && !key.is_built_in()
                {
                    // Held, so that the role is not deleted meanwhile.
                    uow.instance_roles().lock(&operator).await?;
                    let roles = uow.instance_roles().all(&operator).await?;
                    if !roles.iter().any(|role| role.key == *key) {
                        let message = "must be the key of a role of the instance, such as org:member";
                        let refusal = FieldError::new(ErrorCode::Invalid, message);
                        return Err(refusal.at("domainDefaultRole").into());
                    }
                }
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
                    domains_enabled: input.domains_enabled.unwrap_or(stored.domains_enabled),
                    enrolment_modes: input
                        .enrolment_modes
                        .clone()
                        .unwrap_or_else(|| stored.enrolment_modes.clone()),
                    domain_default_role: role.clone().unwrap_or_else(|| stored.domain_default_role.clone()),
                };
                let configured = core.settings.of_instance();
                let (before, after) = (stored.over(configured.clone()), changed.over(configured));
                if stored == changed {
                    return Ok(after);
                }
                let now = core.clock.now();
                uow.instance().store_settings(&operator, &changed, now).await?;
                let payload = Changes::default()
                    .field("memberLimit", before.member_limit, after.member_limit)
                    .field(
                        "organizationsDeletable",
                        before.organizations_deletable,
                        after.organizations_deletable,
                    )
                    .field(
                        "organizationCreation",
                        json!(before.organization_creation),
                        json!(after.organization_creation),
                    )
                    .field(
                        "organizationsPerUser",
                        before.organizations_per_user,
                        after.organizations_per_user,
                    )
                    .field("domainsEnabled", before.domains_enabled, after.domains_enabled)
                    .field(
                        "enrolmentModes",
                        names(&before.enrolment_modes),
                        names(&after.enrolment_modes),
                    )
                    .field(
                        "domainDefaultRole",
                        before.domain_default_role.as_str(),
                        after.domain_default_role.as_str(),
                    );
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

fn names(modes: &[EnrolmentMode]) -> Value {
    modes.iter().map(|mode| mode.as_str()).collect()
}
