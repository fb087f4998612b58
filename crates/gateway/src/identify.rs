//! From credentials to a request of a known actor.

use async_graphql::Data;
use http::{HeaderValue, StatusCode, header, request::Parts};
use resonance_authz::{Actor, Denied};
use resonance_domain::Origin;
use resonance_gateway_http::{Client, Refusal, RequestData};
use resonance_services::{API_KEY_TOKEN, Request, ServiceError, Services};

use crate::{client, schema};

/// Finds out who asks, for every route.
#[derive(Debug, Clone)]
pub(crate) struct Identify {
    pub(crate) services: Services,
    pub(crate) trusted_proxies: usize,
}

impl Identify {
    /// The request behind an HTTP request. Credentials that are wrong, expired or revoked make nobody of the caller:
    /// what is open to all (signing in again, above all) stays open, the rest answers `UNAUTHENTICATED`.
    pub(crate) async fn request(&self, parts: &Parts) -> Result<Request, Refusal> {
        self.with_token(parts, client::token(&parts.headers)).await
    }

    async fn with_token(&self, parts: &Parts, token: Option<&str>) -> Result<Request, Refusal> {
        let organization = client::organization(&parts.headers)
            .map_err(|message| Refusal::new(StatusCode::BAD_REQUEST, "INVALID", message))?;
        let origin = client::origin(parts, self.trusted_proxies);
        let Some(token) = token else {
            return Ok(self.nobody(origin));
        };
        // What a token is for stands in its first letters.
        let known = if token.starts_with(API_KEY_TOKEN.prefix()) {
            self.services.authenticate_key(token, origin.clone()).await
        } else {
            let authenticated = self.services.authenticate(token, origin.clone(), organization);
            authenticated.await
        };
        match known {
            Ok(request) => Ok(request),
            Err(ServiceError::Denied(Denied::Unauthenticated)) => Ok(self.nobody(origin)),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "authentication failed");
                let refusal = Refusal::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "INTERNAL",
                    "something went wrong on our side",
                );
                Err(refusal.header(header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
        }
    }

    fn nobody(&self, origin: Origin) -> Request {
        self.services.request(Actor::Anonymous, origin)
    }
}

impl RequestData for Identify {
    async fn request_data(&self, client: Client<'_>) -> Result<Data, Refusal> {
        // On a WebSocket the token comes in the first message, as browsers cannot set headers there.
        let token = match client.connection_init {
            Some(_) => {
                client::bearer(client.authorization()).or_else(|| client::token(&client.parts.headers))
            }
            None => client::token(&client.parts.headers),
        };
        let request = self.with_token(client.parts, token).await?;
        // This is asked before the first file is read: nobody fills the disk who cannot even sign in.
        if client::uploads(&client.parts.headers) && request.actor().signed_in().is_err() {
            let message = "sign in before you upload";
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message));
        }
        Ok(schema::request_data(request))
    }
}
