//! Organizations, people and things to ask about.

use std::{collections::HashMap, convert::Infallible};

use rand::{Rng, seq::IndexedRandom};
use resonance_authz::{ACTIONS, Permission, StandingRecord, StandingSource};
use resonance_domain::{Id, OrganizationId, RoleKey, UserId};
use uuid::Uuid;

/// Somebody who never asks, and makes what is nobody's who asks.
pub(crate) const SOMEBODY_ELSE: UserId = Id::from_uuid(Uuid::from_u128(u128::MAX));

/// A thing of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thing {
    pub(crate) organization: OrganizationId,
    pub(crate) maker: UserId,
}

/// Everything that a decision may depend on.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    pub(crate) organizations: Vec<OrganizationId>,
    pub(crate) users: Vec<UserId>,
    pub(crate) roles: HashMap<(UserId, OrganizationId), RoleKey>,
    pub(crate) things: Vec<Thing>,
}

/// One question that both engines answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Who asks; none is anonymous.
    pub(crate) actor: Option<UserId>,
    /// The organization that the request names.
    pub(crate) through: OrganizationId,
    pub(crate) question: Question,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Question {
    /// May the actor do this with this thing?
    Touch(usize, Thing),
    /// May the actor do this with everything, and if not, how are they refused?
    Grant(usize),
    /// How far does the actor's role reach with this permission?
    Explain(Permission),
}

fn role(key: &str) -> RoleKey {
    RoleKey::parse(key).unwrap()
}

impl Universe {
    /// Two organizations; a user for every pair of roles (or none) in them; things of both, made by each user and by
    /// somebody else.
    pub(crate) fn small() -> Self {
        let roles = [
            None,
            Some("org:admin"),
            Some("org:member"),
            Some("org:unheard_of"),
        ];
        let organizations: Vec<OrganizationId> = (1..=2).map(|n| Id::from_uuid(Uuid::from_u128(n))).collect();
        let mut universe = Self::default();
        for (number, (here, there)) in roles.iter().flat_map(|a| roles.map(|b| (a, b))).enumerate() {
            let user = Id::from_uuid(Uuid::from_u128(100 + number as u128));
            universe.users.push(user);
            for (organization, key) in organizations.iter().zip([*here, there]) {
                universe.things.push(Thing {
                    organization: *organization,
                    maker: user,
                });
                if let Some(key) = key {
                    universe.roles.insert((user, *organization), role(key));
                }
            }
        }
        for organization in &organizations {
            universe.things.push(Thing {
                organization: *organization,
                maker: SOMEBODY_ELSE,
            });
        }
        universe.organizations = organizations;
        universe
    }

    /// Every question there is in this universe, with things made by the actor or by somebody else.
    pub(crate) fn all_cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let actors = self.users.iter().map(|user| Some(*user)).chain([None]);
        for (actor, through) in actors.flat_map(|actor| self.organizations.iter().map(move |o| (actor, *o))) {
            let mut ask = |question| {
                cases.push(Case {
                    actor,
                    through,
                    question,
                });
            };
            for action in 0..ACTIONS.len() {
                ask(Question::Grant(action));
                for thing in &self.things {
                    if thing.maker == SOMEBODY_ELSE || Some(thing.maker) == actor {
                        ask(Question::Touch(action, *thing));
                    }
                }
            }
            for permission in Permission::ALL {
                ask(Question::Explain(*permission));
            }
        }
        cases
    }

    /// Up to five organizations and eight users, with any roles, also ones that look like the built-in ones.
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        const UNKNOWN: [&str; 5] = [
            "org:admins",
            "org:member_",
            "org:administrator",
            "org:0",
            "org:editor",
        ];
        let mut universe = Self::default();
        let organizations = rng.random_range(1..=5);
        let users = rng.random_range(1..=8);
        universe
            .organizations
            .extend((0..organizations).map(|_| Id::from_uuid(Uuid::from_u128(rng.random()))));
        universe
            .users
            .extend((0..users).map(|_| Id::from_uuid(Uuid::from_u128(rng.random()))));
        for (user, organization) in universe
            .users
            .iter()
            .flat_map(|u| universe.organizations.iter().map(|o| (*u, *o)))
        {
            let key = match rng.random_range(0..10) {
                0..=2 => continue,
                3..=5 => "org:admin",
                6..=8 => "org:member",
                _ => UNKNOWN.choose(rng).unwrap(),
            };
            universe.roles.insert((user, organization), role(key));
        }
        for organization in &universe.organizations {
            universe.things.push(Thing {
                organization: *organization,
                maker: SOMEBODY_ELSE,
            });
            for _ in 0..rng.random_range(1..=6) {
                let maker = *universe.users.choose(rng).unwrap();
                universe.things.push(Thing {
                    organization: *organization,
                    maker,
                });
            }
        }
        universe
    }

    /// Any question in this universe.
    pub(crate) fn random_case(&self, rng: &mut impl Rng) -> Case {
        let actor = rng.random_bool(0.95).then(|| *self.users.choose(rng).unwrap());
        let action = rng.random_range(0..ACTIONS.len());
        let through = *self.organizations.choose(rng).unwrap();
        let question = match rng.random_range(0..4) {
            0 => Question::Grant(action),
            1 => Question::Explain(*Permission::ALL.choose(rng).unwrap()),
            _ => Question::Touch(action, *self.things.choose(rng).unwrap()),
        };
        // Most requests name the organization that the thing is of.
        let through = match question {
            Question::Touch(_, thing) if rng.random_bool(0.7) => thing.organization,
            _ => through,
        };
        Case {
            actor,
            through,
            question,
        }
    }
}

impl StandingSource for &Universe {
    type Error = Infallible;

    async fn standing(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> Result<Option<StandingRecord>, Infallible> {
        Ok(self.roles.get(&(user, organization)).map(|role| StandingRecord {
            membership: Id::from_uuid(Uuid::nil()),
            role: role.clone(),
        }))
    }
}
