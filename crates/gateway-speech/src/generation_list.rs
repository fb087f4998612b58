//! The history.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, FieldError, FieldErrors, GenerationId, OrganizationId, VoiceAddress};
use resonance_gateway_kit::{ApiError, ApiResult, Total, connection, cursor, page_request, parse_id};
use resonance_services::{IdCursor, Request};

use crate::{AudioFormat, Generation, GenerationState, shelf::Shelf};

connection! {
    /// The history of an organization.
    GenerationConnection;
    /// A generation's place in the history.
    GenerationEdge of Arc<Generation>
}

/// Which generations are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, InputObject)]
pub struct GenerationFilter {
    /// Only texts in which all the words of this text occur, the last of which may be unfinished; up to 200 characters.
    /// Case, accents, punctuation and the order of words do not count. Null, omitted or without a word finds all.
    pub search: Option<String>,
    /// Only this voice. Null or omitted finds all.
    pub voice_id: Option<ID>,
    /// Only what this user asked for. Null or omitted finds all.
    pub author_id: Option<ID>,
    /// Only these states. Null, omitted or empty finds all.
    pub states: Option<Vec<GenerationState>>,
    /// Only what this engine speaks, such as `builtin`. Null or omitted finds all.
    pub engine: Option<String>,
    /// Only audio of this format. Null or omitted finds all.
    pub format: Option<AudioFormat>,
    /// Only what was asked for at or after this time. Null or omitted finds all.
    pub from: Option<DateTime<Utc>>,
    /// Only what was asked for before this time. Null or omitted finds all.
    pub until: Option<DateTime<Utc>>,
}

impl GenerationFilter {
    fn read(self) -> Result<domain::GenerationFilter, FieldError> {
        let mut errors = FieldErrors::default();
        let voice = self
            .voice_id
            .map(|id| parse_id::<VoiceAddress>("filter.voiceId", &id));
        let author = self.author_id.map(|id| parse_id("filter.authorId", &id));
        let filter = domain::GenerationFilter {
            search: self.search,
            voice: voice
                .and_then(|voice| errors.take("filter.voiceId", voice))
                .map(|voice| voice.id()),
            author: author.and_then(|author| errors.take("filter.authorId", author)),
            states: self
                .states
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            engine: self.engine,
            format: self.format.map(Into::into),
            from: self.from,
            until: self.until,
        };
        match errors.finish() {
            Ok(()) => Ok(filter),
            // Of a query's arguments only the first wrong one is told.
            Err(errors) => Err(errors.into_iter().next().unwrap_or_else(|| {
                FieldError::new(domain::ErrorCode::Invalid, "the filter cannot be read").at("filter")
            })),
        }
    }
}

/// How generations are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum GenerationOrder {
    /// Those that were asked for last come first.
    Newest,
    /// Those that were asked for first come first.
    Oldest,
}

impl From<GenerationOrder> for domain::GenerationOrder {
    fn from(order: GenerationOrder) -> Self {
        match order {
            GenerationOrder::Newest => Self::Newest,
            GenerationOrder::Oldest => Self::Oldest,
        }
    }
}

/// Which generations, in which order, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct GenerationArguments {
    /// How many from the start.
    pub first: Option<i32>,
    /// The cursor behind which the page starts.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// The cursor before which the page ends.
    pub before: Option<String>,
    /// Which generations.
    pub filter: Option<GenerationFilter>,
    /// In which order.
    pub order: Option<GenerationOrder>,
}

/// A page of an organization's history, for the field `generations` of `Organization`.
///
/// # Errors
/// `INVALID` for wrong arguments; `NOT_FOUND` for whoever is no member; `FORBIDDEN` without `org:generations:read`.
pub async fn generations_of(
    request: &Request,
    organization: OrganizationId,
    arguments: GenerationArguments,
) -> ApiResult<GenerationConnection> {
    let page = page_request(
        arguments.first,
        arguments.after.as_deref(),
        arguments.last,
        arguments.before.as_deref(),
        |id: GenerationId| IdCursor(id.as_uuid()),
    )?;
    let filter = arguments.filter.unwrap_or_default();
    let filter = filter.read().map_err(ApiError::invalid)?;
    let order = arguments.order.map(Into::into).unwrap_or_default();
    let page = request
        .generations()
        .list(organization, &filter, order, &page)
        .await?;
    let shelf = Shelf::of(request, organization, page.items.iter());
    let page = page.map(|generation| GenerationEdge {
        cursor: cursor(&generation.id),
        node: Arc::new(Generation::on(&shelf, generation)),
    });
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, filter) = (request.clone(), filter.clone());
        async move { request.generations().count(organization, &filter).await }
    });
    Ok(GenerationConnection::new(page, total))
}
