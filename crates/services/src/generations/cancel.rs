//! Stopping generations, and removing them from the history.

use resonance_authz::{Action, CancelGenerations, DeleteGenerations, Denied, Grant, Permission};
use resonance_domain::{
    Author, ErrorCode, EventKind, FieldError, Generation, GenerationId, GenerationState, IdsExt, InOrg,
    OrganizationId,
};
use resonance_persistence::{JobQueue, Repositories, UnitOfWork};

use super::{
    Generations,
    selection::{Selection, load_all},
};
use crate::{Outcome, ServiceError, changes::Changes, refusals::Attempt, speaking, sweep};

impl Generations<'_> {
    /// Stops a generation that is queued or being spoken; nothing is charged for it. Whoever may create generations
    /// stops their own; `org:generations:delete` stops everybody's.
    ///
    /// # Errors
    /// `NotVisible` if there is none, `Forbidden` for somebody else's, `CONFLICT` (`id`) if it is finished.
    pub async fn cancel(self, address: InOrg<GenerationId>) -> Outcome<Generation> {
        let attempt = Attempt::on("cancelGeneration", address.organization, address.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let grant = self.reach::<CancelGenerations>(uow, address.organization).await?;
                let mut found = load_all(uow, &grant.narrow(), &[address.id]).await?;
                reached(&found, grant.only_of())?;
                self.stop(uow, &grant, &mut found).await?;
                found.pop().ok_or(ServiceError::Denied(Denied::NotVisible))
            })
            .await
    }

    /// Removes a generation from the history, with its audio; it is stopped first if it is not finished. What it cost
    /// stays on the ledger. Reaches as far as [`Generations::cancel`].
    ///
    /// # Errors
    /// `NotVisible` if there is none, `Forbidden` for somebody else's.
    pub async fn delete(self, address: InOrg<GenerationId>) -> Outcome<()> {
        let attempt = Attempt::on("deleteGeneration", address.organization, address.global_id());
        let selection = Selection::of(&[address])?;
        self.delete_selection(&attempt, &selection).await
    }

    /// Removes generations of one organization from the history, each as [`Generations::delete`] does: all of them, or
    /// none.
    ///
    /// # Errors
    /// `INVALID` (`ids`) for none, for more than 100, and for generations of several organizations; `NotVisible` if one of
    /// them is not there; `Forbidden` if one of them is somebody else's.
    pub async fn delete_many(self, addresses: &[InOrg<GenerationId>]) -> Outcome<()> {
        self.0.actor().known()?;
        let mut selection = Selection::of(addresses)?;
        // Everybody who changes several takes them in one order, so that none waits for the other in a circle.
        selection.ids.sort_unstable();
        let attempt = Attempt::in_organization("deleteGenerations", selection.organization);
        self.delete_selection(&attempt, &selection).await
    }

    async fn delete_selection(self, attempt: &Attempt, selection: &Selection) -> Outcome<()> {
        // One may be finished between being looked at and being stopped. It stays finished: that comes to an end.
        for _ in &selection.ids {
            match self.delete_as_they_are(attempt, selection).await {
                Err(ServiceError::Refused(_)) => {}
                done => return done,
            }
        }
        self.delete_as_they_are(attempt, selection).await
    }

    async fn delete_as_they_are(self, attempt: &Attempt, selection: &Selection) -> Outcome<()> {
        let Selection { organization, ids } = selection;
        let organization = *organization;
        self.0
            .attempt(attempt.clone(), async |uow| {
                let grant = self.reach::<DeleteGenerations>(uow, organization).await?;
                let mut generations = load_all(uow, &grant.narrow(), ids).await?;
                reached(&generations, grant.only_of())?;
                let (finished, mut others): (Vec<_>, Vec<_>) = generations
                    .drain(..)
                    .partition(|generation| generation.state.is_final());
                // The row that counts before what is given back, as everywhere.
                uow.generations().count_down(&grant, ids.len() as u64).await?;
                if !others.is_empty() {
                    let grant = self.reach::<CancelGenerations>(uow, organization).await?;
                    self.stop(uow, &grant, &mut others).await?;
                }
                let deleted = uow.generations().delete_many(&grant, ids).await?;
                if deleted != ids.len() as u64 {
                    return Err(changed().into());
                }
                for generation in finished.iter().chain(&others) {
                    self.follow_deletion(uow, generation).await?;
                }
                Ok(())
            })
            .await
    }

    /// What belongs to the deletion of a generation beside its row.
    async fn follow_deletion(self, uow: &UnitOfWork, generation: &Generation) -> Outcome<()> {
        let core = self.0.core();
        let address = InOrg::new(generation.organization, generation.id);
        if generation.audio_key.is_some() {
            let owner = sweep::Owner::Generation(address);
            let removal = sweep::removal(core, &speaking::folder(address)?, owner);
            uow.jobs().add(removal).await?;
        }
        let payload = Changes::default()
            .gone("state", generation.state.as_str())
            .with("characters", generation.characters);
        uow.record(self.0.event(
            EventKind::GenerationDeleted,
            Some(address.organization),
            address.global_id(),
            payload,
        ));
        Ok(())
    }

    /// Stops generations, which come in the order of their ids: first all jobs, then the generations, then the ledger.
    async fn stop(
        self,
        uow: &UnitOfWork,
        grant: &Grant<CancelGenerations>,
        generations: &mut [Generation],
    ) -> Outcome<()> {
        let core = self.0.core();
        let stoppable = |generation: &Generation| generation.state.may_become(GenerationState::Cancelled);
        if !generations.iter().all(stoppable) {
            return Err(FieldError::new(ErrorCode::Conflict, "the generation is finished")
                .at("id")
                .into());
        }
        let now = core.clock.now();
        // The jobs go first: a worker that holds one can store nothing from now on.
        for generation in &*generations {
            uow.jobs()
                .cancel(JobQueue::Speak, generation.id.as_uuid())
                .await?;
        }
        for generation in &*generations {
            if !uow.generations().cancel(grant, generation.id, now).await? {
                return Err(changed().into());
            }
        }
        for generation in generations {
            let address = InOrg::new(generation.organization, generation.id);
            uow.usage()
                .release(grant, core.ids.next(), address.id, now)
                .await?;
            uow.jobs().add(speaking::late_removal(core, address)?).await?;
            let before = std::mem::replace(&mut generation.state, GenerationState::Cancelled);
            generation.finished_at = Some(now);
            let payload = Changes::default()
                .field("state", before.as_str(), generation.state.as_str())
                .with("characters", generation.characters);
            uow.record(self.0.event(
                EventKind::GenerationCancelled,
                Some(address.organization),
                address.global_id(),
                payload,
            ));
        }
        Ok(())
    }

    async fn reach<A: Action>(self, uow: &UnitOfWork, organization: OrganizationId) -> Outcome<Grant<A>> {
        self.0.grant_within_reach_in(uow, organization).await
    }
}

/// Whether the actor, restricted to what `only_of` made, reaches these generations; one that they can see and not reach is
/// no secret.
fn reached(generations: &[Generation], only_of: Option<Author>) -> Result<(), Denied> {
    let own = |generation: &Generation| match only_of {
        None => true,
        Some(Author::User(user)) => generation.created_by == Some(user),
        Some(Author::ApiKey(key)) => generation.created_by_key == Some(key),
    };
    let missing = Permission::GenerationsDelete;
    generations
        .iter()
        .all(own)
        .then_some(())
        .ok_or(Denied::Forbidden { missing })
}

/// It was finished by somebody else between being looked at and being changed.
fn changed() -> FieldError {
    FieldError::new(ErrorCode::Conflict, "the generation has just been finished").at("id")
}
