//! What an organization may spend, what it has, and what it pays.
//!
//! Money is the business of a provider outside ([`resonance_billing`]); without one everything is metered and nothing is
//! demanded. What the provider last told of subscriptions lies in the database and decides there: whether the provider
//! can be reached right now makes no difference to whoever wants to speak.

mod export;
mod jobs;
mod mirror;
mod spending;

use resonance_authz::{Denied, Grant, ManageBilling, ReadApiKeys, ReadBilling};
use resonance_billing::{BillingError, BillingProvider, Buyer, CheckoutOrder};
use resonance_domain::{
    ApiKeyId, BillingPeriod, BudgetState, Decimal, ErrorCode, EventKind, FieldError, InOrg, OrganizationId,
    Plan, PlanId, Subscription, UserId, characters_of_budget, money,
};
use resonance_persistence::Repositories;

pub use self::mirror::WebhookOutcome;
pub use self::spending::{Quota, QuotaExceeded};
pub(crate) use self::{
    jobs::{ending, next_verification, tend, tend_slowly, work},
    spending::{full, spend},
};
use crate::{Outcome, Request, ServiceError, changes::Changes, refusals::Attempt};
pub use resonance_billing::Invoice;

/// How many invoices are told.
const INVOICES: u32 = 24;

/// The room of billing. See [`Request::billing`].
#[derive(Debug, Clone, Copy)]
pub struct Billing<'a>(&'a Request);

impl Request {
    /// What an organization may spend, what it has, and what it pays.
    #[must_use]
    pub const fn billing(&self) -> Billing<'_> {
        Billing(self)
    }
}

/// How an organization stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingState {
    /// Who is paid; `None`: nobody, and nothing is demanded.
    pub provider: Option<&'static str>,
    /// The plan.
    pub plan: Option<Plan>,
    /// The subscription that counts, whether it is alive or not.
    pub subscription: Option<Subscription>,
    /// Whether members may have texts spoken, as far as subscriptions go.
    pub entitled: bool,
    /// The period of this moment.
    pub period: BillingPeriod,
    /// How many characters are held and were used in the period.
    pub spent: u64,
    /// What the period costs up to now.
    pub estimate: Option<Estimate>,
}

/// What a period costs, by what is known here. The provider's invoice is what counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// The currency, as three small letters.
    pub currency: String,
    /// What the subscription costs, in units of the currency.
    pub subscription: Decimal,
    /// What the characters beyond the included ones cost.
    pub usage: Decimal,
}

impl Estimate {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Decimal {
        (self.subscription + self.usage).normalize()
    }
}

/// A new budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBudget {
    /// For which organization; `None` means the active one.
    pub organization: Option<OrganizationId>,
    /// For which member; `None` means for the organization.
    pub member: Option<UserId>,
    /// The most that may be spent in a period, in characters; `None` means that there is no such limit.
    pub characters: Option<i64>,
}

impl Billing<'_> {
    /// How an organization stands. Requires `org:sys_billing:read`. Three statements.
    ///
    /// # Errors
    /// Denials.
    pub async fn state(self, organization: OrganizationId) -> Outcome<BillingState> {
        let core = self.0.core();
        let grant = self.0.grant::<ReadBilling>(organization).await?;
        let (period, subscription) = self.period(&grant).await?;
        let plan = core.database.plans().current(&grant).await?;
        let spent = core.database.spending().spent(&grant, &period.key()).await?;
        let entitles = |one: &Subscription| one.entitles(self.0.now(), core.settings.past_due_grace);
        Ok(BillingState {
            provider: core.billing.as_deref().map(BillingProvider::name),
            entitled: core.billing.is_none() || subscription.as_ref().is_some_and(entitles),
            estimate: estimate(plan.as_ref(), subscription.as_ref(), spent),
            plan,
            subscription,
            period,
            spent,
        })
    }

    /// The period of this moment, and the subscription that counts.
    async fn period(self, grant: &Grant<ReadBilling>) -> Outcome<(BillingPeriod, Option<Subscription>)> {
        let core = self.0.core();
        let now = self.0.now();
        if core.billing.is_none() {
            return Ok((BillingPeriod::month_of(now), None));
        }
        let subscription = core.database.subscriptions().current(grant).await?;
        let period = subscription
            .as_ref()
            .map_or_else(|| BillingPeriod::month_of(now), |one| one.period_of(now));
        Ok((period, subscription))
    }

    /// The budgets of the organization and of its members, with what is spent of them. Requires `org:sys_billing:read`.
    ///
    /// # Errors
    /// Denials.
    pub async fn budgets(self, organization: OrganizationId) -> Outcome<Vec<BudgetState>> {
        let grant = self.0.grant::<ReadBilling>(organization).await?;
        let (period, _) = self.period(&grant).await?;
        let spending = self.0.core().database.spending();
        Ok(spending.budgets(&grant, &period.key()).await?)
    }

    /// How many characters a key holds and used in the period of this moment. Requires `org:sys_api_keys:read`.
    ///
    /// # Errors
    /// Denials.
    pub async fn spent_by_key(self, key: InOrg<ApiKeyId>) -> Outcome<u64> {
        let core = self.0.core();
        let grant = self.0.grant::<ReadApiKeys>(key.organization).await?;
        let spending = core.database.spending();
        let period = spending.period(&grant, core.terms(), self.0.now()).await?;
        Ok(spending.spent_by_key(&grant, key.id, &period).await?)
    }

    /// The plans that can be bought. Requires `org:sys_billing:read`.
    ///
    /// # Errors
    /// Denials.
    pub async fn plans(self, organization: OrganizationId) -> Outcome<Vec<Plan>> {
        let grant = self.0.grant::<ReadBilling>(organization).await?;
        if self.0.core().billing.is_none() {
            return Ok(Vec::new());
        }
        Ok(self.0.core().database.plans().sold(&grant).await?)
    }

    /// The latest invoices, as the provider has them at this moment; none without a provider. Requires
    /// `org:sys_billing:read`.
    ///
    /// # Errors
    /// Denials; `BillingUnavailable`.
    pub async fn invoices(self, organization: OrganizationId) -> Outcome<Vec<Invoice>> {
        let _grant = self.0.grant::<ReadBilling>(organization).await?;
        match &self.0.core().billing {
            Some(provider) => provider.invoices(organization, INVOICES).await.map_err(failed),
            None => Ok(Vec::new()),
        }
    }

    /// Where an invoice can be read, for a while; `None` as long as the provider is at work on it. Requires
    /// `org:sys_billing:manage`.
    ///
    /// # Errors
    /// Denials; `BillingUnavailable`. Refusals: `UNSUPPORTED` where nobody is paid.
    pub async fn invoice_url(
        self,
        organization: Option<OrganizationId>,
        reference: &str,
    ) -> Outcome<Option<String>> {
        let request = self.0;
        let organization = request.organization(organization)?;
        let attempt = Attempt::in_organization("createInvoiceLink", organization);
        let grant = request.grant::<ManageBilling>(organization).await;
        let _grant = request.noting(attempt, grant).await?;
        let url = self.provider()?.invoice_url(organization, reference).await;
        url.map_err(failed)
    }

    /// Sets what the organization or one of its members may spend in a period, or takes the limit away; it holds from the
    /// next text on. Requires `org:sys_billing:manage`. One transaction.
    ///
    /// # Errors
    /// Denials. Refusals: `INVALID` for `characters`, `NOT_FOUND` for `userId` if that is no member.
    pub async fn set_budget(self, input: SetBudget) -> Outcome<BillingState> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(input.organization)?;
        let characters = input.characters.map(characters_of_budget).transpose();
        let attempt = Attempt::in_organization("setBudget", organization);
        request
            .attempt(attempt, async |uow| {
                let user = request.signed_in()?.user;
                let standing = uow.standings().of_locked(user, organization).await?;
                let grant = standing.grant::<ManageBilling>()?;
                let characters = characters.map_err(|error| error.at("characters"))?;
                if let Some(member) = input.member
                    && !uow.spending().is_member(&grant, member).await?
                {
                    let message = "there is no such member";
                    return Err(FieldError::new(ErrorCode::NotFound, message).at("userId").into());
                }
                let now = core.clock.now();
                let spending = uow.spending();
                let before = spending.set_budget(&grant, input.member, characters, now).await?;
                if before != characters {
                    let subject = input
                        .member
                        .map_or_else(|| organization.type_id(), |member| member.type_id());
                    let payload = Changes::default().field("characters", before, characters);
                    uow.record(request.event(EventKind::BudgetUpdated, Some(organization), subject, payload));
                }
                Ok::<_, ServiceError>(())
            })
            .await?;
        self.state(organization).await
    }

    /// Begins a purchase: the address of the provider's page for it. Without a plan, what the instance sells otherwise is
    /// bought. Requires `org:sys_billing:manage`.
    ///
    /// # Errors
    /// Denials; `BillingUnavailable`. Refusals: `UNSUPPORTED` where nobody is paid or nothing is sold, `NOT_FOUND` for
    /// `planId`, `CONFLICT` if there is a subscription that is alive.
    pub async fn checkout(
        self,
        organization: Option<OrganizationId>,
        plan: Option<PlanId>,
    ) -> Outcome<String> {
        let request = self.0;
        let core = request.core();
        let organization = request.organization(organization)?;
        let attempt = Attempt::in_organization("createCheckout", organization);
        let grant = request.grant::<ManageBilling>(organization).await;
        let grant = request.noting(attempt, grant).await?;
        let provider = self.provider()?;
        let product = match plan {
            Some(plan) => {
                let sold = core.database.plans().sold(&grant).await?;
                let found = sold.into_iter().find(|sold| sold.id == plan);
                let missing =
                    || FieldError::new(ErrorCode::NotFound, "there is no such plan to buy").at("planId");
                found.ok_or_else(missing)?.product
            }
            None => None,
        };
        let current = core.database.subscriptions().current(&grant).await?;
        if current.is_some_and(|current| current.status.is_alive()) {
            let message = "there is a subscription already; change it in the billing portal";
            return Err(FieldError::new(ErrorCode::Conflict, message).into());
        }
        let user = &request.account().ok_or(Denied::Unauthenticated)?.user;
        let found = core.database.organizations().get(&grant).await?;
        let order = CheckoutOrder {
            buyer: Buyer {
                organization,
                name: found.ok_or(Denied::NotVisible)?.name,
                email: user.email.clone(),
                person: user.name.clone(),
            },
            product,
            success_url: core.settings.billing_return_url(),
        };
        let url = provider.checkout(&order).await.map_err(failed)?;
        self.note(organization, EventKind::CheckoutCreated, order.product)
            .await?;
        Ok(url)
    }

    /// The address of the provider's page on which a subscription is changed, paid and ended. It lets in whoever has it.
    /// Requires `org:sys_billing:manage`.
    ///
    /// # Errors
    /// Denials; `BillingUnavailable`. Refusals: `UNSUPPORTED` where nobody is paid, `CONFLICT` if nothing was bought yet.
    pub async fn portal(self, organization: Option<OrganizationId>) -> Outcome<String> {
        let request = self.0;
        let organization = request.organization(organization)?;
        let attempt = Attempt::in_organization("createBillingPortalLink", organization);
        let grant = request.grant::<ManageBilling>(organization).await;
        let _grant = request.noting(attempt, grant).await?;
        let back = request.core().settings.billing_return_url();
        let url = self
            .provider()?
            .portal(organization, &back)
            .await
            .map_err(failed)?;
        self.note(organization, EventKind::BillingPortalOpened, None)
            .await?;
        Ok(url)
    }

    fn provider(&self) -> Result<&dyn BillingProvider, FieldError> {
        self.0
            .core()
            .billing
            .as_deref()
            .ok_or_else(|| FieldError::new(ErrorCode::Unsupported, "this instance has no billing provider"))
    }

    /// Records that somebody was sent to the provider.
    async fn note(
        self,
        organization: OrganizationId,
        kind: EventKind,
        product: Option<String>,
    ) -> Outcome<()> {
        let payload = Changes::default().with("product", product);
        let event = self
            .0
            .event(kind, Some(organization), organization.type_id(), payload);
        let database = &self.0.core().database;
        database
            .atomically(async |uow| {
                uow.record(event);
                Ok::<_, ServiceError>(())
            })
            .await
    }
}

/// What the provider did not do, as whoever asked is told.
fn failed(error: BillingError) -> ServiceError {
    match error {
        BillingError::NoCustomer => FieldError::new(
            ErrorCode::Conflict,
            "nothing was bought yet: begin with a checkout",
        )
        .into(),
        error => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the billing provider failed"
            );
            ServiceError::BillingUnavailable
        }
    }
}

/// Nothing where the plan and the subscription have different currencies.
fn estimate(plan: Option<&Plan>, subscription: Option<&Subscription>, spent: u64) -> Option<Estimate> {
    let subscription = subscription.filter(|one| one.status.is_alive());
    let mut currencies = plan.map(|plan| &plan.currency).into_iter();
    let mut currencies = currencies.by_ref().chain(subscription.map(|one| &one.currency));
    let currency = currencies.next()?;
    if currencies.any(|other| other != currency) {
        return None;
    }
    Some(Estimate {
        currency: currency.clone(),
        subscription: subscription
            .map(|one| money(one.amount, &one.currency))
            .unwrap_or_default(),
        usage: plan.map(|plan| plan.cost(spent)).unwrap_or_default(),
    })
}
