//! Keeping what the billing provider tells of subscriptions.
//!
//! It is told by webhooks, and asked for once in a while for those that got lost. Whichever way it comes, and in whatever
//! order, what is kept is what the provider's clock says was last.

use chrono::TimeDelta;
use resonance_authz::{SystemGrant, system::Bill};
use resonance_billing::{BillingError, BillingProvider, Told, WebhookRefusal};
use resonance_domain::{EventKind, IdsExt, InOrg, OrganizationId, Plan, Subscription};
use resonance_persistence::{ClaimedJob, HeldOrganization, Repositories, UnitOfWork};
use serde_json::json;

use super::{
    export::wait,
    jobs::{POLL, Task, job},
};
use crate::{Outcome, ServiceError, Services, changes::Changes, core::Core};

/// How often to look again whether a deleted organization has a subscription: a purchase may have been under way.
pub(super) const LOOKS: u32 = 2;
/// How long to wait before a poll or an ending is tried again.
const RETRY: TimeDelta = TimeDelta::minutes(1);
/// How long the end of a subscription waits for what was used to be told.
const LAST_LINES: TimeDelta = TimeDelta::days(1);
/// How long such a purchase may take.
const PURCHASE: TimeDelta = TimeDelta::hours(12);

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// There is no provider, or none that sends any.
    NotExpected,
    /// It is not believed.
    Refused(WebhookRefusal),
    /// It told something new or nothing new.
    Taken,
}

impl Services {
    /// Takes what came in the billing provider's name. `header` gives the request's headers by name.
    ///
    /// # Errors
    /// The database's: then it must come again.
    pub async fn billing_webhook(
        &self,
        header: &(dyn Fn(&str) -> Option<String> + Sync),
        body: &[u8],
    ) -> Outcome<WebhookOutcome> {
        let core = self.core();
        let Some(provider) = core.billing.as_deref() else {
            return Ok(WebhookOutcome::NotExpected);
        };
        match provider.read_webhook(header, body, core.clock.now()) {
            Ok(Some(told)) => take(core, told).await?,
            Ok(None) => {}
            Err(refusal) => {
                tracing::warn!(
                    error = &refusal as &dyn std::error::Error,
                    "a webhook of the billing provider is refused"
                );
                return Ok(WebhookOutcome::Refused(refusal));
            }
        }
        Ok(WebhookOutcome::Taken)
    }
}

/// Keeps what was told of a subscription, if it is news, with everything that follows from it. One transaction.
async fn take(core: &Core, told: Told) -> Outcome<()> {
    let Some(organization) = told.organization else {
        tracing::info!(
            subscription = told.reference,
            "a subscription of a customer that is none of ours"
        );
        return Ok(());
    };
    let grant = SystemGrant::<Bill>::for_job();
    // Most of what is told is known; that costs no transaction.
    let known = core.database.subscriptions().all(&grant, organization).await?;
    if known
        .iter()
        .any(|one| one.reference == told.reference && is_old(core, one, &told))
    {
        return Ok(());
    }
    core.database
        .atomically(async |uow| {
            match uow.subscriptions().hold(&grant, organization).await? {
                Some(held) if held.deleted => {
                    // It was bought while the organization was being deleted.
                    if told.status.is_alive() {
                        let task = Task::End { organization, again: 0 };
                        uow.jobs().add(job(core, &task, organization.as_uuid(), TimeDelta::zero())?).await?;
                    }
                    Ok(())
                }
                Some(held) => keep(core, uow, &grant, organization, held, told).await,
                None => {
                    tracing::info!(subscription = told.reference, organization = ?organization, "a subscription of an organization that is not there");
                    Ok(())
                }
            }
        })
        .await
}

async fn keep(
    core: &Core,
    uow: &UnitOfWork,
    grant: &SystemGrant<Bill>,
    organization: OrganizationId,
    held: HeldOrganization,
    told: Told,
) -> Outcome<()> {
    let known = uow.subscriptions().all(grant, organization).await?;
    let before = known.iter().find(|one| one.reference == told.reference);
    if before.is_some_and(|before| is_old(core, before, &told)) {
        return Ok(());
    }
    let news = subscription(core, organization, before, told);
    if !uow.subscriptions().store(grant, &news).await? {
        tracing::warn!(subscription = news.reference, organization = ?organization, "a subscription has another organization");
        return Ok(());
    }
    record(core, uow, before, &news);
    let others = known.iter().filter(|one| one.id != news.id);
    let current = others.fold(&news, |best, one| {
        if one.precedence() > best.precedence() {
            one
        } else {
            best
        }
    });
    uow.subscriptions()
        .choose(grant, InOrg::new(organization, current.id))
        .await?;
    assign(core, uow, grant, held, current).await
}

/// Whether what is told is known, or was so before something that is.
fn is_old(core: &Core, before: &Subscription, told: &Told) -> bool {
    before.changed_at > told.changed_at
        || *before == subscription(core, before.organization, Some(before), told.clone())
}

fn subscription(
    core: &Core,
    organization: OrganizationId,
    before: Option<&Subscription>,
    told: Told,
) -> Subscription {
    Subscription {
        id: before.map_or_else(|| core.ids.next(), |before| before.id),
        organization,
        reference: told.reference,
        status: told.status,
        product: told.product,
        amount: told.amount,
        currency: told.currency,
        recurring: told.recurring,
        period: told.period,
        cancel_at_period_end: told.cancel_at_period_end,
        past_due_since: told.past_due_since,
        ended_at: told.ended_at,
        created_at: told.created_at,
        changed_at: told.changed_at,
    }
}

/// What the record tells of a subscription, and what that is called.
const FIELDS: [&str; 5] = [
    "status",
    "product",
    "periodStart",
    "periodEnd",
    "cancelAtPeriodEnd",
];

fn told(one: &Subscription) -> [serde_json::Value; 5] {
    [
        json!(one.status.as_str()),
        json!(one.product),
        json!(one.period.start),
        json!(one.period.end),
        json!(one.cancel_at_period_end),
    ]
}

fn record(core: &Core, uow: &UnitOfWork, before: Option<&Subscription>, news: &Subscription) {
    let old = before.map_or([const { serde_json::Value::Null }; 5], told);
    let values = FIELDS.iter().zip(old).zip(told(news));
    let payload = values.fold(Changes::default(), |all, ((field, old), new)| {
        all.field(field, old, new)
    });
    let kind = EventKind::SubscriptionUpdated;
    let subject = InOrg::new(news.organization, news.id).global_id();
    uow.record(core.event(kind, Some(news.organization), subject, payload));
}

/// Gives the organization the plan that it pays for; takes one away that was bought and is not paid for any more. A plan
/// that operators gave and nobody sells stays.
async fn assign(
    core: &Core,
    uow: &UnitOfWork,
    grant: &SystemGrant<Bill>,
    held: HeldOrganization,
    current: &Subscription,
) -> Outcome<()> {
    let plan: Option<Plan> = if current.status.is_alive() {
        uow.plans().of_product(grant, &current.product).await?
    } else {
        None
    };
    let bought = held.product.is_some();
    let new = plan.as_ref().map(|plan| plan.id);
    if new == held.plan || (new.is_none() && !bought) {
        return Ok(());
    }
    let (now, organization) = (core.clock.now(), current.organization);
    uow.plans()
        .assign_sold(grant, organization, plan.as_ref(), now)
        .await?;
    let id = |plan: Option<resonance_domain::PlanId>| plan.map(|plan| plan.type_id());
    let payload = Changes::default().field("plan", id(held.plan), id(new));
    uow.record(core.event(
        EventKind::PlanAssigned,
        Some(organization),
        organization.type_id(),
        payload,
    ));
    Ok(())
}

/// Asks for all subscriptions, and makes the job that does so next.
pub(super) async fn poll(core: &Core, provider: &dyn BillingProvider, claimed: &ClaimedJob) -> Outcome<()> {
    let mut number = 1;
    loop {
        let page = match provider.subscriptions(number).await {
            Ok(page) => page,
            Err(error) => return again(core, claimed, error).await,
        };
        for told in page.subscriptions {
            take(core, told).await?;
        }
        if !page.more {
            break;
        }
        number += 1;
    }
    let next = job(core, &Task::Poll, POLL, core.settings.subscription_poll)?;
    core.database
        .atomically(async |uow| {
            if uow.jobs().complete(claimed).await? {
                uow.jobs().add(next).await?;
            }
            Ok::<_, ServiceError>(())
        })
        .await
}

/// Has the provider end what a deleted organization has, and looks again later.
pub(super) async fn end(
    core: &Core,
    provider: &dyn BillingProvider,
    claimed: &ClaimedJob,
    organization: OrganizationId,
    looks: u32,
) -> Outcome<()> {
    // A subscription that is over gets no invoice any more: what was used is told first.
    let grant = SystemGrant::<Bill>::for_job();
    let waited = core.clock.now() - claimed.created_at;
    if waited < LAST_LINES
        && core
            .database
            .usage_exports()
            .any_waiting_of(&grant, organization)
            .await?
    {
        return wait(core, claimed, "usage is not told yet", None, waited / 4).await;
    }
    if let Err(error) = provider.end(organization).await {
        return again(core, claimed, error).await;
    }
    let next = match looks.checked_sub(1) {
        Some(again) => {
            let task = Task::End { organization, again };
            Some(job(core, &task, organization.as_uuid(), PURCHASE)?)
        }
        None => None,
    };
    core.database
        .atomically(async |uow| {
            if uow.jobs().complete(claimed).await?
                && let Some(next) = next
            {
                uow.jobs().add(next).await?;
            }
            Ok::<_, ServiceError>(())
        })
        .await
}

async fn again(core: &Core, claimed: &ClaimedJob, error: BillingError) -> Outcome<()> {
    let hint = match &error {
        BillingError::Unavailable { retry_after, .. } => *retry_after,
        BillingError::Refused { .. } | BillingError::NoCustomer => None,
    };
    wait(core, claimed, &error.to_string(), hint, RETRY).await
}
