//! Organizations, memberships, invitations.

use resonance_testkit::on_both;
use serde_json::json;

use super::desk::Desk;

const ABSENT: &str = "org_01j1hx8yqmfk1btzvap4d4pb1x";

on_both! {
    async fn organizations_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        let organization = &desk.organization;
        let big = json!({ "text": "x".repeat(9000) });
        let mut deep = json!(1);
        for _ in 0..40 {
            deep = json!({ "a": deep });
        }
        let mut cases = vec![
            ("createOrganization", json!({ "name": "" }), "TOO_SHORT name"),
            ("createOrganization", json!({ "name": " \t " }), "TOO_SHORT name"),
            ("createOrganization", json!({ "name": "x".repeat(257) }), "TOO_LONG name"),
            ("createOrganization", json!({ "name": "a\u{0}b" }), "INVALID name"),
            ("createOrganization", json!({ "name": "a\nb" }), "INVALID name"),
            ("createOrganization", json!({ "name": "A", "description": "x".repeat(1001) }), "TOO_LONG description"),
            ("createOrganization", json!({ "name": "A", "publicMetadata": big }), "TOO_LONG publicMetadata"),
            ("createOrganization", json!({ "name": "A", "publicMetadata": deep }), "INVALID publicMetadata"),
            ("createOrganization", json!({ "name": "A", "publicMetadata": [1] }), "!INVALID_ARGUMENT"),
            ("createOrganization", json!({ "name": "A", "slug": "acme" }), "TAKEN slug"),
            ("createOrganization", json!({ "name": "", "slug": "-" }), "TOO_SHORT name, TOO_SHORT slug"),
            ("updateOrganization", json!({ "organizationId": organization, "name": "" }), "TOO_SHORT name"),
            ("updateOrganization", json!({ "organizationId": organization, "slug": "A" }), "TOO_SHORT slug"),
            ("updateOrganization", json!({ "organizationId": organization, "description": "x".repeat(1001) }), "TOO_LONG description"),
            ("updateOrganization", json!({ "organizationId": "nonsense", "name": "B" }), "INVALID organizationId"),
            ("updateOrganization", json!({ "organizationId": ABSENT, "name": "B" }), "!NOT_FOUND"),
            ("updateOrganizationMetadata", json!({ "organizationId": organization, "publicMetadata": big }), "TOO_LONG publicMetadata"),
            ("setActiveOrganization", json!({ "organizationId": "nonsense" }), "INVALID organizationId"),
            ("setActiveOrganization", json!({ "organizationId": ABSENT }), "!NOT_FOUND"),
            ("leaveOrganization", json!({ "organizationId": organization }), "LAST_ADMIN -"),
        ];
        for (slug, expected) in [
            ("a", "TOO_SHORT slug"),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "TOO_LONG slug"),
            ("Acme", "INVALID slug"),
            ("acme_x", "INVALID slug"),
            ("-acme", "INVALID slug"),
            ("acme-", "INVALID slug"),
            ("ac--me", "INVALID slug"),
            ("ácme", "INVALID slug"),
        ] {
            cases.push(("createOrganization", json!({ "name": "A", "slug": slug }), expected));
        }
        desk.refuses(&desk.admin.client, cases).await;
        desk.server.execute("UPDATE organizations SET deletable = FALSE").await;
        desk.refuses(&desk.admin.client, vec![
            ("deleteOrganization", json!({ "organizationId": organization }), "NOT_DELETABLE -"),
        ]).await;
        let stranger = desk.server.sign_up("Sam", "sam@inputs.test").await;
        desk.server.settle().await;
        desk.refuses(&stranger.client, vec![
            ("updateOrganization", json!({ "name": "B" }), "!ORGANIZATION_REQUIRED"),
        ]).await;
    }

    async fn members_and_invitations_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        let organization = &desk.organization;
        let members = "query($id: ID!) { organization(id: $id) { members(search: \"ada\") { nodes { id } } } }";
        let data = desk.admin.client.data(members, json!({ "id": organization })).await;
        let own = &data["organization"]["members"]["nodes"][0]["id"];
        let many: Vec<_> = (0..51).map(|n| format!("guest{n}@inputs.test")).collect();
        let invite = |emails: serde_json::Value, role: &str, days: i32| {
            json!({ "organizationId": organization, "emails": emails, "role": role, "expiresInDays": days })
        };
        let one = || json!(["guest@inputs.test"]);
        desk.refuses(&desk.admin.client, vec![
            ("inviteMembers", invite(json!([]), "org:member", 30), "INVALID emails"),
            ("inviteMembers", invite(json!(many), "org:member", 30), "INVALID emails"),
            ("inviteMembers", invite(one(), "org:owner", 30), "INVALID role"),
            ("inviteMembers", invite(one(), "", 30), "INVALID role"),
            ("inviteMembers", invite(one(), "org:member", 0), "INVALID expiresInDays"),
            ("inviteMembers", invite(one(), "org:member", 366), "INVALID expiresInDays"),
            ("inviteMembers", invite(one(), "org:member", -1), "INVALID expiresInDays"),
            ("changeMemberRole", json!({ "memberId": own, "role": "org:member" }), "LAST_ADMIN -"),
            ("changeMemberRole", json!({ "memberId": own, "role": "org:owner" }), "INVALID role"),
            ("changeMemberRole", json!({ "memberId": "nonsense", "role": "org:member" }), "INVALID memberId"),
            ("removeMember", json!({ "memberId": own }), "LAST_ADMIN -"),
            ("removeMember", json!({ "memberId": organization }), "INVALID memberId"),
            ("resendInvitation", json!({ "invitationId": "nonsense" }), "INVALID invitationId"),
            ("revokeInvitation", json!({ "invitationId": own }), "INVALID invitationId"),
        ]).await;

        // One address of many fails alone.
        let query = "mutation($input: InviteMembersInput!) { inviteMembers(input: $input) {
            results { email userError { code } } userErrors { code } } }";
        let emails = json!(["new@inputs.test", "nonsense", "max@inputs.test", "NEW@inputs.test", ""]);
        let input = invite(emails, "org:member", 30);
        let data = desk.admin.client.data(query, json!({ "input": input })).await;
        let results = data["inviteMembers"]["results"].as_array().unwrap();
        let codes: Vec<_> = results.iter().map(|result| result["userError"]["code"].as_str().unwrap_or("")).collect();
        assert_eq!(codes, ["", "INVALID", "ALREADY_MEMBER", "ALREADY_INVITED", "TOO_SHORT"]);
        // The limit of five: two members and one invitation are there.
        let emails = json!(["c@inputs.test", "d@inputs.test", "e@inputs.test"]);
        let data = desk.admin.client.data(query, json!({ "input": invite(emails, "org:member", 30) })).await;
        let results = data["inviteMembers"]["results"].as_array().unwrap();
        let codes: Vec<_> = results.iter().map(|result| result["userError"]["code"].as_str().unwrap_or("")).collect();
        assert_eq!(codes, ["", "", "MEMBER_LIMIT_REACHED"]);
    }

    async fn links_that_open_nothing(backend: Backend) {
        let desk = Desk::new(backend).await;
        let emails = ["ida@inputs.test", "ivo@inputs.test", "ina@inputs.test"];
        let invitations = desk.admin.invite(&desk.organization, "org:member", &emails).await;
        let mut links = Vec::new();
        let mut guests = Vec::new();
        for email in emails {
            let link = desk.server.invitation_token(email).await;
            guests.push(desk.server.sign_up_by_link("Guest", email, &link).await);
            links.push(link);
        }
        desk.server.settle().await;
        let by = |token: &str| json!({ "token": token });
        let guest = &guests[0].client;
        desk.refuses(guest, vec![
            ("acceptInvitation", json!({}), "INVALID -"),
            ("acceptInvitation", json!({ "token": links[0], "invitationId": invitations[0] }), "INVALID -"),
            ("acceptInvitation", by("nonsense"), "NOT_FOUND token"),
            ("acceptInvitation", by(&format!("inv_{}", "A".repeat(43))), "NOT_FOUND token"),
            ("acceptInvitation", by(&links[1]), "EMAIL_MISMATCH -"),
            ("acceptInvitation", json!({ "invitationId": "nonsense" }), "INVALID invitationId"),
            ("declineInvitation", by("nonsense"), "NOT_FOUND token"),
        ]).await;
        desk.refuses(&desk.anonymous(), vec![("acceptInvitation", by(&links[0]), "!UNAUTHENTICATED")]).await;
        // A new sending makes the old link void; a link works once; nothing that is closed opens again.
        desk.admin.client.mutate("resendInvitation", "ResendInvitationInput", "invitation { id }", json!({ "invitationId": invitations[0] })).await;
        desk.server.settle().await;
        desk.refuses(guest, vec![("acceptInvitation", by(&links[0]), "NOT_FOUND token")]).await;
        let link = desk.server.invitation_token(emails[0]).await;
        assert_ne!(link, links[0]);
        assert_eq!(desk.hand_in(guest, "acceptInvitation", by(&link)).await, "");
        desk.server.settle().await;
        desk.refuses(guest, vec![("acceptInvitation", by(&link), "INVITATION_CLOSED -")]).await;
        desk.refuses(&desk.admin.client, vec![
            ("revokeInvitation", json!({ "invitationId": invitations[0] }), "INVITATION_CLOSED -"),
            ("resendInvitation", json!({ "invitationId": invitations[0] }), "INVITATION_CLOSED -"),
        ]).await;
        desk.admin.client.mutate("revokeInvitation", "RevokeInvitationInput", "invitation { id }", json!({ "invitationId": invitations[1] })).await;
        desk.server.settle().await;
        desk.refuses(&guests[1].client, vec![
            ("acceptInvitation", by(&links[1]), "INVITATION_CLOSED -"),
            ("declineInvitation", by(&links[1]), "INVITATION_CLOSED -"),
        ]).await;
        desk.server.execute("UPDATE invitations SET expires_at = created_at").await;
        desk.refuses(&guests[2].client, vec![
            ("acceptInvitation", by(&links[2]), "INVITATION_EXPIRED -"),
            ("acceptInvitation", json!({ "invitationId": invitations[2] }), "INVITATION_EXPIRED -"),
        ]).await;
    }
}
