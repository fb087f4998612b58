//! Anything that has an id, by its id.

use async_graphql::{Context, ID, Interface, Object};
use resonance_gateway_kit::{ApiResult, request};
use resonance_gateway_organizations::{Invitation, Organization, OrganizationMember};
use resonance_gateway_speech::{Generation, Voice};
use resonance_services::Request;

/// How many ids `nodes` takes.
const MOST: usize = 100;

/// Anything that has an id. The id tells what it is and whose, and whoever may not see it finds nothing.
#[derive(Debug, Clone, Interface)]
#[graphql(field(name = "id", ty = "&ID", desc = "The thing's id."))]
pub enum Node {
    /// An organization.
    Organization(Box<Organization>),
    /// A member of an organization.
    OrganizationMember(Box<OrganizationMember>),
    /// An invitation that an organization sent.
    Invitation(Box<Invitation>),
    /// An entry of an organization's history.
    Generation(Box<Generation>),
    /// A voice, the instance's or an organization's own.
    Voice(Box<Voice>),
}

impl Node {
    async fn find(request: &Request, id: &ID) -> ApiResult<Option<Self>> {
        let prefix = id.split('_').next().unwrap_or_default();
        Ok(match prefix {
            "org" => match id.parse() {
                Ok(id) => Organization::node(request, id)
                    .await?
                    .map(|found| Self::Organization(Box::new(found))),
                Err(_) => None,
            },
            "mem" => match id.parse() {
                Ok(id) => OrganizationMember::node(request, id)
                    .await?
                    .map(|found| Self::OrganizationMember(Box::new(found))),
                Err(_) => None,
            },
            "inv" => match id.parse() {
                Ok(id) => Invitation::node(request, id)
                    .await?
                    .map(|found| Self::Invitation(Box::new(found))),
                Err(_) => None,
            },
            "gen" => match id.parse() {
                Ok(id) => Generation::node(request, id)
                    .await?
                    .map(|found| Self::Generation(Box::new(found))),
                Err(_) => None,
            },
            "voice" => match id.parse() {
                Ok(id) => Voice::node(request, id)
                    .await?
                    .map(|found| Self::Voice(Box::new(found))),
                Err(_) => None,
            },
            _ => None,
        })
    }
}

/// Looking things up by id.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The thing with this id; null if there is none that the viewer may see. Requires being signed in and the permission
    /// to read the thing.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> ApiResult<Option<Node>> {
        let request = request(context)?;
        request.actor().signed_in()?;
        Node::find(request, &id).await
    }

    /// The things with these ids, in the given order, each null if there is none that the viewer may see. At most 100 ids.
    #[graphql(complexity = "ids.len() * (1 + child_complexity)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ids.", validator(max_items = 100))] ids: Vec<ID>,
    ) -> ApiResult<Vec<Option<Node>>> {
        let request = request(context)?;
        request.actor().signed_in()?;
        let mut found = Vec::with_capacity(ids.len().min(MOST));
        for id in ids.iter().take(MOST) {
            found.push(Node::find(request, id).await?);
        }
        Ok(found)
    }
}
