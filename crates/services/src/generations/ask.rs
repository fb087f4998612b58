//! Storing what is asked for, that of many together.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use resonance_authz::{CreateGenerations, Denied, Grant};
use resonance_domain::{Author, EventKind, Generation, IdsExt, InOrg, OrganizationId, VoiceOfGeneration};
use resonance_persistence::{JobQueue, NewGeneration, NewHold, NewJob, OpenKey, Repositories, UnitOfWork};
use serde_json::{Value, json};

use super::{create::no_voice, idempotency::Idempotency};
use crate::{
    Outcome, Request, ServiceError, billing,
    changes::Changes,
    core::Core,
    together::{self, Joint, Together},
};

/// A generation that somebody asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(super) request: Request,
    pub(super) author: Author,
    pub(super) generation: Generation,
    /// What the engine needs to know of the voice.
    pub(super) engine_voice: Value,
    /// The hash of everything that the audio depends on.
    pub(super) reuse_key: [u8; 32],
    /// Whether it is spoken even if the same was spoken before.
    pub(super) fresh: bool,
    /// What marks the request, if it may come again.
    pub(super) idempotency: Option<Idempotency>,
}

/// Where the generation comes from that is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    New,
    /// Somebody asked for the same.
    Reused,
    /// The same request came before.
    Replayed,
}

/// What is the answer.
pub(crate) type Stored = (Generation, Source);

impl Joint for Ask {
    type Group = Option<OrganizationId>;
    type Done = Stored;

    /// On PostgreSQL, those of an organization would wait for each other at its row; others must not wait with them. SQLite has
    /// them wait for each other all the same.
    fn group(&self, core: &Core) -> Option<OrganizationId> {
        core.database
            .is_postgres()
            .then_some(self.generation.organization)
    }

    fn together(core: &Core) -> &Together<Self> {
        &core.asks
    }

    async fn all(core: &Core, asks: &[Self]) -> Outcome<Vec<Stored>> {
        core.database.atomically(async |uow| store(uow, asks).await).await
    }
}

impl Ask {
    /// Stores it, alone or with others.
    pub(super) async fn store(self) -> Outcome<Stored> {
        let services = self.request.services().clone();
        if self.idempotency.is_none() && !self.fresh {
            return together::done(&services, self).await;
        }
        // What came before is looked for in what is committed, and whoever asks for it at the same time must not have
        // made it just because a fresh take made room.
        let core = services.core();
        core.database
            .atomically(async |uow| {
                let mut stored = store(uow, std::slice::from_ref(&self)).await?;
                stored.pop().ok_or_else(nothing)
            })
            .await
    }

    const fn organization(&self) -> OrganizationId {
        self.generation.organization
    }

    fn new_generation(&self) -> NewGeneration<'_> {
        NewGeneration {
            generation: &self.generation,
            engine_voice: &self.engine_voice,
            reuse_key: self.reuse_key,
        }
    }
}

fn nothing() -> ServiceError {
    ServiceError::internal("storing a generation", "there is none")
}

/// Who asks.
struct Party {
    grant: Grant<CreateGenerations>,
    key: Option<OpenKey>,
}

impl Party {
    /// As the unit of work sees them.
    async fn of(uow: &UnitOfWork, request: &Request, organization: OrganizationId) -> Outcome<Self> {
        let key = request.key_in(uow, organization).await?;
        let grant = match &key {
            Some(open) => open.standing.grant()?,
            None => request.grant_in(uow, organization).await?,
        };
        Ok(Self { grant, key })
    }

    fn may_speak(&self, generation: &Generation) -> bool {
        self.key
            .as_ref()
            .is_none_or(|open| open.key.may_speak_with(&generation.voice_address()))
    }
}

/// Stores all that is asked for, or nothing.
async fn store(uow: &UnitOfWork, asks: &[Ask]) -> Outcome<Vec<Stored>> {
    let mut parties: HashMap<(OrganizationId, Author), Party> = HashMap::new();
    let mut stored: Vec<Option<Stored>> = Vec::with_capacity(asks.len());
    for ask in asks {
        let party = match parties.entry((ask.organization(), ask.author)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Party::of(uow, &ask.request, ask.organization()).await?),
        };
        if !party.may_speak(&ask.generation) {
            return Err(no_voice().into());
        }
        let before = match ask.idempotency {
            Some(key) => {
                let generations = ask.request.generations();
                generations.claim(uow, &party.grant, key, &ask.generation).await?
            }
            None => None,
        };
        stored.push(before.map(|generation| (generation, Source::Replayed)));
    }
    let asked = asks.iter().map(|ask| {
        let party = parties.get(&(ask.organization(), ask.author))?;
        Some((ask, party))
    });
    let asked: Vec<_> = asked.collect::<Option<_>>().ok_or_else(nothing)?;
    let mut made = Vec::new();
    // Somebody else may store the same in between, or what was there may fail; then the next round finds it so.
    while stored.contains(&None) {
        let mut new = Vec::new();
        for ((ask, party), _) in asked.iter().zip(&stored).filter(|(_, stored)| stored.is_none()) {
            if ask.fresh {
                let generations = uow.generations();
                generations.forget_reusable(&party.grant, &ask.reuse_key).await?;
            }
            new.push((&party.grant, ask.new_generation()));
        }
        // In one order everywhere, so that no two units of work wait for each other's keys in a circle.
        new.sort_unstable_by_key(|(_, new)| (new.generation.organization, new.reuse_key));
        let inserted = uow.generations().insert(&new).await?;
        for ((ask, party), stored) in asked
            .iter()
            .zip(&mut stored)
            .filter(|(_, stored)| stored.is_none())
        {
            if inserted.contains(&ask.generation.id) {
                made.push((*ask, *party));
                *stored = Some((ask.generation.clone(), Source::New));
            } else if !ask.fresh
                && let Some(generation) = uow.generations().reusable(&party.grant, &ask.reuse_key).await?
            {
                if let Some(key) = ask.idempotency {
                    let generations = ask.request.generations();
                    generations.point_at(uow, &party.grant, key, &generation).await?;
                }
                *stored = Some((generation, Source::Reused));
            }
        }
    }
    enqueue(uow, &made).await?;
    stored
        .into_iter()
        .map(|stored| stored.ok_or_else(nothing))
        .collect()
}

/// What belongs to new generations beside their rows.
async fn enqueue(uow: &UnitOfWork, made: &[(&Ask, &Party)]) -> Outcome<()> {
    // By organization, in one order everywhere; then by who asks.
    let mut sums: BTreeMap<OrganizationId, Vec<(&Ask, &Party, u64)>> = BTreeMap::new();
    for (ask, party) in made {
        let generation = &ask.generation;
        let job = NewJob {
            id: ask.request.core().ids.next(),
            queue: JobQueue::Speak,
            lane: generation.engine.clone(),
            organization: Some(generation.organization),
            subject: Some(generation.id.as_uuid()),
            payload: json!({}),
            run_at: generation.created_at,
            created_at: generation.created_at,
        };
        uow.jobs().add(job).await?;
        let sums = sums.entry(generation.organization).or_default();
        match sums.iter_mut().find(|(sum, ..)| sum.author == ask.author) {
            Some((.., characters)) => *characters += generation.characters,
            None => sums.push((ask, party, generation.characters)),
        }
    }
    let mut periods: HashMap<(OrganizationId, Author), String> = HashMap::new();
    for (organization, sums) in sums {
        // Late, as everybody in the organization waits for the row that counts, and then for what is spent. In this
        // order, as whoever changes a budget or a plan takes them; so what is spent is held against what they last said.
        let count = made
            .iter()
            .filter(|(ask, _)| ask.organization() == organization)
            .count();
        if let Some((_, party, _)) = sums.first()
            && !uow.generations().count_up(&party.grant, count).await?
        {
            return Err(ServiceError::Denied(Denied::NotVisible));
        }
        for (ask, party, characters) in sums {
            let now = ask.generation.created_at;
            let period = billing::spend(&ask.request, uow, &party.grant, characters, now).await?;
            periods.insert((organization, ask.author), period);
        }
    }
    for (ask, party) in made {
        let generation = &ask.generation;
        let organization = generation.organization;
        let VoiceOfGeneration {
            id: voice, ref name, ..
        } = generation.voice;
        let period = periods.get(&(organization, ask.author)).ok_or_else(nothing)?;
        let hold = NewHold {
            id: ask.request.core().ids.next(),
            generation: generation.id,
            voice,
            engine: &generation.engine,
            characters: generation.characters,
            period,
            now: generation.created_at,
        };
        uow.usage().hold(&party.grant, hold).await?;
        // Not the text, which is the generation's and goes with it.
        let payload = Changes::default()
            .made("state", generation.state.as_str())
            .with("voice", generation.voice_address().global_id())
            .with("voiceName", name.as_str())
            .with("characters", generation.characters)
            .with("format", generation.format.extension());
        let subject = InOrg::new(organization, generation.id).global_id();
        let kind = EventKind::GenerationCreated;
        uow.record(ask.request.event(kind, Some(organization), subject, payload));
    }
    Ok(())
}
