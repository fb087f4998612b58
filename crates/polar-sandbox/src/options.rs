//! What a sandbox is started with.

use std::{net::SocketAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The token that calls under `/v1` must bear.
    pub token: String,
    /// What is sold. Checkouts can be made for these only.
    pub products: Vec<Product>,
    /// Who is told of changes, if anybody.
    pub webhook: Option<Webhook>,
    /// How many calls under `/v1` are answered within any minute; the rest get 429. No limit, if absent.
    pub requests_per_minute: Option<u32>,
    /// What the addresses of pages begin with, if not with where the sandbox listens.
    pub public_url: Option<String>,
}

impl Default for Options {
    /// Any free port of this machine, the token `polar_sandbox`, one product, no webhooks, no limit.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: "polar_sandbox".to_owned(),
            products: vec![Product {
                id: "9f0f7f0a-0d5b-4d4e-8c55-3a2f0c4f7a01".to_owned(),
                name: "Standard".to_owned(),
                cents: 2_000,
            }],
            webhook: None,
            requests_per_minute: None,
            public_url: None,
        }
    }
}

/// A product with one fixed price for each month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its id. Polar's are UUIDs.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The price of a month, in US cents.
    pub cents: i64,
}

impl FromStr for Product {
    type Err = String;

    /// `ID:NAME:CENTS`; the name may hold colons.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("{text:?} is not ID:NAME:CENTS");
        let (id, rest) = text.split_once(':').ok_or_else(refused)?;
        let (name, cents) = rest.rsplit_once(':').ok_or_else(refused)?;
        let cents: i64 = cents.parse().map_err(|_| refused())?;
        if id.is_empty() || name.is_empty() || cents < 0 {
            return Err(refused());
        }
        Ok(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            cents,
        })
    }
}

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The address that is posted to.
    pub url: String,
    /// What they are signed with. Its UTF-8 bytes are the key, whatever they look like.
    pub secret: String,
}
