//! Engines that are other servers.

use std::time::Duration;

use serde_json::{Value, json};
use tests::Server;

resonance_testkit::on_both! {
    async fn another_resonance_speaks_for_this_one(backend: Backend) {
        let there = Server::start(backend).await;
        let vera = there.sign_up("Vera", "vera@example.org").await;
        let studio = vera.found("Studio", "studio").await;
        let (_, key) = vera.make_key(&studio, "The other instance").await;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("engines.toml");
        let engines = format!("[[engine]]\nname = \"studio\"\nkind = \"openai\"\nurl = \"{}\"\nkey = \"{key}\"\n", there.url(""));
        std::fs::write(&file, engines).unwrap();
        let here = Server::start_with(backend, &[("RESONANCE_ENGINES", file.to_str().unwrap())]).await;
        let ready: Value = here.anonymous().get("/readyz").await.json().await.unwrap();
        assert_eq!(ready["engines"], json!({ "builtin": "ok", "studio": "ok" }));

        let ada = here.sign_up("Ada", "ada@example.org").await;
        let acme = ada.found("Acme", "acme").await;
        let query = "{ systemVoices(first: 100) { nodes { id name engine capabilities { settings instructions } } } }";
        let mut voice = Value::Null;
        for _ in 0..100 {
            let found = ada.client.data(query, json!({})).await;
            let voices = found["systemVoices"]["nodes"].as_array().unwrap().clone();
            voice = voices.into_iter().find(|voice| voice["engine"] == "studio").unwrap_or_default();
            if !voice.is_null() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(voice["capabilities"], json!({ "settings": ["SPEED"], "instructions": false }), "{voice}");

        let text = "This text crosses from one instance to another.";
        let generation = ada.speak(&acme, voice["id"].as_str().unwrap(), text).await;
        assert_eq!(ada.hear(&generation).await, "SUCCEEDED");
        let query = "query($id: ID!) { node(id: $id) { ... on Generation { engine durationMs audioUrl timeMarks { text startMs } } } }";
        let spoken = ada.client.data(query, json!({ "id": generation })).await["node"].clone();
        assert_eq!((spoken["engine"].as_str(), &spoken["timeMarks"][0]["text"]), (Some("studio"), &json!(text)));
        assert!(spoken["durationMs"].as_i64().unwrap() > 1_000);
        assert_eq!(ada.client.get(spoken["audioUrl"].as_str().unwrap()).await.status(), 200);

        // There it is a generation of the key, and on that meter.
        let query = "query($id: ID!) { organization(id: $id) { generations { nodes { text apiKeyId state } } } }";
        let made = vera.client.data(query, json!({ "id": studio })).await;
        let made = &made["organization"]["generations"]["nodes"][0];
        assert_eq!((made["text"].as_str(), made["state"].as_str()), (Some(text), Some("SUCCEEDED")));
        assert!(made["apiKeyId"].is_string());
    }
}
