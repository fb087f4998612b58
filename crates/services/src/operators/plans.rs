//! Plans, and which organization has which.

use resonance_authz::OperatorGrant;
use resonance_domain::{
    ErrorCode, EventKind, FieldError, FieldErrors, IdsExt, MAX_PLANS, OrganizationId, Plan, PlanId, PlanName,
    ProductReference, characters_of_budget, currency, price,
};
use resonance_persistence::{Repositories, UnitOfWork};
use serde_json::{Value, json};

use super::{Operators, only_reason};
use crate::{Outcome, ServiceError, changes::Changes};

/// The most custom voices and members that a plan states.
const MOST: i64 = 1_000_000;

/// All that a plan is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanTerms {
    /// What it is called: 1 to 100 characters.
    pub name: String,
    /// How many characters a period includes; `None`: any number.
    pub included_characters: Option<i64>,
    /// What 1,000 characters beyond those cost, such as `0.30`; `None`: there are none beyond those.
    pub price: Option<String>,
    /// The currency, such as `USD`; `None`: that.
    pub currency: Option<String>,
    /// How many custom voices an organization may have at a time; `None`: any number.
    pub custom_voices: Option<i64>,
    /// How many members an organization may have, 0 for any number; `None`: the plan does not say.
    pub member_limit: Option<i64>,
    /// What the billing provider calls it; `None`: it is not sold.
    pub product: Option<String>,
}

impl Operators<'_> {
    /// All plans, oldest first.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn plans(self) -> Outcome<Vec<Plan>> {
        let operator = self.reading().await?;
        Ok(self.0.core().database.plans().all(&operator).await?)
    }

    /// The plans of organizations; those that have none are not in the answer. One statement.
    ///
    /// # Errors
    /// `NotVisible`.
    pub async fn plans_of(self, organizations: &[OrganizationId]) -> Outcome<Vec<(OrganizationId, Plan)>> {
        let operator = self.reading().await?;
        let plans = self.0.core().database.plans();
        Ok(plans.of_many(&operator, organizations).await?)
    }

    /// Makes a plan. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `TAKEN` for `product`; `CONFLICT` if there are 100 plans.
    pub async fn create_plan(self, terms: PlanTerms, reason: &str) -> Outcome<Plan> {
        let core = self.0.core();
        let now = core.clock.now();
        let (plan, reason) = Self::checked(reason, |errors| {
            let new = Plan {
                id: core.ids.next(),
                name: String::new(),
                included_characters: None,
                price: None,
                currency: String::new(),
                custom_voices: None,
                member_limit: None,
                product: None,
                created_at: now,
                updated_at: now,
            };
            parsed(terms, new, errors)
        })?;
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                uow.plans().lock(&operator).await?;
                let all = uow.plans().all(&operator).await?;
                if all.len() >= MAX_PLANS {
                    let message = format_args!("an instance has at most {MAX_PLANS} plans");
                    return Err(FieldError::new(ErrorCode::Conflict, message).into());
                }
                not_taken(&all, &plan)?;
                uow.plans().insert(&operator, &plan).await?;
                self.reach_subscribers(uow, &operator, &plan).await?;
                let made = told(&plan).into_iter();
                let payload = made.fold(Changes::default(), |all, (field, value)| all.made(field, value));
                self.record(
                    uow,
                    &operator,
                    (EventKind::PlanCreated, None, plan.id.type_id(), payload),
                );
                Ok::<_, ServiceError>(plan)
            })
            .await
    }

    /// Makes a plan another one; whoever has it has the new terms from the next text on. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of the fields; `NOT_FOUND` for `planId`; `TAKEN` for `product`.
    pub async fn update_plan(self, id: PlanId, terms: PlanTerms, reason: &str) -> Outcome<Plan> {
        let core = self.0.core();
        let now = core.clock.now();
        let reason = only_reason(reason)?;
        core.database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                uow.plans().lock(&operator).await?;
                let before = uow.plans().get(&operator, id).await?.ok_or_else(no_plan)?;
                let mut errors = FieldErrors::default();
                let plan = parsed(terms, before.clone(), &mut errors);
                let Some(mut plan) = plan else {
                    return Err(errors.into());
                };
                if plan == before {
                    return Ok(plan);
                }
                not_taken(&uow.plans().all(&operator).await?, &plan)?;
                plan.updated_at = now;
                uow.plans().store(&operator, &plan).await?;
                self.reach_subscribers(uow, &operator, &plan).await?;
                let values = told(&before).into_iter().zip(told(&plan));
                let payload = values.fold(Changes::default(), |all, ((field, old), (_, new))| {
                    all.field(field, old, new)
                });
                self.record(
                    uow,
                    &operator,
                    (EventKind::PlanUpdated, None, id.type_id(), payload),
                );
                Ok::<_, ServiceError>(plan)
            })
            .await
    }

    /// Deletes a plan that no organization has. One transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` and `CONFLICT` for `planId`.
    pub async fn delete_plan(self, id: PlanId, reason: &str) -> Outcome<Plan> {
        let reason = only_reason(reason)?;
        self.0
            .core()
            .database
            .atomically(async |uow| {
                let operator = self.acting(uow, &reason).await?;
                uow.plans().lock(&operator).await?;
                let plan = uow.plans().get(&operator, id).await?.ok_or_else(no_plan)?;
                if !uow.plans().delete(&operator, id).await? {
                    let message = "an organization has this plan";
                    return Err(FieldError::new(ErrorCode::Conflict, message).at("planId").into());
                }
                let gone = told(&plan).into_iter();
                let payload = gone.fold(Changes::default(), |all, (field, value)| all.gone(field, value));
                self.record(
                    uow,
                    &operator,
                    (EventKind::PlanDeleted, None, id.type_id(), payload),
                );
                Ok::<_, ServiceError>(plan)
            })
            .await
    }

    /// Gives an organization a plan, with its member limit, or takes the plan away; it holds from the next text on. One
    /// transaction.
    ///
    /// # Errors
    /// `NotVisible`. Refusals: of `reason`; `NOT_FOUND` for `planId`.
    pub async fn assign_plan(
        self,
        organization: OrganizationId,
        plan: Option<PlanId>,
        reason: &str,
    ) -> Outcome<Option<Plan>> {
        let core = self.0.core();
        let reason = only_reason(reason)?;
        core.database
            .atomically(async |uow| {
                let operator = self.acting_in(uow, &reason, organization).await?;
                let given = match plan {
                    Some(id) => Some(self.found(uow, &operator, id).await?),
                    None => None,
                };
                self.give(uow, &operator, organization, given.as_ref()).await?;
                Ok::<_, ServiceError>(given)
            })
            .await
    }

    /// Gives an organization a plan, or takes it away, and records it.
    async fn give(
        self,
        uow: &UnitOfWork,
        operator: &OperatorGrant,
        organization: OrganizationId,
        plan: Option<&Plan>,
    ) -> Outcome<()> {
        let now = self.0.core().clock.now();
        let before = uow.plans().assign(operator, organization, plan, now).await?;
        let after = plan.map(|plan| plan.id);
        if before != after {
            let id = |plan: Option<PlanId>| plan.map(|plan| plan.type_id());
            let payload = Changes::default().field("plan", id(before), id(after));
            let act = (
                EventKind::PlanAssigned,
                Some(organization),
                organization.type_id(),
                payload,
            );
            self.record(uow, operator, act);
        }
        Ok(())
    }

    /// Gives a plan to those who bought its product before it stood for it.
    async fn reach_subscribers(self, uow: &UnitOfWork, operator: &OperatorGrant, plan: &Plan) -> Outcome<()> {
        for organization in uow.plans().subscribers_without(operator, plan).await? {
            self.give(uow, operator, organization, Some(plan)).await?;
        }
        Ok(())
    }

    async fn found(self, uow: &UnitOfWork, operator: &OperatorGrant, id: PlanId) -> Outcome<Plan> {
        Ok(uow.plans().get(operator, id).await?.ok_or_else(no_plan)?)
    }
}

fn parsed(terms: PlanTerms, plan: Plan, errors: &mut FieldErrors) -> Option<Plan> {
    let name = errors.take("name", PlanName::parse(&terms.name));
    let included = terms.included_characters.map(characters_of_budget).transpose();
    let included = errors.take("includedCharacters", included);
    let price = errors.take(
        "pricePerThousandCharacters",
        terms.price.as_deref().map(price).transpose(),
    );
    let currency = errors.take("currency", currency(terms.currency.as_deref().unwrap_or("usd")));
    let voices = terms.custom_voices.map(number).transpose();
    let voices = errors.take("customVoices", voices);
    let members = terms.member_limit.map(number).transpose();
    let members = errors.take("memberLimit", members);
    let product = terms.product.as_deref().map(ProductReference::parse).transpose();
    let product = errors.take("product", product);
    let member_limit = members?.and_then(|members| u32::try_from(members).ok());
    Some(Plan {
        name: name?.into_string(),
        included_characters: included?,
        price: price?,
        currency: currency?,
        custom_voices: voices?,
        member_limit,
        product: product?.map(ProductReference::into_string),
        ..plan
    })
}

fn number(number: i64) -> Result<u64, FieldError> {
    match u64::try_from(number) {
        Ok(checked) if number <= MOST => Ok(checked),
        _ => Err(FieldError::new(ErrorCode::Invalid, "must be from 0 to 1,000,000")),
    }
}

fn not_taken(all: &[Plan], plan: &Plan) -> Result<(), FieldError> {
    let other = |one: &Plan| one.id != plan.id && one.product.is_some() && one.product == plan.product;
    if all.iter().any(other) {
        let message = "another plan stands for this product";
        return Err(FieldError::new(ErrorCode::Taken, message).at("product"));
    }
    Ok(())
}

fn no_plan() -> FieldError {
    FieldError::new(ErrorCode::NotFound, "there is no such plan").at("planId")
}

/// What the record tells of a plan.
fn told(plan: &Plan) -> [(&'static str, Value); 7] {
    [
        ("name", json!(plan.name)),
        ("includedCharacters", json!(plan.included_characters)),
        ("price", json!(plan.price.map(|price| price.to_string()))),
        ("currency", json!(plan.currency)),
        ("customVoices", json!(plan.custom_voices)),
        ("memberLimit", json!(plan.member_limit)),
        ("product", json!(plan.product)),
    ]
}
