//! The letter around budgets.

use resonance_domain::{OrganizationId, UserId};
use resonance_persistence::Repositories;
use serde::{Deserialize, Serialize};

use super::{Letter, organizations::GRANT};
use crate::{Outcome, core::Core};

/// How far a budget is spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// Whose: `organization`, `member` or `api_key`.
    pub(crate) budget: String,
    /// The member whose it is.
    pub(crate) member: Option<UserId>,
    /// The percentage.
    pub(crate) percent: u8,
    /// The most that may be spent, in characters.
    pub(crate) limit: u64,
    /// What is spent.
    pub(crate) spent: u64,
}

/// Tells somebody how far a budget is spent; nothing if they are no member any more.
pub(super) async fn reached(
    core: &Core,
    organization: OrganizationId,
    user: UserId,
    reached: &Reached,
) -> Outcome<Option<(String, Letter)>> {
    let memberships = core.database.memberships();
    let found = memberships.for_letter(&GRANT, organization, user).await?;
    let Some(found) = found.filter(|found| found.role.is_some()) else {
        return Ok(None);
    };
    let whose = match (reached.budget.as_str(), reached.member) {
        ("organization", _) => format!("the budget of {}", found.organization_name),
        (_, Some(member)) if member == user => format!("your budget in {}", found.organization_name),
        (_, Some(member)) => {
            let other = memberships.for_letter(&GRANT, organization, member).await?;
            let name = other.map_or_else(|| "a member".to_owned(), |other| other.name);
            format!("the budget of {name} in {}", found.organization_name)
        }
        _ => format!("the budget of an API key of {}", found.organization_name),
    };
    let percent = reached.percent;
    let consequence = if percent >= 100 {
        "A text that asks for more than is left is refused until the next period begins or the budget is raised."
    } else {
        "Once all of it is spent, nothing more is spoken on it until the next period begins."
    };
    let subject = if percent >= 100 {
        format!("Used up: {whose}")
    } else {
        format!("{percent}% of {whose} is spent")
    };
    let letter = Letter::new(
        subject,
        &[
            format!("Hello {},", found.name),
            format!(
                "{} of the {} characters of {whose} are spent in this period.",
                reached.spent, reached.limit
            ),
            consequence.to_owned(),
        ],
        None,
        &core.settings.public_url,
    );
    Ok(Some((found.email, letter)))
}
