//! Requests that arrive at the same moment.

use resonance_testkit::{at_once, on_both};
use serde_json::{Value, json};
use tests::{Person, Server};

/// The code of the first user error of a payload, or "DONE".
fn outcome(payload: &Value) -> String {
    payload["userErrors"][0]["code"]
        .as_str()
        .unwrap_or("DONE")
        .to_owned()
}

/// How many of these outcomes are this one.
fn how_many(outcomes: &[String], wanted: &str) -> usize {
    outcomes.iter().filter(|outcome| *outcome == wanted).count()
}

/// The roles of an organization's members, with their ids and their users' ids.
async fn members(viewer: &Person, organization: &str) -> Vec<(String, String, String)> {
    let query = "query($id: ID!) { organization(id: $id) { members(first: 100) {
        nodes { id role { key } user { id } } totalCount } } }";
    let data = viewer.client.data(query, json!({ "id": organization })).await;
    let members = &data["organization"]["members"];
    let nodes = members["nodes"].as_array().unwrap();
    assert_eq!(members["totalCount"], nodes.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    nodes
        .iter()
        .map(|node| {
            (
                text(&node["id"]),
                text(&node["role"]["key"]),
                text(&node["user"]["id"]),
            )
        })
        .collect()
}

on_both! {
    async fn of_two_admins_who_demote_each_other_one_stays(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@races.test").await;
        let organization = ada.found("Acme", "acme").await;
        ada.invite(&organization, "org:admin", &["bob@races.test"]).await;
        let bob = server.join("Bob", "bob@races.test").await;
        for _ in 0..5 {
            let before = members(&ada, &organization).await;
            let membership = |of: &Person| before.iter().find(|member| member.2 == of.user).unwrap().0.clone();
            let demotions = [(&ada, membership(&bob)), (&bob, membership(&ada))].map(|(who, whom)| {
                let client = who.client.clone();
                async move {
                    let input = json!({ "memberId": whom, "role": "org:member" });
                    let query = "mutation($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) {
                        userErrors { code } } }";
                    let answer = client.answer(query, json!({ "input": input })).await;
                    let code = answer.code();
                    if code.is_empty() { "DONE".to_owned() } else { code }
                }
            });
            let outcomes = at_once(demotions.into()).await;
            assert_eq!(how_many(&outcomes, "DONE"), 1, "{outcomes:?}");
            // Who came second is no admin any more by then, or would be the last.
            assert!(
                outcomes.iter().any(|outcome| outcome == "FORBIDDEN" || outcome == "LAST_ADMIN"),
                "{outcomes:?}"
            );
            let after = members(&ada, &organization).await;
            let admins: Vec<_> = after.iter().filter(|member| member.1 == "org:admin").collect();
            assert_eq!(admins.len(), 1, "{after:?}");
            // Both are admins again for the next round.
            let (admin, demoted) = if admins[0].2 == ada.user { (&ada, &bob) } else { (&bob, &ada) };
            let whom = &after.iter().find(|member| member.2 == demoted.user).unwrap().0;
            let input = json!({ "memberId": whom, "role": "org:admin" });
            admin.client.mutate("changeMemberRole", "ChangeMemberRoleInput", "member { id }", input).await;
        }
    }

    async fn of_twenty_who_accept_at_once_one_gets_the_last_seat(backend: Backend) {
        let variables = [("RESONANCE_MEMBER_LIMIT", "21")];
        let server = Server::start_with(backend, &variables).await;
        let ada = server.sign_up("Ada", "ada@races.test").await;
        let organization = ada.found("Acme", "acme").await;
        let emails: Vec<_> = (0..20).map(|n| format!("guest{n}@races.test")).collect();
        let wanted: Vec<_> = emails.iter().map(String::as_str).collect();
        ada.invite(&organization, "org:member", &wanted).await;
        let mut acceptances = Vec::new();
        for email in &emails {
            let token = server.invitation_token(email).await;
            let guest = server.sign_up_by_link("Guest", email, &token).await;
            acceptances.push(async move {
                let input = json!({ "token": token });
                let selection = "organization { id }";
                let payload = guest
                    .client
                    .try_mutate("acceptInvitation", "AnswerInvitationInput", selection, input)
                    .await;
                outcome(&payload)
            });
        }
        // An operator lowers the limit: two seats, of which the founder has one.
        server.execute("UPDATE organizations SET member_limit = 2").await;
        let outcomes = at_once(acceptances).await;
        assert_eq!(how_many(&outcomes, "DONE"), 1, "{outcomes:?}");
        assert_eq!(how_many(&outcomes, "MEMBER_LIMIT_REACHED"), 19, "{outcomes:?}");
        assert_eq!(members(&ada, &organization).await.len(), 2);
        assert_eq!(server.count("invitations WHERE state = 'pending'").await, 19);
    }

    async fn one_link_is_good_for_one_acceptance(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@races.test").await;
        let organization = ada.found("Acme", "acme").await;
        ada.invite(&organization, "org:member", &["guest@races.test"]).await;
        let token = server.invitation_token("guest@races.test").await;
        let guest = server.sign_up_by_link("Guest", "guest@races.test", &token).await;
        let acceptances = (0..10).map(|_| {
            let (client, token) = (guest.client.clone(), token.clone());
            async move {
                let input = json!({ "token": token });
                let selection = "organization { id }";
                let payload = client
                    .try_mutate("acceptInvitation", "AnswerInvitationInput", selection, input)
                    .await;
                outcome(&payload)
            }
        });
        let outcomes = at_once(acceptances.collect()).await;
        assert_eq!(how_many(&outcomes, "DONE"), 1, "{outcomes:?}");
        assert_eq!(members(&ada, &organization).await.len(), 2);
    }

    async fn a_slug_goes_to_one_and_a_derived_one_gives_way(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@races.test").await;
        let create = |input: Value| {
            let client = ada.client.clone();
            async move {
                let selection = "organization { slug }";
                client
                    .try_mutate("createOrganization", "CreateOrganizationInput", selection, input)
                    .await
            }
        };
        let given = (0..10).map(|_| create(json!({ "name": "Acme", "slug": "acme" })));
        let payloads = at_once(given.collect()).await;
        let outcomes: Vec<_> = payloads.iter().map(outcome).collect();
        assert_eq!(how_many(&outcomes, "DONE"), 1, "{outcomes:?}");
        assert_eq!(how_many(&outcomes, "TAKEN"), 9, "{outcomes:?}");

        let derived = (0..10).map(|_| create(json!({ "name": "Big Voice" })));
        let payloads = at_once(derived.collect()).await;
        let mut slugs: Vec<_> = payloads
            .iter()
            .map(|payload| {
                assert_eq!(outcome(payload), "DONE", "{payload:#}");
                payload["organization"]["slug"].as_str().unwrap().to_owned()
            })
            .collect();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), 10, "{slugs:?}");
        assert!(slugs.iter().all(|slug| slug.starts_with("big-voice")), "{slugs:?}");
    }

    async fn of_twenty_who_want_the_same_spoken_one_pays(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@races.test").await;
        let organization = ada.found("Acme", "acme").await;
        let voice = ada.client.system_voice().await;
        let text = "The same words, twenty times over.";
        let wishes = (0..20).map(|_| {
            let client = ada.client.clone();
            let input = json!({ "organizationId": organization, "voiceId": voice, "text": text });
            async move {
                let selection = "reused generation { id }";
                client
                    .mutate("createGeneration", "CreateGenerationInput", selection, input)
                    .await
            }
        });
        let payloads = at_once(wishes.collect()).await;
        let new = payloads.iter().filter(|payload| payload["reused"] == false).count();
        assert_eq!(new, 1, "{payloads:#?}");
        let id = &payloads[0]["generation"]["id"];
        assert!(payloads.iter().all(|payload| payload["generation"]["id"] == *id), "{payloads:#?}");
        assert_eq!(ada.hear(id.as_str().unwrap()).await, "SUCCEEDED");
        assert_eq!(server.count("generations").await, 1);
        for kind in ["hold", "settle"] {
            let characters = format!("SELECT CAST(SUM(quantity) AS text) FROM usage_entries WHERE kind = '{kind}'");
            assert_eq!(server.texts(&characters).await, [text.len().to_string()], "{kind}");
        }
    }

    async fn an_address_goes_to_one_account(backend: Backend) {
        let server = Server::start(backend).await;
        let mut sign_ups = Vec::new();
        for n in 0..6 {
            // The mail of each goes out before the next is asked for, as the newest code counts for all.
            let client = server.anonymous().from(&format!("10.0.0.{n}"));
            let name = format!("Ada {n}");
            let input = json!({ "name": name, "email": format!("ada{}@races.test", n % 2), "password": tests::PASSWORD });
            let payload = client.answer(
                "mutation($input: SignUpInput!) { signUp(input: $input) { signUp { id } userErrors { code } } }",
                json!({ "input": input }),
            ).await;
            if payload.code().is_empty() {
                sign_ups.push((client, payload.json()["data"]["signUp"]["signUp"]["id"].clone(), n % 2));
            }
        }
        // Codes are limited by address: one sign-up for each waits for its code. Its code is tried ten times at once.
        assert_eq!(sign_ups.len(), 2);
        let mut verifications = Vec::new();
        for (client, id, n) in sign_ups {
            let code = server.code(&format!("ada{n}@races.test")).await;
            for _ in 0..5 {
                let (client, input) = (client.clone(), json!({ "signUpId": id, "code": code }));
                verifications.push(async move {
                    outcome(&client.try_mutate("verifySignUp", "VerifySignUpInput", "token", input).await)
                });
            }
        }
        let outcomes = at_once(verifications).await;
        assert_eq!(how_many(&outcomes, "DONE"), 2, "{outcomes:?}");
        assert_eq!(server.count("users").await, 2);
        assert_eq!(server.count("sessions").await, 2);
    }
}
