//! Organizations, people and things to ask about.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
};

use rand::{Rng, seq::IndexedRandom};
use resonance_authz::{ACTIONS, Permission, RolePermissions, StandingRecord, StandingSource};
use resonance_domain::{Id, OrganizationId, RoleKey, UserId};
use uuid::Uuid;

/// Somebody who never asks, and makes what is nobody's who asks.
pub(crate) const SOMEBODY_ELSE: UserId = Id::from_uuid(Uuid::from_u128(u128::MAX));

/// Permissions that operators registered.
pub(crate) const CUSTOM: [&str; 5] = [
    "org:invoices:create",
    "org:invoices:read",
    "org:voices:sing",
    "org:voice:create",
    "org:in-voices_2:a",
];

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
    /// What is on record of roles, also of some that are built in, where it must not be heard.
    pub(crate) on_record: HashMap<(OrganizationId, RoleKey), BTreeSet<&'static str>>,
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
    /// Does the actor's role have this custom permission?
    Allows(&'static str),
}

/// The keys of all permissions.
fn all_keys() -> impl Iterator<Item = &'static str> {
    let product = Permission::ALL.iter().map(|permission| permission.key());
    product.chain(CUSTOM)
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
            Some("org:custom"),
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
        let permissions: [&[&str]; 2] = [
            &["org:voices:read", "org:generations:create", "org:invoices:create"],
            &[
                "org:generations:delete",
                "org:sys_roles:manage",
                "org:invoices:read",
            ],
        ];
        for (organization, permissions) in organizations.iter().zip(permissions) {
            universe.things.push(Thing {
                organization: *organization,
                maker: SOMEBODY_ELSE,
            });
            for key in ["org:custom", "org:member"] {
                let permissions = permissions.iter().copied().collect();
                universe.on_record.insert((*organization, role(key)), permissions);
            }
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
            for permission in CUSTOM {
                ask(Question::Allows(permission));
            }
        }
        cases
    }

    /// Up to five organizations and eight users, with any roles, also ones that look like the built-in ones. Half of the
    /// roles held are custom ones with any permissions.
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        const UNKNOWN: [&str; 5] = [
            "org:admins",
            "org:member_",
            "org:administrator",
            "org:0",
            "org:editor",
        ];
        const NAMES: [&str; 4] = ["org:clerk", "org:engineer", "org:auditor", "org:adm1n"];
        let mut universe = Self::default();
        let organizations = rng.random_range(1..=5);
        let users = rng.random_range(1..=8);
        universe
            .organizations
            .extend((0..organizations).map(|_| Id::from_uuid(Uuid::from_u128(rng.random()))));
        universe
            .users
            .extend((0..users).map(|_| Id::from_uuid(Uuid::from_u128(rng.random()))));
        for organization in universe.organizations.clone() {
            for key in NAMES.into_iter().chain(["org:admin", "org:member"]) {
                // From hardly anything to nearly everything.
                let share = *[0.03, 0.2, 0.5, 0.9].choose(rng).unwrap();
                let permissions = all_keys().filter(|_| rng.random_bool(share)).collect();
                universe.on_record.insert((organization, role(key)), permissions);
            }
        }
        for (user, organization) in universe
            .users
            .iter()
            .flat_map(|u| universe.organizations.iter().map(|o| (*u, *o)))
        {
            let key = match rng.random_range(0..20) {
                0..=2 => continue,
                3..=5 => "org:admin",
                6..=8 => "org:member",
                9 => UNKNOWN.choose(rng).unwrap(),
                _ => NAMES.choose(rng).unwrap(),
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

    /// Whether the question is about somebody with a custom role.
    pub(crate) fn is_about_a_custom_role(&self, case: &Case) -> bool {
        let held = case.actor.and_then(|user| self.roles.get(&(user, case.through)));
        held.is_some_and(|role| {
            !role.is_built_in() && self.on_record.contains_key(&(case.through, role.clone()))
        })
    }

    /// Any question in this universe.
    pub(crate) fn random_case(&self, rng: &mut impl Rng) -> Case {
        let actor = rng.random_bool(0.95).then(|| *self.users.choose(rng).unwrap());
        let action = rng.random_range(0..ACTIONS.len());
        let through = *self.organizations.choose(rng).unwrap();
        let question = match rng.random_range(0..5) {
            4 => Question::Allows(CUSTOM.choose(rng).unwrap()),
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
            on_record: self.on_record.get(&(organization, role.clone())).map(|keys| {
                RolePermissions::from_stored(&keys.iter().copied().collect::<Vec<_>>().join(" "))
            }),
        }))
    }
}
