//! Every key of the configuration, once: as a flag, an environment variable and a line of the configuration file.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

/// Declares the keys. Each is a flag `--key`, a variable `RESONANCE_KEY` and an entry `key` of the file; its doc
/// comment is its help.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $(#[secret $secret:tt])? $name:ident: $kind:ty, $flag:literal, $env:literal;)*) => {
        /// What the operator said, key by key; what was left out has a default.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct Options {
            $(
                $(#[doc = $doc])+
                #[arg(long = $flag, env = $env, global = true, hide_env_values = true, help_heading = "Configuration")]
                pub(crate) $name: Option<$kind>,
            )*
        }

        impl Options {
            /// These options, and for what they leave out those of `file`.
            pub(crate) fn or(self, file: Self) -> Self {
                Self { $($name: self.$name.or(file.$name),)* }
            }
        }
    };
}

options! {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    listen: std::net::SocketAddr, "listen", "RESONANCE_LISTEN";
    /// The address under which people reach the instance; links in mails start with it [default: http:// and the listen address]
    public_url: String, "public-url", "RESONANCE_PUBLIC_URL";
    /// Where the links of invitations lead: a page of your application, with {token} in place of the token [default: a page of the instance]
    invitation_url: String, "invitation-url", "RESONANCE_INVITATION_URL";
    /// The folder for everything that has no other place: database, objects, mails, secret, speech data [default: ./data]
    data_dir: PathBuf, "data-dir", "RESONANCE_DATA_DIR";
    /// sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE [default: sqlite: and resonance.db in the data folder]
    database_url: String, "database-url", "RESONANCE_DATABASE_URL";
    /// The most connections to the database [default: 16]
    database_connections: u32, "database-connections", "RESONANCE_DATABASE_CONNECTIONS";
    /// The secret from which all keys derive, at least 32 characters, the same on every node [default: made once, in the data folder]
    secret: String, "secret", "RESONANCE_SECRET";
    /// Where audio and images lie: file:FOLDER or s3://BUCKET/PREFIX [default: the folder objects in the data folder]
    blobs_url: String, "blobs-url", "RESONANCE_BLOBS_URL";
    /// The URL of the S3 server, if it is not Amazon's
    s3_endpoint: String, "s3-endpoint", "RESONANCE_S3_ENDPOINT";
    /// The S3 region [default: us-east-1]
    s3_region: String, "s3-region", "RESONANCE_S3_REGION";
    /// The id of the S3 key [default: the machine's role]
    s3_access_key_id: String, "s3-access-key-id", "RESONANCE_S3_ACCESS_KEY_ID";
    /// The S3 key
    s3_secret_access_key: String, "s3-secret-access-key", "RESONANCE_S3_SECRET_ACCESS_KEY";
    /// Whether the bucket stands in the path of S3 URLs [default: with an endpoint, yes]
    s3_path_style: bool, "s3-path-style", "RESONANCE_S3_PATH_STYLE";
    /// Seconds without an answer from S3 after which a try is given up [default: 60]
    s3_timeout_seconds: u32, "s3-timeout-seconds", "RESONANCE_S3_TIMEOUT_SECONDS";
    /// How often a request to S3 is tried again that may succeed later [default: 3]
    s3_retries: usize, "s3-retries", "RESONANCE_S3_RETRIES";
    /// Whether audio is fetched from the bucket itself: its URLs redirect to presigned ones [default: false]
    s3_presigned_reads: bool, "s3-presigned-reads", "RESONANCE_S3_PRESIGNED_READS";
    /// The URL under which listeners reach the S3 server, for presigned reads [default: the endpoint]
    s3_public_endpoint: String, "s3-public-endpoint", "RESONANCE_S3_PUBLIC_ENDPOINT";
    /// The mail server: smtps://USER:PASSWORD@HOST or smtp://… [default: mails lie in the folder mail of the data folder]
    smtp_url: String, "smtp-url", "RESONANCE_SMTP_URL";
    /// The sender of mails (Resonance at noreply@localhost.localdomain when nothing is said)
    mail_from: String, "mail-from", "RESONANCE_MAIL_FROM";
    /// Address and port of the name server that is asked for the records which prove domains [default: the machine's]
    dns_server: std::net::SocketAddr, "dns-server", "RESONANCE_DNS_SERVER";
    /// An access token of Polar: with it, whoever speaks needs a subscription [default: nobody is paid]
    polar_token: String, "polar-token", "RESONANCE_POLAR_TOKEN";
    /// Polar's product that is sold if nothing else is said
    polar_product: String, "polar-product", "RESONANCE_POLAR_PRODUCT";
    /// The secret of the webhook endpoint in Polar that leads to PUBLIC_URL/webhooks/billing
    polar_webhook_secret: String, "polar-webhook-secret", "RESONANCE_POLAR_WEBHOOK_SECRET";
    /// The address of the API of Polar [default: that of api.polar.sh; try things out with sandbox-api.polar.sh]
    polar_url: String, "polar-url", "RESONANCE_POLAR_URL";
    /// How many days organizations may go on speaking while a payment fails [default: 7]
    past_due_grace_days: u32, "past-due-grace-days", "RESONANCE_PAST_DUE_GRACE_DAYS";
    /// How often the billing provider is asked for subscriptions whose webhooks got lost, in seconds [default: 600]
    subscription_poll_seconds: u32, "subscription-poll-seconds", "RESONANCE_SUBSCRIPTION_POLL_SECONDS";
    /// Where the billing provider's pages lead back to [default: the public URL]
    billing_return_url: String, "billing-return-url", "RESONANCE_BILLING_RETURN_URL";
    /// Whether organizations can have mail domains, through which people join [default: true]
    domains: bool, "domains", "RESONANCE_DOMAINS";
    /// Whether the playground is served at / [default: with SQLite, yes]
    playground: bool, "playground", "RESONANCE_PLAYGROUND";
    /// Whether the schema can be asked for [default: with SQLite, yes]
    introspection: bool, "introspection", "RESONANCE_INTROSPECTION";
    /// Origins, beside the public URL's, whose pages may use a session cookie, separated by commas
    allowed_origins: String, "allowed-origins", "RESONANCE_ALLOWED_ORIGINS";
    /// How many reverse proxies stand in front and append to X-Forwarded-For [default: 0]
    trusted_proxies: usize, "trusted-proxies", "RESONANCE_TRUSTED_PROXIES";
    /// The member limit of new organizations; 0 = unlimited [default: 5]
    member_limit: u32, "member-limit", "RESONANCE_MEMBER_LIMIT";
    /// Whether the admins of new organizations may delete them [default: true]
    organizations_deletable: bool, "organizations-deletable", "RESONANCE_ORGANIZATIONS_DELETABLE";
    /// How many organizations a user may create; 0 forbids it [default: 100]
    organizations_per_user: u32, "organizations-per-user", "RESONANCE_ORGANIZATIONS_PER_USER";
    /// How many sign-ups and codes one client's address may ask for in an hour [default: 30]
    sign_ups_per_client: u32, "sign-ups-per-client", "RESONANCE_SIGN_UPS_PER_CLIENT";
    /// The address of the user who is made an operator at every start
    operator: String, "operator", "RESONANCE_OPERATOR";
    /// The file that lists the speech engines which are other servers, in TOML; the same on every node
    engines: PathBuf, "engines", "RESONANCE_ENGINES";
    /// The longest text that is spoken, in characters, up to 100000 [default: 5000]
    text_limit: usize, "text-limit", "RESONANCE_TEXT_LIMIT";
    /// How many generations this node speaks at a time by itself; engines that are other servers have limits of their own
    /// [default: the number of cores]
    speech_concurrency: usize, "speech-concurrency", "RESONANCE_SPEECH_CONCURRENCY";
    /// Seconds that a job stays with a worker that gives no sign of life [default: 30]
    job_lease_seconds: u32, "job-lease-seconds", "RESONANCE_JOB_LEASE_SECONDS";
    /// Seconds before an uploaded object that no record names is removed; must exceed the longest upload [default: 900]
    upload_grace_seconds: u32, "upload-grace-seconds", "RESONANCE_UPLOAD_GRACE_SECONDS";
    /// Whether webhooks may lead to private and local addresses, and over plain HTTP; never where others may set them up [default: false]
    webhooks_private_addresses: bool, "webhooks-private-addresses", "RESONANCE_WEBHOOKS_PRIVATE_ADDRESSES";
    /// Seconds that a signed audio URL is valid [default: 900]
    audio_url_seconds: u32, "audio-url-seconds", "RESONANCE_AUDIO_URL_SECONDS";
    /// Seconds that a JWT for other services is valid [default: 60]
    jwt_seconds: u32, "jwt-seconds", "RESONANCE_JWT_SECONDS";
    /// How JWTs are signed: EdDSA, or RS256 for verifiers that know nothing newer [default: EdDSA]
    jwt_algorithm: String, "jwt-algorithm", "RESONANCE_JWT_ALGORITHM";
    /// The file with the private key for RS256 in PEM, the same on every node
    jwt_private_key: PathBuf, "jwt-private-key", "RESONANCE_JWT_PRIVATE_KEY";
    /// The deepest query that is answered; introspection by common tools needs 15 [default: 20]
    query_depth: usize, "query-depth", "RESONANCE_QUERY_DEPTH";
    /// The most complex query that is answered: about the number of fields in its answer [default: 20000]
    query_complexity: usize, "query-complexity", "RESONANCE_QUERY_COMPLEXITY";
    /// Seconds after which a request is given up [default: 30]
    request_seconds: u64, "request-seconds", "RESONANCE_REQUEST_SECONDS";
    /// What to log, such as info or info,resonance_services=debug [default: info]
    log: String, "log", "RESONANCE_LOG";
    /// How to log: text or json [default: text]
    log_format: crate::telemetry::LogFormat, "log-format", "RESONANCE_LOG_FORMAT";
}
