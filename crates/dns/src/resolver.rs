//! Asking the domain name system.

use std::{net::SocketAddr, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData},
};

use crate::TxtRecords;

/// How long to wait for one answer of a name server, over all servers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for one server before asking again.
const TRY: Duration = Duration::from_secs(2);

/// Why it could not be found out what a name says.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The name cannot be asked for.
    #[error("this is no name of the domain name system")]
    Name(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer that could be used.
    #[error("the name servers gave no answer")]
    Lookup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There was no answer in time.
    #[error("the name servers did not answer in time")]
    Timeout,
}

/// Asks one name server, or those that the machine is set up with.
///
/// Nothing is kept from one question to the next: whoever has just published a record wants it seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct DnsResolver {
    server: Option<SocketAddr>,
}

impl DnsResolver {
    /// Asks `server`, or else whom the machine asks (`/etc/resolv.conf`).
    #[must_use]
    pub const fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    fn resolver(self) -> Result<TokioResolver, NetError> {
        let mut builder = match self.server {
            None => TokioResolver::builder_tokio()?,
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                    .into_iter()
                    .map(|mut connection| {
                        connection.port = server.port();
                        connection
                    });
                let server = NameServerConfig::new(server.ip(), true, connections.collect());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = TRY;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        builder.build()
    }

    async fn ask(self, name: &str) -> Result<Vec<String>, DnsError> {
        let mut name = Name::from_ascii(name).map_err(|error| DnsError::Name(error.into()))?;
        // Never the machine's search domains.
        name.set_fqdn(true);
        let resolver = self.resolver().map_err(|error| DnsError::Lookup(error.into()))?;
        match resolver.txt_lookup(name).await {
            Ok(lookup) => Ok(lookup
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
                    _ => None,
                })
                .collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(DnsError::Lookup(error.into())),
        }
    }
}

impl TxtRecords for DnsResolver {
    fn texts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, DnsError>> {
        async move {
            tokio::time::timeout(PATIENCE, self.ask(name))
                .await
                .unwrap_or(Err(DnsError::Timeout))
        }
        .boxed()
    }
}
