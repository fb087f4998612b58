//! What all use cases share.

use std::{fmt, sync::Arc};

use resonance_authz::Actor;
use resonance_billing::BillingProvider;
use resonance_blobs::Blobs;
use resonance_dns::TxtRecords;
use resonance_domain::{Clock, EnrolmentMode, Ids, InstanceSettings, Origin, RoleKey};
use resonance_identity::{
    AuditKey, Codes, InstanceSecret, Jwts, Passwords, RsaKey, Tokens, UrlSigner, WebhookSecrets,
};
use resonance_mail::Mailer;
use resonance_persistence::{BillingTerms, Database, Repositories};
use resonance_speech::engine::Engines;
use resonance_webhooks::WebhookClient;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinError,
};

use crate::{
    Outcome, Request, ServiceError, generations::Ask, previews, speaking::Ending, together::Together,
};

/// What the instance's operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address under which people reach the instance, without a slash at the end; links in mails start with it.
    pub public_url: String,
    /// Where the links of invitations lead, with `{token}` in place of the token; `None` means the instance's own page.
    pub invitation_url: Option<String>,
    /// The member limit of new organizations; 0 = unlimited.
    pub member_limit: u32,
    /// Whether new organizations may be deleted by their admins.
    pub deletable: bool,
    /// How many organizations a user may create; 0 forbids creation.
    pub organizations_per_user: u32,
    /// Whether organizations can have mail domains, through which people join.
    pub domains_enabled: bool,
    /// How people with an address at a proved domain may be let in. That a domain does nothing by itself is allowed
    /// everywhere.
    pub enrolment_modes: Vec<EnrolmentMode>,
    /// The role that they get where the organization says nothing.
    pub domain_default_role: RoleKey,
    /// How many sign-ups and codes one client's address may ask for in an hour; at least 1. A whole office may have one
    /// address.
    pub sign_ups_per_client: u32,
    /// How long an object that no row names yet is spared from sweeping. Must exceed the longest upload.
    pub upload_grace: chrono::TimeDelta,
    /// How long a signed audio URL is valid.
    pub audio_url_lifetime: chrono::TimeDelta,
    /// How long a JWT for other services is valid.
    pub jwt_lifetime: chrono::TimeDelta,
    /// The key by which JWTs are signed with RS256; `None` means EdDSA with a key derived from the secret.
    pub jwt_rsa_key: Option<RsaKey>,
    /// The longest text that may be spoken, in characters: up to [`resonance_domain::MAX_GENERATION_TEXT`].
    pub text_limit: usize,
    /// How many generations this node speaks at a time by an engine that sets no limit of its own.
    pub speech_concurrency: usize,
    /// How long a job stays with a worker that gives no sign of life.
    pub job_lease: chrono::TimeDelta,
    /// How long an organization may go on speaking while a payment for its subscription fails.
    pub past_due_grace: chrono::TimeDelta,
    /// How often the billing provider is asked for all subscriptions, for webhooks that got lost.
    pub subscription_poll: chrono::TimeDelta,
    /// Where the billing provider's pages lead back to; `None` means the instance's own page.
    pub billing_return_url: Option<String>,
    /// Whether webhooks may lead to private addresses, and over plain HTTP: only where nobody else's services are in
    /// reach of this process.
    pub webhooks_private_addresses: bool,
}

impl Settings {
    /// What holds in the instance as long as no operator sets anything else.
    pub(crate) fn of_instance(&self) -> InstanceSettings {
        InstanceSettings {
            member_limit: self.member_limit,
            organizations_deletable: self.deletable,
            organization_creation: true,
            organizations_per_user: self.organizations_per_user,
            domains_enabled: self.domains_enabled,
            enrolment_modes: self.enrolment_modes.clone(),
            domain_default_role: self.domain_default_role.clone(),
        }
    }

    /// Where the billing provider's pages lead back to.
    pub(crate) fn billing_return_url(&self) -> String {
        self.billing_return_url
            .as_ref()
            .unwrap_or(&self.public_url)
            .clone()
    }

    /// The link of an invitation.
    pub(crate) fn invitation_link(&self, token: &str) -> String {
        match &self.invitation_url {
            Some(template) => template.replace("{token}", token),
            None => format!("{}/invitations/{token}", self.public_url),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            invitation_url: None,
            member_limit: 5,
            deletable: true,
            organizations_per_user: 100,
            domains_enabled: true,
            enrolment_modes: EnrolmentMode::ALL.to_vec(),
            domain_default_role: RoleKey::MEMBER,
            sign_ups_per_client: 30,
            upload_grace: chrono::TimeDelta::minutes(15),
            audio_url_lifetime: chrono::TimeDelta::minutes(15),
            jwt_lifetime: chrono::TimeDelta::seconds(60),
            jwt_rsa_key: None,
            text_limit: 5_000,
            speech_concurrency: 2,
            job_lease: chrono::TimeDelta::seconds(30),
            past_due_grace: chrono::TimeDelta::days(7),
            subscription_poll: chrono::TimeDelta::minutes(10),
            billing_return_url: None,
            webhooks_private_addresses: false,
        }
    }
}

/// What the use cases need from outside.
#[derive(Debug)]
pub struct Ports {
    /// Storage.
    pub database: Database,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Fresh identifiers.
    pub ids: Arc<dyn Ids>,
    /// The secret that all nodes share.
    pub secret: InstanceSecret,
    /// Password hashing.
    pub passwords: Passwords,
    /// Mail.
    pub mailer: Arc<dyn Mailer>,
    /// What the owners of domains have published.
    pub dns: Arc<dyn TxtRecords>,
    /// Audio, recordings and images.
    pub blobs: Blobs,
    /// What speaks.
    pub engines: Engines,
    /// Who is paid; `None`: nobody, and nothing is demanded.
    pub billing: Option<Arc<dyn BillingProvider>>,
    /// What the operator decided.
    pub settings: Settings,
}

/// Why an instance cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// No signing key can be made of the secret.
    #[error(transparent)]
    Jwt(#[from] resonance_identity::JwtError),
    /// The client for webhooks cannot be made.
    #[error(transparent)]
    Webhooks(#[from] resonance_webhooks::ClientError),
}

/// Everything that the instance can do. Built once; cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Core>);

pub(crate) struct Core {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) passwords: Passwords,
    /// Password hashing takes memory: no more at a time than there are permits.
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) secret_fingerprint: String,
    /// Decoding a picture takes up to 200 MB: one at a time.
    pub(crate) pictures: Arc<Semaphore>,
    /// Decoding takes the processor and memory, previews the processor: likewise.
    pub(crate) audio: Arc<Semaphore>,
    pub(crate) preview_turns: previews::Turns,
    /// Generations that are asked for, and that end.
    pub(crate) asks: Together<Ask>,
    pub(crate) endings: Together<Ending>,
    pub(crate) audit: AuditKey,
    pub(crate) tokens: Tokens,
    pub(crate) codes: Codes,
    pub(crate) jwts: Jwts,
    pub(crate) urls: UrlSigner,
    pub(crate) webhook_secrets: WebhookSecrets,
    pub(crate) webhooks: WebhookClient,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) dns: Arc<dyn TxtRecords>,
    pub(crate) blobs: Blobs,
    pub(crate) engines: Engines,
    pub(crate) billing: Option<Arc<dyn BillingProvider>>,
    pub(crate) settings: Settings,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

impl Services {
    /// Puts the instance together.
    ///
    /// # Errors
    /// If no signing key can be made of the secret, or no HTTP client of what the system offers.
    pub fn new(ports: Ports) -> Result<Self, AssemblyError> {
        let jwts = Jwts::new(&ports.secret, &ports.settings.public_url)?;
        let jwts = match &ports.settings.jwt_rsa_key {
            Some(key) => jwts.signing_with(key)?,
            None => jwts,
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self(Arc::new(Core {
            secret_fingerprint: ports.secret.fingerprint(),
            audit: AuditKey::new(&ports.secret),
            tokens: Tokens::new(&ports.secret),
            codes: Codes::new(&ports.secret),
            urls: UrlSigner::new(&ports.secret),
            webhook_secrets: WebhookSecrets::new(&ports.secret),
            webhooks: WebhookClient::new(ports.settings.webhooks_private_addresses)?,
            jwts,
            database: ports.database,
            clock: ports.clock,
            ids: ports.ids,
            passwords: ports.passwords,
            hashing: Arc::new(Semaphore::new(cores)),
            pictures: Arc::new(Semaphore::new(1)),
            audio: Arc::new(Semaphore::new(cores.min(4))),
            preview_turns: previews::Turns::default(),
            asks: Together::default(),
            endings: Together::default(),
            mailer: ports.mailer,
            dns: ports.dns,
            blobs: ports.blobs,
            engines: ports.engines,
            billing: ports.billing,
            settings: ports.settings,
        })))
    }

    /// One request of `actor`.
    #[must_use]
    pub fn request(&self, actor: Actor, origin: Origin) -> Request {
        Request::new(self.clone(), actor, origin)
    }

    /// What the operator decided.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

impl Core {
    /// Whether a subscription is demanded of whoever speaks, and how strictly.
    pub(crate) fn terms(&self) -> BillingTerms {
        BillingTerms {
            demanded: self.billing.is_some(),
            grace: self.settings.past_due_grace,
        }
    }

    /// What holds in the instance: what operators set, and where they set nothing, what is configured.
    pub(crate) async fn instance_settings(
        &self,
        repositories: &impl Repositories,
    ) -> Outcome<InstanceSettings> {
        let stored = repositories.instance().settings().await?;
        Ok(stored.over(self.settings.of_instance()))
    }

    /// Waits until there is room for more work on audio beside what is spoken.
    pub(crate) async fn audio_work(&self) -> Outcome<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.audio).acquire_owned().await;
        permit.map_err(|error| ServiceError::internal("waiting for the processor", error))
    }
}

/// Does `work` on a thread where it blocks nobody. The permit goes along and is given back when the work is done: whoever
/// asked may go away before, and the thread works on.
pub(crate) async fn on_thread<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn room_is_taken_until_the_work_is_done_though_nobody_waits_for_it_any_more() {
        let room = Arc::new(Semaphore::new(1));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (finish, may_finish) = mpsc::channel::<()>();
        let permit = Arc::clone(&room).acquire_owned().await.unwrap();
        let waiting = tokio::spawn(on_thread(permit, move || {
            let _ = begun.send(());
            let _ = may_finish.recv();
        }));
        has_begun.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(room.available_permits(), 0);
        drop(finish);
        assert!(room.acquire().await.is_ok());
    }
}
