//! Accounts and sessions.

use resonance_testkit::on_both;
use serde_json::{Value, json};
use tests::PASSWORD;

use super::desk::Desk;

fn sign_up(changes: Value) -> Value {
    let mut input = json!({ "name": "Eve", "email": "eve@inputs.test", "password": PASSWORD });
    for (key, value) in changes.as_object().unwrap() {
        input[key] = value.clone();
    }
    input
}

on_both! {
    async fn sign_ups_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        desk.admin.invite(&desk.organization, "org:member", &["ida@inputs.test"]).await;
        let link = desk.server.invitation_token("ida@inputs.test").await;
        desk.server.settle().await;
        let cases = [
            (json!({ "name": "" }), "TOO_SHORT name"),
            (json!({ "name": "   " }), "TOO_SHORT name"),
            (json!({ "name": "x".repeat(129) }), "TOO_LONG name"),
            (json!({ "name": "a\u{7}b" }), "INVALID name"),
            (json!({ "name": "a\nb" }), "INVALID name"),
            (json!({ "email": "" }), "TOO_SHORT email"),
            (json!({ "email": "eve" }), "INVALID email"),
            (json!({ "email": "eve@" }), "INVALID email"),
            (json!({ "email": "eve@inputs.test\r\nBcc: all@inputs.test" }), "INVALID email"),
            (json!({ "email": format!("{}@inputs.test", "x".repeat(300)) }), "TOO_LONG email"),
            (json!({ "password": "" }), "TOO_SHORT password"),
            (json!({ "password": "1234567" }), "TOO_SHORT password"),
            (json!({ "password": "x".repeat(129) }), "TOO_LONG password"),
            (json!({ "password": "password" }), "PASSWORD_TOO_COMMON password"),
            (json!({ "password": "eve@inputs.test" }), "PASSWORD_TOO_COMMON password"),
            (json!({ "name": "", "email": "", "password": "" }), "TOO_SHORT name, TOO_SHORT email, TOO_SHORT password"),
            (json!({ "invitationToken": "nonsense" }), "NOT_FOUND invitationToken"),
            (json!({ "invitationToken": format!("inv_{}", "A".repeat(43)) }), "NOT_FOUND invitationToken"),
            (json!({ "invitationToken": link }), "EMAIL_MISMATCH email"),
            (json!({ "name": null }), "!GRAPHQL_VALIDATION_FAILED"),
            (json!({ "email": 5 }), "!GRAPHQL_VALIDATION_FAILED"),
            (json!({ "session": "BY_POST" }), "!GRAPHQL_VALIDATION_FAILED"),
            (json!({ "admin": true }), "!GRAPHQL_VALIDATION_FAILED"),
        ];
        for (changes, expected) in cases {
            desk.refuses(&desk.anonymous(), vec![("signUp", sign_up(changes), expected)]).await;
        }
    }

    async fn codes_that_are_wrong_used_or_exhausted(backend: Backend) {
        let desk = Desk::new(backend).await;
        let client = desk.anonymous();
        let selection = "signUp { id }";
        let payload = client.mutate("signUp", "SignUpInput", selection, sign_up(json!({}))).await;
        let id = payload["signUp"]["id"].clone();
        let code = desk.server.code("eve@inputs.test").await;
        desk.server.settle().await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let verify = |code: &str| json!({ "signUpId": id, "code": code });
        let absent = "signup_01j1hx8yqmfk1btzvap4d4pb1x";
        desk.refuses(&client, vec![
            ("resendSignUpCode", json!({ "signUpId": id }), "!RATE_LIMITED"),
            ("resendSignUpCode", json!({ "signUpId": "nonsense" }), "INVALID signUpId"),
            ("verifySignUp", json!({ "signUpId": "nonsense", "code": code }), "INVALID signUpId"),
            ("verifySignUp", json!({ "signUpId": desk.admin.user, "code": code }), "INVALID signUpId"),
            ("verifySignUp", json!({ "signUpId": absent, "code": code }), "CODE_EXPIRED code"),
            ("verifySignUp", verify(""), "INVALID code"),
            ("verifySignUp", verify("12345"), "INVALID code"),
            ("verifySignUp", verify("abcdef"), "INVALID code"),
            ("verifySignUp", verify(wrong), "CODE_WRONG code"),
        ]).await;
        // Spaces do not matter; a code that was used is no code any more.
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(desk.hand_in(&client, "verifySignUp", verify(&spaced)).await, "");
        desk.server.settle().await;
        desk.refuses(&client, vec![("verifySignUp", verify(&code), "CODE_EXPIRED code")]).await;

        // Five wrong tries void a code, also for whoever has the right one then.
        let input = sign_up(json!({ "email": "mia@inputs.test" }));
        let payload = client.mutate("signUp", "SignUpInput", selection, input).await;
        let id = payload["signUp"]["id"].clone();
        let code = desk.server.code("mia@inputs.test").await;
        desk.server.settle().await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let verify = |code: &str| ("verifySignUp", json!({ "signUpId": id, "code": code }));
        for _ in 0..4 {
            let (name, input) = verify(wrong);
            desk.refuses(&client, vec![(name, input, "CODE_WRONG code")]).await;
        }
        for code in [wrong, &code] {
            let (name, input) = verify(code);
            let told = desk.hand_in(&client, name, input).await;
            assert!(told == "CODE_EXHAUSTED code" || told == "CODE_WRONG code" && code == wrong, "{told}");
        }
        assert_eq!(desk.server.count("users").await, 3);
    }

    async fn what_is_wrong_with_accounts(backend: Backend) {
        let desk = Desk::new(backend).await;
        let (admin, member) = (&desk.admin, &desk.member);
        let client = &admin.client;
        let absent_session = "sess_01j1hx8yqmfk1btzvap4d4pb1x";
        desk.refuses(client, vec![
            ("updateProfile", json!({ "name": "" }), "TOO_SHORT name"),
            ("updateProfile", json!({ "name": "x".repeat(129) }), "TOO_LONG name"),
            ("changePassword", json!({ "currentPassword": "wrong", "newPassword": "a quite good one" }), "WRONG_CREDENTIALS currentPassword"),
            ("changePassword", json!({ "currentPassword": PASSWORD, "newPassword": "short" }), "TOO_SHORT newPassword"),
            ("changePassword", json!({ "currentPassword": PASSWORD, "newPassword": "12345678" }), "PASSWORD_TOO_COMMON newPassword"),
            ("revokeSession", json!({ "sessionId": "nonsense" }), "INVALID sessionId"),
            ("revokeSession", json!({ "sessionId": absent_session }), "NOT_FOUND sessionId"),
            ("revokeSession", json!({ "sessionId": member.session }), "NOT_FOUND sessionId"),
            ("addEmailAddress", json!({ "email": "nonsense" }), "INVALID email"),
            ("addEmailAddress", json!({ "email": admin.email.to_uppercase() }), "TAKEN email"),
            ("removeEmailAddress", json!({ "emailAddressId": "nonsense" }), "INVALID emailAddressId"),
            ("removeEmailAddress", json!({ "emailAddressId": admin.email_id }), "CONFLICT emailAddressId"),
            ("removeEmailAddress", json!({ "emailAddressId": member.email_id }), "NOT_FOUND emailAddressId"),
            ("setPrimaryEmailAddress", json!({ "emailAddressId": member.email_id }), "NOT_FOUND emailAddressId"),
            ("createJwt", json!({ "organizationId": "nonsense" }), "INVALID organizationId"),
        ]).await;
        let payload = client.mutate("addEmailAddress", "AddEmailAddressInput", "emailAddress { id }", json!({ "email": "ada2@inputs.test" })).await;
        desk.server.settle().await;
        let id = payload["emailAddress"]["id"].clone();
        desk.refuses(client, vec![
            ("setPrimaryEmailAddress", json!({ "emailAddressId": id }), "CONFLICT emailAddressId"),
            ("addEmailAddress", json!({ "email": "ada2@inputs.test" }), "!RATE_LIMITED"),
            ("verifyEmailAddress", json!({ "emailAddressId": id, "code": "nonsense" }), "INVALID code"),
        ]).await;
        let visitor = desk.anonymous();
        desk.refuses(&visitor, vec![
            ("signIn", json!({ "email": admin.email, "password": "wrong" }), "WRONG_CREDENTIALS -"),
            ("signIn", json!({ "email": "nobody@inputs.test", "password": "wrong" }), "WRONG_CREDENTIALS -"),
            ("signIn", json!({ "email": "nonsense", "password": "wrong" }), "INVALID email"),
            ("requestPasswordReset", json!({ "email": "nonsense" }), "INVALID email"),
            ("resetPassword", json!({ "passwordResetId": "nonsense", "code": "123456", "newPassword": "a quite good one" }), "INVALID passwordResetId"),
        ]).await;
        for n in 0..12 {
            let told = desk.hand_in(&desk.anonymous(), "signIn", json!({ "email": member.email, "password": "wrong" })).await;
            assert_eq!(told, if n < 10 { "WRONG_CREDENTIALS -" } else { "!RATE_LIMITED" }, "try {n}");
        }
    }

    async fn a_reset_works_once(backend: Backend) {
        let desk = Desk::new(backend).await;
        let visitor = desk.anonymous();
        // The member came by a link, so no code was sent yet.
        let input = json!({ "email": desk.member.email });
        let payload = visitor.mutate("requestPasswordReset", "RequestPasswordResetInput", "passwordReset { id }", input).await;
        let id = payload["passwordReset"]["id"].clone();
        let code = desk.server.code(&desk.member.email).await;
        desk.server.settle().await;
        let reset = |password: &str| json!({ "passwordResetId": id, "code": code, "newPassword": password });
        desk.refuses(&visitor, vec![
            ("resetPassword", reset("short"), "TOO_SHORT newPassword"),
            ("resetPassword", reset("password"), "PASSWORD_TOO_COMMON newPassword"),
            ("requestPasswordReset", json!({ "email": desk.member.email }), "!RATE_LIMITED"),
        ]).await;
        assert_eq!(desk.hand_in(&visitor, "resetPassword", reset("tumbling red meridian")).await, "");
        let told = desk.hand_in(&visitor, "resetPassword", reset("tumbling blue meridian")).await;
        assert_eq!(told, "CODE_EXPIRED code");
        // All sessions have ended.
        let data = desk.member.client.data("{ viewer { id } }", json!({})).await;
        assert_eq!(data["viewer"], Value::Null);
    }
}
