//! People, loaded by other parts of the schema.

use resonance_testkit::{Instance, on_both};
use serde_json::{Value, json};

use crate::schema::data;

const PEOPLE: &str = "query ($organization: String!, $ids: [String!]!) {
    people(organization: $organization, ids: $ids) { id name email } }";

on_both! {
    async fn nobody_is_found_in_an_organization_that_one_is_no_member_of(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let variables = json!({ "organization": acme.type_id(), "ids": [ada.user.type_id(), bob.user.type_id()] });
        let seen = data(&instance.request_of(&ada).await, PEOPLE, variables.clone()).await;
        let expected = json!([{ "id": ada.user.type_id(), "name": "Ada", "email": "ada@example.org" }, null]);
        assert_eq!(seen["people"], expected);
        let seen = data(&instance.request_of(&bob).await, PEOPLE, variables.clone()).await;
        assert_eq!(seen["people"], json!([Value::Null, Value::Null]));
    }
}
