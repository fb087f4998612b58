//! Billing: budgets, plans, subscriptions, and that everything adds up.

mod budgets;
mod exporting;
mod periods;
mod plans;
mod subscriptions;
mod verifying;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use resonance_billing::polar::{Polar, PolarConfig};
use resonance_domain::{ErrorCode, Generation, OrganizationId, RoleKey, UsageMetric, VoiceAddress};
use resonance_polar_sandbox::{Options, Product, Sandbox};
use resonance_services::{
    BillingState, CreateGeneration, Outcome, Request, ServiceError, Services, SetBudget, Settings,
    WebhookOutcome,
};
use resonance_testkit::{Backend, Instance, Person, TestEngine};
use serde_json::{Value, json};
use sha2::Sha256;

const WEBHOOK_SECRET: &str = "polar_whs_a_secret_between_two";
const PRODUCT: &str = "b6d5c9f0-5c9f-4a5e-9d0a-000000000001";

/// An organization, its admin Ada, its member Mel, and a voice.
struct Shop {
    instance: Instance,
    engine: Arc<TestEngine>,
    ada: Person,
    mel: Person,
    acme: OrganizationId,
    voice: VoiceAddress,
}

impl Shop {
    /// In an instance where nobody is paid.
    async fn new(backend: Backend) -> Self {
        let engine = TestEngine::new();
        let instance = Instance::with_engines(backend, engine.alone(), |_| ()).await;
        Self::open(instance, engine).await
    }

    /// In an instance where the look-alike of Polar is paid.
    async fn paying(backend: Backend, change: impl FnOnce(&mut Settings)) -> (Self, Sandbox) {
        let sandbox = sandbox().await;
        let engine = TestEngine::new();
        let instance = Instance::with_billing(backend, engine.alone(), polar(&sandbox), change).await;
        (Self::open(instance, engine).await, sandbox)
    }

    async fn open(instance: Instance, engine: Arc<TestEngine>) -> Self {
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let mel = instance.sign_up("Mel", "mel@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.bring_in(&ada, acme, &mel, RoleKey::MEMBER).await;
        let voice = instance
            .system_voice("Vera", "test", &json!({ "pitch": 1 }))
            .await;
        Self {
            instance,
            engine,
            ada,
            mel,
            acme,
            voice,
        }
    }

    async fn as_ada(&self) -> Request {
        self.instance.request_in(&self.ada, self.acme).await
    }

    async fn as_mel(&self) -> Request {
        self.instance.request_in(&self.mel, self.acme).await
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

    async fn ask(&self, request: &Request, text: &str) -> Outcome<Generation> {
        let created = request.generations().create(self.input(text)).await;
        created.map(|created| created.generation)
    }

    async fn state(&self) -> BillingState {
        self.as_ada().await.billing().state(self.acme).await.unwrap()
    }

    /// What is charged.
    async fn settled(&self) -> u64 {
        let request = self.as_ada().await;
        let period = request.usage().period(None, None).unwrap();
        let settled = request
            .usage()
            .settled(self.acme, UsageMetric::Characters, period);
        settled.await.unwrap()
    }

    async fn set_budget(&self, member: Option<&Person>, characters: Option<i64>) {
        let budget = SetBudget {
            organization: Some(self.acme),
            member: member.map(|member| member.user),
            characters,
        };
        self.as_ada().await.billing().set_budget(budget).await.unwrap();
    }

    /// Everything that does not agree.
    async fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut tell = |report: resonance_services::UsageReport| {
            found.extend(report.differences.into_iter().map(|one| one.what.to_owned()));
        };
        self.services().verify_usage(None, &mut tell).await.unwrap();
        found
    }

    /// Brings a message of the provider's.
    async fn deliver(&self, kind: &str, data: &Value) -> WebhookOutcome {
        self.deliver_signed(kind, data, WEBHOOK_SECRET).await
    }

    async fn deliver_signed(&self, kind: &str, data: &Value, secret: &str) -> WebhookOutcome {
        let now = self.instance.clock.now();
        let body = json!({ "type": kind, "timestamp": now, "data": data }).to_string();
        let timestamp = now.timestamp().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("msg_1.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let header = |name: &str| match name {
            "webhook-id" => Some("msg_1".to_owned()),
            "webhook-timestamp" => Some(timestamp.clone()),
            "webhook-signature" => Some(signature.clone()),
            _ => None,
        };
        self.services()
            .billing_webhook(&header, body.as_bytes())
            .await
            .unwrap()
    }

    /// A subscription of the organization that the provider has, and of which nobody was told.
    fn subscription(&self, sandbox: &Sandbox, status: resonance_polar_sandbox::Status) -> Value {
        let customer = self.acme.type_id();
        sandbox.create_subscription(&customer, PRODUCT, status).unwrap()
    }

    /// Makes the organization one that pays.
    async fn subscribe(&self, sandbox: &Sandbox) -> Value {
        let told = self.subscription(sandbox, resonance_polar_sandbox::Status::Active);
        assert_eq!(
            self.deliver("subscription.created", &told).await,
            WebhookOutcome::Taken
        );
        told
    }
}

async fn sandbox() -> Sandbox {
    let options = Options {
        products: vec![Product {
            id: PRODUCT.to_owned(),
            name: "Studio".to_owned(),
            cents: 900,
        }],
        ..Options::default()
    };
    Sandbox::start(options).await.unwrap()
}

fn polar(sandbox: &Sandbox) -> Arc<Polar> {
    let config = PolarConfig {
        url: sandbox.base_url().to_owned(),
        token: "polar_sandbox".to_owned().into(),
        webhook_secret: Some(WEBHOOK_SECRET.to_owned().into()),
        product: Some(PRODUCT.to_owned()),
    };
    Arc::new(Polar::new(config).unwrap())
}

/// The sum that the provider has of an organization's characters.
fn told_of(sandbox: &Sandbox, organization: OrganizationId) -> i64 {
    let usage = sandbox.usage().into_iter();
    let mine = usage.filter(|used| used.external_customer_id.as_deref() == Some(&organization.type_id()));
    let sums = mine.filter_map(|used| used.sums.get("characters").copied());
    sums.sum()
}

/// What is used up, and how much of how much is.
fn used_up<T: std::fmt::Debug>(outcome: Outcome<T>) -> (resonance_services::Quota, u64, u64) {
    match outcome {
        Err(ServiceError::QuotaExceeded(exceeded)) => (exceeded.quota, exceeded.spent, exceeded.limit),
        other => panic!("expected to be over a quota, got {other:?}"),
    }
}

fn refusals<T: std::fmt::Debug>(outcome: Outcome<T>) -> Vec<(ErrorCode, String)> {
    match outcome {
        Err(ServiceError::Refused(errors)) => errors
            .into_iter()
            .map(|error| (error.code, error.field.unwrap_or_default()))
            .collect(),
        other => panic!("expected refusals, got {other:?}"),
    }
}
