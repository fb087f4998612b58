//! Organizations and their members.

use std::io::{Seek, Write};

use async_graphql::{Request, UploadValue, Variables};
use resonance_domain::RoleKey;
use resonance_testkit::{Backend, Instance, Person, on_both};
use serde_json::{Value, json};

use crate::{counted, data, execute, failures};

/// A red pixel.
const PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\
    \x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\x38\x21\x27\x07\
    \x00\x02\xb6\x01\x05\x34\xa6\x75\xaa\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// An organization with an admin, Ada, and a member, Bob.
async fn acme(backend: Backend) -> (Instance, Person, Person, String) {
    let instance = Instance::with(backend, |settings| settings.member_limit = 0).await;
    let ada = instance.sign_up("Ada", "ada@example.org").await;
    let bob = instance.sign_up("Bob", "bob@example.org").await;
    let acme = instance.found(&ada, "Acme").await;
    instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
    (instance, ada, bob, acme.type_id())
}

on_both! {
    async fn an_organization_is_created_shown_changed_and_deleted(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let create = "mutation ($input: CreateOrganizationInput!) { createOrganization(input: $input) {
            organization { id name slug description memberLimit memberCount deletable publicMetadata hasLogo
                createdBy { name } viewerRole { key } viewerCanManageMembers viewerCanUpdate viewerCanDelete }
            userErrors { code field } } }";
        let input = json!({ "input": { "name": "Acme", "publicMetadata": { "plan": { "tier": 1 } } } });
        let created = data(&request, create, input).await;
        let organization = &created["createOrganization"]["organization"];
        let id = organization["id"].clone();
        assert_eq!(*organization, json!({
            "id": id, "name": "Acme", "slug": "acme", "description": "", "memberLimit": 5, "memberCount": 1,
            "deletable": true, "publicMetadata": { "plan": { "tier": 1 } }, "hasLogo": false,
            "createdBy": { "name": "Ada" }, "viewerRole": { "key": "org:admin" },
            "viewerCanManageMembers": true, "viewerCanUpdate": true, "viewerCanDelete": true,
        }));
        let refused = data(&request, create, json!({ "input": { "name": " ", "slug": "acme" } })).await;
        assert_eq!(refused["createOrganization"], json!({
            "organization": null, "userErrors": [{ "code": "TOO_SHORT", "field": "name" }],
        }));
        let refused = data(&request, create, json!({ "input": { "name": "Acme", "slug": "acme" } })).await;
        assert_eq!(refused["createOrganization"]["userErrors"], json!([{ "code": "TAKEN", "field": "slug" }]));

        // The active organization is meant where none is named.
        let request = instance.request_of(&ada).await;
        let update = "mutation { updateOrganization(input: { name: \"Acme 2\" }) { organization { name slug } } }";
        let updated = data(&request, update, json!({})).await;
        assert_eq!(updated["updateOrganization"]["organization"], json!({ "name": "Acme 2", "slug": "acme" }));
        let merge = "mutation ($id: ID!) { updateOrganizationMetadata(input:
            { organizationId: $id, publicMetadata: { plan: { tier: null, name: \"pro\" } } }) { organization { publicMetadata } } }";
        let merged = data(&request, merge, json!({ "id": id })).await;
        assert_eq!(
            merged["updateOrganizationMetadata"]["organization"]["publicMetadata"],
            json!({ "plan": { "name": "pro" } })
        );
        let delete = "mutation ($id: ID!) { deleteOrganization(input: { organizationId: $id }) { organizationId userErrors { code } } }";
        let deleted = data(&request, delete, json!({ "id": id })).await;
        assert_eq!(deleted["deleteOrganization"], json!({ "organizationId": id, "userErrors": [] }));
        let read = "query ($id: ID!) { organization(id: $id) { name } organizationBySlug(slug: \"acme\") { name } }";
        let read = data(&request, read, json!({ "id": id })).await;
        assert_eq!(read, json!({ "organization": null, "organizationBySlug": null }));
    }

    async fn an_organization_with_fifty_members_is_three_statements(backend: Backend) {
        let (instance, ada, _, id) = acme(backend).await;
        let query = "query ($id: ID!) { organization(id: $id) { name viewerRole { key permissions } viewerPermissions
            members(first: 50) { nodes { id user { name email } role { key } joinedAt } } } }";
        let request = instance.request_of(&ada).await;
        let (shown, statements) = counted(&request, query, json!({ "id": id })).await;
        let names: Vec<_> = shown["organization"]["members"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| (member["user"]["name"].as_str().unwrap(), member["role"]["key"].as_str().unwrap()))
            .collect();
        assert_eq!(names, [("Ada", "org:admin"), ("Bob", "org:member")]);
        assert_eq!(shown["organization"]["viewerPermissions"], shown["organization"]["viewerRole"]["permissions"]);
        // The registered permissions, all of which an admin has, are the third.
        assert_eq!(statements, 3);
        // The viewer's organizations with role, and what is behind each, cost no more however many there are.
        for nth in 0..3 {
            instance.found(&ada, &format!("Other {nth}")).await;
        }
        let request = instance.request_of(&ada).await;
        let query = "{ viewer { activeOrganization { name } organizations(first: 50) { edges { role { key }
            node { name viewerPermissions logoUrl } } } } }";
        let (shown, statements) = counted(&request, query, json!({})).await;
        assert_eq!(shown["viewer"]["organizations"]["edges"].as_array().unwrap().len(), 4);
        assert_eq!(shown["viewer"]["activeOrganization"]["name"], "Other 2");
        assert_eq!(statements, 3);
        // The total is counted only when somebody asks.
        let query = "{ viewer { organizations(first: 0) { totalCount } } }";
        assert_eq!(data(&request, query, json!({})).await["viewer"]["organizations"]["totalCount"], 4);
    }

    async fn members_are_paged_by_cursors(backend: Backend) {
        let (instance, ada, _, id) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let query = "query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) { organization(id: $id) {
            members(first: $first, after: $after, last: $last, before: $before, search: \"EXAMPLE.org\",
                orderBy: { field: NAME, descending: true }) {
                totalCount edges { cursor node { user { name } } }
                pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
        let page = async |mut variables: Value| {
            variables["id"] = json!(id);
            data(&request, query, variables).await["organization"]["members"].clone()
        };
        let first = page(json!({ "first": 1 })).await;
        assert_eq!(first["totalCount"], 2);
        assert_eq!(first["edges"][0]["node"]["user"]["name"], "Bob");
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let second = page(json!({ "first": 1, "after": first["pageInfo"]["endCursor"] })).await;
        assert_eq!(second["edges"][0]["node"]["user"]["name"], "Ada");
        assert_eq!(second["pageInfo"]["hasNextPage"], false);
        let back = page(json!({ "last": 1, "before": second["edges"][0]["cursor"] })).await;
        assert_eq!(back["edges"], first["edges"]);
        for wrong in [
            json!({ "first": 101 }),
            json!({ "first": -1 }),
            json!({ "first": 1, "last": 1 }),
            json!({ "after": "nonsense" }),
        ] {
            let mut variables = wrong;
            variables["id"] = json!(id);
            assert_eq!(failures(&request, query, variables).await, ["INVALID"]);
        }
    }

    async fn roles_are_changed_and_members_removed(backend: Backend) {
        let (instance, ada, bob, id) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let find = "query ($id: ID!) { organization(id: $id) { members(search: \"bob\") { nodes { id } } } }";
        let found = data(&request, find, json!({ "id": id })).await;
        let member = found["organization"]["members"]["nodes"][0]["id"].clone();
        let change = "mutation ($member: ID!, $role: String!) { changeMemberRole(input: { memberId: $member, role: $role }) {
            member { role { key } } userErrors { code field } } }";
        let changed = data(&request, change, json!({ "member": member, "role": "org:admin" })).await;
        assert_eq!(changed["changeMemberRole"], json!({ "member": { "role": { "key": "org:admin" } }, "userErrors": [] }));
        let changed = data(&request, change, json!({ "member": member, "role": "org:owner" })).await;
        assert_eq!(changed["changeMemberRole"], json!({ "member": null, "userErrors": [{ "code": "INVALID", "field": "role" }] }));
        let changed = data(&request, change, json!({ "member": "mem_1", "role": "org:member" })).await;
        assert_eq!(changed["changeMemberRole"]["userErrors"], json!([{ "code": "INVALID", "field": "memberId" }]));
        let remove = "mutation ($member: ID!) { removeMember(input: { memberId: $member }) { removedMemberId userErrors { code field } } }";
        let removed = data(&request, remove, json!({ "member": member })).await;
        assert_eq!(removed["removeMember"], json!({ "removedMemberId": member, "userErrors": [] }));
        let removed = data(&request, remove, json!({ "member": member })).await;
        assert_eq!(removed["removeMember"]["userErrors"], json!([{ "code": "NOT_FOUND", "field": "memberId" }]));
        assert_eq!(failures(&instance.request_of(&bob).await, remove, json!({ "member": member })).await, ["NOT_FOUND"]);
        let leave = "mutation { leaveOrganization(input: {}) { organizationId userErrors { code field } } }";
        let left = data(&instance.request_of(&ada).await, leave, json!({})).await;
        assert_eq!(left["leaveOrganization"], json!({ "organizationId": null, "userErrors": [{ "code": "LAST_ADMIN", "field": null }] }));
    }

    async fn a_member_is_told_what_is_missing_and_why(backend: Backend) {
        let (instance, _, bob, id) = acme(backend).await;
        let request = instance.request_of(&bob).await;
        let query = "query ($id: ID!) { organization(id: $id) { name invitations { totalCount } } }";
        assert_eq!(failures(&request, query, json!({ "id": id })).await, ["FORBIDDEN"]);
        let explain = "query ($id: ID!) { organization(id: $id) {
            delete: explainPermission(permission: \"org:generations:delete\") { allowed ownOnly }
            create: explainPermission(permission: \"org:voices:create\") { permission allowed ownOnly role { key } } } }";
        let explained = data(&request, explain, json!({ "id": id })).await;
        assert_eq!(explained["organization"], json!({
            "delete": { "allowed": true, "ownOnly": true },
            "create": { "permission": "org:voices:create", "allowed": false, "ownOnly": false, "role": { "key": "org:member" } },
        }));
    }

    async fn strangers_and_nobody_find_nothing(backend: Backend) {
        let (instance, _, _, id) = acme(backend).await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let request = instance.request_of(&eve).await;
        let query = "query ($id: ID!) { organization(id: $id) { name } organizationBySlug(slug: \"acme\") { name } }";
        for id in [json!(id), json!("org_00000000000000000000000000"), json!("nonsense"), json!("")] {
            let found = data(&request, query, json!({ "id": id })).await;
            assert_eq!(found, json!({ "organization": null, "organizationBySlug": null }));
            let nobody = failures(&instance.anonymous(), query, json!({ "id": id })).await;
            assert_eq!(nobody, ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
        }
        let update = "mutation ($id: ID) { updateOrganization(input: { organizationId: $id, name: \"Evil\" }) { userErrors { code } } }";
        assert_eq!(failures(&request, update, json!({ "id": id })).await, ["NOT_FOUND"]);
        assert_eq!(failures(&request, update, json!({})).await, ["ORGANIZATION_REQUIRED"]);
    }

    async fn a_logo_is_uploaded(backend: Backend) {
        let (instance, ada, _, id) = acme(backend).await;
        let request = instance.request_of(&ada).await;
        let set = "mutation ($id: ID!, $logo: Upload!) { setOrganizationLogo(input: { organizationId: $id, logo: $logo }) {
            organization { hasLogo logoUrl } userErrors { code field } } }";
        let upload = async |bytes: &[u8]| {
            let mut content = tempfile::tempfile().unwrap();
            content.write_all(bytes).unwrap();
            content.rewind().unwrap();
            let mut operation = Request::new(set).variables(Variables::from_json(json!({ "id": id, "logo": null })));
            let value = UploadValue { filename: "logo".into(), content_type: None, content };
            operation.set_upload("variables.logo", value);
            let response = execute(&request, operation).await;
            assert_eq!(response.errors, []);
            response.data.into_json().unwrap()["setOrganizationLogo"].clone()
        };
        let refused = upload(b"no picture").await;
        assert_eq!(refused, json!({ "organization": null, "userErrors": [{ "code": "IMAGE_UNREADABLE", "field": "logo" }] }));
        let set = upload(PNG).await;
        assert_eq!(set["organization"]["hasLogo"], true);
        let path = format!("/organizations/{id}/logo?expires=");
        assert!(set["organization"]["logoUrl"].as_str().unwrap().contains(&path));
        let remove = "mutation { removeOrganizationLogo(input: {}) { organization { hasLogo } } }";
        let removed = data(&request, remove, json!({})).await;
        assert_eq!(removed["removeOrganizationLogo"]["organization"]["hasLogo"], false);
    }

    async fn the_active_organization_is_switched(backend: Backend) {
        let (instance, ada, _, id) = acme(backend).await;
        instance.found(&ada, "Other").await;
        let request = instance.request_of(&ada).await;
        let switch = "mutation ($id: ID!) { setActiveOrganization(input: { organizationId: $id }) { organization { name } } }";
        let switched = data(&request, switch, json!({ "id": id })).await;
        assert_eq!(switched["setActiveOrganization"]["organization"]["name"], "Acme");
        let viewer = "{ viewer { activeOrganization { id } } }";
        let shown = data(&instance.request_of(&ada).await, viewer, json!({})).await;
        assert_eq!(shown["viewer"]["activeOrganization"]["id"], id);
    }
}
