//! Generations as they change.

use async_graphql::{Context, ID, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt as _};
use resonance_domain::InOrg;
use resonance_gateway_kit::{ApiError, ApiResult, parse_id, parse_tenant_id, request};
use resonance_services::HistoryChange;

use crate::Generation;

/// Something that happened in an organization's history.
#[derive(Debug, Clone, SimpleObject)]
pub struct GenerationChange {
    /// The id of the generation that is new, has changed or was deleted. Null means that changes may have been missed
    /// (a broken connection between nodes, or a subscriber that was too slow): read the list anew.
    pub id: Option<ID>,
    /// The generation as it is now; null if it was deleted.
    pub generation: Option<Generation>,
}

/// The subscriptions of generations.
#[derive(Debug, Default)]
pub struct GenerationsSubscription;

#[Subscription]
impl GenerationsSubscription {
    /// A generation as it is now, and again whenever it changes: its place in the queue given up, how far it is, its
    /// end. Ends once the generation is final or deleted, or the viewer may not read it any more. Requires
    /// `org:generations:read`.
    async fn generation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The generation.")] id: ID,
    ) -> Result<impl Stream<Item = ApiResult<Generation>>, ApiError> {
        let request = request(context)?.clone();
        let address = parse_tenant_id("id", &id).map_err(ApiError::invalid)?;
        let feed = request.watch_generation(address);
        Ok(feed.map(move |item| Ok(Generation::new(&request, item?))))
    }

    /// What changes in an organization's history from now on. Ends once the viewer may not read it any more. Requires
    /// `org:generations:read`.
    async fn generations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization. Null or omitted means the one that the request works in.")]
        organization_id: Option<ID>,
    ) -> Result<impl Stream<Item = ApiResult<GenerationChange>>, ApiError> {
        let request = request(context)?.clone();
        let named = organization_id
            .map(|id| parse_id("organizationId", &id))
            .transpose();
        let organization = request.organization(named.map_err(ApiError::invalid)?)?;
        let feed = request.watch_generations(organization);
        Ok(feed.map(move |item| {
            Ok(match item? {
                HistoryChange::Changed(generation) => {
                    let generation = Generation::new(&request, *generation);
                    GenerationChange {
                        id: Some(generation.id.clone()),
                        generation: Some(generation),
                    }
                }
                HistoryChange::Deleted(id) => GenerationChange {
                    id: Some(InOrg::new(organization, id).global_id().into()),
                    generation: None,
                },
                HistoryChange::Missed => GenerationChange {
                    id: None,
                    generation: None,
                },
            })
        }))
    }
}
