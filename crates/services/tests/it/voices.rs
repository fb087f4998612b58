//! Voices: making, listing, hearing, changing and deleting them, and what that leaves in the object store.

mod catalogue;
mod changing;
mod cloning;
mod crashing;
mod creating;
mod hearing;
mod listing;
mod recordings;
mod strangers;
mod verifying;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use resonance_domain::{CustomVoice, InOrg, OrganizationId, RoleKey, VoiceId};
use resonance_services::{Attestation, CreateVoice, Request, Settings, SignedQuery};
use resonance_testkit::{Backend, Instance, Person, TestEngine, builtin_engine};

/// An organization, its admin Ada and its member Mel, on an instance with the built-in engine and one for tests.
struct Booth {
    instance: Instance,
    engine: Arc<TestEngine>,
    ada: Person,
    mel: Person,
    organization: OrganizationId,
}

impl Booth {
    async fn new(backend: Backend) -> Self {
        Self::with(backend, |_| ()).await
    }

    async fn with(backend: Backend, change: impl FnOnce(&mut Settings)) -> Self {
        let engine = TestEngine::new();
        let engines = builtin_engine().with(Arc::clone(&engine) as _);
        let instance = Instance::with_engines(backend, engines, change).await;
        instance.services.seed_catalogue().await.unwrap();
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, organization, &mel, RoleKey::MEMBER).await;
        instance.services.settle().await.unwrap();
        Self {
            instance,
            engine,
            ada,
            mel,
            organization,
        }
    }

    async fn as_ada(&self) -> Request {
        self.instance.request_in(&self.ada, self.organization).await
    }

    async fn as_mel(&self) -> Request {
        self.instance.request_in(&self.mel, self.organization).await
    }

    /// Somebody with an organization of the same name.
    async fn stranger(&self) -> (OrganizationId, Request) {
        let eve = self.instance.sign_up("Eve", "eve@example.org").await;
        let organization = self.instance.found(&eve, "Acme").await;
        (organization, self.instance.request_in(&eve, organization).await)
    }

    /// Ada makes a voice that the engine for tests speaks.
    async fn make(&self, name: &str) -> CustomVoice {
        self.as_ada().await.voices().create(quick(name)).await.unwrap()
    }

    /// The keys of all objects.
    async fn objects(&self) -> Vec<String> {
        let list = self.instance.blobs.list(None).map_ok(|info| info.key.to_string());
        let mut keys: Vec<_> = list.try_collect().await.unwrap();
        keys.sort();
        keys
    }

    async fn count(&self, what: &str) -> usize {
        self.instance.sql_count(what).await
    }

    /// How many rows there are that making a voice would add.
    async fn traces(&self) -> [usize; 4] {
        [
            self.count("voices").await,
            self.count("usage_entries").await,
            self.count("events WHERE kind LIKE 'voice.%'").await,
            self.count("jobs").await,
        ]
    }
}

fn address(voice: &CustomVoice) -> InOrg<VoiceId> {
    InOrg::new(voice.organization, voice.id)
}

/// A voice that the built-in engine would make of a recording.
fn input(name: &str, sample: Bytes) -> CreateVoice {
    CreateVoice {
        name: name.to_owned(),
        sample,
        consent: Attestation {
            attested: true,
            statement: "I am the speaker.".to_owned(),
        },
        ..CreateVoice::default()
    }
}

/// A voice that the engine for tests makes, of a recording that is quick to decode.
fn quick(name: &str) -> CreateVoice {
    CreateVoice {
        engine: Some("test".to_owned()),
        ..input(name, recordings::short_wav())
    }
}

/// The signature in a signed URL.
fn signature(url: &str) -> SignedQuery {
    let (_, query) = url.split_once("?expires=").unwrap();
    let (expires, signature) = query.split_once("&signature=").unwrap();
    SignedQuery {
        expires: expires.parse().unwrap(),
        signature: signature.to_owned(),
    }
}
