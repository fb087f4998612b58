//! Two organizations with the same data, and people in and outside of them.

use std::sync::Arc;

use resonance_testkit::{Backend, Receiver};
use serde_json::json;

use crate::{Client, Person, Server};

/// A server with two organizations whose data are alike but for the marks by which they are told apart.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: Server,
    /// Nobody known.
    pub nobody: Client,
    /// Somebody with an account and no organization.
    pub stranger: Person,
    /// The organization that others must not see into.
    pub a: Tenant,
    /// The other one.
    pub b: Tenant,
}

/// An organization and what is in it.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// A word that stands in texts of this organization and nowhere else.
    pub mark: &'static str,
    /// Its id.
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// Its admin.
    pub admin: Person,
    /// A member.
    pub member: Person,
    /// The membership of the admin.
    pub admin_membership: String,
    /// The membership of the member.
    pub membership: String,
    /// A pending invitation.
    pub invitation: String,
    /// The token of that invitation's link.
    pub invitation_token: String,
    /// A mail domain, which it proved and which suggests it.
    pub domain: String,
    /// A pending request to join.
    pub membership_request: String,
    /// A voice of its own.
    pub voice: String,
    /// Something that this voice spoke, at the admin's wish.
    pub generation: String,
    /// A webhook endpoint.
    pub webhook: String,
    /// Its secret.
    pub webhook_secret: String,
    /// A test that the endpoint got.
    pub delivery: String,
    /// Where the endpoint leads.
    pub receiver: Arc<Receiver>,
    /// A role of its own.
    pub role: String,
    /// An API key that hears, speaks and reads the history.
    pub key: String,
    /// Its secret.
    pub key_token: String,
}

impl World {
    /// Makes one.
    ///
    /// # Panics
    /// If that fails.
    pub async fn new(backend: Backend) -> Self {
        let variables = [
            ("RESONANCE_INTROSPECTION", "true"),
            ("RESONANCE_MEMBER_LIMIT", "50"),
            // The walks ask for everything at once.
            ("RESONANCE_QUERY_COMPLEXITY", "100000"),
            ("RESONANCE_WEBHOOKS_PRIVATE_ADDRESSES", "true"),
        ];
        let server = Server::start_with(backend, &variables).await;
        let (a, b, stranger) = tokio::join!(
            Tenant::new(&server, "quartz"),
            Tenant::new(&server, "onyx"),
            server.sign_up("Sam Stranger", "sam@feldspar.test"),
        );
        server.settle().await;
        Self {
            nobody: server.anonymous(),
            server,
            stranger,
            a,
            b,
        }
    }
}

impl Tenant {
    async fn new(server: &Server, mark: &'static str) -> Self {
        let email = |name: &str| format!("{name}@{mark}.test");
        let admin = server.sign_up("Ada Admin", &email("ada")).await;
        let slug = format!("{mark}-speech");
        let input = json!({
            "name": "Acme Speech",
            "slug": slug,
            "description": format!("All about {mark}."),
            "publicMetadata": { "stone": mark },
        });
        let payload = admin
            .client
            .mutate(
                "createOrganization",
                "CreateOrganizationInput",
                "organization { id }",
                input,
            )
            .await;
        let id = payload["organization"]["id"].as_str().unwrap().to_owned();
        admin.invite(&id, "org:member", &[&email("max")]).await;
        let member = server.join("Max Member", &email("max")).await;
        let invitation = admin.invite(&id, "org:member", &[&email("ida")]).await.remove(0);
        let invitation_token = server.invitation_token(&email("ida")).await;
        let domain = admin.suggest_at(server, &id, &format!("{mark}.test")).await;
        let rae = server.sign_up("Rae Requester", &email("rae")).await;
        let input = json!({ "organizationId": id });
        let asked = rae
            .client
            .mutate(
                "acceptSuggestion",
                "OfferInput",
                "membershipRequest { id }",
                input,
            )
            .await;
        let membership_request = asked["membershipRequest"]["id"].as_str().unwrap().to_owned();
        let role = json!({
            "organizationId": id,
            "key": "org:narrator",
            "name": "Narrator",
            "description": format!("Knows {mark}."),
            "permissions": ["org:voices:read"],
        });
        let payload = admin
            .client
            .mutate("createRole", "CreateRoleInput", "role { id }", role)
            .await;
        let role = payload["role"]["id"].as_str().unwrap().to_owned();
        let voice = admin
            .make_voice(&id, "Narrator", &format!("Sounds like {mark}."))
            .await;
        let generation = admin.speak(&id, &voice, &format!("Good morning, {mark}.")).await;
        assert_eq!(admin.hear(&generation).await, "SUCCEEDED");
        let query =
            "query($id: ID!) { organization(id: $id) { members(first: 2) { nodes { id user { id } } } } }";
        let data = admin.client.data(query, json!({ "id": id })).await;
        let membership_of = |person: &Person| {
            let members = data["organization"]["members"]["nodes"].as_array().unwrap();
            let found = members
                .iter()
                .find(|member| member["user"]["id"] == person.user.as_str());
            found.unwrap()["id"].as_str().unwrap().to_owned()
        };
        let (key, key_token) = admin.make_key(&id, &format!("{mark}'s key")).await;
        let receiver = Arc::new(Receiver::start().await);
        let (webhook, webhook_secret, delivery) = admin.set_up_webhook(&id, &receiver, mark).await;
        Self {
            mark,
            key,
            key_token,
            webhook,
            webhook_secret,
            delivery,
            receiver,
            slug,
            admin_membership: membership_of(&admin),
            membership: membership_of(&member),
            id,
            admin,
            member,
            invitation,
            invitation_token,
            domain,
            membership_request,
            voice,
            generation,
            role,
        }
    }

    /// Every word that nobody outside of the organization may read: its marks and the ids of what it has.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let ids = [
            &self.id,
            &self.admin.user,
            &self.admin.email_id,
            &self.admin.session,
            &self.member.user,
            &self.member.email_id,
            &self.member.session,
            &self.admin_membership,
            &self.membership,
            &self.invitation,
            &self.domain,
            &self.membership_request,
            &self.voice,
            &self.generation,
            &self.webhook,
            &self.delivery,
            &self.role,
        ];
        // What follows the prefix, as one id may hold another.
        ids.iter()
            .map(|id| {
                let suffix = id.split_once('_').unwrap().1;
                suffix[..26].to_owned()
            })
            .chain([
                self.mark.to_owned(),
                self.invitation_token.clone(),
                self.webhook_secret.clone(),
            ])
            .collect()
    }
}
