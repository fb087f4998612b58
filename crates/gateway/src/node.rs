//! Anything that has an id, by its id.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Object};
use resonance_authz::Denied;
use resonance_domain::{
    ApiKeyId, DomainId, GenerationId, Id, IdKind, InOrg, InvitationId, MembershipId, MembershipRequestId,
    OrganizationId, VoiceAddress, WebhookDeliveryId, WebhookEndpointId,
};
use resonance_gateway_kit::{ApiError, ApiResult, Code, request};
use resonance_gateway_organizations::{
    ApiKey, Invitation, MembershipRequest, Organization, OrganizationDomain, OrganizationMember,
    WebhookDelivery, WebhookEndpoint,
};
use resonance_gateway_speech::{Generation, Voice};
use resonance_services::{Outcome, Request, ServiceError};

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
    /// A request to join that an organization received.
    MembershipRequest(Box<MembershipRequest>),
    /// A mail domain of an organization.
    OrganizationDomain(Box<OrganizationDomain>),
    /// A voice, the instance's or an organization's own.
    Voice(Box<Voice>),
    /// An entry of an organization's history.
    Generation(Box<Generation>),
    /// An address that an organization's events are sent to.
    WebhookEndpoint(Box<WebhookEndpoint>),
    /// A key of an organization, for its programs.
    ApiKey(Box<ApiKey>),
    /// An event on its way to such an address.
    WebhookDelivery(Box<WebhookDelivery>),
}

/// Ids, sorted by what they name.
#[derive(Debug, Default)]
struct Wanted {
    organizations: Vec<OrganizationId>,
    members: HashMap<OrganizationId, Vec<MembershipId>>,
    invitations: HashMap<OrganizationId, Vec<InvitationId>>,
    membership_requests: HashMap<OrganizationId, Vec<MembershipRequestId>>,
    domains: HashMap<OrganizationId, Vec<DomainId>>,
    generations: HashMap<OrganizationId, Vec<GenerationId>>,
    voices: Vec<VoiceAddress>,
    webhook_endpoints: HashMap<OrganizationId, Vec<WebhookEndpointId>>,
    api_keys: HashMap<OrganizationId, Vec<ApiKeyId>>,
    webhook_deliveries: HashMap<OrganizationId, Vec<WebhookDeliveryId>>,
}

impl Wanted {
    /// What is no id names nothing.
    fn add(&mut self, id: &ID) {
        match id.split('_').next() {
            Some("org") => self.organizations.extend(id.parse::<OrganizationId>()),
            Some("mem") => sort(&mut self.members, id),
            Some("inv") => sort(&mut self.invitations, id),
            Some("req") => sort(&mut self.membership_requests, id),
            Some("dom") => sort(&mut self.domains, id),
            Some("gen") => sort(&mut self.generations, id),
            Some("key") => sort(&mut self.api_keys, id),
            Some("whe") => sort(&mut self.webhook_endpoints, id),
            Some("whd") => sort(&mut self.webhook_deliveries, id),
            Some("voice") => self.voices.extend(id.parse::<VoiceAddress>()),
            _ => {}
        }
    }
}

fn sort<K: IdKind>(into: &mut HashMap<OrganizationId, Vec<Id<K>>>, id: &ID) {
    if let Ok(InOrg { organization, id }) = id.parse::<InOrg<Id<K>>>() {
        into.entry(organization).or_default().push(id);
    }
}

/// Everything that `ids` name and the viewer may see: one statement for all things of a kind in an organization.
async fn find(request: &Request, ids: &[ID]) -> ApiResult<HashMap<String, Node>> {
    let mut wanted = Wanted::default();
    ids.iter().for_each(|id| wanted.add(id));
    let mut nodes = Vec::with_capacity(ids.len());
    // Organizations are shown to their members.
    if !wanted.organizations.is_empty() && request.actor().signed_in().is_ok() {
        let found = request.organizations().get_many(&wanted.organizations).await?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::Organization(Box::new(found.into()))),
        );
    }
    for (organization, ids) in wanted.members {
        let found = seen(request.memberships().get_many(organization, &ids).await)?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::OrganizationMember(Box::new(found.into()))),
        );
    }
    for (organization, ids) in wanted.invitations {
        let found = seen(request.invitations().get_many(organization, &ids).await)?;
        let now = request.now();
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::Invitation(Box::new(Invitation::at(found, now)))),
        );
    }
    for (organization, ids) in wanted.membership_requests {
        let found = seen(request.membership_requests().get_many(organization, &ids).await)?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::MembershipRequest(Box::new(found.into()))),
        );
    }
    for (organization, ids) in wanted.domains {
        let found = seen(request.organization_domains().get_many(organization, &ids).await)?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::OrganizationDomain(Box::new(found.into()))),
        );
    }
    for (organization, ids) in wanted.generations {
        let found = seen(request.generations().get_many(organization, &ids).await)?;
        nodes.extend(
            Generation::together(request, organization, found)
                .into_iter()
                .map(|found| Node::Generation(Box::new(found))),
        );
    }
    for (organization, ids) in wanted.webhook_endpoints {
        let found = seen(request.webhooks().get_many(organization, &ids).await)?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::WebhookEndpoint(Box::new(found.into()))),
        );
    }
    for (organization, ids) in wanted.api_keys {
        let found = seen(request.api_keys().get_many(organization, &ids).await)?;
        let now = request.now();
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::ApiKey(Box::new(ApiKey::at(found, now)))),
        );
    }
    for (organization, ids) in wanted.webhook_deliveries {
        let found = seen(request.webhooks().get_deliveries(organization, &ids).await)?;
        nodes.extend(
            found
                .into_iter()
                .map(|found| Node::WebhookDelivery(Box::new(found.into()))),
        );
    }
    if !wanted.voices.is_empty() {
        let found = request.voices().get_many(&wanted.voices).await?;
        nodes.extend(
            found
                .into_values()
                .map(|found| Node::Voice(Box::new(found.into()))),
        );
    }
    Ok(nodes.into_iter().map(|node| (node.key(), node)).collect())
}

/// What is hidden is absent.
fn seen<T: Default>(outcome: Outcome<T>) -> Outcome<T> {
    match outcome {
        Err(ServiceError::Denied(Denied::NotVisible)) => Ok(T::default()),
        outcome => outcome,
    }
}

impl Node {
    fn key(&self) -> String {
        match self {
            Self::Organization(node) => node.id.0.clone(),
            Self::OrganizationMember(node) => node.id.0.clone(),
            Self::Invitation(node) => node.id.0.clone(),
            Self::MembershipRequest(node) => node.id.0.clone(),
            Self::OrganizationDomain(node) => node.id.0.clone(),
            Self::Voice(node) => node.id.0.clone(),
            Self::Generation(node) => node.id.0.clone(),
            Self::WebhookEndpoint(node) => node.id.0.clone(),
            Self::ApiKey(node) => node.id.0.clone(),
            Self::WebhookDelivery(node) => node.id.0.clone(),
        }
    }
}

/// Looking things up by id.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The thing with this id; null if there is none that the viewer may see. Requires being signed in, or a key, and the permission
    /// to read the thing.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> ApiResult<Option<Node>> {
        let request = request(context)?;
        request.actor().known()?;
        Ok(find(request, std::slice::from_ref(&id))
            .await?
            .remove(id.as_str()))
    }

    /// The things with these ids, in the given order, each null if there is none that the viewer may see. Requires being
    /// signed in, or a key, and the permission to read each thing. At most 100 ids.
    #[graphql(complexity = "ids.len() * (1 + child_complexity)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ids.")] ids: Vec<ID>,
    ) -> ApiResult<Vec<Option<Node>>> {
        let request = request(context)?;
        request.actor().known()?;
        if ids.len() > MOST {
            return Err(ApiError::new(
                Code::Invalid,
                format!("nodes takes at most {MOST} ids"),
            ));
        }
        let found = find(request, &ids).await?;
        Ok(ids.iter().map(|id| found.get(id.as_str()).cloned()).collect())
    }
}
