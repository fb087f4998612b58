//! Stopping generations, and removing them from the history.

use resonance_authz::{Action, CancelGenerations, DeleteGenerations, Denied, Grant, Permission};
use resonance_domain::{
    Author, ErrorCode, EventKind, FieldError, Generation, GenerationId, GenerationState, IdsExt, InOrg,
};
use resonance_persistence::{JobQueue, Repositories, UnitOfWork};

use super::Generations;
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
                let grant = self.reach::<CancelGenerations>(uow, address).await?;
                let generation = load(uow, &grant.narrow(), address.id).await?;
                reached(&generation, grant.only_of())?;
                self.stop(uow, &grant, &generation).await
            })
            .await
    }

    /// Removes a generation from the history, with its audio; it is stopped first if it is not finished. What it cost
    /// stays on the ledger. Reaches as far as [`Generations::cancel`].
    ///
    /// # Errors
    /// `NotVisible` if there is none, `Forbidden` for somebody else's.
    pub async fn delete(self, address: InOrg<GenerationId>) -> Outcome<()> {
        match self.delete_as_it_is(address).await {
            // It was finished between being looked at and being stopped; it stays finished, so this is the last time.
            Err(ServiceError::Refused(_)) => self.delete_as_it_is(address).await,
            done => done,
        }
    }

    async fn delete_as_it_is(self, address: InOrg<GenerationId>) -> Outcome<()> {
        let core = self.0.core();
        let attempt = Attempt::on("deleteGeneration", address.organization, address.global_id());
        self.0
            .attempt(attempt, async |uow| {
                let grant = self.reach::<DeleteGenerations>(uow, address).await?;
                let generation = load(uow, &grant.narrow(), address.id).await?;
                reached(&generation, grant.only_of())?;
                if !generation.state.is_final() {
                    let grant = self.reach::<CancelGenerations>(uow, address).await?;
                    self.stop(uow, &grant, &generation).await?;
                }
                if !uow.generations().delete(&grant, address.id).await? {
                    return Err(changed().into());
                }
                uow.generations().count_down(&grant).await?;
                if generation.audio_key.is_some() {
                    let removal = sweep::removal(
                        core,
                        &speaking::folder(address)?,
                        sweep::Owner::Generation(address),
                    );
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
            })
            .await
    }

    async fn stop(
        self,
        uow: &UnitOfWork,
        grant: &Grant<CancelGenerations>,
        generation: &Generation,
    ) -> Outcome<Generation> {
        let core = self.0.core();
        let address = InOrg::new(generation.organization, generation.id);
        if !generation.state.may_become(GenerationState::Cancelled) {
            return Err(FieldError::new(ErrorCode::Conflict, "the generation is finished")
                .at("id")
                .into());
        }
        let now = core.clock.now();
        // The job goes first: a worker that holds it can store nothing from now on.
        uow.jobs().cancel(JobQueue::Speak, address.id.as_uuid()).await?;
        if !uow.generations().cancel(grant, address.id, now).await? {
            return Err(changed().into());
        }
        uow.usage()
            .release(grant, core.ids.next(), address.id, now)
            .await?;
        if generation.created_by_key.is_some() {
            uow.api_keys().give_back(grant, address.id).await?;
        }
        uow.jobs().add(speaking::late_removal(core, address)?).await?;
        uow.record(
            self.0.event(
                EventKind::GenerationCancelled,
                Some(address.organization),
                address.global_id(),
                Changes::default()
                    .field(
                        "state",
                        generation.state.as_str(),
                        GenerationState::Cancelled.as_str(),
                    )
                    .with("characters", generation.characters),
            ),
        );
        Ok(Generation {
            state: GenerationState::Cancelled,
            finished_at: Some(now),
            ..generation.clone()
        })
    }

    async fn reach<A: Action>(self, uow: &UnitOfWork, address: InOrg<GenerationId>) -> Outcome<Grant<A>> {
        self.0.grant_within_reach_in(uow, address.organization).await
    }
}

async fn load(
    uow: &UnitOfWork,
    grant: &Grant<resonance_authz::ReadGenerations>,
    id: GenerationId,
) -> Outcome<Generation> {
    let found = uow.generations().get(grant, id).await?;
    found.ok_or(ServiceError::Denied(Denied::NotVisible))
}

/// Whether the actor, restricted to what `only_of` made, reaches this generation; one that they can see and not reach is
/// no secret.
fn reached(generation: &Generation, only_of: Option<Author>) -> Result<(), Denied> {
    let own = match only_of {
        None => true,
        Some(Author::User(user)) => generation.created_by == Some(user),
        Some(Author::ApiKey(key)) => generation.created_by_key == Some(key),
    };
    let missing = Permission::GenerationsDelete;
    own.then_some(()).ok_or(Denied::Forbidden { missing })
}

/// It was finished by somebody else between being looked at and being changed.
fn changed() -> FieldError {
    FieldError::new(ErrorCode::Conflict, "the generation has just been finished").at("id")
}
