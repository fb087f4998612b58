//! The roots of voices, and what `node` finds here.

use async_graphql::{Context, InputObject, Object};
use resonance_authz::Denied;
use resonance_domain::VoiceAddress;
use resonance_gateway_kit::{ApiResult, request};
use resonance_services::{Request, ServiceError};

use crate::{
    Voice, VoiceArguments, VoiceCategory, VoiceConnection, VoiceFilter, VoiceOrder, voice_list::catalogue,
};

/// Which of the instance's voices are wanted; every part that is set narrows.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct SystemVoiceFilter {
    /// Only names or descriptions that contain this text, ignoring case; up to 100 characters.
    search: Option<String>,
    /// Only this category.
    category: Option<VoiceCategory>,
    /// Only this language: `en` means all its regions, `en-US` one.
    language: Option<String>,
}

impl From<SystemVoiceFilter> for VoiceFilter {
    fn from(filter: SystemVoiceFilter) -> Self {
        Self {
            search: filter.search,
            category: filter.category,
            language: filter.language,
            scope: None,
        }
    }
}

/// The roots of voices.
#[derive(Debug, Clone, Copy, Default)]
pub struct VoicesQuery;

#[Object]
impl VoicesQuery {
    /// The instance's own voices, which everybody may use. Requires nothing, not even being signed in.
    #[graphql(
        complexity = "5 + usize::try_from(first.or(last).unwrap_or(25)).unwrap_or_default() * child_complexity"
    )]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn system_voices(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100; 25 when nothing is said.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page starts.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which voices; all when nothing is said.")] filter: Option<SystemVoiceFilter>,
        #[graphql(desc = "By name when nothing is said.")] order_by: Option<VoiceOrder>,
    ) -> ApiResult<VoiceConnection> {
        let arguments = VoiceArguments {
            first,
            after,
            last,
            before,
            filter: filter.map(Into::into),
            order: order_by,
        };
        catalogue(request(context)?, arguments).await
    }
}

impl Voice {
    /// The voice with this id, if the viewer may see it.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, `FORBIDDEN`, or the database's.
    pub async fn node(request: &Request, address: VoiceAddress) -> ApiResult<Option<Self>> {
        match request.voices().get(address).await {
            Ok(voice) => Ok(Some(voice.into())),
            Err(ServiceError::Denied(Denied::NotVisible)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
