//! Wiring: from a configuration to a running set of services.

use std::sync::Arc;

use anyhow::Context as _;
use resonance_billing::{BillingProvider, polar::Polar};
use resonance_blobs::Blobs;
use resonance_dns::DnsResolver;
use resonance_identity::{InstanceSecret, PasswordCost, Passwords};
use resonance_mail::{FolderMailer, Mailer, SmtpMailer};
use resonance_persistence::Database;
use resonance_services::{Ports, Services, SystemClock, SystemIds};
use resonance_speech::engine::Engines;
use resonance_speech_remote::{Dice, RemoteEngine};
use secrecy::ExposeSecret as _;

use crate::configuration::Configuration;

/// A set of services, and what the front door needs beside them.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) services: Services,
    pub(crate) database: Database,
    /// The folder in which mails lie, if no mail server is configured.
    pub(crate) mails: Option<Arc<FolderMailer>>,
}

/// Connects to the database and brings it up to date.
pub(crate) async fn database(configuration: &Configuration) -> anyhow::Result<Database> {
    let data = &configuration.data_dir;
    std::fs::create_dir_all(data)
        .with_context(|| format!("data_dir: the folder {} cannot be made", data.display()))?;
    let database = Database::connect(&configuration.database)
        .await
        .with_context(|| format!("database_url: {:?} cannot be opened", configuration.database.url))?;
    database
        .migrate()
        .await
        .context("the database cannot be brought up to date")?;
    Ok(database)
}

/// Puts an instance together.
pub(crate) async fn open(configuration: &Configuration) -> anyhow::Result<Instance> {
    let database = database(configuration).await?;
    let data = &configuration.data_dir;
    let secret = match &configuration.secret {
        Some(secret) => InstanceSecret::parse(secret.expose_secret()).context("secret")?,
        None => InstanceSecret::load_or_create(&data.join("secret"))
            .context("secret: the file in the data folder")?,
    };
    let blobs = Blobs::open(&configuration.blobs).context("blobs_url: the object store cannot be opened")?;
    let (mailer, mails) = mailer(configuration)?;
    let services = Services::new(Ports {
        database: database.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        secret,
        passwords: Passwords::new(PasswordCost::default())?,
        mailer,
        dns: Arc::new(DnsResolver::new(configuration.dns_server)),
        blobs,
        engines: engines(configuration)?,
        billing: billing(configuration)?,
        settings: configuration.settings.clone(),
    })?;
    services.verify_instance_secret().await.context(
        "secret: this database belongs to an instance with another secret; give this node the secret of the others",
    )?;
    Ok(Instance {
        services,
        database,
        mails,
    })
}

/// Who is paid, if anybody is.
fn billing(configuration: &Configuration) -> anyhow::Result<Option<Arc<dyn BillingProvider>>> {
    let Some(polar) = &configuration.polar else {
        return Ok(None);
    };
    let polar = Polar::new(polar.clone()).context("polar_url or polar_token")?;
    Ok(Some(Arc::new(polar)))
}

/// The way for mails out, and the folder if that is it.
type Mailing = (Arc<dyn Mailer>, Option<Arc<FolderMailer>>);

fn mailer(configuration: &Configuration) -> anyhow::Result<Mailing> {
    let from = &configuration.mail_from;
    if let Some(url) = &configuration.smtp_url {
        let mailer = SmtpMailer::new(url.expose_secret(), from).context("smtp_url or mail_from")?;
        return Ok((Arc::new(mailer), None));
    }
    let folder = configuration.data_dir.join("mail");
    let mailer = Arc::new(FolderMailer::open(&folder, from).context("mail_from, or the folder for mails")?);
    Ok((Arc::clone(&mailer) as Arc<dyn Mailer>, Some(mailer)))
}

/// The engines that this instance speaks with: the built-in one, and the other servers that the operator named.
fn engines(configuration: &Configuration) -> anyhow::Result<Engines> {
    let mut engines = built_in(configuration)?;
    for engine in &configuration.engines {
        let dice: Dice = Arc::new(rand::random::<f64>);
        let remote = RemoteEngine::new(engine.clone(), dice)
            .with_context(|| format!("engines: the engine {:?}", engine.name))?;
        engines = engines.with(Arc::new(remote));
    }
    Ok(engines)
}

#[cfg(feature = "engine-espeak")]
fn built_in(configuration: &Configuration) -> anyhow::Result<Engines> {
    let folder = configuration.data_dir.join("speech");
    let engine = resonance_speech_espeak::EspeakEngine::new(&folder).context("the built-in speech engine")?;
    Ok(Engines::default().with(Arc::new(engine)))
}

#[cfg(not(feature = "engine-espeak"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as with an engine")]
fn built_in(_: &Configuration) -> anyhow::Result<Engines> {
    Ok(Engines::default())
}
