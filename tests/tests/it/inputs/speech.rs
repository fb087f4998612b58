//! Voices and generations.

use resonance_testkit::on_both;
use serde_json::{Value, json};

use super::desk::Desk;

on_both! {
    async fn generations_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        let client = &desk.admin.client;
        let voice = client.system_voice().await;
        let organization = &desk.organization;
        let absent = "voice_01j1hx8yqmfk1btzvap4d4pb1x";
        let absent_here = format!("{absent}{}", &organization[4..]);
        let ask = |text: &str, settings: Value| {
            json!({ "organizationId": organization, "voiceId": voice, "text": text, "settings": settings })
        };
        let voiced = |voice: &str| json!({ "organizationId": organization, "voiceId": voice, "text": "Hello." });
        let mut cases = vec![
            ("createGeneration", ask("", json!({})), "TOO_SHORT text"),
            ("createGeneration", ask(" \n\t ", json!({})), "TOO_SHORT text"),
            ("createGeneration", ask(&"é".repeat(5001), json!({})), "TOO_LONG text"),
            ("createGeneration", voiced("nonsense"), "INVALID voiceId"),
            ("createGeneration", voiced(organization), "INVALID voiceId"),
            ("createGeneration", voiced(absent), "NOT_FOUND voiceId"),
            ("createGeneration", voiced(&absent_here), "NOT_FOUND voiceId"),
            ("createGeneration", json!({ "organizationId": "nonsense", "voiceId": voice, "text": "A" }), "INVALID organizationId"),
            ("createGeneration", json!({ "voiceId": voice, "text": "A", "format": "AIFF" }), "!GRAPHQL_VALIDATION_FAILED"),
            ("createGeneration", json!({ "voiceId": voice, "text": 5 }), "!GRAPHQL_VALIDATION_FAILED"),
            ("cancelGeneration", json!({ "id": "nonsense" }), "INVALID id"),
            ("deleteGeneration", json!({ "id": voice }), "INVALID id"),
            ("deleteVoice", json!({ "voiceId": voice }), "INVALID voiceId"),
            ("updateVoice", json!({ "voiceId": absent_here, "name": "A" }), "!NOT_FOUND"),
        ];
        for (setting, values) in [
            ("temperature", [json!(-0.1), json!(2.1)]),
            ("topP", [json!(-0.1), json!(1.1)]),
            ("topK", [json!(0), json!(10_001)]),
            ("repetitionPenalty", [json!(0.9), json!(2.1)]),
            ("speed", [json!(0.24), json!(4.1)]),
        ] {
            for value in values {
                let expected: &str = match setting {
                    "temperature" => "INVALID settings.temperature",
                    "topP" => "INVALID settings.topP",
                    "topK" => "INVALID settings.topK",
                    "repetitionPenalty" => "INVALID settings.repetitionPenalty",
                    _ => "INVALID settings.speed",
                };
                cases.push(("createGeneration", ask("A", json!({ setting: value })), expected));
            }
        }
        cases.push(("createGeneration", ask("", json!({ "speed": 9, "topP": 9 })), "TOO_SHORT text, INVALID settings.topP, INVALID settings.speed"));
        desk.refuses(client, cases).await;
        // A voice whose language nothing here can read, is not made; what is finished, is not cancelled.
        let id = desk.admin.speak(organization, &voice, "Hello.").await;
        assert_eq!(desk.admin.hear(&id).await, "SUCCEEDED");
        desk.server.settle().await;
        desk.refuses(client, vec![("cancelGeneration", json!({ "id": id }), "CONFLICT id")]).await;
        // Five thousand characters are well, however many bytes they take.
        let told = desk.hand_in(client, "createGeneration", ask(&"é".repeat(5000), json!({}))).await;
        assert_eq!(told, "");
    }

    async fn pages_that_cannot_be(backend: Backend) {
        let desk = Desk::new(backend).await;
        let client = &desk.admin.client;
        let roots = ["organizations", "sessions", "receivedInvitations"];
        let lists = ["members", "invitations", "voices", "generations"];
        let arguments = [
            "first: -1",
            "first: 101",
            "last: 1000000",
            "first: 2147483648",
            "first: 1, last: 1",
            "after: \"nonsense\"",
            "after: \"\"",
            "before: \"WyJBIl0\"",
            "after: \"////\"",
            "first: 1, after: \"bnVsbA\"",
        ];
        let mut surprises = Vec::new();
        let in_organization = lists.iter().flat_map(|list| {
            arguments.map(|arguments| (list, arguments, format!("{{ viewer {{ activeOrganization {{ {list}({arguments}) {{ nodes {{ id }} }} }} }} }}")))
        });
        let of_viewer = roots.iter().flat_map(|list| {
            arguments.map(|arguments| (list, arguments, format!("{{ viewer {{ {list}({arguments}) {{ nodes {{ id }} }} }} }}")))
        });
        for (list, arguments, query) in in_organization.chain(of_viewer) {
            let answer = client.answer(&query, json!({})).await;
            let code = answer.code();
            // What is no `Int` is refused by its type, what would be too long an answer before anybody looks.
            let expected = match arguments {
                "first: 2147483648" => "GRAPHQL_VALIDATION_FAILED",
                "last: 1000000" => "QUERY_TOO_COMPLEX",
                _ => "INVALID",
            };
            if code != expected {
                surprises.push(format!("{list}({arguments}): {code:?}, {}", answer.body));
            }
        }
        for (field, arguments) in [
            ("voices", format!("filter: {{ search: \"{}\" }}", "x".repeat(101))),
            ("voices", "filter: { language: \"nonsense!\" }".into()),
            ("generations", format!("filter: {{ search: \"{}\" }}", "x".repeat(201))),
            ("generations", "filter: { voiceId: \"nonsense\" }".into()),
            ("generations", "filter: { authorId: \"nonsense\" }".into()),
        ] {
            let query = format!("{{ viewer {{ activeOrganization {{ {field}({arguments}) {{ nodes {{ id }} }} }} }} }}");
            let answer = client.answer(&query, json!({})).await;
            if answer.code() != "INVALID" && answer.code() != "TOO_LONG" {
                surprises.push(format!("{field}({arguments}): {:?}, {}", answer.code(), answer.body));
            }
        }
        assert!(surprises.is_empty(), "{surprises:#?}");
    }
}
