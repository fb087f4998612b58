//! SQL statements of the questions that applications ask most, authentication included.

use async_graphql::{Request, Variables};
use resonance_domain::Origin;
use resonance_gateway::{SchemaOptions, request_data, schema};
use resonance_testkit::{Instance, count_statements, on_both};
use serde_json::{Value, json};

/// Asks with the token of a session; the answer's data, and how many statements it took.
async fn ask(instance: &Instance, token: &str, query: &str, variables: Value) -> (Value, u32) {
    let schema = schema(SchemaOptions {
        introspection: false,
        complexity: usize::MAX,
    });
    let (answer, statements) = count_statements(async {
        let request = instance
            .services
            .authenticate(token, Origin::default(), None)
            .await
            .unwrap();
        let mut query = Request::new(query).variables(Variables::from_json(variables));
        query.data = request_data(request);
        schema.execute(query).await
    })
    .await;
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    (answer.data.into_json().unwrap(), statements)
}

const VIEWER: &str = include_str!("../../../../bench/queries/q1.graphql");
const MEMBERS_AND_VOICES: &str = include_str!("../../../../bench/queries/q2.graphql");
const HISTORY: &str = include_str!("../../../../bench/queries/q3.graphql");
const HISTORY_WITH_VOICES: &str = "query($organization: ID!) { organization(id: $organization) {
    generations(first: 50) { totalCount nodes { id text voice { id name } author { id name email } } } } }";

on_both! {
    async fn statements_do_not_grow_with_the_lists(backend: Backend) {
        let mut costs = Vec::new();
        for rows in [5, 50] {
            let instance = Instance::with_voices(backend).await;
            let (organization, token) = instance.crowd(rows, rows.min(20), rows).await;
            let variables = json!({ "organization": organization.type_id() });
            let ask = async |query| ask(&instance, &token, query, variables.clone()).await;

            let (data, viewer) = ask(VIEWER).await;
            let active = &data["viewer"]["activeOrganization"];
            assert_eq!(active["id"], organization.type_id());
            assert_eq!(active["viewerRole"]["key"], "org:admin");

            let (data, lists) = ask(MEMBERS_AND_VOICES).await;
            let members = data["organization"]["members"]["nodes"].as_array().unwrap();
            assert_eq!(members.len() as u64, rows);
            assert!(members.iter().all(|member| member["user"]["email"].is_string()), "{members:?}");
            assert_eq!(data["organization"]["voices"]["nodes"].as_array().unwrap().len(), 20);

            let mut of_history = Vec::new();
            for query in [HISTORY, HISTORY_WITH_VOICES] {
                let (data, statements) = ask(query).await;
                let generations = &data["organization"]["generations"];
                assert_eq!(generations["totalCount"], rows);
                let nodes = generations["nodes"].as_array().unwrap();
                assert_eq!(nodes.len() as u64, rows);
                assert!(nodes.iter().all(|node| node["author"]["name"].is_string()), "{nodes:?}");
                of_history.push(statements);
            }
            costs.push((viewer, lists, of_history));
        }
        let [few, many] = &costs[..] else { unreachable!() };
        assert_eq!(few, many, "more rows, more statements");
        let (viewer, lists, history) = many;
        assert!(*viewer <= 3, "{viewer}");
        assert!(*lists <= 5, "{lists}");
        let [by_name, whole] = history[..] else { unreachable!() };
        assert!(by_name <= 5, "{by_name}");
        // Voices as they are now are one more to look up than their names at the time.
        assert!(whole <= 6, "{whole}");
    }
}
