//! Tokens for other services, verified as those services do it: by the published keys alone.

use std::collections::BTreeSet;

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind, jwk::JwkSet,
};
use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Person, Server};

const PUBLIC_URL: &str = "https://speech.example.org";

/// Another service: it knows where the instance is, and nothing of it.
struct Service {
    keys: JwkSet,
}

impl Service {
    async fn of(server: &Server) -> Self {
        let response = server.anonymous().get("/.well-known/jwks.json").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let cache = response.headers()["cache-control"].to_str().unwrap().to_owned();
        assert!(cache.contains("max-age"), "services may keep the keys: {cache}");
        let text = response.text().await.unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        for key in json["keys"].as_array().unwrap() {
            assert!(key.get("d").is_none(), "a private key is published");
        }
        Self {
            keys: serde_json::from_str(&text).unwrap(),
        }
    }

    fn claims(&self, jwt: &str) -> Result<Value, jsonwebtoken::errors::Error> {
        let header = decode_header(jwt)?;
        let key = header.kid.and_then(|id| self.keys.find(&id));
        let key = DecodingKey::from_jwk(key.ok_or(ErrorKind::InvalidToken)?)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[PUBLIC_URL]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "sub"]);
        validation.validate_nbf = true;
        Ok(decode::<Value>(jwt, &key, &validation)?.claims)
    }
}

async fn mint(person: &Person, organization: Option<&str>) -> String {
    let input = json!({ "organizationId": organization });
    let payload = person
        .client
        .mutate("createJwt", "CreateJwtInput", "jwt expiresAt", input)
        .await;
    payload["jwt"].as_str().unwrap().to_owned()
}

/// The permissions that the claims state, read as published: by `fea`, `o.per` and `o.fpm`.
fn permissions(claims: &Value) -> BTreeSet<String> {
    let list =
        |value: &Value| -> Vec<String> { value.as_str().unwrap().split(',').map(str::to_owned).collect() };
    let (features, actions) = (list(&claims["fea"]), list(&claims["o"]["per"]));
    let masks = list(&claims["o"]["fpm"]);
    assert_eq!(features.len(), masks.len(), "{claims:#}");
    let mut all = BTreeSet::new();
    for (feature, mask) in features.iter().zip(masks) {
        let feature = feature.strip_prefix("o:").unwrap();
        let mask: u64 = mask.parse().unwrap();
        for (bit, action) in actions.iter().enumerate() {
            if mask & (1 << bit) != 0 {
                all.insert(format!("org:{feature}:{action}"));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_knows_the_published_keys_alone_learns_who_asks_and_what_they_may() {
    let variables = [("RESONANCE_PUBLIC_URL", PUBLIC_URL)];
    let server = Server::start_with(Backend::Postgres, &variables).await;
    let (service, at_another_node) = {
        let node = server.another_node().await;
        (Service::of(&server).await, Service::of(&node).await)
    };
    let ada = server.sign_up("Ada", "ada@jwts.test").await;
    let nowhere = service.claims(&mint(&ada, None).await).unwrap();
    assert!(
        nowhere.get("o").is_none() && nowhere.get("fea").is_none(),
        "{nowhere:#}"
    );
    let organization = ada.found("Acme", "acme").await;
    ada.invite(&organization, "org:member", &["max@jwts.test"]).await;
    let max = server.join("Max", "max@jwts.test").await;

    let mut stated = Vec::new();
    for (person, role) in [(&ada, "admin"), (&max, "member")] {
        let jwt = mint(person, Some(&organization)).await;
        let claims = service.claims(&jwt).unwrap();
        assert_eq!(at_another_node.claims(&jwt).unwrap(), claims);
        assert_eq!(claims["sub"], person.user.as_str());
        assert_eq!(claims["sid"], person.session.as_str());
        assert_eq!(claims["v"], 2);
        let seconds = |claim: &str| claims[claim].as_i64().unwrap();
        assert_eq!(seconds("exp") - seconds("iat"), 60);
        let o = &claims["o"];
        assert_eq!(
            (&o["id"], &o["slg"], &o["rol"]),
            (&json!(organization), &json!("acme"), &json!(role))
        );

        // The token says what the API says, but for the system's permissions.
        let query = "query($id: ID!) { organization(id: $id) { viewerPermissions } }";
        let data = person.client.data(query, json!({ "id": organization })).await;
        let told = data["organization"]["viewerPermissions"]
            .as_array()
            .unwrap()
            .iter();
        let told: BTreeSet<_> = told
            .map(|permission| permission.as_str().unwrap().to_owned())
            .filter(|permission| !permission.starts_with("org:sys_"))
            .collect();
        assert_eq!(permissions(&claims), told);
        stated.push(told);
    }
    assert!(
        stated[0].is_superset(&stated[1]) && stated[0] != stated[1],
        "{stated:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_instance_did_not_sign_no_service_believes() {
    let variables = [("RESONANCE_PUBLIC_URL", PUBLIC_URL)];
    let server = Server::start_with(Backend::Sqlite, &variables).await;
    let service = Service::of(&server).await;
    let ada = server.sign_up("Ada", "ada@jwts.test").await;
    let eve = server.sign_up("Eve", "eve@jwts.test").await;
    let (of_ada, of_eve) = (mint(&ada, None).await, mint(&eve, None).await);
    // Eve's signature under Ada's claims.
    let (claims, _) = of_ada.rsplit_once('.').unwrap();
    let (_, signature) = of_eve.rsplit_once('.').unwrap();
    assert!(service.claims(&format!("{claims}.{signature}")).is_err());
    assert!(service.claims(&of_ada).is_ok());

    // Another instance that calls itself the same has another key.
    let other = Server::start_with(Backend::Sqlite, &variables).await;
    let of_other = mint(&other.sign_up("Ada", "ada@jwts.test").await, None).await;
    assert!(service.claims(&of_other).is_err());
    assert!(Service::of(&other).await.claims(&of_other).is_ok());
}
