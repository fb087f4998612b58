//! Invitations, from both sides.

use resonance_domain::OrganizationId;
use resonance_testkit::{Backend, Instance, Person, on_both};
use serde_json::{Value, json};

use crate::{counted, data, failures};

const INVITE: &str = "mutation ($emails: [String!]!, $role: String!, $days: Int) {
    inviteMembers(input: { emails: $emails, role: $role, expiresInDays: $days }) {
        results { email invitation { id email state role { key } sendings invitedBy { name } }
            userError { code field } }
        userErrors { code field } } }";

async fn acme(backend: Backend) -> (Instance, Person, OrganizationId) {
    let instance = Instance::new(backend).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    (instance, ada, acme)
}

async fn invite(instance: &Instance, by: &Person, address: &str) -> Value {
    let variables = json!({ "emails": [address], "role": "org:member" });
    let invited = data(&instance.request_of(by).await, INVITE, variables).await;
    invited["inviteMembers"]["results"][0]["invitation"]["id"].clone()
}

/// The token that was mailed last.
async fn token(instance: &Instance) -> String {
    instance.services.settle().await.unwrap();
    let mail = instance.mails.list(1).await.unwrap().remove(0);
    let (_, rest) = mail.text.split_once("/invitations/").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

on_both! {
    async fn every_address_has_its_own_result(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let variables = json!({ "emails": ["bob@example.org", "nonsense", "ada@example.org"], "role": "org:member" });
        let invited = data(&request, INVITE, variables).await["inviteMembers"].clone();
        assert_eq!(invited["userErrors"], json!([]));
        let id = &invited["results"][0]["invitation"]["id"];
        assert_eq!(invited["results"], json!([
            { "email": "bob@example.org", "userError": null, "invitation": {
                "id": id, "email": "bob@example.org", "state": "PENDING", "role": { "key": "org:member" },
                "sendings": 1, "invitedBy": { "name": "Ada" } } },
            { "email": "nonsense", "invitation": null, "userError": { "code": "INVALID", "field": "emails.1" } },
            { "email": "ada@example.org", "invitation": null,
                "userError": { "code": "ALREADY_MEMBER", "field": "emails.2" } },
        ]));
        let variables = json!({ "emails": [], "role": "org:owner", "days": 0 });
        let refused = data(&request, INVITE, variables).await["inviteMembers"].clone();
        assert_eq!(refused, json!({ "results": null, "userErrors": [
            { "code": "INVALID", "field": "emails" },
            { "code": "INVALID", "field": "role" },
            { "code": "INVALID", "field": "expiresInDays" },
        ] }));
    }

    async fn inviting_one_address_costs_six_statements_at_most(backend: Backend) {
        let (instance, ada, _) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let operation = "mutation { inviteMembers(input: { emails: [\"bob@example.org\"], role: \"org:member\" }) {
            results { invitation { id state } } userErrors { code } } }";
        let (_, statements) = counted(&request, operation, json!({})).await;
        assert!(statements <= 6, "{statements}");
    }

    async fn the_invited_sees_who_invites_and_joins_or_not(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let id = invite(&instance, &ada, "bob@example.org").await;
        let token = token(&instance).await;
        let look = "query ($token: String!) { invitationByToken(token: $token) {
            id email organizationId organizationName organizationLogoUrl inviterName role { key } state } }";
        let seen = data(&instance.anonymous(), look, json!({ "token": token })).await["invitationByToken"].clone();
        assert_eq!(seen["organizationName"], "Acme");
        assert_eq!((&seen["inviterName"], &seen["state"], &seen["id"]), (&json!("Ada"), &json!("PENDING"), &id));
        assert_eq!(seen["organizationId"], acme.type_id());
        let unknown = data(&instance.anonymous(), look, json!({ "token": "inv_nonsense" })).await;
        assert_eq!(unknown, json!({ "invitationByToken": null }));
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let request = instance.request_of(&bob).await;
        let (received, statements) = counted(
            &request,
            "{ viewer { receivedInvitations { totalCount nodes { id organizationName organizationLogoUrl } } } }",
            json!({}),
        ).await;
        assert_eq!(received["viewer"]["receivedInvitations"]["nodes"][0]["id"], id);
        assert_eq!(received["viewer"]["receivedInvitations"]["totalCount"], 1);
        assert_eq!(statements, 2);
        let accept = "mutation ($token: String, $id: ID) { acceptInvitation(input: { token: $token, invitationId: $id }) {
            organization { name viewerRole { key } members { nodes { user { name } } } } userErrors { code field } } }";
        for neither in [json!({}), json!({ "token": token, "id": id })] {
            let refused = data(&request, accept, neither).await;
            assert_eq!(refused["acceptInvitation"]["userErrors"], json!([{ "code": "INVALID", "field": null }]));
        }
        assert_eq!(failures(&instance.anonymous(), accept, json!({ "token": token })).await, ["UNAUTHENTICATED"]);
        let accepted = data(&request, accept, json!({ "token": token })).await["acceptInvitation"].clone();
        assert_eq!(accepted, json!({ "organization": { "name": "Acme", "viewerRole": { "key": "org:member" },
            "members": { "nodes": [{ "user": { "name": "Ada" } }, { "user": { "name": "Bob" } }] } }, "userErrors": [] }));
        let again = data(&request, accept, json!({ "id": id })).await;
        assert_eq!(again["acceptInvitation"]["userErrors"], json!([{ "code": "INVITATION_CLOSED", "field": null }]));
    }

    async fn invitations_are_listed_sent_again_taken_back_and_declined(backend: Backend) {
        let (instance, ada, acme) = acme(backend).await;
        let bob = invite(&instance, &ada, "bob@example.org").await;
        let first = token(&instance).await;
        let request = instance.request_of(&ada).await;
        let resend = "mutation ($id: ID!) { resendInvitation(input: { invitationId: $id, expiresInDays: 3 }) {
            invitation { sendings state } userErrors { code } } }";
        let resent = data(&request, resend, json!({ "id": bob })).await;
        assert_eq!(resent["resendInvitation"]["invitation"], json!({ "sendings": 2, "state": "PENDING" }));
        let second = token(&instance).await;
        let decline = "mutation ($token: String!) { declineInvitation(input: { token: $token }) {
            invitation { state } userErrors { code field } } }";
        let refused = data(&instance.anonymous(), decline, json!({ "token": first })).await;
        assert_eq!(refused["declineInvitation"]["userErrors"], json!([{ "code": "NOT_FOUND", "field": "token" }]));
        let declined = data(&instance.anonymous(), decline, json!({ "token": second })).await;
        assert_eq!(declined["declineInvitation"], json!({ "invitation": { "state": "DECLINED" }, "userErrors": [] }));
        let cem = invite(&instance, &ada, "cem@example.org").await;
        let revoke = "mutation ($id: ID!) { revokeInvitation(input: { invitationId: $id }) {
            invitation { state closedAt } userErrors { code } } }";
        let revoked = data(&request, revoke, json!({ "id": cem })).await;
        assert_eq!(revoked["revokeInvitation"]["invitation"]["state"], "REVOKED");
        let again = data(&request, resend, json!({ "id": cem })).await;
        assert_eq!(again["resendInvitation"]["userErrors"], json!([{ "code": "INVITATION_CLOSED" }]));
        let dan = invite(&instance, &ada, "dan@example.org").await;
        let list = "query ($id: ID!, $states: [InvitationState!]) { organization(id: $id) {
            invitations(states: $states) { totalCount nodes { id } } } }";
        let listed = async |states: Value| {
            let variables = json!({ "id": acme.type_id(), "states": states });
            let listed = data(&request, list, variables).await["organization"]["invitations"].clone();
            let nodes = listed["nodes"].as_array().unwrap().clone();
            assert_eq!(listed["totalCount"], nodes.len());
            nodes.iter().map(|node| node["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(listed(Value::Null).await, [dan.clone(), cem.clone(), bob.clone()]);
        assert_eq!(listed(json!(["PENDING"])).await, [dan]);
        assert_eq!(listed(json!(["DECLINED", "REVOKED"])).await, [cem, bob]);
        assert!(listed(json!(["EXPIRED"])).await.is_empty());
    }
}
