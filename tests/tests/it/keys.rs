//! Programs with an organization's API key, over HTTP.

use serde_json::{Value, json};
use tests::{Client, Tenant, World};

const NODE: &str =
    "query($id: ID!) { node(id: $id) { __typename id ... on Generation { apiKeyId author { name } } } }";

async fn node(client: &Client, id: &str) -> Value {
    client.ask(NODE, json!({ "id": id })).await.body
}

async fn speak(client: &Client, tenant: &Tenant) -> Value {
    let input = json!({ "organizationId": tenant.id, "voiceId": tenant.voice, "text": "By a program." });
    let selection = "generation { id apiKeyId author { name } }";
    let query = format!(
        "mutation($input: CreateGenerationInput!) {{ createGeneration(input: $input) {{ {selection} userErrors {{ code field }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await.body
}

resonance_testkit::on_both! {
    async fn a_key_works_in_its_organization_and_finds_nothing_in_another(backend: Backend) {
        let world = World::new(backend).await;
        let program = world.nobody.with_token(&world.a.key_token);
        let made = speak(&program, &world.a).await;
        let made = &made["data"]["createGeneration"]["generation"];
        assert_eq!((made["apiKeyId"].as_str(), &made["author"]), (Some(world.a.key.as_str()), &Value::Null), "{made:#}");
        // It sees what its permissions say, by whatever they were made.
        assert_eq!(node(&program, &world.a.generation).await["data"]["node"]["id"], world.a.generation.as_str());
        assert_eq!(program.fetch(&format!("/audio/{}", world.a.generation)).await.status, 200);
        for hidden in [&world.b.generation, &world.b.voice, &world.b.key, &world.b.webhook, &world.b.membership] {
            assert_eq!(node(&program, hidden).await["data"]["node"], Value::Null, "{hidden}");
        }
        assert_eq!(program.fetch(&format!("/audio/{}", world.b.generation)).await.status, 404);
        let elsewhere = speak(&program, &world.b).await;
        assert_eq!(elsewhere["errors"][0]["extensions"]["code"], "NOT_FOUND", "{elsewhere:#}");
        // What it lacks in its own organization is named.
        for lacking in [&world.a.webhook, &world.a.key, &world.a.membership] {
            assert_eq!(node(&program, lacking).await["errors"][0]["extensions"]["code"], "FORBIDDEN", "{lacking}");
        }
    }

    async fn what_takes_a_person_is_closed_to_keys(backend: Backend) {
        let world = World::new(backend).await;
        let program = world.nobody.with_token(&world.a.key_token);
        let queries = [
            "{ viewer { id } }".to_owned(),
            format!("{{ organization(id: \"{}\") {{ id }} }}", world.a.id),
            "mutation { createOrganization(input: { name: \"Mine\" }) { organization { id } userErrors { code } } }".into(),
            format!("mutation {{ revokeApiKey(input: {{ id: \"{}\" }}) {{ userErrors {{ code }} }} }}", world.a.key),
            format!("mutation {{ deleteOrganization(input: {{ organizationId: \"{}\" }}) {{ userErrors {{ code }} }} }}", world.a.id),
        ];
        for query in queries {
            let body = program.ask(&query, json!({})).await.body;
            let refused = body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED";
            assert!(refused || body["data"]["viewer"].is_null() && body.get("errors").is_none(), "{query}: {body:#}");
        }
        // And nothing has moved: the key still opens what it opened.
        assert_eq!(node(&program, &world.a.generation).await["data"]["node"]["id"], world.a.generation.as_str());
    }

    async fn a_revoked_key_is_refused_by_the_next_request_on_another_node(backend: Backend) {
        let world = World::new(backend).await;
        let node_2 = world.server.another_node().await;
        let program = world.nobody.with_token(&world.a.key_token).at(&node_2);
        assert_eq!(node(&program, &world.a.generation).await["data"]["node"]["id"], world.a.generation.as_str());
        let input = json!({ "id": world.a.key });
        world.a.admin.client.mutate("revokeApiKey", "RevokeApiKeyInput", "apiKey { state }", input).await;
        assert_eq!(node(&program, &world.a.generation).await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(program.fetch(&format!("/audio/{}", world.a.generation)).await.status, 401);
    }
}
