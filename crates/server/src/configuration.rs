//! From what the operator said to what is true: defaults, checks, and messages that name the key and the fix.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use chrono::TimeDelta;
use resonance_billing::polar::PolarConfig;
use resonance_blobs::{BlobsConfig, S3Options};
use resonance_domain::MAX_GENERATION_TEXT;
use resonance_identity::RsaKey;
use resonance_persistence::{DatabaseOptions, DatabaseUrl};
use resonance_services::Settings;
use resonance_speech_remote::EngineConfig;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;

use crate::{engines, options::Options, telemetry::LogFormat};

/// A key whose value cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {problem}")]
pub(crate) struct Mistake {
    key: &'static str,
    problem: String,
}

impl Mistake {
    fn new(key: &'static str, problem: impl std::fmt::Display) -> Self {
        Self {
            key,
            problem: problem.to_string(),
        }
    }
}

/// The configuration, checked.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) listen: SocketAddr,
    /// Whether the public URL is only guessed from the address to listen on.
    pub(crate) public_url_is_guess: bool,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: DatabaseOptions,
    pub(crate) secret: Option<SecretString>,
    pub(crate) blobs: BlobsConfig,
    pub(crate) smtp_url: Option<SecretString>,
    pub(crate) mail_from: String,
    pub(crate) playground: bool,
    pub(crate) introspection: bool,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) trusted_proxies: usize,
    pub(crate) operator: Option<String>,
    pub(crate) query_depth: usize,
    pub(crate) query_complexity: usize,
    pub(crate) request_timeout: Duration,
    /// Who is asked for records; `None` means whom the machine asks.
    pub(crate) dns_server: Option<std::net::SocketAddr>,
    /// The speech engines that are other servers.
    pub(crate) engines: Vec<EngineConfig>,
    /// Polar, if it is paid.
    pub(crate) polar: Option<PolarConfig>,
    pub(crate) settings: Settings,
}

/// How Polar is reached; nothing without a token.
fn polar(
    token: Option<String>,
    url: Option<String>,
    webhook_secret: Option<String>,
    product: Option<String>,
) -> Result<Option<PolarConfig>, Mistake> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        let told = [
            ("polar_url", &url),
            ("polar_webhook_secret", &webhook_secret),
            ("polar_product", &product),
        ];
        return match told.iter().find(|(_, value)| value.is_some()) {
            Some((key, _)) => Err(Mistake::new(key, "does nothing without polar_token")),
            None => Ok(None),
        };
    };
    let url = url.unwrap_or_else(|| "https://api.polar.sh".to_owned());
    if !url.starts_with("https://") && !is_local(&url) {
        return Err(Mistake::new(
            "polar_url",
            "must begin with https://, as a token goes there",
        ));
    }
    Ok(Some(PolarConfig {
        url,
        token: token.into(),
        webhook_secret: webhook_secret.map(Into::into),
        product,
    }))
}

/// What to log and how, checked before anything else, as the rest is logged.
pub(crate) fn logging(options: &Options) -> Result<(EnvFilter, LogFormat), Mistake> {
    let text = options.log.as_deref().unwrap_or("info");
    let filter = EnvFilter::from_str(text).map_err(|error| {
        Mistake::new(
            "log",
            format_args!("{error}; use a level such as info, or target=level pairs"),
        )
    })?;
    Ok((filter, options.log_format.unwrap_or_default()))
}

impl Configuration {
    /// Fills in the defaults and checks every key.
    pub(crate) fn resolve(options: Options) -> Result<Self, Mistake> {
        let listen = options
            .listen
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url_is_guess = options.public_url.is_none();
        let public_url = public_url(options.public_url, listen)?;
        let invitation_url = options.invitation_url;
        if invitation_url
            .as_ref()
            .is_some_and(|url| !url.starts_with("http") || !url.contains("{token}"))
        {
            return Err(Mistake::new(
                "invitation_url",
                "must be a URL that contains {token}, such as https://app.example.org/join/{token}",
            ));
        }
        let data_dir = options.data_dir.unwrap_or_else(|| PathBuf::from("data"));
        let database_url = match options.database_url {
            Some(text) => text
                .parse()
                .map_err(|error| Mistake::new("database_url", error))?,
            None => DatabaseUrl::Sqlite(data_dir.join("resonance.db")),
        };
        let embedded = matches!(database_url, DatabaseUrl::Sqlite(_));
        if let Some(text) = &options.secret {
            resonance_identity::InstanceSecret::parse(text).map_err(|error| {
                Mistake::new(
                    "secret",
                    format_args!("{error}; make one with: openssl rand -base64 32"),
                )
            })?;
        }
        let positive = |key, value: Option<u32>, default: u32| match value.unwrap_or(default) {
            0 => Err(Mistake::new(key, "must be at least 1")),
            value => Ok(TimeDelta::seconds(i64::from(value))),
        };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let engines = match &options.engines {
            Some(file) => engines::read(file).map_err(|problem| Mistake::new("engines", problem))?,
            None => Vec::new(),
        };
        let polar = polar(
            options.polar_token,
            options.polar_url,
            options.polar_webhook_secret,
            options.polar_product,
        )?;
        let text_limit = options.text_limit.unwrap_or(5_000);
        if !(1..=MAX_GENERATION_TEXT).contains(&text_limit) {
            let message = format_args!("must be from 1 to {MAX_GENERATION_TEXT}");
            return Err(Mistake::new("text_limit", message));
        }
        let settings = Settings {
            public_url,
            invitation_url,
            member_limit: options.member_limit.unwrap_or(5),
            deletable: options.organizations_deletable.unwrap_or(true),
            organizations_per_user: options.organizations_per_user.unwrap_or(100),
            sign_ups_per_client: options.sign_ups_per_client.unwrap_or(30).max(1),
            upload_grace: positive("upload_grace_seconds", options.upload_grace_seconds, 900)?,
            audio_url_lifetime: positive("audio_url_seconds", options.audio_url_seconds, 900)?,
            jwt_lifetime: positive("jwt_seconds", options.jwt_seconds, 60)?,
            jwt_rsa_key: jwt_key(
                options.jwt_algorithm.as_deref(),
                options.jwt_private_key.as_deref(),
            )?,
            text_limit,
            speech_concurrency: options.speech_concurrency.unwrap_or(cores).max(1),
            job_lease: positive("job_lease_seconds", options.job_lease_seconds, 30)?,
            webhooks_private_addresses: options.webhooks_private_addresses.unwrap_or(false),
            domains_enabled: options.domains.unwrap_or(true),
            past_due_grace: TimeDelta::days(i64::from(options.past_due_grace_days.unwrap_or(7))),
            subscription_poll: positive(
                "subscription_poll_seconds",
                options.subscription_poll_seconds,
                600,
            )?,
            billing_return_url: options.billing_return_url,
            ..Settings::default()
        };
        let blobs = BlobsConfig {
            url: options
                .blobs_url
                .unwrap_or_else(|| format!("file:{}", data_dir.join("objects").display())),
            s3: S3Options {
                endpoint: options.s3_endpoint,
                region: options.s3_region.unwrap_or_else(|| S3Options::default().region),
                access_key_id: options.s3_access_key_id,
                secret_access_key: options.s3_secret_access_key.map(Into::into),
                path_style: options.s3_path_style,
                timeout_seconds: positive("s3_timeout_seconds", options.s3_timeout_seconds, 60)?
                    .num_seconds()
                    .unsigned_abs(),
                retries: options.s3_retries.unwrap_or_else(|| S3Options::default().retries),
                presigned_reads: options.s3_presigned_reads.unwrap_or(false),
                public_endpoint: options.s3_public_endpoint,
            },
        };
        let query_depth = options.query_depth.unwrap_or(20);
        if query_depth < 15 {
            return Err(Mistake::new(
                "query_depth",
                "must be at least 15: common tools' introspection needs that",
            ));
        }
        let operator = options.operator.filter(|address| !address.is_empty());
        if let Some(address) = &operator {
            resonance_domain::EmailAddress::parse(address)
                .map_err(|error| Mistake::new("operator", error))?;
        }
        Ok(Self {
            listen,
            public_url_is_guess,
            database: DatabaseOptions {
                url: database_url,
                max_connections: options.database_connections.unwrap_or(16).max(2),
            },
            data_dir,
            secret: options.secret.map(Into::into),
            blobs,
            smtp_url: options.smtp_url.map(Into::into),
            mail_from: options
                .mail_from
                .unwrap_or_else(|| "Resonance <noreply@localhost.localdomain>".to_owned()),
            playground: options.playground.unwrap_or(embedded),
            introspection: options.introspection.unwrap_or(embedded),
            allowed_origins: origins(options.allowed_origins.as_deref().unwrap_or_default())?,
            trusted_proxies: options.trusted_proxies.unwrap_or(0),
            operator,
            query_depth,
            query_complexity: options.query_complexity.unwrap_or(20_000),
            request_timeout: Duration::from_secs(options.request_seconds.unwrap_or(30).max(1)),
            dns_server: options.dns_server,
            engines,
            polar,
            settings,
        })
    }

    /// Whether the mails that lie in the folder are shown on a page: only where nobody but this machine's users can
    /// reach it. Behind a proxy that stands on the same machine, which a public URL tells of, everybody could.
    pub(crate) fn shows_mails(&self) -> bool {
        self.smtp_url.is_none()
            && self.listen.ip().is_loopback()
            && self.trusted_proxies == 0
            && (self.public_url_is_guess || is_local(&self.settings.public_url))
    }
}

/// Whether a URL leads to the machine on which it is opened.
fn is_local(url: &str) -> bool {
    let Some(host) = url
        .parse::<axum::http::Uri>()
        .ok()
        .and_then(|url| url.host().map(str::to_owned))
    else {
        return false;
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn public_url(given: Option<String>, listen: SocketAddr) -> Result<String, Mistake> {
    let Some(url) = given else {
        return Ok(format!("http://{listen}"));
    };
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.trim_matches('/').is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(Mistake::new(
            "public_url",
            "must be a URL such as https://speech.example.org",
        )),
    }
}

/// The key for RS256, where that is the algorithm.
fn jwt_key(algorithm: Option<&str>, file: Option<&Path>) -> Result<Option<RsaKey>, Mistake> {
    const MAKE: &str = "make one with: openssl genrsa -out jwt.pem 3072, and give it to every node";
    match (algorithm.unwrap_or("EdDSA"), file) {
        ("EdDSA", None) => Ok(None),
        ("EdDSA", Some(_)) => Err(Mistake::new(
            "jwt_private_key",
            "serves RS256 only; set jwt_algorithm to RS256, or leave the key out",
        )),
        ("RS256", None) => Err(Mistake::new(
            "jwt_private_key",
            format_args!("must name the file with the private key for RS256; {MAKE}"),
        )),
        ("RS256", Some(file)) => {
            let pem = std::fs::read(file).map_err(|error| {
                let problem = format!("the file {} cannot be read: {error}", file.display());
                Mistake::new("jwt_private_key", problem)
            })?;
            let key = RsaKey::from_pem(&pem).map_err(|error| {
                let problem = format!("the file {} {error}; {MAKE}", file.display());
                Mistake::new("jwt_private_key", problem)
            })?;
            Ok(Some(key))
        }
        _ => Err(Mistake::new("jwt_algorithm", "must be EdDSA or RS256")),
    }
}

fn origins(text: &str) -> Result<Vec<String>, Mistake> {
    text.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| {
            let rest = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"));
            match rest {
                Some(host) if !host.is_empty() && !host.contains('/') => Ok(origin.to_owned()),
                _ => Err(Mistake::new(
                    "allowed_origins",
                    format_args!("{origin} is no origin; write https://app.example.org, without a path"),
                )),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_means_everything_under_the_data_folder_and_on_loopback() {
        let configuration = Configuration::resolve(Options::default()).unwrap();
        assert!(configuration.listen.ip().is_loopback());
        assert_eq!(
            configuration.database.url,
            DatabaseUrl::Sqlite("data/resonance.db".into())
        );
        assert_eq!(configuration.blobs.url, "file:data/objects");
        assert!(configuration.playground && configuration.introspection && configuration.shows_mails());
    }

    #[test]
    fn in_production_nothing_is_shown_that_was_not_asked_for() {
        let options = Options {
            database_url: Some("postgres://db/resonance".into()),
            listen: Some("0.0.0.0:8080".parse().unwrap()),
            ..Options::default()
        };
        let configuration = Configuration::resolve(options).unwrap();
        assert!(!configuration.playground && !configuration.introspection && !configuration.shows_mails());
    }

    #[test]
    fn mails_are_not_shown_where_a_proxy_may_pass_on_what_others_ask_for() {
        let shows = |public_url: &str, trusted_proxies| {
            let options = Options {
                public_url: Some(public_url.into()),
                trusted_proxies: Some(trusted_proxies),
                ..Options::default()
            };
            Configuration::resolve(options).unwrap().shows_mails()
        };
        assert!(shows("http://localhost:8080", 0) && shows("http://[::1]:8080", 0));
        assert!(!shows("https://speech.example.org", 0));
        assert!(!shows("http://localhost:8080", 1));
    }

    #[test]
    fn wrong_values_are_refused_with_the_key_and_the_fix() {
        let cases: [(&str, Options); 11] = [
            (
                "jwt_algorithm",
                Options {
                    jwt_algorithm: Some("HS256".into()),
                    ..Options::default()
                },
            ),
            (
                "jwt_private_key",
                Options {
                    jwt_algorithm: Some("RS256".into()),
                    ..Options::default()
                },
            ),
            (
                "jwt_private_key",
                Options {
                    jwt_private_key: Some("jwt.pem".into()),
                    ..Options::default()
                },
            ),
            (
                "jwt_private_key",
                Options {
                    jwt_algorithm: Some("RS256".into()),
                    jwt_private_key: Some(env!("CARGO_MANIFEST_DIR").into()),
                    ..Options::default()
                },
            ),
            (
                "invitation_url",
                Options {
                    invitation_url: Some("https://app.example.org/join".into()),
                    ..Options::default()
                },
            ),
            (
                "database_url",
                Options {
                    database_url: Some("mysql://x".into()),
                    ..Options::default()
                },
            ),
            (
                "secret",
                Options {
                    secret: Some("short".into()),
                    ..Options::default()
                },
            ),
            (
                "public_url",
                Options {
                    public_url: Some("speech.example.org".into()),
                    ..Options::default()
                },
            ),
            (
                "allowed_origins",
                Options {
                    allowed_origins: Some("https://a/b".into()),
                    ..Options::default()
                },
            ),
            (
                "query_depth",
                Options {
                    query_depth: Some(3),
                    ..Options::default()
                },
            ),
            (
                "job_lease_seconds",
                Options {
                    job_lease_seconds: Some(0),
                    ..Options::default()
                },
            ),
        ];
        for (key, options) in cases {
            let mistake = Configuration::resolve(options).unwrap_err().to_string();
            assert!(mistake.starts_with(key), "{mistake}");
            assert!(mistake.len() > key.len() + 10, "{mistake}");
        }
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_knows_no_other_keys() {
        let file: Options = toml::from_str("member_limit = 7\nlog = 'debug'").unwrap();
        let flags = Options {
            member_limit: Some(9),
            ..Options::default()
        };
        let merged = flags.or(file);
        assert_eq!(
            (merged.member_limit, merged.log.as_deref()),
            (Some(9), Some("debug"))
        );
        assert!(
            toml::from_str::<Options>("membr_limit = 7")
                .unwrap_err()
                .to_string()
                .contains("membr_limit")
        );
    }
}
