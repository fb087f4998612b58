//! Short-lived JWTs, by which other services know who asks.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Header, Validation, jwk::JwkSet};
use serde::{Deserialize, Serialize};

use crate::{
    ActiveOrganization, ClaimsError, InstanceSecret, OrganizationClaims, clerk,
    jwt_key::{Key, RsaKey},
};

/// `nbf` lies this long before `iat`, so that a service whose clock is a little slow accepts a fresh token.
const CLOCK_SKEW: Duration = Duration::seconds(10);

/// The version of the claims' form.
const VERSION: u8 = 2;

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct JwtRequest {
    /// The user's id, in its public form.
    pub user: String,
    /// The session's id, in its public form.
    pub session: String,
    /// A fresh id for the token itself.
    pub token: String,
    /// The `Origin` of the request that asked for the token, if it named one.
    pub authorized_party: Option<String>,
    /// The organization that the session works in, if any.
    pub organization: Option<ActiveOrganization>,
}

/// The claims of a token, by their registered or compact names. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaims {
    /// The issuer: the instance's public URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The session's id.
    pub sid: String,
    /// When it was minted.
    pub iat: i64,
    /// When it begins to be valid.
    pub nbf: i64,
    /// The first second at which it is no longer valid.
    pub exp: i64,
    /// The token's own id.
    pub jti: String,
    /// The origin that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// The version of this form: 2.
    pub v: u8,
    /// The active organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub o: Option<OrganizationClaims>,
    /// The features that `o.fpm` is about, each with its scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fea: Option<String>,
}

impl SessionClaims {
    /// The granted permissions, such as `org:voices:read`, without those of the system; none without an
    /// active organization.
    #[must_use]
    pub fn permissions(&self) -> std::collections::BTreeSet<String> {
        self.o
            .as_ref()
            .map(|o| o.permissions(self.fea.as_deref()))
            .unwrap_or_default()
    }
}

/// Mints and verifies the instance's JWTs: by EdDSA with a key derived from the instance's secret, so that every node
/// signs alike and none has to be told, or by RS256 with a key that every node is given.
///
/// An EdDSA mint takes some 50 µs, an RS256 mint about 2 ms; neither needs a thread of its own.
#[derive(Clone)]
pub struct Jwts {
    issuer: String,
    /// The first one signs. All are published, and verify, so that nodes can go over from one to the other while
    /// tokens are under way.
    keys: Vec<Key>,
}

impl Jwts {
    /// Signs by EdDSA. `issuer` is the instance's public URL; services compare it.
    ///
    /// # Errors
    /// [`JwtError::Key`], which no secret is known to cause.
    pub fn new(secret: &InstanceSecret, issuer: &str) -> Result<Self, JwtError> {
        Ok(Self {
            issuer: issuer.to_owned(),
            keys: vec![Key::derived(secret)?],
        })
    }

    /// Signs by RS256 from now on.
    ///
    /// # Errors
    /// [`JwtError::Key`], which no key is known to cause.
    pub fn signing_with(mut self, key: &RsaKey) -> Result<Self, JwtError> {
        self.keys.insert(0, Key::given(key)?);
        Ok(self)
    }

    /// Mints a token that is valid from `now` for `lifetime`, both in whole seconds.
    ///
    /// # Errors
    /// [`JwtError::Claims`] when the organization's permissions cannot be stated.
    pub fn mint(
        &self,
        request: &JwtRequest,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<String, JwtError> {
        let (o, fea) = match &request.organization {
            Some(organization) => clerk::encode(organization).map(|(o, fea)| (Some(o), fea))?,
            None => (None, None),
        };
        let claims = SessionClaims {
            iss: self.issuer.clone(),
            sub: request.user.clone(),
            sid: request.session.clone(),
            iat: now.timestamp(),
            nbf: (now - CLOCK_SKEW).timestamp(),
            exp: (now + lifetime).timestamp(),
            jti: request.token.clone(),
            azp: request.authorized_party.clone(),
            v: VERSION,
            o,
            fea,
        };
        let key = self.keys.first().ok_or(JwtError::Key)?;
        let header = Header {
            kid: Some(key.id.clone()),
            ..Header::new(key.algorithm)
        };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|_| JwtError::Key)
    }

    /// Verifies a token of this instance at the time `now`.
    ///
    /// # Errors
    /// [`JwtError::Invalid`] for what this instance did not sign, [`JwtError::NotNow`] before `nbf` or from `exp`
    /// on.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<SessionClaims, JwtError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| JwtError::Invalid)?;
        // The key says which algorithm serves, not the token.
        let named = self.keys.iter().find(|key| header.kid.as_ref() == Some(&key.id));
        let key = named.ok_or(JwtError::Invalid)?;
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["iss", "sub", "nbf", "exp"]);
        // The library asks the system for the time; it is compared below instead.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let verified = jsonwebtoken::decode::<SessionClaims>(token, &key.verifying, &validation)
            .map_err(|_| JwtError::Invalid)?;
        let claims = verified.claims;
        if claims.v != VERSION {
            return Err(JwtError::Invalid);
        }
        if !(claims.nbf..claims.exp).contains(&now.timestamp()) {
            return Err(JwtError::NotNow);
        }
        Ok(claims)
    }

    /// The key set to publish (RFC 7517): the public keys, each under the `kid` that tokens name (RFC 7638), the one that
    /// signs first.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet {
            keys: self.keys.iter().map(|key| key.public.clone()).collect(),
        }
    }

    /// The issuer that tokens name.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl fmt::Debug for Jwts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwts")
            .field("issuer", &self.issuer)
            .field(
                "key_ids",
                &self.keys.iter().map(|key| &key.id).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

/// Why there is no token, or none to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The token is malformed, or not signed by this instance.
    #[error("invalid token")]
    Invalid,
    /// The token is not valid at this time.
    #[error("token expired or not yet valid")]
    NotNow,
    /// The organization cannot be stated in a token.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The signing key does not serve.
    #[error("the signing key cannot be used")]
    Key,
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{
        Algorithm, DecodingKey, EncodingKey,
        jwk::{AlgorithmParameters, Jwk, ThumbprintHash},
    };

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    /// A key made for tests.
    const RSA_KEY: &str = include_str!("../tests/rsa-2048.pem");

    fn jwts(secret: &str, issuer: &str) -> Jwts {
        Jwts::new(&InstanceSecret::parse(secret).unwrap(), issuer).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn request() -> JwtRequest {
        JwtRequest {
            user: "user_1".into(),
            session: "ses_1".into(),
            token: "jwt_1".into(),
            authorized_party: Some("https://app.example.org".into()),
            organization: Some(ActiveOrganization {
                id: "org_1".into(),
                slug: "acme".into(),
                role: "org:admin".into(),
                permissions: [
                    "org:voices:read",
                    "org:voices:create",
                    "org:generations:create",
                    "org:sys_billing:read",
                ]
                .map(String::from)
                .to_vec(),
            }),
        }
    }

    #[test]
    fn a_minted_token_says_what_was_asked_for() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let token = jwts
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        let claims = jwts.verify(&token, at(1_000_030)).unwrap();
        assert_eq!(
            serde_json::to_value(&claims).unwrap(),
            serde_json::json!({
                "iss": "https://resonance.example.org", "sub": "user_1", "sid": "ses_1", "jti": "jwt_1",
                "iat": 1_000_000, "nbf": 999_990, "exp": 1_000_060, "azp": "https://app.example.org", "v": 2,
                "fea": "o:generations,o:voices",
                "o": { "id": "org_1", "slg": "acme", "rol": "admin", "per": "create,read", "fpm": "1,3" },
            })
        );
        assert_eq!(
            claims.permissions().into_iter().collect::<Vec<_>>(),
            ["org:generations:create", "org:voices:create", "org:voices:read"]
        );
    }

    #[test]
    fn without_an_organization_its_claims_are_absent() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let asked = JwtRequest {
            organization: None,
            authorized_party: None,
            ..request()
        };
        let token = jwts.mint(&asked, at(1_000_000), Duration::seconds(60)).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        for absent in ["o", "fea", "azp"] {
            assert!(payload.get(absent).is_none(), "{absent}");
        }
        assert!(
            jwts.verify(&token, at(1_000_000))
                .unwrap()
                .permissions()
                .is_empty()
        );
    }

    #[test]
    fn with_an_rsa_key_tokens_are_signed_by_rs256_and_earlier_ones_still_verify() {
        let issuer = "https://resonance.example.org";
        let before = jwts(SECRET, issuer);
        let now = at(1_000_000);
        let earlier = before.mint(&request(), now, Duration::seconds(60)).unwrap();
        let key = RsaKey::from_pem(RSA_KEY.as_bytes()).unwrap();
        let after = before.clone().signing_with(&key).unwrap();
        let token = after.mint(&request(), now, Duration::seconds(60)).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.alg, Algorithm::RS256);
        assert!(after.verify(&token, now).is_ok() && after.verify(&earlier, now).is_ok());
        assert_eq!(before.verify(&token, now), Err(JwtError::Invalid));
        let published = serde_json::to_value(after.jwks()).unwrap();
        assert_eq!(published["keys"][0]["kid"], serde_json::json!(header.kid));
        assert_eq!(
            (&published["keys"][0]["alg"], &published["keys"][0]["use"]),
            (&"RS256".into(), &"sig".into())
        );
        assert_eq!(published["keys"].as_array().unwrap().len(), 2);
        for secret in ["d", "p", "q"] {
            assert!(
                published["keys"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|key| key.get(secret).is_none())
            );
        }
        assert_eq!(format!("{key:?}"), "RsaKey");
    }

    #[test]
    fn a_token_is_valid_from_its_first_second_to_before_its_last() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let token = jwts
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        assert!(jwts.verify(&token, at(999_990)).is_ok());
        assert_eq!(jwts.verify(&token, at(999_989)), Err(JwtError::NotNow));
        assert!(jwts.verify(&token, at(1_000_059)).is_ok());
        assert_eq!(jwts.verify(&token, at(1_000_060)), Err(JwtError::NotNow));
    }

    #[test]
    fn every_node_with_the_secret_verifies_and_nobody_else_signs() {
        let issuer = "https://resonance.example.org";
        let token = jwts(SECRET, issuer)
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        assert!(jwts(SECRET, issuer).verify(&token, at(1_000_000)).is_ok());
        let others = [
            jwts("0123456789abcdef0123456789abcdee", issuer),
            jwts(SECRET, "https://other.example.org"),
        ];
        for other in others {
            assert_eq!(other.verify(&token, at(1_000_000)), Err(JwtError::Invalid));
        }
    }

    #[test]
    fn a_changed_token_is_refused() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let token = jwts
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        for place in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                jwts.verify(&changed, at(1_000_000)),
                Err(JwtError::Invalid),
                "{changed}"
            );
        }
        assert_eq!(jwts.verify("", at(1_000_000)), Err(JwtError::Invalid));
    }

    #[test]
    fn a_token_signed_with_the_public_key_as_an_hmac_key_is_refused() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let good = jwts
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        let claims = jwts.verify(&good, at(1_000_000)).unwrap();
        let AlgorithmParameters::OctetKeyPair(public) = &jwts.keys[0].public.algorithm else {
            unreachable!()
        };
        let hmac = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(&public.x).unwrap());
        let header = Header {
            kid: Some(jwts.keys[0].id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        let forged = jsonwebtoken::encode(&header, &claims, &hmac).unwrap();
        assert_eq!(jwts.verify(&forged, at(1_000_000)), Err(JwtError::Invalid));
        let none = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"none"}"#);
        let unsigned = format!("{none}.{}.", good.split('.').nth(1).unwrap());
        assert_eq!(jwts.verify(&unsigned, at(1_000_000)), Err(JwtError::Invalid));
    }

    #[test]
    fn the_published_key_verifies_tokens_under_the_id_that_they_name() {
        let jwts = jwts(SECRET, "https://resonance.example.org");
        let token = jwts
            .mint(&request(), at(1_000_000), Duration::seconds(60))
            .unwrap();
        let published: JwkSet = serde_json::from_str(&serde_json::to_string(&jwts.jwks()).unwrap()).unwrap();
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(published.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        assert!(jsonwebtoken::decode::<SessionClaims>(&token, &key, &validation).is_ok());
        let shown = serde_json::to_value(jwts.jwks()).unwrap();
        let mut fields: Vec<_> = shown["keys"][0].as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(
            fields,
            ["alg", "crv", "kid", "kty", "use", "x"],
            "no private part"
        );
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037s_example() {
        // RFC 8037, appendix A.3.
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();
        assert_eq!(
            jwk.thumbprint(ThumbprintHash::SHA256).unwrap(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", jwts(SECRET, "https://resonance.example.org"));
        assert!(
            shown.starts_with("Jwts { issuer: \"https://resonance.example.org\", key_ids: "),
            "{shown}"
        );
    }
}
