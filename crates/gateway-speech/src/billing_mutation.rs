//! Setting budgets, and the ways to the billing provider.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use resonance_domain::{FieldError, OrganizationId};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};
use resonance_services::SetBudget;

use crate::Billing;

/// A new budget.
#[derive(Debug, InputObject)]
pub(crate) struct SetBudgetInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// The member whose budget it is, by the user's id; null or omitted means the organization's.
    user_id: Option<ID>,
    /// The most that may be spent in a billing period, in characters: 0 to 1,000,000,000,000. Null or omitted takes the limit
    /// away.
    characters: Option<i64>,
}

/// What is to be bought.
#[derive(Debug, InputObject)]
pub(crate) struct CreateCheckoutInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// The plan; null or omitted means what the instance sells otherwise.
    plan_id: Option<ID>,
}

/// Whose subscription is to be changed.
#[derive(Debug, InputObject)]
pub(crate) struct CreateBillingPortalLinkInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
}

/// Which invoice.
#[derive(Debug, InputObject)]
pub(crate) struct CreateInvoiceLinkInput {
    /// The organization; null or omitted means the active one.
    organization_id: Option<ID>,
    /// What the provider calls the invoice.
    reference: String,
}

/// What became of a budget.
#[derive(Debug, SimpleObject)]
pub(crate) struct SetBudgetPayload {
    /// How the organization stands now; null if the input was refused.
    billing: Option<Billing>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// A way to the billing provider.
#[derive(Debug, SimpleObject)]
pub(crate) struct BillingLinkPayload {
    /// The address of the provider's page. It lets in whoever has it: send the person there at once and keep it nowhere. Null
    /// if the input was refused.
    url: Option<String>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What can be done about billing.
#[derive(Debug, Default)]
pub struct BillingMutation;

/// What can be done about billing.
#[Object]
impl BillingMutation {
    /// Sets what the organization, or one of its members, may spend in a billing period, or takes the limit away. It holds
    /// from the next text on; at 50, 80 and 100 % of it people are told by mail and by the event `budget.reached`. Requires
    /// `org:sys_billing:manage`.
    async fn set_budget(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The budget.")] input: SetBudgetInput,
    ) -> ApiResult<SetBudgetPayload> {
        let request = request(context)?;
        let set = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            let organization = Some(request.organization(organization)?);
            let member = input
                .user_id
                .as_ref()
                .map(|id| parse_id("userId", id))
                .transpose()?;
            let budget = SetBudget {
                organization,
                member,
                characters: input.characters,
            };
            let state = request.billing().set_budget(budget).await?;
            Ok(organization.map(|organization| Billing::of(request, organization, state)))
        };
        let (billing, user_errors) = split(set.await)?;
        Ok(SetBudgetPayload {
            billing: billing.flatten(),
            user_errors,
        })
    }

    /// Begins a purchase at the billing provider. Requires `org:sys_billing:manage`. `UNSUPPORTED` where nobody is paid;
    /// `CONFLICT` if there is a subscription that is alive.
    async fn create_checkout(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be bought.")] input: CreateCheckoutInput,
    ) -> ApiResult<BillingLinkPayload> {
        let request = request(context)?;
        let link = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            let plan = input
                .plan_id
                .as_ref()
                .map(|id| parse_id("planId", id))
                .transpose()?;
            request.billing().checkout(organization, plan).await
        };
        let (url, user_errors) = split(link.await)?;
        Ok(BillingLinkPayload { url, user_errors })
    }

    /// A way to the billing provider's page on which the subscription is changed, paid and cancelled, and invoices lie.
    /// Requires `org:sys_billing:manage`. `UNSUPPORTED` where nobody is paid; `CONFLICT` if nothing was bought yet.
    async fn create_billing_portal_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose subscription.")] input: CreateBillingPortalLinkInput,
    ) -> ApiResult<BillingLinkPayload> {
        let request = request(context)?;
        let link = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            request.billing().portal(organization).await
        };
        let (url, user_errors) = split(link.await)?;
        Ok(BillingLinkPayload { url, user_errors })
    }

    /// Where an invoice can be read, for a while; the address is null as long as the provider is at work on it, or if there is no
    /// such invoice. Requires `org:sys_billing:manage`. `UNSUPPORTED` where nobody is paid.
    async fn create_invoice_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which invoice.")] input: CreateInvoiceLinkInput,
    ) -> ApiResult<BillingLinkPayload> {
        let request = request(context)?;
        let link = async {
            let organization = organization_id(input.organization_id.as_ref())?;
            request
                .billing()
                .invoice_url(organization, &input.reference)
                .await
        };
        let (url, user_errors) = split(link.await)?;
        Ok(BillingLinkPayload {
            url: url.flatten(),
            user_errors,
        })
    }
}

fn organization_id(id: Option<&ID>) -> Result<Option<OrganizationId>, FieldError> {
    id.map(|id| parse_id("organizationId", id)).transpose()
}
