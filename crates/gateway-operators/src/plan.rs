//! Plans, and which organization has which.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject, dataloader::Loader};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, OrganizationId};
use resonance_gateway_kit::{ApiResult, BigInt, Decimal, UserError, parse_id, request, split};
use resonance_services::{Outcome, PlanTerms, Request, ServiceError};

use crate::organization::Organization;

/// What the instance offers to organizations.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Plan {
    /// The plan's id.
    id: ID,
    /// What it is called.
    name: String,
    /// How many characters a period includes; null: any number.
    included_characters: Option<BigInt>,
    /// What 1,000 characters beyond those cost; null: there are none beyond those.
    price_per_thousand_characters: Option<Decimal>,
    /// The currency of the price, such as `USD`.
    currency: String,
    /// How many custom voices an organization may have at a time; null: any number.
    custom_voices: Option<BigInt>,
    /// How many members an organization may have, 0 for any number; null: the plan does not say.
    member_limit: Option<i64>,
    /// What the billing provider calls it; null: it is not sold.
    product: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
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
            product: plan.product,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}

/// All that a plan is.
#[derive(Debug, InputObject)]
pub(crate) struct PlanTermsInput {
    /// What it is called: 1 to 100 characters.
    name: String,
    /// How many characters a period includes: 0 to 1,000,000,000,000. Null or omitted means any number.
    included_characters: Option<i64>,
    /// What 1,000 characters beyond those cost, such as `"0.30"`: 0 to 1,000,000 with at most six decimals. Null or omitted
    /// means that there are none beyond those.
    price_per_thousand_characters: Option<String>,
    /// The currency of the price, three letters. Null or omitted means `USD`.
    currency: Option<String>,
    /// How many custom voices an organization may have at a time: 0 to 1,000,000. Null or omitted means any number.
    custom_voices: Option<i64>,
    /// How many members an organization may have: 0 for any number, at most 1,000,000. It becomes the member limit of those that
    /// have the plan. Null or omitted says nothing.
    member_limit: Option<i64>,
    /// What the billing provider calls it (Polar: the id of a product); one plan each. Null or omitted means that it is not
    /// sold.
    product: Option<String>,
}

impl From<PlanTermsInput> for PlanTerms {
    fn from(input: PlanTermsInput) -> Self {
        Self {
            name: input.name,
            included_characters: input.included_characters,
            price: input.price_per_thousand_characters,
            currency: input.currency,
            custom_voices: input.custom_voices,
            member_limit: input.member_limit,
            product: input.product,
        }
    }
}

/// A new plan.
#[derive(Debug, InputObject)]
pub(crate) struct CreatePlanInput {
    /// What it is.
    terms: PlanTermsInput,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What a plan is to be from now on.
#[derive(Debug, InputObject)]
pub(crate) struct UpdatePlanInput {
    /// The plan.
    plan_id: ID,
    /// All of it, in place of what it was.
    terms: PlanTermsInput,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// A plan that is to go.
#[derive(Debug, InputObject)]
pub(crate) struct DeletePlanInput {
    /// The plan.
    plan_id: ID,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// Who is to have which plan.
#[derive(Debug, InputObject)]
pub(crate) struct AssignPlanInput {
    /// The organization.
    organization_id: ID,
    /// The plan. Null or omitted takes away the one that it has.
    plan_id: Option<ID>,
    /// Why: 1 to 500 characters, for the record.
    reason: String,
}

/// What became of a plan.
#[derive(Debug, SimpleObject)]
pub(crate) struct PlanPayload {
    /// The plan as it is now, or as it was when it was deleted; null if the input was refused.
    plan: Option<Plan>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

/// What became of an organization's plan.
#[derive(Debug, SimpleObject)]
pub(crate) struct AssignPlanPayload {
    /// The organization; null if the input was refused.
    organization: Option<Organization>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

fn payload(outcome: Outcome<domain::Plan>) -> ApiResult<PlanPayload> {
    let (plan, user_errors) = split(outcome)?;
    Ok(PlanPayload {
        plan: plan.map(Into::into),
        user_errors,
    })
}

#[derive(Debug, Default)]
pub(crate) struct PlanMutation;

#[Object]
impl PlanMutation {
    /// Makes a plan. At most 100 (`CONFLICT`).
    async fn create_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The plan.")] input: CreatePlanInput,
    ) -> ApiResult<PlanPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        payload(operators.create_plan(input.terms.into(), &input.reason).await)
    }

    /// Makes a plan another one, for those that have it from their next text on.
    async fn update_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The plan, and what it is to be.")] input: UpdatePlanInput,
    ) -> ApiResult<PlanPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let updated = async {
            let id = parse_id("planId", &input.plan_id)?;
            operators.update_plan(id, input.terms.into(), &input.reason).await
        };
        payload(updated.await)
    }

    /// Deletes a plan that no organization has (`CONFLICT`).
    async fn delete_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The plan.")] input: DeletePlanInput,
    ) -> ApiResult<PlanPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let deleted = async {
            let id = parse_id("planId", &input.plan_id)?;
            operators.delete_plan(id, &input.reason).await
        };
        payload(deleted.await)
    }

    /// Gives an organization a plan, or takes away the one that it has.
    async fn assign_plan(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who is to have which plan.")] input: AssignPlanInput,
    ) -> ApiResult<AssignPlanPayload> {
        let operators = request(context)?.operators();
        operators.admit().await?;
        let assigned = async {
            let organization = parse_id("organizationId", &input.organization_id)?;
            let plan = input
                .plan_id
                .as_ref()
                .map(|id| parse_id("planId", id))
                .transpose()?;
            operators.assign_plan(organization, plan, &input.reason).await?;
            Ok(operators.organizations_by_id(&[organization]).await?.pop())
        };
        let (organization, user_errors) = split(assigned.await)?;
        Ok(AssignPlanPayload {
            organization: organization.flatten().map(Into::into),
            user_errors,
        })
    }
}

/// The plans of organizations, for one request.
#[derive(Debug)]
pub(crate) struct PlansOfOrganizations(pub(crate) Request);

impl Loader<OrganizationId> for PlansOfOrganizations {
    type Value = Plan;
    type Error = std::sync::Arc<ServiceError>;

    async fn load(&self, keys: &[OrganizationId]) -> Result<HashMap<OrganizationId, Plan>, Self::Error> {
        let plans = self
            .0
            .operators()
            .plans_of(keys)
            .await
            .map_err(std::sync::Arc::new)?;
        let plans = plans.into_iter();
        Ok(plans
            .map(|(organization, plan)| (organization, plan.into()))
            .collect())
    }
}
