//! Voices.

use resonance_domain::{AudioFormat, OrganizationId, RoleKey};
use resonance_services::Request;
use resonance_testkit::{
    Backend, Instance, Person, TestEngine, builtin_engine, count_statements, on_both, recording,
};
use serde_json::{Value, json};

use crate::schema::{data, error_code, execute, shown, upload};

const CREATE: &str = "mutation ($input: CreateVoiceInput!) { createVoice(input: $input) {
    voice { id name description category language scope engine fidelity createdBy { name }
        sample { durationMs sampleRate channels bytes contentType }
        consent { statement attestedBy { name email } } previewUrl sampleUrl }
    userErrors { code field message } } }";
const UPDATE: &str = "mutation ($input: UpdateVoiceInput!) { updateVoice(input: $input) {
    voice { name description category } userErrors { code field } } }";
const DELETE: &str = "mutation ($input: DeleteVoiceInput!) { deleteVoice(input: $input) {
    deletedVoiceId userErrors { code field } } }";
const VOICES: &str = "query ($id: String!, $filter: VoiceFilter, $first: Int, $after: String) {
    organization(id: $id) { voices(filter: $filter, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
        nodes { id name scope sampleUrl sample { bytes } consent { attestedBy { name } } createdBy { name } } } } }";
const CATALOGUE: &str = "query ($filter: SystemVoiceFilter, $order: VoiceOrder, $first: Int) {
    systemVoices(filter: $filter, orderBy: $order, first: $first) { totalCount
        nodes { id name category language scope engine fidelity previewUrl sample { bytes } consent { statement }
            sampleUrl createdBy { name } } } }";

struct Booth {
    instance: Instance,
    ada: Person,
    mel: Person,
    organization: OrganizationId,
}

impl Booth {
    async fn new(backend: Backend) -> Self {
        let engines = builtin_engine().with(TestEngine::new());
        let instance = Instance::with_engines(backend, engines, |_| ()).await;
        instance.services.seed_catalogue().await.unwrap();
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, organization, &mel, RoleKey::MEMBER).await;
        Self {
            instance,
            ada,
            mel,
            organization,
        }
    }

    async fn as_of(&self, person: &Person) -> Request {
        self.instance.request_in(person, self.organization).await
    }

    /// The id of a voice that Ada makes.
    async fn make(&self, name: &str) -> String {
        let made = shown(upload(&self.as_of(&self.ada).await, CREATE, given(name), &sample()).await);
        made["createVoice"]["voice"]["id"].as_str().unwrap().to_owned()
    }
}

fn given(name: &str) -> Value {
    json!({ "input": { "name": name, "engine": "test", "sample": null,
        "consent": { "attested": true, "statement": "I am the speaker." } } })
}

/// Ten seconds of sound.
fn sample() -> Vec<u8> {
    recording(10.0, 8_000, 0.3, AudioFormat::Wav).to_vec()
}

on_both! {
    async fn everybody_reads_the_instances_catalogue(backend: Backend) {
        let booth = Booth::new(backend).await;
        let nobody = booth.instance.anonymous();
        let variables = json!({
            "filter": { "language": "en", "category": "AUDIOBOOK" },
            "order": { "field": "NAME", "descending": true },
            "first": 1,
        });
        let shown = data(&nobody, CATALOGUE, variables).await;
        let voices = &shown["systemVoices"];
        assert_eq!(voices["totalCount"], 2);
        let voice = &voices["nodes"][0];
        assert_eq!(voices["nodes"].as_array().unwrap().len(), 1);
        assert_eq!((&voice["name"], &voice["category"]), (&json!("Edmund"), &json!("AUDIOBOOK")));
        assert_eq!((&voice["language"], &voice["scope"]), (&json!("en-GB"), &json!("SYSTEM")));
        assert_eq!((&voice["engine"], &voice["fidelity"]), (&json!("builtin"), &json!("NATIVE")));
        for absent in ["sample", "consent", "sampleUrl", "createdBy"] {
            assert_eq!(voice[absent], Value::Null, "{absent}");
        }
        assert!(voice["previewUrl"].as_str().unwrap().contains("/preview?expires="));
        let wrong = execute(&nobody, CATALOGUE, json!({ "filter": { "language": "english" } })).await;
        assert_eq!(error_code(&wrong), "INVALID");
    }

    async fn a_voice_is_made_of_an_upload(backend: Backend) {
        let booth = Booth::new(backend).await;
        let sample = sample();
        let made = shown(upload(&booth.as_of(&booth.ada).await, CREATE, given("Vera"), &sample).await);
        assert_eq!(made["createVoice"]["userErrors"], json!([]));
        let voice = &made["createVoice"]["voice"];
        assert_eq!(voice["name"], "Vera");
        assert_eq!((&voice["category"], &voice["language"]), (&json!("GENERAL"), &json!("en-US")));
        assert_eq!((&voice["scope"], &voice["fidelity"]), (&json!("CUSTOM"), &json!("APPROXIMATED")));
        assert_eq!(voice["createdBy"]["name"], "Ada");
        assert_eq!(
            voice["sample"],
            json!({ "durationMs": 10_000, "sampleRate": 8_000, "channels": 1, "bytes": sample.len(),
                "contentType": "audio/wav" })
        );
        assert_eq!(
            voice["consent"],
            json!({ "statement": "I am the speaker.", "attestedBy": { "name": "Ada", "email": "ada@example.org" } })
        );
        assert!(voice["sampleUrl"].as_str().unwrap().contains("/sample?expires="));
    }

    async fn what_no_voice_can_be_made_of_is_told_field_by_field(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_of(&booth.ada).await;
        let mut wrong = given("");
        wrong["input"]["consent"]["attested"] = json!(false);
        let refused = shown(upload(&ada, CREATE, wrong, &sample()).await);
        assert_eq!(refused["createVoice"]["voice"], Value::Null);
        let told: Vec<(&str, &str)> = refused["createVoice"]["userErrors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["code"].as_str().unwrap(), error["field"].as_str().unwrap()))
            .collect();
        assert_eq!(told, [("TOO_SHORT", "name"), ("CONSENT_REQUIRED", "consent.attested")]);
        let noise = shown(upload(&ada, CREATE, given("Vera"), b"no sound").await);
        assert_eq!(noise["createVoice"]["userErrors"][0]["code"], "AUDIO_UNREADABLE");
        let large = vec![0; 20 * 1024 * 1024 + 2];
        let large = shown(upload(&ada, CREATE, given("Vera"), &large).await);
        assert_eq!(large["createVoice"]["userErrors"][0]["code"], "FILE_TOO_LARGE");
        let forbidden = upload(&booth.as_of(&booth.mel).await, CREATE, given("Vera"), &sample()).await;
        assert_eq!(error_code(&forbidden), "FORBIDDEN");
    }

    async fn members_list_the_instances_voices_and_their_own(backend: Backend) {
        let booth = Booth::new(backend).await;
        let id = booth.organization.type_id();
        for name in ["Vera", "Otto", "Zara"] {
            booth.make(name).await;
        }
        let mel = booth.as_of(&booth.mel).await;
        let own = data(&mel, VOICES, json!({ "id": id, "filter": { "scope": "CUSTOM" }, "first": 2 })).await;
        let own = &own["organization"]["voices"];
        assert_eq!(own["totalCount"], 3);
        assert_eq!(own["pageInfo"]["hasNextPage"], true);
        assert_eq!((&own["nodes"][0]["name"], &own["nodes"][1]["name"]), (&json!("Otto"), &json!("Vera")));
        assert_eq!(own["nodes"][0]["createdBy"]["name"], "Ada");
        // A recording is not for every member.
        assert_eq!(own["nodes"][0]["sampleUrl"], Value::Null);
        let after = own["pageInfo"]["endCursor"].clone();
        let rest = json!({ "id": id, "filter": { "scope": "CUSTOM" }, "after": after });
        let rest = data(&mel, VOICES, rest).await;
        let rest = &rest["organization"]["voices"];
        assert_eq!((rest["nodes"].as_array().unwrap().len(), &rest["nodes"][0]["name"]), (1, &json!("Zara")));
        assert_eq!(rest["pageInfo"]["hasPreviousPage"], true);
        let all = json!({ "id": id, "first": 100 });
        let mel = booth.as_of(&booth.mel).await;
        let (all, statements) = count_statements(data(&mel, VOICES, all)).await;
        let voices = &all["organization"]["voices"];
        assert_eq!(voices["totalCount"], voices["nodes"].as_array().unwrap().len());
        // Two for the page, two for the count, one for the people.
        assert!(statements <= 5, "{statements}");
    }

    async fn voices_are_changed_and_deleted(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_of(&booth.ada).await;
        let id = booth.make("Vera").await;
        let input = json!({ "input": { "voiceId": id, "name": "Veronica", "category": "PODCAST" } });
        let changed = data(&ada, UPDATE, input.clone()).await;
        assert_eq!(
            changed["updateVoice"],
            json!({ "voice": { "name": "Veronica", "description": "", "category": "PODCAST" }, "userErrors": [] })
        );
        let mel = booth.as_of(&booth.mel).await;
        assert_eq!(error_code(&execute(&mel, UPDATE, input.clone()).await), "FORBIDDEN");
        let eve = booth.instance.sign_up("Eve", "eve@example.org").await;
        let eve = booth.instance.request_of(&eve).await;
        assert_eq!(error_code(&execute(&eve, UPDATE, input).await), "NOT_FOUND");
        let deletion = json!({ "input": { "voiceId": id } });
        assert_eq!(error_code(&execute(&eve, DELETE, deletion.clone()).await), "NOT_FOUND");
        let deleted = data(&ada, DELETE, deletion.clone()).await;
        assert_eq!(deleted["deleteVoice"], json!({ "deletedVoiceId": id, "userErrors": [] }));
        assert_eq!(error_code(&execute(&ada, DELETE, deletion).await), "NOT_FOUND");
    }

    async fn the_instances_voices_are_not_for_organizations_to_change(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_of(&booth.ada).await;
        let catalogue = data(&ada, CATALOGUE, json!({ "first": 1 })).await;
        let id = &catalogue["systemVoices"]["nodes"][0]["id"];
        let refused = json!([{ "code": "INVALID", "field": "voiceId" }]);
        let update = data(&ada, UPDATE, json!({ "input": { "voiceId": id, "name": "Mine" } })).await;
        assert_eq!(update["updateVoice"]["userErrors"], refused);
        let delete = data(&ada, DELETE, json!({ "input": { "voiceId": id } })).await;
        assert_eq!(delete["deleteVoice"]["userErrors"], refused);
        let delete = data(&ada, DELETE, json!({ "input": { "voiceId": "voice_x" } })).await;
        assert_eq!(delete["deleteVoice"]["userErrors"], refused);
    }
}
