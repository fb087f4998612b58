//! The history.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject};
use chrono::{DateTime, Utc};
use resonance_domain::{self as domain, FieldError, FieldErrors, GenerationId, OrganizationId, VoiceAddress};
use resonance_gateway_kit::{
    ApiError, ApiResult, Total, connection, cursor, page_request, parse_id, request,
};
use resonance_services::IdCursor;

use crate::{Generation, GenerationState, shelf::Shelf};

connection! {
    /// The history of an organization, newest first.
    GenerationConnection;
    /// A generation's place in the history.
    GenerationEdge of Arc<Generation>
}

/// Which generations are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, InputObject)]
pub struct GenerationFilter {
    /// Only texts that contain this text, ignoring case; up to 200 characters. Null, omitted or blank finds all.
    pub search: Option<String>,
    /// Only this voice. Null or omitted finds all.
    pub voice_id: Option<ID>,
    /// Only what this user asked for. Null or omitted finds all.
    pub author_id: Option<ID>,
    /// Only these states. Null, omitted or empty finds all.
    pub states: Option<Vec<GenerationState>>,
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

/// A page of an organization's history, for the field `generations` of `Organization`.
///
/// # Errors
/// `INVALID` for wrong arguments; `NOT_FOUND` for whoever is no member; `FORBIDDEN` without `org:generations:read`.
pub async fn generations_of(
    context: &Context<'_>,
    organization: OrganizationId,
    filter: Option<GenerationFilter>,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
) -> ApiResult<GenerationConnection> {
    let request = request(context)?;
    let page = page_request(
        first,
        after.as_deref(),
        last,
        before.as_deref(),
        |id: GenerationId| IdCursor(id.as_uuid()),
    )?;
    let filter = filter.unwrap_or_default().read().map_err(ApiError::invalid)?;
    let page = request.generations().list(organization, &filter, &page).await?;
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
