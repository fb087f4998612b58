//! Voices: the instance's, and organizations' own.

mod change;
mod create;
mod hear;

use std::collections::{BTreeMap, HashMap};

use resonance_authz::{Denied, ReadVoices};
use resonance_domain::{
    EventKind, FieldErrors, InOrg, LanguageTag, OrganizationId, Page, PageRequest, Voice, VoiceAddress,
    VoiceFilter, VoiceId, VoiceSort, bounded_text,
};
use resonance_persistence::{NewEvent, Repositories, TextCursor};

pub use self::{
    change::UpdateVoice,
    create::{Attestation, CreateVoice},
};
use crate::{Outcome, Request, ServiceError};

impl Request {
    /// Voices.
    #[must_use]
    pub fn voices(&self) -> Voices<'_> {
        Voices(self)
    }
}

/// The use cases of voices.
#[derive(Debug, Clone, Copy)]
pub struct Voices<'a>(&'a Request);

impl Voices<'_> {
    /// A page of the voices that members of the organization can use: the instance's and its own.
    ///
    /// The key of a cursor is the voice's name, whatever the order. Requires `org:voices:read`.
    ///
    /// # Errors
    /// Refusals of the filter, `NotVisible`, `Forbidden`, or the database's.
    pub async fn list(
        self,
        organization: OrganizationId,
        filter: VoiceFilter,
        sort: VoiceSort,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<Voice>> {
        let grant = self.0.grant::<ReadVoices>(organization).await?;
        let filter = checked(filter)?;
        Ok(self
            .0
            .core()
            .database
            .voices()
            .page(&grant, &filter, sort, page)
            .await?)
    }

    /// How many voices that whole list has. Requires `org:voices:read`.
    ///
    /// # Errors
    /// As [`Voices::list`].
    pub async fn count(self, organization: OrganizationId, filter: VoiceFilter) -> Outcome<u64> {
        let grant = self.0.grant::<ReadVoices>(organization).await?;
        let filter = checked(filter)?;
        Ok(self.0.core().database.voices().count(&grant, &filter).await?)
    }

    /// All voices that the actor may have texts spoken with in its organization, by name: at most 10,000. Requires
    /// `org:voices:read`.
    ///
    /// # Errors
    /// `OrganizationRequired`, denials.
    pub async fn for_speaking(self) -> Outcome<Vec<Voice>> {
        let organization = self.0.organization(None)?;
        let sort = VoiceSort::default();
        let mut page = PageRequest::first(PageRequest::<TextCursor>::MAX);
        let mut voices = Vec::new();
        while voices.len() < 10_000 {
            let found = self
                .list(organization, VoiceFilter::default(), sort, &page)
                .await?;
            let last = found.items.last().map(|voice| TextCursor {
                key: voice.name().to_owned(),
                id: voice.address().id().as_uuid(),
            });
            voices.extend(
                found
                    .items
                    .into_iter()
                    .filter(|voice| self.0.may_speak_with(&voice.address())),
            );
            match last.filter(|_| found.has_next) {
                Some(last) => page.cursor = Some(last),
                None => break,
            }
        }
        Ok(voices)
    }

    /// A page of the instance's own voices, for everybody. The filter's scope is passed over.
    ///
    /// # Errors
    /// Refusals of the filter, or the database's.
    pub async fn catalogue(
        self,
        filter: VoiceFilter,
        sort: VoiceSort,
        page: &PageRequest<TextCursor>,
    ) -> Outcome<Page<Voice>> {
        let filter = checked(filter)?;
        Ok(self
            .0
            .core()
            .database
            .voices()
            .catalogue(&filter, sort, page)
            .await?)
    }

    /// How many voices that whole catalogue has.
    ///
    /// # Errors
    /// As [`Voices::catalogue`].
    pub async fn count_catalogue(self, filter: VoiceFilter) -> Outcome<u64> {
        let filter = checked(filter)?;
        Ok(self.0.core().database.voices().count_catalogue(&filter).await?)
    }

    /// One voice: the instance's for everybody, an organization's for its members with `org:voices:read`.
    ///
    /// # Errors
    /// `Unauthenticated` (for custom voices), `NotVisible`, `Forbidden`, or the database's.
    pub async fn get(self, address: VoiceAddress) -> Outcome<Voice> {
        let voices = self.0.core().database.voices();
        let voice = match address {
            VoiceAddress::System(id) => voices.system_voice(id).await?.map(Voice::System),
            VoiceAddress::Custom(InOrg { organization, id }) => {
                let grant = self.0.grant::<ReadVoices>(organization).await?;
                voices.get(&grant, id).await?.map(Voice::Custom)
            }
        };
        voice.ok_or(ServiceError::Denied(Denied::NotVisible))
    }

    /// Those of the voices that exist and that the asker may see. One statement for the instance's, and one for each
    /// organization's.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_many(self, addresses: &[VoiceAddress]) -> Outcome<HashMap<VoiceAddress, Voice>> {
        let mut system = Vec::new();
        let mut custom = BTreeMap::<_, Vec<_>>::new();
        for address in addresses {
            match *address {
                VoiceAddress::System(id) => system.push(id),
                VoiceAddress::Custom(InOrg { organization, id }) => {
                    custom.entry(organization).or_default().push(id);
                }
            }
        }
        let repository = self.0.core().database.voices();
        let mut found = Vec::new();
        if !system.is_empty() {
            found.extend(
                repository
                    .system_voices(&system)
                    .await?
                    .into_iter()
                    .map(Voice::System),
            );
        }
        for (organization, ids) in custom {
            let grant = match self.0.grant::<ReadVoices>(organization).await {
                Ok(grant) => grant,
                Err(ServiceError::Denied(_)) => continue,
                Err(error) => return Err(error),
            };
            found.extend(
                repository
                    .get_many(&grant, &ids)
                    .await?
                    .into_iter()
                    .map(Voice::Custom),
            );
        }
        Ok(found.into_iter().map(|voice| (voice.address(), voice)).collect())
    }

    fn event(
        self,
        kind: EventKind,
        voice: InOrg<VoiceId>,
        payload: impl Into<serde_json::Value>,
    ) -> NewEvent {
        self.0
            .event(kind, Some(voice.organization), voice.global_id(), payload)
    }
}

/// Brings what a client filters by into the form in which it is stored.
fn checked(filter: VoiceFilter) -> Outcome<VoiceFilter> {
    let mut errors = FieldErrors::default();
    let search = filter
        .search
        .and_then(|search| errors.take("filter.search", bounded_text(&search, 0, 100)))
        .filter(|search| !search.is_empty());
    let language = filter
        .language
        .and_then(|range| errors.take("filter.language", LanguageTag::parse_range(&range)));
    errors.finish()?;
    Ok(VoiceFilter {
        search,
        language,
        ..filter
    })
}
