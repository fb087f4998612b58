//! Generations.

use std::time::Duration;

use futures_util::StreamExt as _;
use resonance_domain::{InOrg, OrganizationId, RoleKey, VoiceAddress};
use resonance_testkit::{Backend, Instance, Person, TestEngine, count_statements, on_both};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::schema::{data, error_code, execute, subscribe};

const CREATE: &str = "mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) {
    reused generation { id state text voiceName queuePosition author { name } audioUrl waveform }
    userErrors { code field message } } }";

const HISTORY: &str = "query ($id: String!, $first: Int, $after: String, $filter: GenerationFilter) {
    organization(id: $id) { generations(first: $first, after: $after, filter: $filter) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { id text characters voiceId voiceName author { id name } state createdAt } } } }";

pub(crate) struct Studio {
    pub(crate) instance: Instance,
    pub(crate) ada: Person,
    pub(crate) mel: Person,
    pub(crate) organization: OrganizationId,
    pub(crate) voice: VoiceAddress,
}

impl Studio {
    pub(crate) async fn new(backend: Backend) -> Self {
        let engine = TestEngine::new();
        let instance = Instance::with_engines(backend, engine.alone(), |_| ()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, organization, &mel, RoleKey::MEMBER).await;
        let voice = instance.system_voice("Vera", "test", &json!({})).await;
        Self {
            instance,
            ada,
            mel,
            organization,
            voice,
        }
    }

    pub(crate) async fn as_of(&self, person: &Person) -> resonance_services::Request {
        self.instance.request_in(person, self.organization).await
    }

    fn input(&self, text: &str) -> Value {
        json!({ "input": { "text": text, "voiceId": self.voice.global_id() } })
    }

    /// Somebody asks for a text; the generation's id.
    pub(crate) async fn ask(&self, person: &Person, text: &str) -> String {
        let created = data(&self.as_of(person).await, CREATE, self.input(text)).await;
        created["createGeneration"]["generation"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

on_both! {
    async fn a_generation_is_shown_from_its_making_to_its_end(backend: Backend) {
        let studio = Studio::new(backend).await;
        studio.ask(&studio.ada, "before").await;
        let request = studio.as_of(&studio.mel).await;
        let created = data(&request, CREATE, studio.input(" Hello\n")).await;
        let generation = &created["createGeneration"]["generation"];
        let id = generation["id"].clone();
        assert_eq!(created["createGeneration"], json!({
            "reused": false,
            "generation": {
                "id": id, "state": "QUEUED", "text": "Hello", "voiceName": "Vera", "queuePosition": 2,
                "author": { "name": "Mel" }, "audioUrl": null, "waveform": null,
            },
            "userErrors": [],
        }));
        studio.instance.services.settle().await.unwrap();
        let again = data(&request, CREATE, studio.input("Hello")).await;
        let generation = &again["createGeneration"]["generation"];
        assert_eq!((&again["createGeneration"]["reused"], &generation["id"]), (&json!(true), &id));
        assert_eq!((&generation["state"], &generation["queuePosition"]), (&json!("SUCCEEDED"), &Value::Null));
        assert!(generation["audioUrl"].as_str().unwrap().contains(id.as_str().unwrap()));
        assert_eq!(generation["waveform"].as_array().unwrap().len(), 256);
        let whole = "query ($id: String!) { organization(id: $id) { generations(first: 1) { nodes {
            settings { temperature topP topK repetitionPenalty speed } format engine progress
            failure { code message } durationMs audioBytes sampleRate waveform(buckets: 3) startedAt finishedAt } } } }";
        let seen = data(&request, whole, json!({ "id": studio.organization.type_id() })).await;
        let seen = &seen["organization"]["generations"]["nodes"][0];
        assert_eq!(seen["settings"], json!({
            "temperature": 0.8, "topP": 0.95, "topK": 1000, "repetitionPenalty": 1.2, "speed": 1.0,
        }));
        assert_eq!((&seen["format"], &seen["engine"], &seen["progress"]), (&json!("MP3"), &json!("test"), &json!(1.0)));
        assert_eq!((&seen["failure"], &seen["durationMs"]), (&Value::Null, &json!(5 * 220 * 1000 / 22_050)));
        assert_eq!((&seen["sampleRate"], seen["waveform"].as_array().unwrap().len()), (&json!(22_050), 3));
        assert!(seen["audioBytes"].as_i64().unwrap() > 100 && seen["finishedAt"].is_string());
    }

    async fn refusals_are_told_with_their_fields(backend: Backend) {
        let studio = Studio::new(backend).await;
        let request = studio.as_of(&studio.mel).await;
        let input = json!({ "input": {
            "text": "", "voiceId": "voice_1", "format": "OPUS", "settings": { "topK": 0, "speed": 9 },
        } });
        let refused = data(&request, CREATE, input).await;
        let refused = &refused["createGeneration"];
        let mut told: Vec<_> = refused["userErrors"].as_array().unwrap().iter()
            .map(|error| format!("{} {}", error["code"].as_str().unwrap(), error["field"].as_str().unwrap()))
            .collect();
        told.sort();
        assert_eq!(told, ["INVALID settings.speed", "INVALID settings.topK", "INVALID voiceId", "TOO_SHORT text"]);
        assert_eq!((&refused["generation"], &refused["reused"]), (&Value::Null, &json!(false)));
        let organization = json!({ "input": { "text": "x", "voiceId": "x", "organizationId": "x" } });
        let refused = data(&request, CREATE, organization).await;
        assert_eq!(refused["createGeneration"]["userErrors"][0]["field"], "organizationId");
        for document in [
            "mutation { m: cancelGeneration(input: { id: \"x\" }) { userErrors { code field } } }",
            "mutation { m: deleteGeneration(input: { id: \"x\" }) { userErrors { code field } } }",
        ] {
            let refused = data(&request, document, json!({})).await;
            assert_eq!(refused["m"]["userErrors"], json!([{ "code": "INVALID", "field": "id" }]));
        }
        for (variables, code) in [
            (json!({ "first": 101 }), "INVALID"),
            (json!({ "after": "x" }), "INVALID"),
            (json!({ "filter": { "voiceId": "x" } }), "INVALID"),
            (json!({ "filter": { "authorId": studio.organization.type_id() } }), "INVALID"),
            (json!({ "filter": { "search": "x".repeat(201) } }), "INVALID"),
        ] {
            let mut variables = variables;
            variables["id"] = json!(studio.organization.type_id());
            assert_eq!(error_code(&execute(&request, HISTORY, variables).await), code);
        }
    }

    async fn the_history_is_paged_filtered_and_counted(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..3 {
            studio.ask(&studio.ada, &format!("by ada {n}")).await;
            studio.ask(&studio.mel, &format!("by mel {n}")).await;
        }
        let request = studio.as_of(&studio.mel).await;
        let id = studio.organization.type_id();
        let mut texts = Vec::new();
        let mut after = Value::Null;
        loop {
            let seen = data(&request, HISTORY, json!({ "id": id, "first": 4, "after": after })).await;
            let seen = &seen["organization"]["generations"];
            assert_eq!(seen["totalCount"], 6);
            let nodes = seen["nodes"].as_array().unwrap();
            texts.extend(nodes.iter().map(|node| node["text"].as_str().unwrap().to_owned()));
            after = seen["pageInfo"]["endCursor"].clone();
            if seen["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(texts, ["by mel 2", "by ada 2", "by mel 1", "by ada 1", "by mel 0", "by ada 0"]);
        for (filter, count) in [
            (json!({ "authorId": studio.mel.user.type_id() }), 3),
            (json!({ "search": "ADA 1" }), 1),
            (json!({ "voiceId": studio.voice.global_id(), "states": ["QUEUED"] }), 6),
            (json!({ "states": ["FAILED", "SUCCEEDED"] }), 0),
            (json!({ "states": [] }), 6),
            (json!({ "from": "2001-01-01T00:00:00Z", "until": "2002-01-01T00:00:00Z" }), 0),
        ] {
            let seen = data(&request, HISTORY, json!({ "id": id, "filter": filter })).await;
            let seen = &seen["organization"]["generations"];
            assert_eq!(seen["totalCount"], count, "{filter}");
            assert_eq!(seen["nodes"].as_array().unwrap().len(), count, "{filter}");
        }
    }

    async fn fifty_generations_with_authors_and_count_cost_four_statements_with_authentication(backend: Backend) {
        let studio = Studio::new(backend).await;
        for n in 0..50 {
            let person = if n % 2 == 0 { &studio.ada } else { &studio.mel };
            studio.ask(person, &format!("text {n}")).await;
        }
        let variables = json!({ "id": studio.organization.type_id(), "first": 50 });
        let whole = async |document: &str| {
            let request = studio.as_of(&studio.mel).await;
            data(&request, document, variables.clone()).await
        };
        let (seen, statements) = count_statements(whole(HISTORY)).await;
        assert_eq!(seen["organization"]["generations"]["nodes"].as_array().unwrap().len(), 50);
        assert_eq!(statements, 4);
        // Nothing that is not asked for is loaded, and what is, is loaded once for all.
        let bare = "query ($id: String!, $first: Int) { organization(id: $id) { generations(first: $first) {
            nodes { text voiceName audioUrl } } } }";
        assert_eq!(count_statements(whole(bare)).await.1, 2);
        let full = "query ($id: String!, $first: Int) { organization(id: $id) { generations(first: $first) {
            nodes { author { name } voice { id name } queuePosition waveform } } } }";
        assert_eq!(count_statements(whole(full)).await.1, 5);
        studio.instance.services.settle().await.unwrap();
        let (seen, statements) = count_statements(whole(full)).await;
        assert_eq!(seen["organization"]["generations"]["nodes"][49]["waveform"].as_array().unwrap().len(), 256);
        assert_eq!(seen["organization"]["generations"]["nodes"][7]["voice"]["name"], "Vera");
        assert_eq!(statements, 5);
    }

    async fn a_deleted_voice_keeps_its_name_in_the_history(backend: Backend) {
        let studio = Studio::new(backend).await;
        let clara = studio.instance.custom_voice(studio.organization, "Clara").await;
        let input = json!({ "input": { "text": "Hello", "voiceId": clara.global_id() } });
        data(&studio.as_of(&studio.ada).await, CREATE, input).await;
        let voice = "query ($id: String!) { organization(id: $id) { generations { nodes {
            voiceId voiceName voice { id name } } } } }";
        let look = async || {
            let id = json!({ "id": studio.organization.type_id() });
            let seen = data(&studio.as_of(&studio.mel).await, voice, id).await;
            seen["organization"]["generations"]["nodes"][0].clone()
        };
        let id = clara.global_id();
        let there = json!({ "id": id, "name": "Clara" });
        assert_eq!(look().await, json!({ "voiceId": id, "voiceName": "Clara", "voice": there }));
        let VoiceAddress::Custom(address) = clara else { unreachable!() };
        studio.as_of(&studio.ada).await.voices().delete(address).await.unwrap();
        assert_eq!(look().await, json!({ "voiceId": id, "voiceName": "Clara", "voice": null }));
    }

    async fn strangers_find_nothing(backend: Backend) {
        let studio = Studio::new(backend).await;
        let id = studio.ask(&studio.ada, "secret").await;
        let eve = studio.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = studio.instance.found(&eve, "Acme").await;
        let stranger = studio.instance.request_in(&eve, elsewhere).await;
        let address: InOrg<resonance_domain::GenerationId> = id.parse().unwrap();
        let misplaced = InOrg::new(elsewhere, address.id).global_id();
        let history = execute(&stranger, HISTORY, json!({ "id": studio.organization.type_id() })).await;
        assert_eq!(error_code(&history), "NOT_FOUND");
        for id in [id, misplaced] {
            for document in [
                "mutation ($id: ID!) { cancelGeneration(input: { id: $id }) { userErrors { code } } }",
                "mutation ($id: ID!) { deleteGeneration(input: { id: $id }) { userErrors { code } } }",
            ] {
                let response = execute(&stranger, document, json!({ "id": id })).await;
                assert_eq!(error_code(&response), "NOT_FOUND");
            }
        }
        let nobody = studio.instance.anonymous();
        let history = execute(&nobody, HISTORY, json!({ "id": studio.organization.type_id() })).await;
        assert_eq!(error_code(&history), "UNAUTHENTICATED");
        let created = execute(&nobody, CREATE, studio.input("Hello")).await;
        assert_eq!(error_code(&created), "UNAUTHENTICATED");
    }

    async fn cancelling_and_deleting_are_shown(backend: Backend) {
        let studio = Studio::new(backend).await;
        let id = studio.ask(&studio.ada, "Hello").await;
        let cancel = "mutation ($id: ID!) { cancelGeneration(input: { id: $id }) {
            generation { state } userErrors { code field } } }";
        let delete = "mutation ($id: ID!) { deleteGeneration(input: { id: $id }) {
            deletedGenerationId userErrors { code field } } }";
        let variables = json!({ "id": id });
        let member = execute(&studio.as_of(&studio.mel).await, cancel, variables.clone()).await;
        assert_eq!(error_code(&member), "FORBIDDEN");
        let admin = studio.as_of(&studio.ada).await;
        let cancelled = data(&admin, cancel, variables.clone()).await;
        assert_eq!(cancelled["cancelGeneration"], json!({ "generation": { "state": "CANCELLED" }, "userErrors": [] }));
        let again = data(&admin, cancel, variables.clone()).await;
        let conflict = json!({ "generation": null, "userErrors": [{ "code": "CONFLICT", "field": "id" }] });
        assert_eq!(again["cancelGeneration"], conflict);
        let deleted = data(&admin, delete, variables.clone()).await;
        assert_eq!(deleted["deleteGeneration"], json!({ "deletedGenerationId": id, "userErrors": [] }));
        assert_eq!(error_code(&execute(&admin, delete, variables).await), "NOT_FOUND");
    }

    async fn a_subscription_follows_a_generation_to_its_end(backend: Backend) {
        let studio = Studio::new(backend).await;
        let id = studio.ask(&studio.mel, "Hello").await;
        let request = studio.as_of(&studio.mel).await;
        let mut one = subscribe(
            &request,
            "subscription ($id: ID!) { generation(id: $id) { state progress author { name } audioUrl } }",
            json!({ "id": id }),
        );
        let mut all = subscribe(&request, "subscription { generations { id generation { id state } } }", json!({}));
        assert_eq!(one.next().await.unwrap()["generation"], json!({
            "state": "QUEUED", "progress": 0.0, "author": { "name": "Mel" }, "audioUrl": null,
        }));
        assert!(tokio::time::timeout(Duration::from_millis(200), all.next()).await.is_err());
        let stop = CancellationToken::new();
        let (services, stopped) = (studio.instance.services.clone(), stop.clone());
        let node = tokio::spawn(async move { services.run(stopped).await });
        let mut last = Value::Null;
        while let Some(next) = tokio::time::timeout(Duration::from_secs(20), one.next()).await.unwrap() {
            last = next;
        }
        assert_eq!(last["generation"]["state"], "SUCCEEDED");
        assert!(last["generation"]["audioUrl"].is_string());
        loop {
            let change = tokio::time::timeout(Duration::from_secs(20), all.next()).await.unwrap().unwrap();
            let change = &change["generations"];
            // Listening to other nodes begins with the news that something may have been missed.
            if !change["id"].is_null() {
                assert_eq!((change["id"].as_str(), &change["generation"]["id"]), (Some(id.as_str()), &json!(id)));
                if change["generation"]["state"] == "SUCCEEDED" {
                    break;
                }
            }
        }
        stop.cancel();
        node.await.unwrap();
        let wrong = crate::schema::schema()
            .execute_stream(async_graphql::Request::new("subscription { generation(id: \"x\") { id } }").data(request))
            .next()
            .await;
        assert_eq!(error_code(&wrong.unwrap()), "INVALID");
    }
}
