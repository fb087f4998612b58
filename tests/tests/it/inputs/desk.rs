//! Where wrong inputs are handed in.

use std::collections::BTreeMap;

use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Client, Person, SchemaDocument, Server};

/// A server with an organization, at which everything wrong is tried.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) server: Server,
    schema: SchemaDocument,
    pub(super) admin: Person,
    pub(super) member: Person,
    pub(super) organization: String,
    /// A counter by which every attempt comes from an address of its own.
    attempts: std::sync::atomic::AtomicU32,
}

/// How many rows every table has, and the objects in the store.
type Inventory = (BTreeMap<String, usize>, Vec<String>);

impl Desk {
    pub(super) async fn new(backend: Backend) -> Self {
        let variables = [("RESONANCE_INTROSPECTION", "true")];
        let server = Server::start_with(backend, &variables).await;
        let admin = server.sign_up("Ada", "ada@inputs.test").await;
        let organization = admin.found("Acme", "acme").await;
        admin
            .invite(&organization, "org:member", &["max@inputs.test"])
            .await;
        let member = server.join("Max", "max@inputs.test").await;
        server.settle().await;
        Self {
            schema: SchemaDocument::ask(&admin.client).await,
            server,
            admin,
            member,
            organization,
            attempts: std::sync::atomic::AtomicU32::default(),
        }
    }

    /// Somebody new, from an address that was not seen before.
    pub(super) fn anonymous(&self) -> Client {
        let n = self.attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.server
            .anonymous()
            .from(&format!("172.16.{}.{}", n / 250, n % 250))
    }

    async fn inventory(&self) -> Inventory {
        let mut rows = BTreeMap::new();
        for table in self.server.tables().await {
            // That somebody was refused what is not theirs is on record, and the record is sealed.
            let counted = match table.as_str() {
                "audit_chains" => continue,
                "events" => "events WHERE kind <> 'access.refused'",
                table => table,
            };
            let count = self.server.count(counted).await;
            rows.insert(table, count);
        }
        (rows, self.server.objects())
    }

    /// The mutation's text.
    pub(super) fn mutation(&self, name: &str) -> String {
        let fields = self.schema.fields("Mutation");
        let field = fields.iter().find(|field| field.name == name);
        let (_, of, _) = &field.unwrap_or_else(|| panic!("no mutation {name}")).arguments[0];
        format!(
            "mutation($input: {of}) {{ {name}(input: $input) {{ __typename userErrors {{ code field message }} }} }}"
        )
    }

    /// Hands an input in; the errors, each as code and field, in order.
    pub(super) async fn hand_in(&self, client: &Client, name: &str, input: Value) -> String {
        self.hand_in_with(client, name, input, None).await
    }

    pub(super) async fn hand_in_with(
        &self,
        client: &Client,
        name: &str,
        input: Value,
        file: Option<(&str, Vec<u8>)>,
    ) -> String {
        let query = self.mutation(name);
        let answer = client
            .try_answer(&query, json!({ "input": input }), file)
            .await
            .unwrap();
        let json = answer.json();
        let errors = json["data"][name]["userErrors"].as_array();
        let told = errors.into_iter().flatten().map(|error| {
            let message = error["message"].as_str().unwrap();
            assert!(!message.is_empty(), "{json:#}");
            format!(
                "{} {}",
                error["code"].as_str().unwrap(),
                error["field"].as_str().unwrap_or("-")
            )
        });
        let of_request = json["errors"].as_array();
        let of_request = of_request.into_iter().flatten().map(|error| {
            let code = error["extensions"]["code"].as_str();
            format!("!{}", code.unwrap_or_else(|| panic!("no code: {json:#}")))
        });
        let all: Vec<_> = told.chain(of_request).collect();
        all.join(", ")
    }

    /// Hands wrong inputs in: each a mutation, its input, and the errors that must come. Tells all that differs.
    pub(super) async fn refuses(&self, client: &Client, cases: Vec<(&str, Value, &str)>) {
        let mut surprises = Vec::new();
        for (name, input, expected) in cases {
            let before = self.inventory().await;
            let shown: String = input.to_string().chars().take(200).collect();
            let told = self.hand_in(client, name, input).await;
            if told != expected {
                surprises.push(format!("{name} {shown}: {told:?}, not {expected:?}"));
            }
            if self.inventory().await != before {
                surprises.push(format!("{name} {shown}: left something behind"));
            }
        }
        assert!(surprises.is_empty(), "{surprises:#?}");
    }

    /// The same with files.
    pub(super) async fn refuses_files(
        &self,
        name: &str,
        field: &str,
        input: Value,
        cases: Vec<(&str, Vec<u8>, &str)>,
    ) {
        let mut surprises = Vec::new();
        for (what, file, expected) in cases {
            let before = self.inventory().await;
            let file = Some((field, file));
            let told = self
                .hand_in_with(&self.admin.client, name, input.clone(), file)
                .await;
            if told != expected {
                surprises.push(format!("{name} with {what}: {told:?}, not {expected:?}"));
            }
            if self.inventory().await != before {
                surprises.push(format!("{name} with {what}: left something behind"));
            }
        }
        assert!(surprises.is_empty(), "{surprises:#?}");
    }
}
