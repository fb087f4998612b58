//! Making API keys.

use serde_json::json;

use crate::Person;

impl Person {
    /// Makes a key that hears voices, speaks, and reads the history: its id and its secret.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn make_key(&self, organization: &str, name: &str) -> (String, String) {
        let permissions = [
            "org:voices:read",
            "org:generations:create",
            "org:generations:read",
        ];
        let input = json!({ "organizationId": organization, "name": name, "permissions": permissions });
        let made = self
            .client
            .mutate("createApiKey", "CreateApiKeyInput", "token apiKey { id }", input)
            .await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (text(&made["apiKey"]["id"]), text(&made["token"]))
    }
}
