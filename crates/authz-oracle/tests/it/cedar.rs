//! The same questions, put to Cedar.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use resonance_authz::{ACTIONS, Permission};
use resonance_domain::{OrganizationId, RoleKey};

use crate::{
    answer::Answer,
    universe::{CUSTOM, Case, Question, SOMEBODY_ELSE, Thing, Universe},
};

/// The committed policies.
pub(crate) const POLICIES: &str = include_str!("../../policies.cedar");
/// Their schema.
pub(crate) const SCHEMA: &str = include_str!("../../policies.cedarschema");

/// The names of the entity types, parsed once.
struct Names {
    user: EntityTypeName,
    anonymous: EntityTypeName,
    group: EntityTypeName,
    organization: EntityTypeName,
    thing: EntityTypeName,
    action: EntityTypeName,
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// Cedar with some policies.
pub(crate) struct Cedar {
    names: Names,
    schema: Schema,
    policies: PolicySet,
    engine: Authorizer,
}

impl Cedar {
    pub(crate) fn new(policies: &str) -> Self {
        Self {
            names: Names {
                user: "User".parse().unwrap(),
                anonymous: "Anonymous".parse().unwrap(),
                group: "Group".parse().unwrap(),
                organization: "Organization".parse().unwrap(),
                thing: "Thing".parse().unwrap(),
                action: "Action".parse().unwrap(),
            },
            schema: Schema::from_cedarschema_str(SCHEMA).unwrap().0,
            policies: policies
                .parse()
                .unwrap_or_else(|error| panic!("{error}\n{policies}")),
            engine: Authorizer::new(),
        }
    }

    /// Whether Cedar's own checker finds nothing wrong with the policies.
    pub(crate) fn is_valid(&self) -> bool {
        Validator::new(self.schema.clone())
            .validate(&self.policies, ValidationMode::Strict)
            .validation_passed_without_warnings()
    }

    /// The names of the actions in the schema.
    pub(crate) fn actions(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .schema
            .actions()
            .map(|action| action.id().unescaped().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Cedar's view of a universe.
    pub(crate) fn view(&self, universe: &Universe) -> View<'_> {
        let names = &self.names;
        let mut entities = vec![];
        let group = |organization: &OrganizationId, group: &str| {
            uid(&names.group, &format!("{}/{group}", organization.type_id()))
        };
        for organization in &universe.organizations {
            let attributes = ["people", "admins", "members"].map(|name| {
                let group = group(organization, name);
                entities.push(Entity::new_no_attrs(group.clone(), HashSet::new()));
                (name.to_owned(), RestrictedExpression::new_entity_uid(group))
            });
            // A custom role is a group, and in the group of each of its permissions.
            let product = Permission::ALL.iter().map(|permission| permission.key());
            let tags: HashMap<_, _> = product
                .chain(CUSTOM)
                .chain([""])
                .map(|key| {
                    let group = group(organization, &format!("may/{key}"));
                    entities.push(Entity::new_no_attrs(group.clone(), HashSet::new()));
                    (key.to_owned(), RestrictedExpression::new_entity_uid(group))
                })
                .collect();
            for ((of, role), permissions) in &universe.on_record {
                if of == organization && !role.is_built_in() {
                    let parents = permissions
                        .iter()
                        .map(|key| group(organization, &format!("may/{key}")));
                    let role = group(organization, &format!("role/{}", role.as_str()));
                    entities.push(Entity::new_no_attrs(role, parents.collect()));
                }
            }
            let organization = uid(&names.organization, &organization.type_id());
            entities.push(Entity::new_with_tags(organization, attributes, HashSet::new(), tags).unwrap());
        }
        for user in universe.users.iter().chain([&SOMEBODY_ELSE]) {
            let mut groups = HashSet::new();
            for organization in &universe.organizations {
                let Some(role) = universe.roles.get(&(*user, *organization)) else {
                    continue;
                };
                groups.insert(group(organization, "people"));
                if *role == RoleKey::ADMIN {
                    groups.insert(group(organization, "admins"));
                } else if *role == RoleKey::MEMBER {
                    groups.insert(group(organization, "members"));
                } else if universe.on_record.contains_key(&(*organization, role.clone())) {
                    groups.insert(group(organization, &format!("role/{}", role.as_str())));
                }
            }
            entities.push(Entity::new_no_attrs(uid(&names.user, &user.type_id()), groups));
        }
        // Besides what there is, an own thing of everybody everywhere, to find out how far a permission reaches.
        let own = universe.users.iter().flat_map(|maker| {
            universe.organizations.iter().map(|o| Thing {
                organization: *o,
                maker: *maker,
            })
        });
        for thing in universe.things.iter().copied().chain(own).collect::<HashSet<_>>() {
            let organization = uid(&names.organization, &thing.organization.type_id());
            let maker = uid(&names.user, &thing.maker.type_id());
            let attributes = [("organization", organization), ("maker", maker)]
                .map(|(name, to)| (name.to_owned(), RestrictedExpression::new_entity_uid(to)));
            let thing = self.thing(&thing);
            entities.push(Entity::new(thing, attributes.into(), HashSet::new()).unwrap());
        }
        entities.push(Entity::new_no_attrs(
            uid(&names.anonymous, ANYBODY),
            HashSet::new(),
        ));
        let entities = Entities::from_entities(entities, Some(&self.schema)).unwrap();
        View {
            cedar: self,
            entities,
        }
    }

    fn thing(&self, thing: &Thing) -> EntityUid {
        uid(
            &self.names.thing,
            &format!("{}/{}", thing.organization.type_id(), thing.maker.type_id()),
        )
    }
}

/// The one anonymous principal.
const ANYBODY: &str = "anybody";

/// A universe as Cedar sees it.
pub(crate) struct View<'a> {
    cedar: &'a Cedar,
    entities: Entities,
}

impl View<'_> {
    pub(crate) fn answer(&self, case: Case) -> Answer {
        match case.question {
            Question::Touch(action, thing) if self.allows(case, ACTIONS[action].0, thing) => Answer::Yes,
            Question::Touch(..) => Answer::No,
            Question::Grant(action) if self.allows_with_everything(case, ACTIONS[action].0) => Answer::Yes,
            Question::Grant(action) => self
                .refusal(case)
                .unwrap_or_else(|| Answer::Forbidden(self.needed(ACTIONS[action].0))),
            Question::Allows(permission) => self.refusal(case).unwrap_or_else(|| {
                if self.allows_with(case, "UseCustomPermission", permission, self.anything(case)) {
                    Answer::Yes
                } else {
                    Answer::No
                }
            }),
            Question::Explain(permission) => self.refusal(case).unwrap_or_else(|| {
                let maker = case.actor.unwrap_or(SOMEBODY_ELSE);
                let own = Thing {
                    organization: case.through,
                    maker,
                };
                if self.allows_with_everything(case, permission.key()) {
                    Answer::Yes
                } else if self.allows(case, permission.key(), own) {
                    Answer::Own
                } else {
                    Answer::No
                }
            }),
        }
    }

    /// How somebody is refused who is no member; none for members.
    fn refusal(&self, case: Case) -> Option<Answer> {
        if case.actor.is_none() {
            Some(Answer::Unauthenticated)
        } else if !self.allows_with_everything(case, "ReadOrganization") {
            Some(Answer::NotVisible)
        } else {
            None
        }
    }

    /// Whoever may do something with what somebody else made may do it with everything.
    fn allows_with_everything(&self, case: Case, action: &str) -> bool {
        self.allows(case, action, self.anything(case))
    }

    /// A thing in the organization that the actor did not make.
    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn anything(&self, case: Case) -> Thing {
        Thing {
            organization: case.through,
            maker: SOMEBODY_ELSE,
        }
    }

    /// The permission that an action needs, by the schema: its parent, or what it is itself. None is "".
    fn needed(&self, action: &str) -> String {
        let uid = uid(&self.cedar.names.action, action);
        let parent = self
            .entities
            .ancestors(&uid)
            .and_then(|mut parents| parents.next());
        match parent {
            Some(parent) => parent.id().unescaped().to_owned(),
            None if action.starts_with("org:") => action.to_owned(),
            None => String::new(),
        }
    }

    fn allows(&self, case: Case, action: &str, thing: Thing) -> bool {
        self.allows_with(case, action, &self.needed(action), thing)
    }

    fn allows_with(&self, case: Case, action: &str, permission: &str, thing: Thing) -> bool {
        let names = &self.cedar.names;
        let principal = match case.actor {
            Some(user) => uid(&names.user, &user.type_id()),
            None => uid(&names.anonymous, ANYBODY),
        };
        let through = uid(&names.organization, &case.through.type_id());
        let context = [
            ("through", RestrictedExpression::new_entity_uid(through)),
            (
                "permission",
                RestrictedExpression::new_string(permission.to_owned()),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let request = Request::new(
            principal,
            uid(&names.action, action),
            self.cedar.thing(&thing),
            Context::from_pairs(context).unwrap(),
            None,
        );
        let response =
            self.cedar
                .engine
                .is_authorized(&request.unwrap(), &self.cedar.policies, &self.entities);
        let errors: Vec<_> = response.diagnostics().errors().collect();
        assert!(errors.is_empty(), "{errors:?}");
        response.decision() == Decision::Allow
    }
}
