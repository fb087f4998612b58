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
use resonance_authz::{ACTIONS, Permission, permissions_of, role_exceeds};
use universe::{Case, Question, Universe};

/// How many random universes a run asks about, and how much.
const UNIVERSES: usize = 300;
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

#[test]
fn the_engines_agree_on_who_may_give_which_role() {
    let universe = Universe::small();
    let cedar = Cedar::new(cedar::POLICIES);
    let view = cedar.view(&universe);
    let through = universe.organizations[0];
    let allowed = |user, permission| {
        let question = Question::Explain(permission);
        let case = Case {
            actor: Some(user),
            through,
            question,
        };
        view.answer(case) == Answer::Yes
    };
    let holders: Vec<_> = universe
        .users
        .iter()
        .filter_map(|user| universe.roles.get(&(*user, through)).map(|role| (*user, role)))
        .collect();
    for (giver, own) in &holders {
        for (holder, given) in &holders {
            let beyond: Vec<_> = Permission::ALL
                .iter()
                .copied()
                .filter(|permission| allowed(*holder, *permission) && !allowed(*giver, *permission))
                .collect();
            let ours = role_exceeds(given, permissions_of(own));
            assert_eq!(ours.iter().collect::<Vec<_>>(), beyond, "{own:?} gives {given:?}");
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
    for _ in 0..UNIVERSES {
        let universe = Universe::random(&mut rng);
        let cases: Vec<_> = (0..CASES_EACH).map(|_| universe.random_case(&mut rng)).collect();
        for case in &cases {
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
    eprintln!("{} cases: {answers:?}", UNIVERSES * CASES_EACH);
    // Every kind of answer came up often enough to mean something.
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert!(answers.values().all(|count| *count >= 100), "{answers:?}");
}
