//! Tokens for other services.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use resonance_gateway_kit::{ApiResult, UserError, parse_id, request, split};

/// What the token is to state.
#[derive(Debug, InputObject)]
pub(crate) struct CreateJwtInput {
    /// The organization whose role and permissions the token states; the viewer must be a member. Null means the active
    /// one: that of the `X-Resonance-Organization` header, else the session's, else the one that the viewer worked in
    /// last. If there is none, the token states none.
    organization_id: Option<ID>,
}

/// What became of asking for a token.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateJwtPayload {
    /// The token: a signed JWT (EdDSA, or RS256 where the instance is set so), which services verify by the keys at
    /// `/.well-known/jwks.json`. Null if the input was refused.
    jwt: Option<String>,
    /// When it ceases to be valid, 60 seconds from now unless the instance is set up otherwise; null if the input was
    /// refused.
    expires_at: Option<DateTime<Utc>>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct JwtMutation;

#[Object]
impl JwtMutation {
    /// Mints a short-lived token by which other services know who asks, in which session, and with which role and
    /// permissions in the organization. Requires being signed in; `NOT_FOUND` for whoever is no member.
    async fn create_jwt(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the token is to state.")] input: CreateJwtInput,
    ) -> ApiResult<CreateJwtPayload> {
        let accounts = request(context)?.accounts();
        let organization = input
            .organization_id
            .map(|id| parse_id("organizationId", &id))
            .transpose();
        let outcome = match organization {
            Ok(organization) => accounts.mint_jwt(organization).await,
            Err(error) => Err(error.into()),
        };
        let (jwt, user_errors) = split(outcome)?;
        let (jwt, expires_at) = jwt.map(|jwt| (jwt.token, jwt.expires_at)).unzip();
        Ok(CreateJwtPayload {
            jwt,
            expires_at,
            user_errors,
        })
    }
}
