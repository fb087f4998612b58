//! The engine under test.

use futures_util::FutureExt;
use resonance_authz::{
    ACTIONS, Action, Actor, Authorizer, CancelGenerations, ChangeOrganization, CreateGenerations,
    CreateVoices, DeleteGenerations, DeleteOrganization, DeleteVoices, Denied, Extent, Grant, ManageApiKeys,
    ManageBilling, ManageDomains, ManageMemberships, ManageRoles, ManageWebhooks, ReadApiKeys, ReadAudit,
    ReadBilling, ReadDomains, ReadGenerations, ReadMemberships, ReadOrganization, ReadUsage, ReadVoices,
    RolePermissions, SignedIn, StandError, Standing, UpdateVoices,
};
use resonance_domain::{Id, OrganizationId, UserId};
use uuid::Uuid;

use crate::{
    answer::Answer,
    universe::{Case, Question, Universe},
};

/// What a grant opens, whatever its action.
struct Opened {
    organization: OrganizationId,
    only_of: Option<UserId>,
}

impl<A: Action> From<Grant<A>> for Opened {
    fn from(grant: Grant<A>) -> Self {
        Self {
            organization: grant.organization(),
            only_of: grant.only_of().and_then(resonance_domain::Author::user),
        }
    }
}

/// The two ways of asking a standing for an action.
struct Entry {
    name: &'static str,
    with_everything: fn(&Standing) -> Result<Opened, Denied>,
    within_reach: fn(&Standing) -> Result<Opened, Denied>,
}

macro_rules! entries {
    ($($action:ident),* $(,)?) => {
        &[$(Entry {
            name: stringify!($action),
            with_everything: |standing| standing.grant::<$action>().map(Into::into),
            within_reach: |standing| standing.grant_within_reach::<$action>().map(Into::into),
        }),*]
    };
}

/// In the order of [`ACTIONS`].
const ENTRIES: &[Entry] = entries![
    ReadOrganization,
    ChangeOrganization,
    DeleteOrganization,
    ReadMemberships,
    ManageMemberships,
    ReadDomains,
    ManageDomains,
    ManageRoles,
    ReadAudit,
    ReadApiKeys,
    ManageApiKeys,
    ManageWebhooks,
    ReadVoices,
    CreateVoices,
    UpdateVoices,
    DeleteVoices,
    ReadGenerations,
    CreateGenerations,
    CancelGenerations,
    DeleteGenerations,
    ReadUsage,
    ReadBilling,
    ManageBilling,
];

#[test]
fn every_action_is_asked_about() {
    assert!(
        ENTRIES
            .iter()
            .map(|entry| entry.name)
            .eq(ACTIONS.iter().map(|(name, _)| *name))
    );
}

/// All that the role which somebody holds permits; none for whoever is no member.
pub(crate) fn permissions(
    universe: &Universe,
    user: UserId,
    through: OrganizationId,
) -> Option<RolePermissions> {
    let session = Id::from_uuid(Uuid::nil());
    let standing = standing(universe, Actor::User(SignedIn { user, session }), through).ok()?;
    Some(standing.role_permissions().clone())
}

/// Answers as the product would.
pub(crate) fn answer(universe: &Universe, case: Case) -> Answer {
    decide(universe, case).unwrap_or_else(Answer::from)
}

fn decide(universe: &Universe, case: Case) -> Result<Answer, Denied> {
    let actor = case.actor.map_or(Actor::Anonymous, |user| {
        Actor::User(SignedIn {
            user,
            session: Id::from_uuid(Uuid::nil()),
        })
    });
    if let Question::Touch(..) = case.question
        && standing(universe, actor, case.through).is_err()
    {
        return Ok(Answer::No);
    }
    let standing = standing(universe, actor, case.through)?;
    Ok(match case.question {
        Question::Grant(action) => {
            (ENTRIES[action].with_everything)(&standing)?;
            Answer::Yes
        }
        Question::Touch(action, thing) => match (ENTRIES[action].within_reach)(&standing) {
            Ok(opened)
                if opened.organization == thing.organization
                    && opened.only_of.is_none_or(|maker| maker == thing.maker) =>
            {
                Answer::Yes
            }
            _ => Answer::No,
        },
        Question::Allows(permission) if standing.allows(permission) => Answer::Yes,
        Question::Allows(_) => Answer::No,
        Question::Explain(permission) => match standing.explain(permission).extent {
            Some(Extent::All) => Answer::Yes,
            Some(Extent::Own) => Answer::Own,
            None => Answer::No,
        },
    })
}

fn standing(universe: &Universe, actor: Actor, through: OrganizationId) -> Result<Standing, Denied> {
    let user = actor.signed_in()?.user;
    let found = Authorizer::new(universe).standing(user, through).now_or_never();
    found.unwrap().map_err(|error| match error {
        StandError::Denied(denied) => denied,
        StandError::Source(never) => match never {},
    })
}
