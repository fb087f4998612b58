//! `Idempotency-Key`, as clients send it to the route in OpenAI's wire format.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tests::{Client, World};

const REPLAYED: &str = "idempotent-replayed";
const GENERATION: &str = "x-resonance-generation";

/// Asks for speech, with as many keys.
async fn speech(client: &Client, keys: &[&str], body: &Value) -> Response {
    let request = client.request(Method::POST, "/v1/audio/speech").json(body);
    let request = keys
        .iter()
        .fold(request, |request, key| request.header("Idempotency-Key", *key));
    request.send().await.unwrap()
}

/// Whether the answer is said to be that of an earlier request, and the generation that it is of.
fn told(answer: &Response) -> (bool, String) {
    let text = |name: &str| {
        answer
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert!(text(REPLAYED).is_none_or(|told| told == "true"));
    (text(REPLAYED).is_some(), text(GENERATION).unwrap_or_default())
}

/// Status, code and parameter of a refusal.
async fn refusal(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("type"), "invalid_request_error", "{body}");
    (status, text("code"), text("param"))
}

resonance_testkit::on_both! {
    async fn a_speech_request_with_a_key_is_answered_once_and_then_repeated(backend: Backend) {
        let world = World::new(backend).await;
        let admin = &world.a.admin.client;
        let program = world.nobody.with_token(&world.a.key_token);
        let query = "query($id: ID!) { node(id: $id) { ... on Voice { name } } }";
        let name = admin.data(query, json!({ "id": world.a.voice })).await["node"]["name"].clone();
        let body = json!({ "model": "tts-1", "voice": name, "input": "Say it once." });

        // What is refused before there is a generation leaves the key free.
        let nobodys = json!({ "model": "tts-1", "voice": "Nobody", "input": "Say it once." });
        assert_eq!(speech(&program, &["first"], &nobodys).await.status(), 404);
        let first = speech(&program, &["first"], &body).await;
        let (replayed, generation) = told(&first);
        assert!(first.status() == 200 && !replayed && generation.starts_with("gen_"));
        let heard = first.bytes().await.unwrap();

        // However the same is said.
        let spelled_out = json!({
            "model": "tts-1", "voice": { "id": name }, "input": "Say it once.", "response_format": "mp3", "speed": 1,
            "stream_format": "audio", "instructions": " ", "metadata": {},
        });
        for body in [&body, &spelled_out] {
            let again = speech(&program, &["first"], body).await;
            assert_eq!(told(&again), (true, generation.clone()));
            assert_eq!(again.bytes().await.unwrap(), heard);
        }
        // And after the voice is known by another name.
        let renamed = json!({ "voiceId": world.a.voice, "name": "Somebody else" });
        admin.mutate("updateVoice", "UpdateVoiceInput", "voice { id }", renamed).await;
        let again = speech(&program, &["first"], &body).await;
        assert_eq!(told(&again), (true, generation.clone()));
        let without = speech(&program, &[], &body).await;
        assert_eq!((without.status().as_u16(), told(&without).0), (404, false));

        // Another request is none of this key's, and others' keys are their own.
        let header = "Idempotency-Key".to_owned();
        for (field, value) in [
            ("input", json!("Say it twice.")), ("voice", json!("Somebody else")), ("model", json!("builtin")),
            ("response_format", json!("wav")), ("speed", json!(1.1)), ("stream_format", json!("sse")),
            ("instructions", json!("Whisper.")),
        ] {
            let mut other = body.clone();
            other[field] = value;
            let refused = refusal(speech(&program, &["first"], &other).await).await;
            assert_eq!(refused, (422, "idempotency_key_reused".to_owned(), header.clone()), "{field}");
        }
        let member = world.a.member.client.working_in(&world.a.id);
        let other = json!({ "model": "tts-1", "voice": world.a.voice, "input": "The member says something." });
        assert_eq!(told(&speech(&member, &["first"], &other).await), (false, told(&speech(&member, &[], &other).await).1));

        // Keys that are none.
        let long = "x".repeat(256);
        for keys in [&[""][..], &[&long], &["two words"], &["schlüssel"], &["one", "two"]] {
            let refused = refusal(speech(&program, keys, &other).await).await;
            assert_eq!(refused, (400, "invalid_idempotency_key".to_owned(), header.clone()), "{keys:?}");
        }

        // What was deleted is not spoken anew.
        let input = json!({ "id": generation });
        admin.mutate("deleteGeneration", "DeleteGenerationInput", "deletedGenerationId", input).await;
        let refused = refusal(speech(&program, &["first"], &body).await).await;
        assert_eq!(refused, (410, "generation_deleted".to_owned(), header));
    }

    async fn twenty_requests_with_one_key_at_once_are_heard_alike_and_charged_once(backend: Backend) {
        let world = World::new(backend).await;
        let program = world.nobody.with_token(&world.a.key_token);
        let body = json!({ "model": "tts-1", "voice": world.a.voice, "input": "All at once. ".repeat(24) });
        let held = "usage_entries WHERE kind = 'hold'";
        let before = world.server.count(held).await;
        let requests = (0..20).map(|_| {
            let (program, body) = (program.clone(), body.clone());
            async move {
                let answer = speech(&program, &["at-once"], &body).await;
                (told(&answer), answer.status().as_u16(), answer.bytes().await.unwrap())
            }
        });
        let answers = resonance_testkit::at_once(requests.collect()).await;
        let ((_, generation), _, _) = &answers[0];
        for ((_, of), status, sound) in &answers {
            assert_eq!((*status, of), (200, generation));
            assert!(sound.len() > 10_000, "{} bytes", sound.len());
        }
        assert_eq!(answers.iter().filter(|((replayed, _), ..)| !replayed).count(), 1);
        assert_eq!(world.server.count(held).await, before + 1);
    }

    async fn a_failure_is_told_again(backend: Backend) {
        let world = World::new(backend).await;
        let program = world.nobody.with_token(&world.a.key_token);
        let body = json!({ "model": "tts-1", "voice": world.a.voice, "input": "This will have failed." });
        let (_, generation) = told(&speech(&program, &["fails"], &body).await);
        world.server.settle().await;
        world.server.execute("UPDATE generations SET state = 'failed', reuse_key = NULL, audio_key = NULL, failure_code = 'ENGINE_FAILED',
            failure_message = 'the engine failed' WHERE text = 'This will have failed.'").await;
        let again = speech(&program, &["fails"], &body).await;
        assert_eq!((again.status().as_u16(), told(&again).0), (500, true));
        assert_eq!(again.json::<Value>().await.unwrap()["error"]["code"], "engine_failed");
        // A new key is a new try.
        let (replayed, anew) = told(&speech(&program, &["works"], &body).await);
        assert!(!replayed && anew != generation);
    }
}
