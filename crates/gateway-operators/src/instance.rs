//! The instance, as operators see it.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_domain as domain;
use resonance_gateway_kit::BigInt;
use resonance_services::OperatorEntry;

/// What holds in the instance unless something narrower says otherwise. Each value is the configuration's until an operator
/// sets another.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct InstanceSettings {
    /// The member limit that an organization gets when it is created; 0 means none. Changes touch no existing organization.
    pub(crate) member_limit: u32,
    /// Whether an organization that is created may be deleted by its admins. Changes touch no existing organization.
    pub(crate) organizations_deletable: bool,
    /// Whether users may create organizations at all; an operator can allow it to a user nevertheless.
    pub(crate) organization_creation: bool,
    /// How many organizations a user may create; an operator can decide otherwise for a user.
    pub(crate) organizations_per_user: u32,
    /// Whether organizations can have mail domains, through which people join.
    pub(crate) domains_enabled: bool,
    /// How people with an address at a proved domain may be let in. That a domain does nothing by itself
    /// (`MANUAL_INVITATION`) is allowed everywhere.
    pub(crate) enrolment_modes: Vec<EnrolmentMode>,
    /// The key of the role that they get where the organization says nothing.
    pub(crate) domain_default_role: String,
}

/// What an address at a proved domain of an organization is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::EnrolmentMode")]
pub(crate) enum EnrolmentMode {
    /// Nothing: people are invited one by one.
    ManualInvitation,
    /// Whoever has one may join at once.
    AutomaticInvitation,
    /// The organization is suggested to whoever has one, who may ask to join.
    AutomaticSuggestion,
}

impl From<domain::InstanceSettings> for InstanceSettings {
    fn from(settings: domain::InstanceSettings) -> Self {
        Self {
            member_limit: settings.member_limit,
            organizations_deletable: settings.organizations_deletable,
            organization_creation: settings.organization_creation,
            organizations_per_user: settings.organizations_per_user,
            domains_enabled: settings.domains_enabled,
            enrolment_modes: settings.enrolment_modes.into_iter().map(Into::into).collect(),
            domain_default_role: settings.domain_default_role.as_str().to_owned(),
        }
    }
}

/// How much there is in the instance.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct InstanceTotals {
    /// Accounts.
    pub(crate) users: BigInt,
    /// Organizations.
    pub(crate) organizations: BigInt,
    /// Generations that ever succeeded, those included that were deleted since.
    pub(crate) generations: BigInt,
    /// The characters of those.
    pub(crate) characters: BigInt,
}

impl From<domain::InstanceTotals> for InstanceTotals {
    fn from(totals: domain::InstanceTotals) -> Self {
        Self {
            users: BigInt(totals.users),
            organizations: BigInt(totals.organizations),
            generations: BigInt(totals.generations),
            characters: BigInt(totals.characters),
        }
    }
}

/// What happened in a month (UTC).
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct MonthlyActivity {
    /// The month, as `YYYY-MM`.
    pub(crate) month: String,
    /// Organizations of which at least two members were signed in during the month (by a new session or by one that they went
    /// on using), and at least one of whose members did something there that changed anything. Those that were deleted since
    /// count as well.
    pub(crate) active_organizations: BigInt,
    /// Generations that succeeded.
    pub(crate) generations: BigInt,
    /// The characters of those.
    pub(crate) characters: BigInt,
}

impl From<domain::MonthlyActivity> for MonthlyActivity {
    fn from(activity: domain::MonthlyActivity) -> Self {
        Self {
            month: activity.month.to_string(),
            active_organizations: BigInt(activity.active_organizations),
            generations: BigInt(activity.generations),
            characters: BigInt(activity.characters),
        }
    }
}

/// An operator of the instance.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Operator {
    /// The user's id.
    pub(crate) user_id: ID,
    /// The user's display name.
    pub(crate) name: String,
    /// The user's primary e-mail address.
    pub(crate) email: String,
    /// Whether the user is suspended: the powers rest then.
    pub(crate) suspended: bool,
    /// When the powers were given.
    pub(crate) created_at: DateTime<Utc>,
}

impl From<OperatorEntry> for Operator {
    fn from(entry: OperatorEntry) -> Self {
        Self {
            user_id: entry.user.type_id().into(),
            name: entry.name,
            email: entry.email,
            suspended: entry.suspended,
            created_at: entry.created_at,
        }
    }
}
