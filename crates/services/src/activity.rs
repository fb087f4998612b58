//! Who was active when, from what happened.

use std::collections::{BTreeMap, BTreeSet};

use resonance_authz::{SystemGrant, system::Relay};
use resonance_domain::{ActorKind, Event, EventKind, Month, UserId};
use resonance_persistence::{ActedMember, Repositories, StorageError, UnitOfWork};

const GRANT: SystemGrant<Relay> = SystemGrant::for_job();

/// What a batch of events tells of one month.
#[derive(Debug, Default)]
struct Told {
    signed_in: BTreeSet<UserId>,
    acted: BTreeSet<ActedMember>,
    generations: u64,
    characters: u64,
}

/// Notes who was active, in the transaction that passes the events on: each event counts once.
///
/// Opening a session is signing in; going on with one in another month is noted where it is noticed
/// ([`still_signed_in`]). Every event of an organization that a member caused is something that the member did there,
/// but for being refused.
pub(crate) async fn note(uow: &UnitOfWork, events: &[Event]) -> Result<(), StorageError> {
    let mut months: BTreeMap<Month, Told> = BTreeMap::new();
    for event in events {
        let told = months.entry(Month::of(event.created_at)).or_default();
        if event.kind == EventKind::GenerationSucceeded {
            told.generations += 1;
            told.characters += event.payload["characters"].as_u64().unwrap_or_default();
        }
        let user = event.actor.as_deref().and_then(|actor| actor.parse().ok());
        let Some(user) = user.filter(|_| event.actor_kind == ActorKind::User) else {
            continue;
        };
        match event.organization {
            None if event.kind == EventKind::SessionCreated => {
                told.signed_in.insert(user);
            }
            Some(organization) if event.kind != EventKind::AccessRefused => {
                told.acted.insert(ActedMember { organization, user });
            }
            _ => {}
        }
    }
    for (month, told) in months {
        let activity = uow.activity();
        let users: Vec<_> = told.signed_in.into_iter().collect();
        activity.signed_in(&GRANT, month, &users).await?;
        let members: Vec<_> = told.acted.into_iter().collect();
        activity.acted(&GRANT, month, &members).await?;
        activity
            .spoken(&GRANT, month, told.generations, told.characters)
            .await?;
    }
    Ok(())
}

/// Notes that a user goes on using a session in a month in which it was not used before.
pub(crate) async fn still_signed_in(
    uow: &UnitOfWork,
    user: UserId,
    month: Month,
) -> Result<(), StorageError> {
    uow.activity().signed_in(&GRANT, month, &[user]).await
}
