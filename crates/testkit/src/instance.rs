//! A whole instance in a test's hands.

use std::sync::{Arc, LazyLock};

use resonance_authz::Actor;
use resonance_billing::BillingProvider;
use resonance_blobs::{Blobs, BlobsConfig};
use resonance_dns::DnsResolver;
use resonance_domain::{Clock, Ids, Origin};
use resonance_identity::{InstanceSecret, PasswordCost, Passwords};
use resonance_mail::FolderMailer;
use resonance_persistence::Database;
use resonance_services::{Ports, Request, Services, Settings};
use resonance_speech::engine::Engines;
use resonance_speech_espeak::EspeakEngine;
use tempfile::TempDir;

use crate::{Backend, TestClock, TestDatabase, TestDns, TestIds};

/// An instance on a database of its own, with a clock to turn and mails in a folder.
#[derive(Debug)]
pub struct Instance {
    /// The use cases.
    pub services: Services,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its identifiers.
    pub ids: Arc<TestIds>,
    /// Where its mails lie.
    pub mails: Arc<FolderMailer>,
    /// The name server that it asks.
    pub dns: TestDns,
    /// Its objects, in its folder.
    pub blobs: Blobs,
    /// What speaks there.
    pub engines: Engines,
    /// Who is paid there.
    pub billing: Option<Arc<dyn BillingProvider>>,
    /// Its database.
    pub test_database: TestDatabase,
    /// Its folder, for objects and mails.
    pub folder: TempDir,
}

/// The secret of every test instance.
pub const SECRET: &str = "a secret for tests that is long enough to be taken";

impl Instance {
    /// An instance with the default settings.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn new(backend: Backend) -> Self {
        Self::with(backend, |_| ()).await
    }

    /// An instance with other settings.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn with(backend: Backend, change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_engines(backend, Engines::default(), change).await
    }

    /// An instance with the built-in engine, whose voices are in the catalogue.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn with_voices(backend: Backend) -> Self {
        let instance = Self::with_engines(backend, builtin_engine(), |_| ()).await;
        instance.services.seed_catalogue().await.unwrap();
        instance
    }

    /// An instance with engines that speak, and other settings.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn with_engines(
        backend: Backend,
        engines: Engines,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::assembled(backend, engines, None, change).await
    }

    /// An instance with engines that speak and a billing provider.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn with_billing(
        backend: Backend,
        engines: Engines,
        billing: Arc<dyn BillingProvider>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::assembled(backend, engines, Some(billing), change).await
    }

    async fn assembled(
        backend: Backend,
        engines: Engines,
        billing: Option<Arc<dyn BillingProvider>>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let test_database = TestDatabase::new(backend).await;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new());
        let mails = Arc::new(
            FolderMailer::open(folder.path().join("mail"), "Resonance <noreply@resonance.test>").unwrap(),
        );
        let blobs = Blobs::open(&BlobsConfig {
            url: format!("file:{}", folder.path().join("blobs").display()),
            ..BlobsConfig::default()
        })
        .unwrap();
        let ids = Arc::new(TestIds::new(Arc::clone(&clock)));
        let dns = TestDns::start().await;
        let mut settings = Settings::default();
        change(&mut settings);
        let services = services(
            test_database.database.clone(),
            &clock,
            &ids,
            &mails,
            &dns,
            &blobs,
            &engines,
            billing.as_ref(),
            settings,
        );
        Self {
            services,
            dns,
            clock,
            ids,
            mails,
            blobs,
            engines,
            billing,
            test_database,
            folder,
        }
    }

    /// A second node of the same instance, with connections of its own.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn another_node(&self) -> Services {
        let database = self.test_database.another_node().await;
        let settings = self.services.settings().clone();
        services(
            database,
            &self.clock,
            &self.ids,
            &self.mails,
            &self.dns,
            &self.blobs,
            &self.engines,
            self.billing.as_ref(),
            settings,
        )
    }

    /// The same instance as if it had been started without a billing provider, on the same connections.
    #[must_use]
    pub fn without_billing(&self) -> Services {
        services(
            self.test_database.database.clone(),
            &self.clock,
            &self.ids,
            &self.mails,
            &self.dns,
            &self.blobs,
            &self.engines,
            None,
            self.services.settings().clone(),
        )
    }

    /// What its clock shows.
    #[must_use]
    pub fn clock_now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// The same instance as if it had been started with other settings, on the same connections.
    #[must_use]
    pub fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Services {
        let mut settings = self.services.settings().clone();
        change(&mut settings);
        services(
            self.test_database.database.clone(),
            &self.clock,
            &self.ids,
            &self.mails,
            &self.dns,
            &self.blobs,
            &self.engines,
            self.billing.as_ref(),
            settings,
        )
    }

    /// A UUID that nothing has.
    #[must_use]
    pub fn fresh_uuid(&self) -> uuid::Uuid {
        self.ids.uuid()
    }

    /// A request of nobody known.
    #[must_use]
    pub fn anonymous(&self) -> Request {
        self.services.request(Actor::Anonymous, Origin::default())
    }
}

/// The built-in engine. Its data lies in one folder for all tests, of which the first one fills it.
#[must_use]
pub fn builtin_engine() -> Engines {
    static ENGINE: LazyLock<Arc<EspeakEngine>> = LazyLock::new(|| {
        let folder = std::env::temp_dir().join("resonance-tests-speech");
        Arc::new(EspeakEngine::new(&folder).unwrap())
    });
    Engines::default().with(Arc::clone(&ENGINE) as _)
}

#[expect(clippy::too_many_arguments, reason = "the parts of an instance")]
fn services(
    database: Database,
    clock: &Arc<TestClock>,
    ids: &Arc<TestIds>,
    mails: &Arc<FolderMailer>,
    dns: &TestDns,
    blobs: &Blobs,
    engines: &Engines,
    billing: Option<&Arc<dyn BillingProvider>>,
    settings: Settings,
) -> Services {
    Services::new(Ports {
        database,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        ids: Arc::clone(ids) as Arc<dyn Ids>,
        secret: InstanceSecret::parse(SECRET).unwrap(),
        passwords: Passwords::new(PasswordCost {
            memory_kib: 1024,
            passes: 1,
            lanes: 1,
        })
        .unwrap(),
        mailer: Arc::clone(mails) as _,
        dns: Arc::new(DnsResolver::new(Some(dns.address()))),
        blobs: blobs.clone(),
        engines: engines.clone(),
        billing: billing.cloned(),
        settings,
    })
    .unwrap()
}
