//! Having texts spoken, and the history of what was.

mod archive;
mod ask;
mod audio;
mod cancel;
mod create;
mod feed;
mod idempotency;
mod listen;
mod repeat;
mod selection;
mod speak;

use resonance_authz::{Denied, ReadGenerations};
use resonance_domain::{
    ErrorCode, FieldError, Generation, GenerationFilter, GenerationId, GenerationOrder, InOrg,
    OrganizationId, Page, PageRequest, SearchQuery,
};
use resonance_persistence::{IdCursor, JobQueue, Repositories};
use resonance_speech::engine::Capabilities;

pub(crate) use self::ask::Ask;
pub use self::{
    archive::Archive,
    audio::SubtitleFormat,
    create::{CreateGeneration, CreatedGeneration, SettingsInput},
    feed::HistoryChange,
    idempotency::Idempotency,
    listen::{Hearing, LiveAudio},
    speak::Speech,
};
use crate::{Outcome, Request, ServiceError};

/// The longest search text, in characters.
const MAX_SEARCH: usize = 200;
/// How many waiting generations are counted at most to tell a place in the queue.
const MAX_AHEAD: u32 = 1000;

/// The room of generations. See [`Request::generations`].
#[derive(Debug, Clone, Copy)]
pub struct Generations<'a>(&'a Request);

impl Request {
    /// Having texts spoken, and the history of what was.
    #[must_use]
    pub fn generations(&self) -> Generations<'_> {
        Generations(self)
    }

    /// What an engine can do; `None` if it is not set up on this node.
    #[must_use]
    pub fn engine_capabilities(&self, engine: &str) -> Option<&Capabilities> {
        self.core()
            .engines
            .get(engine)
            .map(|engine| engine.capabilities())
    }
}

impl Generations<'_> {
    /// One generation. Requires `org:generations:read`.
    ///
    /// # Errors
    /// `NotVisible` if there is none.
    pub async fn get(self, address: InOrg<GenerationId>) -> Outcome<Generation> {
        let grant = self.0.grant::<ReadGenerations>(address.organization).await?;
        let found = self.repository().get(&grant, address.id).await?;
        found.ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    /// Those of `ids` that there are, in no order. Requires `org:generations:read`. One statement.
    ///
    /// # Errors
    /// Denials.
    pub async fn get_many(
        self,
        organization: OrganizationId,
        ids: &[GenerationId],
    ) -> Outcome<Vec<Generation>> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        Ok(self.repository().get_many(&grant, ids).await?)
    }

    /// A page of the organization's history. Requires `org:generations:read`.
    ///
    /// # Errors
    /// `TOO_LONG` for a search text of more than 200 characters.
    pub async fn list(
        self,
        organization: OrganizationId,
        filter: &GenerationFilter,
        order: GenerationOrder,
        page: &PageRequest<IdCursor>,
    ) -> Outcome<Page<Generation>> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        let filter = checked(filter)?;
        Ok(self.repository().page(&grant, &filter, order, page).await?)
    }

    /// How many generations the history has under a filter. Requires `org:generations:read`.
    ///
    /// # Errors
    /// As [`Generations::list`].
    pub async fn count(self, organization: OrganizationId, filter: &GenerationFilter) -> Outcome<u64> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        let filter = checked(filter)?;
        Ok(self.repository().count(&grant, &filter).await?)
    }

    /// The waveform peaks of those of `ids` that have their audio: for each of equal stretches of time its loudest
    /// sample, 255 being full scale. Requires `org:generations:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn peaks(
        self,
        organization: OrganizationId,
        ids: &[GenerationId],
    ) -> Outcome<Vec<(GenerationId, Vec<u8>)>> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        Ok(self.repository().peaks(&grant, ids).await?)
    }

    /// The places of those of `ids` that wait in the queue: 1 is next, and beyond 1,000 nobody counts. Requires
    /// `org:generations:read`.
    ///
    /// # Errors
    /// The database's.
    pub async fn places_in_queue(
        self,
        organization: OrganizationId,
        ids: &[GenerationId],
    ) -> Outcome<Vec<(GenerationId, u32)>> {
        let grant = self.0.grant::<ReadGenerations>(organization).await?;
        let subjects: Vec<_> = ids.iter().map(GenerationId::as_uuid).collect();
        let jobs = self.0.core().database.jobs();
        let ahead = jobs
            .ahead_of(JobQueue::Speak, grant.organization(), &subjects, MAX_AHEAD)
            .await?;
        Ok(ahead
            .into_iter()
            .map(|(id, ahead)| (GenerationId::from_uuid(id), ahead + 1))
            .collect())
    }

    fn repository(&self) -> resonance_persistence::Generations<'_> {
        self.0.core().database.generations()
    }
}

/// The filter without what narrows nothing.
fn checked(filter: &GenerationFilter) -> Result<GenerationFilter, FieldError> {
    let search = filter.search.as_deref().map(str::trim);
    if search.is_some_and(|search| search.chars().nth(MAX_SEARCH).is_some()) {
        let message = format_args!("must have at most {MAX_SEARCH} characters");
        return Err(FieldError::new(ErrorCode::TooLong, message).at("search"));
    }
    if search.is_some_and(|search| search.contains('\0')) {
        return Err(FieldError::new(ErrorCode::Invalid, "must not contain NUL").at("search"));
    }
    // In a blank text, or one of signs, is no word that could be missing.
    let search = search.filter(|search| SearchQuery::read(search).is_some());
    Ok(GenerationFilter {
        search: search.map(ToOwned::to_owned),
        ..filter.clone()
    })
}
