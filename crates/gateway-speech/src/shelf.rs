//! What the generations of one page need besides themselves.
//!
//! The generations of a page stand on one shelf. The first that is asked for its author has the authors of all of
//! them loaded, by one statement; and so with the rest. So a page costs a fixed number of statements, whatever its
//! length, and whatever is not asked for is not loaded.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use resonance_domain::{
    Generation, GenerationId, GenerationState, OrganizationId, TimeMark, UserId, VoiceAddress,
};
use resonance_gateway_accounts::User;
use resonance_gateway_kit::{ApiError, ApiResult};
use resonance_services::{Outcome, Request};
use tokio::sync::OnceCell;

use crate::Voice;

/// Loaded once, or failed once: a page of fifty does not try a broken database fifty times.
type Once<K, V> = OnceCell<ApiResult<HashMap<K, V>>>;

#[derive(Debug)]
pub(crate) struct Shelf {
    request: Request,
    organization: OrganizationId,
    authors_wanted: BTreeSet<UserId>,
    voices_wanted: BTreeSet<VoiceAddress>,
    waiting: Vec<GenerationId>,
    spoken: Vec<GenerationId>,
    authors: Once<UserId, User>,
    voices: Once<VoiceAddress, Voice>,
    places: Once<GenerationId, u32>,
    peaks: Once<GenerationId, Vec<u8>>,
    marks: Once<GenerationId, Vec<TimeMark>>,
}

impl Shelf {
    /// A shelf for generations of one organization that `request` has read.
    pub(crate) fn of<'a>(
        request: &Request,
        organization: OrganizationId,
        generations: impl Iterator<Item = &'a Generation>,
    ) -> Arc<Self> {
        let mut shelf = Self {
            request: request.clone(),
            organization,
            authors_wanted: BTreeSet::new(),
            voices_wanted: BTreeSet::new(),
            waiting: Vec::new(),
            spoken: Vec::new(),
            authors: OnceCell::new(),
            voices: OnceCell::new(),
            places: OnceCell::new(),
            peaks: OnceCell::new(),
            marks: OnceCell::new(),
        };
        for generation in generations {
            shelf.authors_wanted.extend(generation.created_by);
            shelf.voices_wanted.insert(generation.voice_address());
            match generation.state {
                GenerationState::Queued => shelf.waiting.push(generation.id),
                GenerationState::Succeeded => shelf.spoken.push(generation.id),
                _ => {}
            }
        }
        Arc::new(shelf)
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) async fn author(&self, id: UserId) -> ApiResult<Option<User>> {
        let load = async || {
            let wanted: Vec<_> = self.authors_wanted.iter().copied().collect();
            let profiles = self
                .request
                .accounts()
                .profiles(self.organization, &wanted)
                .await?;
            Ok(profiles
                .into_iter()
                .map(|profile| (profile.id, profile.into()))
                .collect())
        };
        pick(&self.authors, id, load).await
    }

    pub(crate) async fn voice(&self, address: VoiceAddress) -> ApiResult<Option<Voice>> {
        let load = async || {
            let wanted: Vec<_> = self.voices_wanted.iter().copied().collect();
            let voices = self.request.voices().get_many(&wanted).await?;
            Ok(voices
                .into_iter()
                .map(|(address, voice)| (address, voice.into()))
                .collect())
        };
        pick(&self.voices, address, load).await
    }

    pub(crate) async fn place_in_queue(&self, id: GenerationId) -> ApiResult<Option<u32>> {
        let load = async || {
            let generations = self.request.generations();
            let places = generations
                .places_in_queue(self.organization, &self.waiting)
                .await?;
            Ok(places.into_iter().collect())
        };
        pick(&self.places, id, load).await
    }

    pub(crate) async fn peaks(&self, id: GenerationId) -> ApiResult<Option<Vec<u8>>> {
        let load = async || {
            let generations = self.request.generations();
            let peaks = generations.peaks(self.organization, &self.spoken).await?;
            Ok(peaks.into_iter().collect())
        };
        pick(&self.peaks, id, load).await
    }

    pub(crate) async fn time_marks(&self, id: GenerationId) -> ApiResult<Option<Vec<TimeMark>>> {
        let load = async || {
            let generations = self.request.generations();
            let marks = generations.time_marks(self.organization, &self.spoken).await?;
            Ok(marks.into_iter().collect())
        };
        pick(&self.marks, id, load).await
    }
}

/// One of what `load` brings, which is asked at most once for all.
async fn pick<K: Eq + Hash, V: Clone, F>(
    all: &Once<K, V>,
    key: K,
    load: impl FnOnce() -> F,
) -> ApiResult<Option<V>>
where
    F: Future<Output = Outcome<HashMap<K, V>>>,
{
    let loaded = all
        .get_or_init(|| async { load().await.map_err(ApiError::from) })
        .await;
    match loaded {
        Ok(found) => Ok(found.get(&key).cloned()),
        Err(error) => Err(error.clone()),
    }
}
