//! What an organization may spend, what it has, and what it pays.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, BudgetHolder, InOrg, OrganizationId};
use resonance_gateway_accounts::User;
use resonance_gateway_kit::{ApiResult, BigInt, Decimal, request};
use resonance_services::{self as services, Request};

/// How a subscription stands with the billing provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SubscriptionStatus {
    /// The first payment is under way: nothing is spoken yet.
    Incomplete,
    /// The first payment never came: nothing is spoken.
    IncompleteExpired,
    /// It is tried for nothing: members have texts spoken.
    Trialing,
    /// It is paid: members have texts spoken.
    Active,
    /// A payment failed and is tried again: members have texts spoken for some days more.
    PastDue,
    /// It is over: nothing is spoken.
    Canceled,
    /// A payment failed for good: nothing is spoken.
    Unpaid,
    /// It rests: nothing is spoken.
    Paused,
}

impl From<domain::SubscriptionStatus> for SubscriptionStatus {
    fn from(status: domain::SubscriptionStatus) -> Self {
        match status {
            domain::SubscriptionStatus::Incomplete => Self::Incomplete,
            domain::SubscriptionStatus::IncompleteExpired => Self::IncompleteExpired,
            domain::SubscriptionStatus::Trialing => Self::Trialing,
            domain::SubscriptionStatus::Active => Self::Active,
            domain::SubscriptionStatus::PastDue => Self::PastDue,
            domain::SubscriptionStatus::Canceled => Self::Canceled,
            domain::SubscriptionStatus::Unpaid => Self::Unpaid,
            domain::SubscriptionStatus::Paused => Self::Paused,
        }
    }
}

/// What the instance's operators offer.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct Plan {
    /// The plan's id.
    pub id: ID,
    /// What it is called.
    pub name: String,
    /// How many characters a period includes; null: any number.
    pub included_characters: Option<BigInt>,
    /// What 1,000 characters beyond those cost; null: there are none beyond those.
    pub price_per_thousand_characters: Option<Decimal>,
    /// The currency of the price, such as `USD`.
    pub currency: String,
    /// How many custom voices there may be at a time; null: any number.
    pub custom_voices: Option<BigInt>,
    /// How many members there may be, 0 for any number; null: the plan does not say.
    pub member_limit: Option<i64>,
}

impl From<domain::Plan> for Plan {
    fn from(plan: domain::Plan) -> Self {
        Self {
            id: plan.id.type_id().into(),
            name: plan.name,
            included_characters: plan.included_characters.map(BigInt),
            price_per_thousand_characters: plan.price.map(Decimal),
            currency: plan.currency.to_uppercase(),
            custom_voices: plan.custom_voices.map(BigInt),
            member_limit: plan.member_limit.map(i64::from),
        }
    }
}

/// The organization's agreement with the billing provider, as the provider last told of it.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct BillingSubscription {
    /// The subscription's id.
    pub id: ID,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// When the period began that the provider last told of.
    pub current_period_start: DateTime<Utc>,
    /// When that period ends.
    pub current_period_end: DateTime<Utc>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// Since when a payment has been failing; null if none has.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it ended; null if it has not.
    pub ended_at: Option<DateTime<Utc>>,
    /// What each period costs beside usage.
    pub amount: Decimal,
    /// The currency, such as `USD`.
    pub currency: String,
    /// How long a period is: `day`, `week`, `month` or `year`.
    pub recurring: String,
}

impl From<domain::Subscription> for BillingSubscription {
    fn from(one: domain::Subscription) -> Self {
        Self {
            id: InOrg::new(one.organization, one.id).global_id().into(),
            status: one.status.into(),
            current_period_start: one.period.start,
            current_period_end: one.period.end,
            cancel_at_period_end: one.cancel_at_period_end,
            past_due_since: one.past_due_since,
            ended_at: one.ended_at,
            amount: Decimal(domain::money(one.amount, &one.currency)),
            currency: one.currency.to_uppercase(),
            recurring: one.recurring,
        }
    }
}

/// What the period costs up to now, by what is known here; the provider's invoice is what counts.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct CostEstimate {
    /// What the subscription costs.
    pub subscription: Decimal,
    /// What the characters beyond the included ones cost.
    pub usage: Decimal,
    /// Both together.
    pub total: Decimal,
    /// The currency, such as `USD`.
    pub currency: String,
}

/// What may be spent in a period, and what is.
#[derive(Debug, Clone, SimpleObject)]
pub struct Budget {
    /// The member whose budget it is; null for the organization's, and for that of a member whose account is gone.
    pub user: Option<User>,
    /// The member's id; null for the organization's.
    pub user_id: Option<ID>,
    /// The most that may be spent, in characters.
    pub characters: BigInt,
    /// What is held and was used in this period.
    pub spent_characters: BigInt,
}

/// What was paid, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct Invoice {
    /// What the provider calls it; `createInvoiceLink` takes it.
    pub reference: String,
    /// The number on it; null as long as it has none.
    pub number: Option<String>,
    /// What it comes to, taxes included.
    pub amount: Decimal,
    /// The currency, such as `USD`.
    pub currency: String,
    /// Whether it is paid.
    pub paid: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl From<services::Invoice> for Invoice {
    fn from(invoice: services::Invoice) -> Self {
        Self {
            reference: invoice.reference,
            number: invoice.number,
            amount: Decimal(domain::money(invoice.amount, &invoice.currency)),
            currency: invoice.currency.to_uppercase(),
            paid: invoice.paid,
            created_at: invoice.created_at,
        }
    }
}

/// What an organization may spend, what it has, and what it pays. Requires `org:sys_billing:read`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Billing {
    /// Who is paid; null: nobody, and nothing is demanded.
    pub provider: Option<String>,
    /// The plan; null if it has none.
    pub plan: Option<Plan>,
    /// The subscription that counts, alive or not; null if there never was one.
    pub subscription: Option<BillingSubscription>,
    /// Whether members may have texts spoken, as far as subscriptions go.
    pub entitled: bool,
    /// When the billing period of this moment began. Where there is no subscription, it is the calendar month (UTC).
    pub period_start: DateTime<Utc>,
    /// When it ends.
    pub period_end: DateTime<Utc>,
    /// How many characters are held and were used in the period.
    pub spent_characters: BigInt,
    /// What the period costs up to now; null where nothing has a price, or plan and
    /// subscription have different currencies.
    pub estimated_cost: Option<CostEstimate>,
    #[graphql(skip)]
    organization: OrganizationId,
    #[graphql(skip)]
    request: Request,
}

impl Billing {
    pub(crate) fn of(request: &Request, organization: OrganizationId, state: services::BillingState) -> Self {
        let estimate = state.estimate.map(|estimate| CostEstimate {
            subscription: Decimal(estimate.subscription),
            usage: Decimal(estimate.usage),
            total: Decimal(estimate.total()),
            currency: estimate.currency.to_uppercase(),
        });
        Self {
            provider: state.provider.map(str::to_owned),
            plan: state.plan.map(Into::into),
            subscription: state.subscription.map(Into::into),
            entitled: state.entitled,
            period_start: state.period.start,
            period_end: state.period.end,
            spent_characters: BigInt(state.spent),
            estimated_cost: estimate,
            organization,
            request: request.clone(),
        }
    }
}

#[ComplexObject]
impl Billing {
    /// The budgets: the organization's first, then those of members. Those of API keys are with the keys.
    #[graphql(complexity = "10 + child_complexity")]
    async fn budgets(&self) -> ApiResult<Vec<Budget>> {
        let budgets = self.request.billing().budgets(self.organization).await?;
        let member = |holder| match holder {
            BudgetHolder::Member(user) => Some(user),
            BudgetHolder::Organization | BudgetHolder::ApiKey(_) => None,
        };
        let ids: Vec<_> = budgets
            .iter()
            .filter_map(|budget| member(budget.holder))
            .collect();
        let profiles = self.request.accounts().profiles(self.organization, &ids).await?;
        let mut users: HashMap<_, User> = profiles
            .into_iter()
            .map(|profile| (profile.id, profile.into()))
            .collect();
        let budgets = budgets.into_iter().map(|budget| {
            let user = member(budget.holder);
            Budget {
                user: user.and_then(|user| users.remove(&user)),
                user_id: user.map(|user| user.type_id().into()),
                characters: BigInt(budget.limit.unwrap_or_default()),
                spent_characters: BigInt(budget.spent),
            }
        });
        Ok(budgets.collect())
    }

    /// The plans that can be bought; none where nobody is paid.
    async fn plans_to_buy(&self) -> ApiResult<Vec<Plan>> {
        let plans = self.request.billing().plans(self.organization).await?;
        Ok(plans.into_iter().map(Into::into).collect())
    }

    /// The latest invoices, asked of the provider at this moment; null, with the error `BILLING_UNAVAILABLE`, if it does not
    /// answer.
    #[graphql(complexity = "50 + child_complexity")]
    async fn invoices(&self) -> ApiResult<Option<Vec<Invoice>>> {
        let invoices = self.request.billing().invoices(self.organization).await?;
        Ok(Some(invoices.into_iter().map(Into::into).collect()))
    }
}

/// How an organization stands, for the field `billing` of `Organization`.
///
/// # Errors
/// `NOT_FOUND` for whoever is no member; `FORBIDDEN` without `org:sys_billing:read`.
pub async fn billing_of(context: &Context<'_>, organization: OrganizationId) -> ApiResult<Billing> {
    let request = request(context)?;
    let state = request.billing().state(organization).await?;
    Ok(Billing::of(request, organization, state))
}
