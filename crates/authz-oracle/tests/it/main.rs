//! Two engines, the same questions.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod answer;
mod cedar;
mod mutation;
mod ours;
mod universe;

use std::collections::BTreeMap;

use answer::Answer;
use cedar::Cedar;
use rand::{Rng, SeedableRng, rngs::StdRng};
use resonance_authz::{ACTIONS, Permission, RolePermissions, role_exceeds};
use resonance_domain::{OrganizationId, UserId};
use universe::{CUSTOM, Case, Question, Universe};

/// How many random universes a run asks about, and how much.
const UNIVERSES: usize = 600;
const CASES_EACH: usize = 400;

/// The first case on which the engines disagree, told so that a person understands it.
fn disagreement(cedar: &Cedar, universe: &Universe, cases: impl IntoIterator<Item = Case>) -> Option<String> {
    let view = cedar.view(universe);
    cases.into_iter().find_map(|case| {
        let (ours, theirs) = (ours::answer(universe, case), view.answer(case));
        (ours != theirs)
            .then(|| format!("{case:?}: resonance says {ours:?}, cedar {theirs:?}; {universe:#?}"))
    })
}

#[test]
fn the_policies_pass_cedars_own_checks_and_know_every_action_and_permission() {
    let cedar = Cedar::new(cedar::POLICIES);
    assert!(cedar.is_valid());
    let mut names: Vec<_> = Permission::ALL
        .iter()
        .map(|permission| permission.key().to_owned())
        .collect();
    names.extend(ACTIONS.iter().map(|(name, _)| (*name).to_owned()));
    names.push("UseCustomPermission".to_owned());
    names.sort();
    assert_eq!(cedar.actions(), names);
}

#[test]
fn the_engines_agree_on_every_question_of_a_small_universe() {
    let universe = Universe::small();
    let cases = universe.all_cases();
    eprintln!("{} cases", cases.len());
    assert_eq!(disagreement(&Cedar::new(cedar::POLICIES), &universe, cases), None);
}

/// Whether the engines disagree on what the roles that are held in an organization permit beyond each other.
fn disagreement_on_giving(cedar: &Cedar, universe: &Universe, through: OrganizationId) -> Option<String> {
    let view = cedar.view(universe);
    let asked = |user, question| {
        let case = Case {
            actor: Some(user),
            through,
            question,
        };
        view.answer(case) == Answer::Yes
    };
    // What a role has, as Cedar sees it on the one who holds it.
    let keys_of = |user: UserId| -> Vec<&'static str> {
        let product = Permission::ALL
            .iter()
            .filter(|permission| asked(user, Question::Explain(**permission)));
        let custom = CUSTOM
            .into_iter()
            .filter(|permission| asked(user, Question::Allows(permission)));
        product.map(|permission| permission.key()).chain(custom).collect()
    };
    let holders: Vec<(RolePermissions, Vec<&str>)> = universe
        .users
        .iter()
        .filter_map(|user| Some((ours::permissions(universe, *user, through)?, keys_of(*user))))
        .collect();
    let pairs = holders
        .iter()
        .flat_map(|giver| holders.iter().map(move |given| (giver, given)));
    pairs
        .into_iter()
        .find_map(|((own, own_keys), (given, given_keys))| {
            let beyond: Vec<_> = given_keys.iter().filter(|key| !own_keys.contains(key)).collect();
            let ours = role_exceeds(given, own);
            let named = Permission::ALL
                .iter()
                .map(|permission| permission.key())
                .chain(CUSTOM);
            // All of the custom ones stands for those that the other lacks.
            let named: Vec<_> = named
                .filter(|key| ours.contains(key) && !own.contains(key))
                .collect();
            let theirs: Vec<_> = beyond.into_iter().copied().collect();
            (named != theirs)
                .then(|| format!("{own:?} gives {given:?}: resonance says {named:?}, cedar {theirs:?}"))
        })
}

#[test]
fn the_engines_agree_on_who_may_give_which_role() {
    let mut rng = StdRng::seed_from_u64(1);
    let cedar = Cedar::new(cedar::POLICIES);
    let universes = std::iter::once(Universe::small()).chain((0..30).map(|_| Universe::random(&mut rng)));
    for universe in universes {
        for through in &universe.organizations {
            assert_eq!(disagreement_on_giving(&cedar, &universe, *through), None);
        }
    }
}

#[test]
fn the_engines_agree_on_a_hundred_thousand_random_questions() {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by the environment"
    )]
    let seed =
        std::env::var("ORACLE_SEED").map_or_else(|_| rand::rng().random(), |seed| seed.parse().unwrap());
    eprintln!("ORACLE_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let cedar = Cedar::new(cedar::POLICIES);
    let mut answers = BTreeMap::new();
    let mut about_custom_roles = 0;
    for _ in 0..UNIVERSES {
        let universe = Universe::random(&mut rng);
        let cases: Vec<_> = (0..CASES_EACH).map(|_| universe.random_case(&mut rng)).collect();
        for case in &cases {
            about_custom_roles += usize::from(universe.is_about_a_custom_role(case));
            let answer = ours::answer(&universe, *case);
            let kind = format!("{answer:?}");
            *answers
                .entry(kind.split('(').next().unwrap().to_owned())
                .or_insert(0) += 1;
        }
        let found = disagreement(&cedar, &universe, cases);
        assert!(
            found.is_none(),
            "ORACLE_SEED={seed}: {}",
            found.unwrap_or_default()
        );
    }
    eprintln!(
        "{} cases, {about_custom_roles} of them about custom roles: {answers:?}",
        UNIVERSES * CASES_EACH
    );
    assert!(about_custom_roles >= 100_000, "{about_custom_roles}");
    // Every kind of answer came up often enough to mean something.
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert!(answers.values().all(|count| *count >= 100), "{answers:?}");
}
