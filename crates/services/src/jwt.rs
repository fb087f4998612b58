//! Tokens for other services.

use std::fmt;

use chrono::{DateTime, Utc};
use resonance_authz::{Denied, ReadOrganization};
use resonance_domain::{IdsExt, JwtId, OrganizationId};
use resonance_identity::{ActiveOrganization, JwtRequest};
use resonance_persistence::Repositories;
use serde_json::Value;

use crate::{Accounts, Outcome, ServiceError, Services, refusals::Attempt};

/// A short-lived token by which another service knows who asks. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwt {
    /// The token. Whoever has it passes for the user, for as long as it is valid.
    pub token: String,
    /// The first second at which it is no longer valid.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Accounts<'_> {
    /// Mints a JWT for other services, which verify it by the published keys ([`Services::jwks`]). It names the user
    /// and the session, and states role and permissions in `organization`, or else in the active one, if there is one.
    ///
    /// # Errors
    /// `Unauthenticated`, or `NotVisible` for whoever is no member.
    pub async fn mint_jwt(self, organization: Option<OrganizationId>) -> Outcome<Jwt> {
        let request = self.0;
        let core = request.core();
        let signed_in = request.signed_in()?;
        let organization = match organization.or(request.active_organization()) {
            None => None,
            Some(organization) => {
                let claims = self.as_claims(organization).await;
                let attempt = Attempt::in_organization("createJwt", organization);
                Some(request.noting(attempt, claims).await?)
            }
        };
        let id: JwtId = core.ids.next();
        let jwt = JwtRequest {
            user: signed_in.user.type_id(),
            session: signed_in.session.type_id(),
            token: id.type_id(),
            authorized_party: None,
            organization,
        };
        let (now, lifetime) = (core.clock.now(), core.settings.jwt_lifetime);
        let token = core
            .jwts
            .mint(&jwt, now, lifetime)
            .map_err(|error| ServiceError::internal("minting a JWT", error))?;
        let expires_at = DateTime::from_timestamp((now + lifetime).timestamp(), 0).unwrap_or(now);
        Ok(Jwt { token, expires_at })
    }

    async fn as_claims(self, organization: OrganizationId) -> Outcome<ActiveOrganization> {
        let standing = self.0.standing(organization).await?;
        let grant = standing.grant::<ReadOrganization>()?;
        let found = self.0.core().database.organizations().get(&grant).await?;
        Ok(ActiveOrganization {
            id: organization.type_id(),
            slug: found.ok_or(Denied::NotVisible)?.slug,
            role: standing.role().as_str().to_owned(),
            permissions: self.0.keys(standing.role_permissions()).await?,
        })
    }
}

impl Services {
    /// The public keys by which other services verify this instance's JWTs, as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        serde_json::to_value(self.core().jwts.jwks()).unwrap_or_default()
    }
}
