//! Generations: asking, speaking, hearing, and what it costs.

mod archives;
mod asking;
mod feed;
mod hearing;
mod history;
mod idempotency;
mod ledger;
mod long;
mod repeating;
mod selections;
mod speaking;
mod stopping;
mod together;

use std::sync::Arc;

use resonance_domain::{
    ErrorCode, Generation, GenerationId, InOrg, OrganizationId, RoleKey, UsageMetric, VoiceAddress,
};
use resonance_persistence::Repositories as _;
use resonance_services::{CreateGeneration, Outcome, Request, ServiceError, Services, Settings};
use resonance_speech::engine::Engines;
use resonance_testkit::{Backend, Instance, Person, TestEngine};
use serde_json::json;

/// An organization, its admin Ada, its member Mel, and a voice of the instance's.
struct Studio {
    instance: Instance,
    engine: Arc<TestEngine>,
    ada: Person,
    mel: Person,
    organization: OrganizationId,
    voice: VoiceAddress,
}

impl Studio {
    async fn new(backend: Backend) -> Self {
        Self::with(backend, |_| ()).await
    }

    async fn with(backend: Backend, change: impl FnOnce(&mut Settings)) -> Self {
        let engine = TestEngine::new();
        let engines = engine.alone();
        Self::of(backend, engine, engines, change).await
    }

    /// With an engine that is at hand, and perhaps others.
    async fn of(
        backend: Backend,
        engine: Arc<TestEngine>,
        engines: Engines,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let instance = Instance::with_engines(backend, engines, change).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, organization, &mel, RoleKey::MEMBER).await;
        let voice = instance
            .system_voice("Vera", "test", &json!({ "pitch": 1 }))
            .await;
        Self {
            instance,
            engine,
            ada,
            mel,
            organization,
            voice,
        }
    }

    /// A second organization with an admin of its own, who is returned with a request in it.
    async fn neighbour(&self) -> (Person, OrganizationId, Request) {
        let eve = self.instance.sign_up("Eve", "eve@example.org").await;
        let organization = self.instance.found(&eve, "Acme").await;
        let request = self.instance.request_in(&eve, organization).await;
        (eve, organization, request)
    }

    async fn as_ada(&self) -> Request {
        self.instance.request_in(&self.ada, self.organization).await
    }

    async fn as_mel(&self) -> Request {
        self.instance.request_in(&self.mel, self.organization).await
    }

    fn services(&self) -> &Services {
        &self.instance.services
    }

    fn input(&self, text: &str) -> CreateGeneration {
        CreateGeneration {
            text: text.to_owned(),
            voice: self.voice.global_id(),
            ..CreateGeneration::default()
        }
    }

    /// Ada asks for a text.
    async fn ask(&self, text: &str) -> Generation {
        let created = self.as_ada().await.generations().create(self.input(text)).await;
        created.unwrap().generation
    }

    /// A generation as Ada sees it now.
    async fn look(&self, generation: &Generation) -> Generation {
        let request = self.as_ada().await;
        request.generations().get(address(generation)).await.unwrap()
    }

    /// Characters that are charged, and characters that are held.
    async fn bill(&self) -> (u64, u64) {
        let request = self.as_ada().await;
        let period = request.usage().period(None, None).unwrap();
        let metric = UsageMetric::Characters;
        (
            request
                .usage()
                .settled(self.organization, metric, period)
                .await
                .unwrap(),
            request.usage().held(self.organization).await.unwrap(),
        )
    }

    /// How many jobs there are, in all queues.
    async fn jobs(&self) -> u64 {
        let depths = self
            .instance
            .test_database
            .database
            .jobs()
            .depths()
            .await
            .unwrap();
        depths.iter().map(|(_, _, count)| count).sum()
    }

    /// The keys of all objects.
    async fn objects(&self) -> Vec<String> {
        use futures_util::TryStreamExt as _;
        let list = self.instance.blobs.list(None).map_ok(|info| info.key.to_string());
        let mut keys: Vec<_> = list.try_collect().await.unwrap();
        keys.sort();
        keys
    }
}

fn address(generation: &Generation) -> InOrg<GenerationId> {
    InOrg::new(generation.organization, generation.id)
}

/// The refusals of an outcome, as code and field.
fn refusals<T: std::fmt::Debug>(outcome: Outcome<T>) -> Vec<(ErrorCode, String)> {
    match outcome {
        Err(ServiceError::Refused(errors)) => errors
            .into_iter()
            .map(|error| (error.code, error.field.unwrap_or_default()))
            .collect(),
        other => panic!("expected refusals, got {other:?}"),
    }
}
