//! The way of a user: signing up and in, sessions, passwords, addresses, tokens.

use chrono::TimeDelta;
use resonance_testkit::{Instance, PASSWORD, on_both};
use serde_json::{Value, json};

use crate::schema::{data, error_code, execute};

const SIGN_UP: &str = "mutation ($input: SignUpInput!) { signUp(input: $input) {
    signUp { id email expiresAt } session { id } user { id } token userErrors { code field message } } }";
const VERIFY: &str = "mutation ($input: VerifySignUpInput!) { verifySignUp(input: $input) {
    session { id current userAgent ipAddress } user { id name email } token userErrors { code field } } }";
const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) {
    session { id current } user { name } token userErrors { code field } } }";
const VIEWER: &str =
    "{ viewer { id name email session { id current } emailAddresses { id address primary verifiedAt }
    sessions(first: 10) { totalCount nodes { id current } pageInfo { hasNextPage } } } }";

on_both! {
    async fn a_person_signs_up_and_is_the_viewer(backend: Backend) {
        let instance = Instance::new(backend).await;
        let input = json!({ "name": "Ada", "email": "ada@example.org", "password": PASSWORD });
        let asked = data(&instance.anonymous(), SIGN_UP, json!({ "input": input })).await;
        let asked = &asked["signUp"];
        assert_eq!((&asked["userErrors"], &asked["token"], &asked["session"]), (&json!([]), &Value::Null, &Value::Null));
        assert_eq!(asked["signUp"]["email"], "ada@example.org");
        let id = asked["signUp"]["id"].as_str().unwrap();
        assert!(id.starts_with("signup_"));

        let wrong = json!({ "input": { "signUpId": id, "code": "12345" } });
        let refused = data(&instance.anonymous(), VERIFY, wrong).await;
        assert_eq!(refused["verifySignUp"]["userErrors"], json!([{ "code": "INVALID", "field": "code" }]));
        let malformed = json!({ "input": { "signUpId": "user_1", "code": "123456" } });
        let refused = data(&instance.anonymous(), VERIFY, malformed).await;
        assert_eq!(refused["verifySignUp"]["userErrors"], json!([{ "code": "INVALID", "field": "signUpId" }]));

        let code = instance.mailed_code("ada@example.org").await;
        let right = json!({ "input": { "signUpId": id, "code": code } });
        let response = execute(&instance.anonymous_from("192.0.2.1"), VERIFY, right).await;
        assert!(response.http_headers.is_empty());
        let opened = &response.data.into_json().unwrap()["verifySignUp"];
        assert_eq!(opened["user"]["email"], "ada@example.org");
        assert_eq!(opened["session"]["current"], true);
        assert_eq!(opened["session"]["ipAddress"], "192.0.2.1");

        let token = opened["token"].as_str().unwrap();
        let request = instance.services.authenticate(token, Default::default(), None).await.unwrap();
        let viewer = &data(&request, VIEWER, json!({})).await["viewer"];
        assert_eq!((&viewer["name"], &viewer["id"]), (&json!("Ada"), &opened["user"]["id"]));
        assert_eq!(viewer["session"], json!({ "id": opened["session"]["id"], "current": true }));
        assert_eq!(viewer["sessions"]["totalCount"], 1);
        assert_eq!(viewer["sessions"]["nodes"], json!([viewer["session"]]));
        assert_eq!(viewer["emailAddresses"][0]["primary"], true);
        assert_eq!(data(&instance.anonymous(), VIEWER, json!({})).await["viewer"], Value::Null);
    }

    async fn who_is_the_viewer_costs_no_further_statement(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let document = "{ viewer { id name email session { id expiresAt } } }";
        let (_, statements) = resonance_testkit::count_statements(data(&request, document, json!({}))).await;
        assert_eq!(statements, 0);
    }

    async fn a_browser_gets_its_session_as_a_cookie_and_gives_it_back(backend: Backend) {
        let instance = Instance::with(backend, |settings| settings.public_url = "https://speech.example.org".into()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let input = json!({ "email": ada.email, "password": PASSWORD, "session": "COOKIE" });
        let response = execute(&instance.anonymous(), SIGN_IN, json!({ "input": input })).await;
        let cookie = response.http_headers["set-cookie"].to_str().unwrap().to_owned();
        assert_eq!(response.data.into_json().unwrap()["signIn"]["token"], Value::Null);
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=34560000; Secure");
        let token = pair.strip_prefix("resonance_session=").unwrap();
        let request = instance.services.authenticate(token, Default::default(), None).await.unwrap();
        let response = execute(&request, "mutation { signOut { endedSessionId userErrors { code } } }", json!({})).await;
        assert_eq!(
            response.http_headers["set-cookie"],
            "resonance_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0; Secure"
        );
        assert!(response.errors.is_empty());
        assert!(instance.services.authenticate(token, Default::default(), None).await.is_err());
        // A session that has ended: the cookie goes all the same.
        let response = execute(&instance.anonymous(), "mutation { signOut { endedSessionId } }", json!({})).await;
        assert_eq!(error_code(&response), "UNAUTHENTICATED");
        assert!(response.http_headers.contains_key("set-cookie"));
    }

    async fn without_tls_the_cookie_is_not_secure_and_refusals_set_none(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let input = |password: &str| json!({ "input": { "email": ada.email, "password": password, "session": "COOKIE" } });
        let response = execute(&instance.anonymous(), SIGN_IN, input("wrong")).await;
        assert!(response.http_headers.is_empty());
        let refused = response.data.into_json().unwrap();
        assert_eq!(refused["signIn"]["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": null }]));
        let response = execute(&instance.anonymous(), SIGN_IN, input(PASSWORD)).await;
        assert!(!response.http_headers["set-cookie"].to_str().unwrap().contains("Secure"));
    }

    async fn too_many_wrong_passwords_say_how_long_to_wait(backend: Backend) {
        let instance = Instance::new(backend).await;
        let input = json!({ "input": { "email": "ada@example.org", "password": "wrong" } });
        for _ in 0..10 {
            data(&instance.anonymous(), SIGN_IN, input.clone()).await;
        }
        let response = execute(&instance.anonymous(), SIGN_IN, input).await;
        assert_eq!(error_code(&response), "RATE_LIMITED");
        let extensions = response.errors[0].extensions.clone().unwrap();
        assert_eq!(extensions.get("retryAfter").unwrap().clone().into_json().unwrap(), json!(90));
    }

    async fn sessions_are_listed_page_by_page_and_revoked(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let input = json!({ "input": { "email": ada.email, "password": PASSWORD } });
        for _ in 0..3 {
            data(&instance.anonymous(), SIGN_IN, input.clone()).await;
        }
        let request = instance.request_of(&ada).await;
        let page = "query ($after: String) { viewer { sessions(first: 3, after: $after) {
            edges { cursor node { id current } } pageInfo { hasNextPage endCursor } } } }";
        let first = data(&request, page, json!({})).await["viewer"]["sessions"].clone();
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        let second = data(&request, page, json!({ "after": first["pageInfo"]["endCursor"] })).await["viewer"]["sessions"].clone();
        assert_eq!(second["edges"].as_array().unwrap().len(), 1);
        assert_eq!(second["edges"][0]["node"]["current"], true);
        for cursor in ["", "x", "bnVsbA"] {
            let response = execute(&request, page, json!({ "after": cursor })).await;
            assert_eq!(error_code(&response), "INVALID");
        }
        let revoke = "mutation ($id: ID!) { revokeSession(input: { sessionId: $id }) { endedSessionId userErrors { code field } } }";
        let id = &first["edges"][0]["node"]["id"];
        let revoked = data(&request, revoke, json!({ "id": id })).await;
        assert_eq!(revoked["revokeSession"], json!({ "endedSessionId": id, "userErrors": [] }));
        let again = data(&request, revoke, json!({ "id": id })).await;
        assert_eq!(again["revokeSession"]["userErrors"], json!([{ "code": "NOT_FOUND", "field": "sessionId" }]));
        let others = data(&request, "mutation { revokeOtherSessions { endedSessions userErrors { code } } }", json!({})).await;
        assert_eq!(others["revokeOtherSessions"]["endedSessions"], 2);
    }

    async fn a_password_is_reset_and_changed(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let ask = "mutation ($email: String!) { requestPasswordReset(input: { email: $email }) {
            passwordReset { id email expiresAt } userErrors { code field } } }";
        let reset = "mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { userErrors { code field } } }";
        let asked = data(&instance.anonymous(), ask, json!({ "email": ada.email })).await;
        let id = &asked["requestPasswordReset"]["passwordReset"]["id"];
        let code = instance.mailed_code("ada@example.org").await;
        let input = json!({ "passwordResetId": id, "code": code, "newPassword": "short" });
        let refused = data(&instance.anonymous(), reset, json!({ "input": input })).await;
        assert_eq!(refused["resetPassword"]["userErrors"], json!([{ "code": "TOO_SHORT", "field": "newPassword" }]));
        let input = json!({ "passwordResetId": id, "code": code, "newPassword": "glacial copper lantern" });
        let done = data(&instance.anonymous(), reset, json!({ "input": input })).await;
        assert_eq!(done["resetPassword"]["userErrors"], json!([]));
        assert!(instance.services.authenticate(&ada.token, Default::default(), None).await.is_err());

        let signed_in = json!({ "input": { "email": ada.email, "password": "glacial copper lantern" } });
        let token = data(&instance.anonymous(), SIGN_IN, signed_in).await["signIn"]["token"].as_str().unwrap().to_owned();
        let request = instance.services.authenticate(&token, Default::default(), None).await.unwrap();
        let change = "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { userErrors { code field } } }";
        let input = json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD });
        let refused = data(&request, change, json!({ "input": input })).await;
        assert_eq!(refused["changePassword"]["userErrors"], json!([{ "code": "WRONG_CREDENTIALS", "field": "currentPassword" }]));
        let input = json!({ "currentPassword": "glacial copper lantern", "newPassword": PASSWORD });
        let done = data(&request, change, json!({ "input": input })).await;
        assert_eq!(done["changePassword"]["userErrors"], json!([]));
    }

    async fn addresses_are_added_proved_chosen_and_removed(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let add = "mutation ($email: String!) { addEmailAddress(input: { email: $email }) {
            emailAddress { id address verifiedAt primary } userErrors { code field } } }";
        let added = data(&request, add, json!({ "email": "ada@example.net" })).await["addEmailAddress"]["emailAddress"].clone();
        assert_eq!((&added["verifiedAt"], &added["primary"]), (&Value::Null, &json!(false)));
        let id = &added["id"];
        let code = instance.mailed_code("ada@example.net").await;
        let verify = "mutation ($id: ID!, $code: String!) { verifyEmailAddress(input: { emailAddressId: $id, code: $code }) {
            emailAddress { verifiedAt } userErrors { code field } } }";
        let verified = data(&request, verify, json!({ "id": id, "code": code })).await;
        assert!(verified["verifyEmailAddress"]["emailAddress"]["verifiedAt"].is_string());
        let choose = "mutation ($id: ID!) { setPrimaryEmailAddress(input: { emailAddressId: $id }) { emailAddress { primary } userErrors { code field } } }";
        let chosen = data(&request, choose, json!({ "id": id })).await;
        assert_eq!(chosen["setPrimaryEmailAddress"]["emailAddress"]["primary"], true);
        let remove = "mutation ($id: ID!) { removeEmailAddress(input: { emailAddressId: $id }) { removedEmailAddressId userErrors { code field } } }";
        let refused = data(&request, remove, json!({ "id": id })).await;
        assert_eq!(refused["removeEmailAddress"]["userErrors"], json!([{ "code": "CONFLICT", "field": "emailAddressId" }]));
        let viewer = data(&instance.request_of(&ada).await, VIEWER, json!({})).await;
        assert_eq!(viewer["viewer"]["email"], "ada@example.net");
        let old = &viewer["viewer"]["emailAddresses"][0]["id"];
        let removed = data(&request, remove, json!({ "id": old })).await;
        assert_eq!(&removed["removeEmailAddress"]["removedEmailAddressId"], old);
    }

    async fn a_jwt_lasts_a_minute_and_knows_no_foreign_organization(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let request = instance.request_of(&ada).await;
        let create = "mutation ($input: CreateJwtInput!) { createJwt(input: $input) { jwt expiresAt userErrors { code field } } }";
        let created = data(&request, create, json!({ "input": {} })).await["createJwt"].clone();
        assert_eq!(created["jwt"].as_str().unwrap().split('.').count(), 3);
        let expires_at: chrono::DateTime<chrono::Utc> = created["expiresAt"].as_str().unwrap().parse().unwrap();
        assert!(expires_at - instance.clock.now() <= TimeDelta::seconds(60));
        let absent = resonance_domain::OrganizationId::from_uuid(instance.fresh_uuid()).type_id();
        let response = execute(&request, create, json!({ "input": { "organizationId": absent } })).await;
        assert_eq!(error_code(&response), "NOT_FOUND");
        let refused = data(&request, create, json!({ "input": { "organizationId": "acme" } })).await;
        assert_eq!(refused["createJwt"]["userErrors"], json!([{ "code": "INVALID", "field": "organizationId" }]));
    }

    async fn what_concerns_oneself_needs_signing_in(backend: Backend) {
        let instance = Instance::new(backend).await;
        for mutation in [
            "signOut { endedSessionId }",
            "revokeOtherSessions { endedSessions }",
            "revokeSession(input: { sessionId: \"sess_01j1hx8yqmfk1btzvap4d4pb1x\" }) { endedSessionId }",
            "changePassword(input: { currentPassword: \"a\", newPassword: \"b\" }) { userErrors { code } }",
            "updateProfile(input: { name: \"\" }) { user { name } }",
            "addEmailAddress(input: { email: \"\" }) { emailAddress { id } }",
            "verifyEmailAddress(input: { emailAddressId: \"eml_01j1hx8yqmfk1btzvap4d4pb1x\", code: \"1\" }) { emailAddress { id } }",
            "setPrimaryEmailAddress(input: { emailAddressId: \"eml_01j1hx8yqmfk1btzvap4d4pb1x\" }) { emailAddress { id } }",
            "removeEmailAddress(input: { emailAddressId: \"eml_01j1hx8yqmfk1btzvap4d4pb1x\" }) { removedEmailAddressId }",
            "createJwt(input: {}) { jwt }",
        ] {
            let response = execute(&instance.anonymous(), &format!("mutation {{ {mutation} }}"), json!({})).await;
            assert_eq!(error_code(&response), "UNAUTHENTICATED", "{mutation}");
        }
    }
}
