//! Spending characters, and what is said when there are none left.

use chrono::{DateTime, Utc};
use resonance_authz::{CreateGenerations, Grant};
use resonance_domain::{BudgetHolder, EventKind, InOrg, OrganizationId, UserId, alert_level};
use resonance_persistence::{Repositories, Scarcity, Spent, UnitOfWork};

use crate::{Outcome, Request, ServiceError, changes::Changes};

/// What is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quota {
    /// What the plan includes.
    Plan,
    /// The organization's budget.
    Organization,
    /// A member's budget.
    Member,
    /// An API key's budget.
    ApiKey,
    /// The custom voices that the plan includes.
    CustomVoices,
}

/// Why nothing more can be had, and how much there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// What is used up.
    pub quota: Quota,
    /// How much there may be: characters in a period, or voices.
    pub limit: u64,
    /// How much there is already.
    pub spent: u64,
    /// How much was asked for.
    pub requested: u64,
    /// When the period began in which it counts; `None` for what does not come anew.
    pub period_start: Option<DateTime<Utc>>,
    pub(crate) of: Option<Spent>,
}

/// Spends characters for whoever acts, in the unit of work that holds them: the period in which they count. Tells people
/// whose budget that takes over a threshold.
pub(crate) async fn spend(
    request: &Request,
    uow: &UnitOfWork,
    grant: &Grant<CreateGenerations>,
    characters: u64,
    now: DateTime<Utc>,
) -> Outcome<String> {
    let terms = request.core().terms();
    let both = match uow.spending().spend(grant, terms, characters, now).await? {
        Ok(both) => both,
        Err(taken) => return Err(refusal(request, uow, grant, characters, taken, now).await?),
    };
    for spent in &both {
        let level = spent
            .limit
            .map_or(0, |limit| alert_level(spent.characters, limit));
        if level > spent.alerted {
            alert(request, uow, grant, spent, level).await?;
        }
    }
    let [organization, _] = both;
    Ok(organization.period)
}

/// Why nothing was spent. What is least left is told, the organization's before one's own.
async fn refusal(
    request: &Request,
    uow: &UnitOfWork,
    grant: &Grant<CreateGenerations>,
    requested: u64,
    taken: Vec<BudgetHolder>,
    now: DateTime<Utc>,
) -> Outcome<ServiceError> {
    let terms = request.core().terms();
    let Scarcity {
        unsubscribed,
        budgets,
        plan,
    } = uow.spending().scarcity(grant, terms, now).await?;
    if unsubscribed {
        let status = uow.spending().subscription_status(grant).await?;
        return Ok(ServiceError::SubscriptionRequired { status });
    }
    let lacking = budgets.into_iter().find_map(|mut spent| {
        let limit = spent.limit?;
        // What this text took of it goes back in a moment.
        if taken.contains(&spent.holder) {
            spent.characters -= requested.min(spent.characters);
        }
        (spent.characters + requested > limit).then_some((limit, spent))
    });
    // It was there when it was looked for: whoever asks again gets it.
    let Some((limit, spent)) = lacking else {
        return Ok(ServiceError::internal(
            "spending",
            "what was lacking is there now",
        ));
    };
    let quota = match spent.holder {
        BudgetHolder::Organization if plan == Some(limit) => Quota::Plan,
        BudgetHolder::Organization => Quota::Organization,
        BudgetHolder::Member(_) => Quota::Member,
        BudgetHolder::ApiKey(_) => Quota::ApiKey,
    };
    Ok(ServiceError::QuotaExceeded(Box::new(QuotaExceeded {
        quota,
        limit,
        spent: spent.characters,
        requested,
        period_start: DateTime::parse_from_rfc3339(&spent.period)
            .ok()
            .map(|start| start.to_utc()),
        of: Some(spent),
    })))
}

/// Tells people that a budget is used up, after somebody was refused: once in a period.
pub(crate) async fn full(request: &Request, grant: &Grant<CreateGenerations>, error: &ServiceError) {
    let ServiceError::QuotaExceeded(exceeded) = error else {
        return;
    };
    let Some(spent) = exceeded.of.as_ref().filter(|spent| spent.alerted < 100) else {
        return;
    };
    let told = request
        .core()
        .database
        .atomically(async |uow| alert(request, uow, grant, spent, 100).await)
        .await;
    if let Err(error) = told {
        // Whoever is refused next tries again.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "telling of a budget failed"
        );
    }
}

async fn alert(
    request: &Request,
    uow: &UnitOfWork,
    grant: &Grant<CreateGenerations>,
    spent: &Spent,
    percent: u8,
) -> Outcome<()> {
    if !uow.spending().note_alert(grant, spent, percent).await? {
        return Ok(());
    }
    let organization = grant.organization();
    let (whose, subject) = subject(organization, spent.holder);
    let mut told: Vec<UserId> = uow.memberships().admins(grant).await?;
    if let BudgetHolder::Member(user) = spent.holder
        && !told.contains(&user)
    {
        told.push(user);
    }
    let told: Vec<String> = told.iter().map(|user| user.type_id()).collect();
    let payload = Changes::default()
        .with("budget", whose)
        .with("member", member(spent.holder))
        .with("percent", percent)
        .with("limit", spent.limit)
        .with("spent", spent.characters)
        .with("period", spent.period.as_str())
        .with("admins", told);
    uow.record(request.event(EventKind::BudgetReached, Some(organization), subject, payload));
    Ok(())
}

fn member(holder: BudgetHolder) -> Option<String> {
    match holder {
        BudgetHolder::Member(user) => Some(user.type_id()),
        BudgetHolder::Organization | BudgetHolder::ApiKey(_) => None,
    }
}

fn subject(organization: OrganizationId, holder: BudgetHolder) -> (&'static str, String) {
    match holder {
        BudgetHolder::Organization => ("organization", organization.type_id()),
        BudgetHolder::Member(user) => ("member", user.type_id()),
        BudgetHolder::ApiKey(key) => ("api_key", InOrg::new(organization, key).global_id()),
    }
}
