//! The main path, as people walk it.

use resonance_testkit::on_both;
use serde_json::{Value, json};
use tests::{Client, Server};

/// Signs somebody up by the code that comes by mail.
async fn sign_up(server: &Server, name: &str, email: &str) -> Client {
    let nobody = server.anonymous();
    let input = json!({ "name": name, "email": email, "password": "a phrase of some length" });
    let signed_up = nobody
        .mutate("signUp", "SignUpInput", "signUp { id }", input)
        .await;
    let code = server.code(email).await;
    let input = json!({ "signUpId": signed_up["signUp"]["id"], "code": code });
    let verified = nobody
        .mutate("verifySignUp", "VerifySignUpInput", "token user { name }", input)
        .await;
    nobody.with_token(verified["token"].as_str().unwrap())
}

/// Waits until a generation is final.
async fn finished(client: &Client, id: &Value) -> Value {
    for _ in 0..600 {
        let query = "query($id: ID!) { node(id: $id) { ... on Generation { state audioUrl durationMs waveform(buckets: 16) } } }";
        let node = client.data(query, json!({ "id": id })).await["node"].clone();
        if !matches!(node["state"].as_str(), Some("QUEUED" | "RUNNING")) {
            return node;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the generation does not end");
}

/// Eleven seconds of a tone whose pitch and loudness move as a voice's do, as WAV.
fn recording() -> Vec<u8> {
    let rate = 16_000_u32;
    let samples: Vec<i16> = (0..rate * 11)
        .map(|i| {
            let t = f64::from(i) / f64::from(rate);
            let pitch = 140.0 + 25.0 * (t * 2.0).sin();
            let loudness = 0.3 + 0.25 * (t * 12.0).sin();
            let tone: f64 = (1..8)
                .map(|h| (t * pitch * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h))
                .sum();
            #[expect(clippy::cast_possible_truncation, reason = "a sample")]
            let sample = (tone * loudness * 9000.0) as i16;
            sample
        })
        .collect();
    let bytes = u32::try_from(samples.len() * 2).unwrap();
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&rate.to_le_bytes());
    wav.extend_from_slice(&(rate * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    wav
}

on_both! {
    async fn a_team_forms_speaks_and_shares_and_another_team_sees_nothing_of_it(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = sign_up(&server, "Ada", "ada@example.org").await;

        let created = ada
            .mutate("createOrganization", "CreateOrganizationInput", "organization { id slug viewerRole { key } }", json!({ "name": "Acme Voices" }))
            .await;
        let organization = created["organization"]["id"].clone();
        assert_eq!(created["organization"]["slug"], "acme-voices");
        assert_eq!(created["organization"]["viewerRole"]["key"], "org:admin");

        let invite = json!({ "organizationId": organization, "emails": ["ben@example.org"], "role": "org:member" });
        let invited = ada
            .mutate("inviteMembers", "InviteMembersInput", "results { email invitation { state } userError { code } }", invite)
            .await;
        assert_eq!(invited["results"][0]["invitation"]["state"], "PENDING");

        // Ben signs up through the link, which proves his address, and joins.
        let token = server.invitation_token("ben@example.org").await;
        let input = json!({ "name": "Ben", "email": "ben@example.org", "password": "another phrase, also long", "invitationToken": token });
        let signed_up = server.anonymous().mutate("signUp", "SignUpInput", "token", input).await;
        let ben = server.anonymous().with_token(signed_up["token"].as_str().unwrap());
        let joined = ben
            .mutate("acceptInvitation", "AnswerInvitationInput", "organization { id viewerRole { key } }", json!({ "token": token }))
            .await;
        assert_eq!(joined["organization"]["viewerRole"]["key"], "org:member");

        // He has a sentence spoken, and hears it.
        let voices = ben.data("{ systemVoices(first: 100) { totalCount nodes { id name category language } } }", json!({})).await;
        assert!(voices["systemVoices"]["totalCount"].as_i64().unwrap() >= 20);
        let voice = voices["systemVoices"]["nodes"].as_array().unwrap().iter().find(|v| v["language"] == "en-US").unwrap()["id"].clone();
        let speak = json!({ "voiceId": voice, "text": "Hello from Ben.", "format": "WAV" });
        let spoken = ben.mutate("createGeneration", "CreateGenerationInput", "generation { id state } reused", speak.clone()).await;
        assert_eq!(spoken["reused"], false);
        let node = finished(&ben, &spoken["generation"]["id"]).await;
        assert_eq!(node["state"], "SUCCEEDED", "{node}");
        assert_eq!(node["waveform"].as_array().unwrap().len(), 16);
        let audio = server.anonymous().get(node["audioUrl"].as_str().unwrap()).await;
        assert_eq!(audio.headers()["content-type"], "audio/wav");
        let bytes = audio.bytes().await.unwrap();
        assert!(bytes.starts_with(b"RIFF") && bytes.len() > 20_000);

        // The same again is the same, free of charge; and it is in Ada's history with Ben's name.
        let again = ada.mutate("createGeneration", "CreateGenerationInput", "generation { id } reused", speak).await;
        assert_eq!((&again["generation"]["id"], &again["reused"]), (&spoken["generation"]["id"], &json!(true)));
        let query = "query($id: ID!) { organization(id: $id) {
            generations(first: 10) { totalCount nodes { text voiceName author { name } } }
            usage { total(metric: CHARACTERS) heldCharacters byMember(metric: CHARACTERS) { quantity user { name } } } } }";
        let seen = ada.data(query, json!({ "id": organization })).await["organization"].clone();
        assert_eq!(seen["generations"]["totalCount"], 1);
        assert_eq!(seen["generations"]["nodes"][0]["author"]["name"], "Ben");
        assert_eq!(seen["usage"]["total"], "15");
        assert_eq!(seen["usage"]["heldCharacters"], "0");
        assert_eq!(seen["usage"]["byMember"][0]["user"]["name"], "Ben");

        // Ada makes a custom voice from a recording; Ben may use it but not make one.
        let create = "mutation($input: CreateVoiceInput!) { createVoice(input: $input) {
            voice { id fidelity scope sample { durationMs sampleRate } } userErrors { code field message } } }";
        let input = json!({ "input": {
            "name": "Ada herself", "language": "en-US", "sample": null,
            "consent": { "attested": true, "statement": "It is my own voice." } } });
        let refused = ben.upload(create, input.clone(), "sample", recording()).await;
        assert_eq!(refused.code(), "FORBIDDEN");
        let made = ada.upload(create, input, "sample", recording()).await;
        let made = &made.body["data"]["createVoice"];
        assert_eq!(made["userErrors"], json!([]), "{made}");
        assert_eq!((&made["voice"]["fidelity"], &made["voice"]["scope"]), (&json!("APPROXIMATED"), &json!("CUSTOM")));
        assert_eq!(made["voice"]["sample"]["sampleRate"], 16_000);
        let speak = json!({ "voiceId": made["voice"]["id"], "text": "A voice of our own.", "format": "MP3" });
        let spoken = ben.mutate("createGeneration", "CreateGenerationInput", "generation { id }", speak).await;
        assert_eq!(finished(&ben, &spoken["generation"]["id"]).await["state"], "SUCCEEDED");

        // Roles change and memberships end, with the very next request.
        let query = "query($id: ID!) { organization(id: $id) { members(search: \"ben@\") { nodes { id role { key } } } } }";
        let member = ada.data(query, json!({ "id": organization })).await["organization"]["members"]["nodes"][0]["id"].clone();
        ada.mutate("changeMemberRole", "ChangeMemberRoleInput", "member { role { key } }", json!({ "memberId": member, "role": "org:admin" })).await;
        let own = "query($id: ID!) { organization(id: $id) { viewerCanManageMembers } }";
        assert_eq!(ben.data(own, json!({ "id": organization })).await["organization"]["viewerCanManageMembers"], true);
        ada.mutate("removeMember", "RemoveMemberInput", "removedMemberId", json!({ "memberId": member })).await;
        assert_eq!(ben.data(own, json!({ "id": organization })).await["organization"], Value::Null);

        // A second organization is empty.
        let second = ada.mutate("createOrganization", "CreateOrganizationInput", "organization { id }", json!({ "name": "Acme Voices" })).await;
        let query = "query($id: ID!) { organization(id: $id) { slug generations { totalCount } voices(filter: { scope: CUSTOM }) { totalCount } members { totalCount } } }";
        let seen = ada.data(query, json!({ "id": second["organization"]["id"] })).await["organization"].clone();
        assert_eq!(seen, json!({
            "slug": "acme-voices-2", "generations": { "totalCount": 0 }, "voices": { "totalCount": 0 }, "members": { "totalCount": 1 } }));
    }
}
