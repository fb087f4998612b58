//! Lists of voices.

use async_graphql::{Enum, InputObject};
use resonance_domain::{self as domain, OrganizationId, Page, VoiceSort};
use resonance_gateway_kit::{ApiResult, Total, connection, cursor, page_request};
use resonance_services::{Request, TextCursor};
use uuid::Uuid;

use crate::{Voice, VoiceCategory, VoiceScope};

connection! {
    /// Voices.
    VoiceConnection;
    /// A voice's place in the list.
    VoiceEdge of Voice
}

/// Which voices are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, InputObject)]
pub struct VoiceFilter {
    /// Only names or descriptions that contain this text, ignoring case; up to 100 characters.
    pub search: Option<String>,
    /// Only this category.
    pub category: Option<VoiceCategory>,
    /// Only this language: `en` means all its regions, `en-US` one.
    pub language: Option<String>,
    /// Only the instance's voices, or only the organization's own.
    pub scope: Option<VoiceScope>,
}

impl From<VoiceFilter> for domain::VoiceFilter {
    fn from(filter: VoiceFilter) -> Self {
        Self {
            search: filter.search,
            category: filter.category.map(Into::into),
            language: filter.language,
            scope: filter.scope.map(Into::into),
        }
    }
}

/// By what voices are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum VoiceOrderField {
    /// By name, ignoring case.
    Name,
    /// By the time of making; the instance's voices count as older than all others.
    CreatedAt,
}

impl From<VoiceOrderField> for domain::VoiceOrder {
    fn from(field: VoiceOrderField) -> Self {
        match field {
            VoiceOrderField::Name => Self::Name,
            VoiceOrderField::CreatedAt => Self::CreatedAt,
        }
    }
}

/// How voices are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, InputObject)]
pub struct VoiceOrder {
    /// By what.
    pub field: VoiceOrderField,
    /// Whether from the last to the first.
    #[graphql(default)]
    pub descending: bool,
}

/// Which voices, in which order, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct VoiceArguments {
    /// How many from the start.
    pub first: Option<i32>,
    /// The cursor behind which the page starts.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// The cursor before which the page ends.
    pub before: Option<String>,
    /// Which voices.
    pub filter: Option<VoiceFilter>,
    /// By name when absent.
    pub order: Option<VoiceOrder>,
}

impl VoiceArguments {
    fn read(self) -> ApiResult<(domain::VoiceFilter, VoiceSort, domain::PageRequest<TextCursor>)> {
        let place = |(key, id): (String, Uuid)| TextCursor { key, id };
        let (after, before) = (self.after.as_deref(), self.before.as_deref());
        let page = page_request(self.first, after, self.last, before, place)?;
        let sort = self.order.map_or_else(VoiceSort::default, |order| VoiceSort {
            by: order.field.into(),
            descending: order.descending,
        });
        Ok((self.filter.unwrap_or_default().into(), sort, page))
    }
}

/// The voices that members of an organization can use: the instance's and its own. Requires `org:voices:read`.
///
/// # Errors
/// `INVALID`, `NOT_FOUND`, `FORBIDDEN`, or the database's.
pub async fn voices_of(
    request: &Request,
    organization: OrganizationId,
    arguments: VoiceArguments,
) -> ApiResult<VoiceConnection> {
    let (filter, sort, page) = arguments.read()?;
    let voices = request
        .voices()
        .list(organization, filter.clone(), sort, &page)
        .await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, filter) = (request.clone(), filter.clone());
        async move { request.voices().count(organization, filter).await }
    });
    Ok(shown(voices, total))
}

/// The instance's voices, for everybody.
pub(crate) async fn catalogue(request: &Request, arguments: VoiceArguments) -> ApiResult<VoiceConnection> {
    let (filter, sort, page) = arguments.read()?;
    let voices = request.voices().catalogue(filter.clone(), sort, &page).await?;
    let request = request.clone();
    let total = Total::lazily(move || {
        let (request, filter) = (request.clone(), filter.clone());
        async move { request.voices().count_catalogue(filter).await }
    });
    Ok(shown(voices, total))
}

fn shown(voices: Page<domain::Voice>, total: Total) -> VoiceConnection {
    let edge = |voice: domain::Voice| VoiceEdge {
        cursor: cursor(&(voice.name(), voice.address().id().as_uuid())),
        node: voice.into(),
    };
    VoiceConnection::new(voices.map(edge), total)
}
