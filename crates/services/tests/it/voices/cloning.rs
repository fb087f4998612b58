//! Voices on engines that want the recording with every text.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use resonance_blobs::BlobKey;
use resonance_domain::{AudioFormat, CustomVoice, Generation, InOrg, OrganizationId, VoiceAddress};
use resonance_services::{CreateGeneration, CreateVoice};
use resonance_speech::{
    audio::{Limits, SampleShape, decode, measure},
    engine::Engines,
};
use resonance_speech_remote::RemoteEngine;
use resonance_testkit::{
    Answers, Backend, Instance, Person, Received, Receiver, TestEngine, on_both, recording, verdict,
};
use serde_json::json;

use super::{address, input, recordings};

/// An organization and its admin Ada, on an instance with one engine.
struct Booth {
    instance: Instance,
    ada: Person,
    organization: OrganizationId,
}

impl Booth {
    async fn with(backend: Backend, engines: Engines) -> Self {
        let instance = Instance::with_engines(backend, engines, |_| ()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.services.settle().await.unwrap();
        Self {
            instance,
            ada,
            organization,
        }
    }

    /// On one whose engine is a server.
    async fn with_server(backend: Backend, server: &Receiver) -> Self {
        let config = json!({ "name": "test", "kind": "chatterbox", "url": format!("http://{}", server.address()),
            "samples": "upload", "sample_rate": 16_000, "sample_seconds": 11, "retries": 0, "first_byte_seconds": 1,
            "breaker_failures": 100 });
        let engine = RemoteEngine::new(serde_json::from_value(config).unwrap(), Arc::new(|| 0.0)).unwrap();
        Self::with(backend, Engines::default().with(Arc::new(engine))).await
    }

    async fn make(&self, sample: Bytes) -> CustomVoice {
        let request = self.instance.request_in(&self.ada, self.organization).await;
        let given = CreateVoice {
            engine: Some("test".to_owned()),
            ..input("Vera", sample)
        };
        request.voices().create(given).await.unwrap()
    }

    async fn ask(&self, voice: &CustomVoice, text: &str) -> Generation {
        let request = self.instance.request_in(&self.ada, self.organization).await;
        let voice = VoiceAddress::Custom(address(voice)).global_id();
        let input = CreateGeneration {
            text: text.to_owned(),
            voice,
            ..CreateGeneration::default()
        };
        request.generations().create(input).await.unwrap().generation
    }

    /// Does what waits; how a generation stands then, and why.
    async fn settle(&self, asked: &Generation) -> (&'static str, String) {
        self.instance.services.settle().await.unwrap();
        let request = self.instance.request_in(&self.ada, self.organization).await;
        let seen = request
            .generations()
            .get(InOrg::new(asked.organization, asked.id))
            .await
            .unwrap();
        (
            seen.state.as_str(),
            seen.failure.map(|failure| failure.code).unwrap_or_default(),
        )
    }

    async fn object(&self, key: &str) -> Bytes {
        self.instance
            .blobs
            .get(&BlobKey::parse(key).unwrap())
            .await
            .unwrap()
    }
}

/// A second of a tone.
fn tone() -> Answers {
    Answers::File("audio/wav", recording(1.0, 24_000, 0.3, AudioFormat::Wav))
}

/// The name of the file in a form, and the file.
fn file(got: &Received) -> (String, Bytes) {
    let (_, boundary) = got.headers["content-type"].split_once("boundary=").unwrap();
    let find = |from: usize, what: &str| {
        let rest = &got.bytes[from..];
        rest.windows(what.len())
            .position(|window| window == what.as_bytes())
            .unwrap()
            + from
    };
    let name = find(0, "name=\"voice_file\"; filename=\"") + 29;
    let end_of_name = find(name, "\"");
    let start = find(end_of_name, "\r\n\r\n") + 4;
    let end = find(start, &format!("\r\n--{boundary}"));
    let name = std::str::from_utf8(&got.bytes[name..end_of_name]).unwrap();
    (name.to_owned(), got.bytes.slice(start..end))
}

on_both! {
    async fn a_server_gets_the_recording_as_it_wants_it_with_the_preview_and_every_piece_of_a_text(backend: Backend) {
        let server = Receiver::start().await;
        server.answer(tone());
        let booth = Booth::with_server(backend, &server).await;
        let original = recording(14.0, 44_100, 0.05, AudioFormat::Flac);
        let voice = booth.make(original.clone()).await;
        assert_eq!(booth.object(&voice.sample.key).await, original);
        let kept = booth.object(voice.sample.normalised_key.as_ref().unwrap()).await;
        let heard = decode(kept.clone(), &Limits::SPEECH).unwrap();
        assert_eq!((heard.pcm.sample_rate(), heard.channels), (16_000, 1));
        assert_eq!(heard.pcm.duration(), Duration::from_secs(11));
        assert!((measure(&heard.pcm).loudness_lufs.unwrap() + 23.0).abs() < 0.2);

        let asked = booth.ask(&voice, &"This sentence is one of many. ".repeat(40)).await;
        assert_eq!(booth.settle(&asked).await, ("succeeded", String::new()));
        let got = server.take();
        assert!(got.len() > 3, "{}", got.len());
        for got in &got {
            assert_eq!(got.path, "/v1/audio/speech/upload");
            let (name, file) = file(got);
            assert!(name == "voice.wav" && file == kept, "{name}: {} of {} bytes", file.len(), kept.len());
        }
        // The last one is the preview, which is there now.
        let preview = booth.instance.sql_texts("SELECT preview_key FROM voices").await;
        assert!(!booth.object(&preview[0]).await.is_empty());
    }

    async fn what_a_server_does_wrong_is_told_paid_by_nobody_and_made_good_when_it_is_back(backend: Backend) {
        let server = Receiver::start().await;
        let booth = Booth::with_server(backend, &server).await;
        let voice = booth.make(recordings::short_wav()).await;
        let cases = [
            (Answers::status(413), ("failed", "ENGINE_FAILED")),
            (Answers::status(200), ("queued", "")),
            (Answers::Never, ("queued", "")),
            (Answers::Garbage, ("queued", "")),
            (Answers::Hanging, ("queued", "")),
            (Answers::status(503), ("queued", "")),
        ];
        let mut waiting = Vec::new();
        for (nth, (answers, (state, code))) in cases.into_iter().enumerate() {
            server.answer(answers);
            let asked = booth.ask(&voice, &format!("Text number {nth}.")).await;
            assert_eq!(booth.settle(&asked).await, (state, code.to_owned()), "{nth}");
            // What waits already is not asked for again before its time.
            if state == "queued" {
                waiting.push(asked);
            }
        }
        assert_eq!(booth.instance.sql_count("jobs WHERE queue = 'preview' AND state = 'waiting'").await, 1);
        assert_eq!(booth.instance.sql_count("voices WHERE preview_key IS NULL").await, 1);
        server.answer(tone());
        booth.instance.clock.advance(TimeDelta::minutes(10));
        for asked in &waiting {
            assert_eq!(booth.settle(asked).await, ("succeeded", String::new()));
        }
        assert_eq!(booth.instance.sql_count("voices WHERE preview_key IS NULL").await, 0);
        assert_eq!(booth.instance.sql_count("jobs WHERE state = 'dead'").await, 0);
    }

    async fn without_its_recording_or_with_anothers_a_voice_is_not_spoken(backend: Backend) {
        let shape = SampleShape { rate: NonZeroU32::new(16_000).unwrap(), ..SampleShape::USUAL };
        let engine = TestEngine::wanting_samples(shape);
        let booth = Booth::with(backend, engine.alone()).await;
        let voice = booth.make(recordings::short_wav()).await;
        booth.instance.services.settle().await.unwrap();
        let kept = booth.object(voice.sample.normalised_key.as_ref().unwrap()).await;
        assert!(engine.samples() == [Some(kept)]);

        let eve = booth.instance.sign_up("Eve", "eve@example.org").await;
        let elsewhere = booth.instance.found(&eve, "Else").await;
        let theirs = Booth { ada: eve, organization: elsewhere, ..booth };
        let stolen = theirs.make(recordings::short_wav()).await;
        let [mine, other] = [&stolen, &voice].map(|voice| voice.sample.normalised_key.clone().unwrap());
        let sql = format!("UPDATE voices SET engine_voice = '{{\"key\":\"{other}\"}}' WHERE normalised_key = '{mine}'");
        theirs.instance.sql(&sql).await;
        let asked = theirs.ask(&stolen, "What the neighbour sounds like.").await;
        assert_eq!(theirs.settle(&asked).await, ("failed", "UNSUPPORTED_VOICE".to_owned()));

        let own = theirs.make(recordings::short_wav()).await;
        let key = own.sample.normalised_key.clone().unwrap();
        theirs.instance.blobs.delete(&BlobKey::parse(&key).unwrap()).await.unwrap();
        let asked = theirs.ask(&own, "Nobody remembers me.").await;
        assert_eq!(theirs.settle(&asked).await, ("failed", "UNSUPPORTED_VOICE".to_owned()));
        assert_eq!(engine.samples().len(), 1, "the engine was asked");
        let request = theirs.instance.request_in(&theirs.ada, theirs.organization).await;
        assert_eq!(request.usage().held(theirs.organization).await.unwrap(), 0);
    }

    async fn an_engine_that_makes_no_voices_says_so(backend: Backend) {
        let config = json!({ "name": "test", "kind": "openai", "url": "http://127.0.0.1:1" });
        let engine = RemoteEngine::new(serde_json::from_value(config).unwrap(), Arc::new(|| 0.0)).unwrap();
        let booth = Booth::with(backend, Engines::default().with(Arc::new(engine))).await;
        let request = booth.instance.request_in(&booth.ada, booth.organization).await;
        let given = CreateVoice { engine: Some("test".to_owned()), ..input("Vera", recordings::short_wav()) };
        assert_eq!(verdict(&request.voices().create(given).await), "UNSUPPORTED engine");
    }
}
