//! The operators' door: for everybody else there is none, whatever they knock with.

use resonance_testkit::on_both;
use serde_json::{Value, json};
use tests::{Answer, Client, SchemaDocument, World};

const DOOR: &str = "/operator/graphql";
/// Where there is nothing.
const WALL: &str = "/operator/nothing";

/// Inputs that would work for an operator; a mutation without a line here fails the test.
fn inputs(world: &World) -> Vec<(&'static str, Value)> {
    let (a, user) = (&world.a, &world.a.member.user);
    let one = || json!({ "userId": user, "reason": "x" });
    vec![
        (
            "createOrganization",
            json!({ "name": "X", "adminId": user, "reason": "x" }),
        ),
        (
            "updateOrganization",
            json!({ "organizationId": a.id, "name": "X", "privateMetadata": { "x": 1 }, "reason": "x" }),
        ),
        (
            "deleteOrganization",
            json!({ "organizationId": a.id, "force": true, "reason": "x" }),
        ),
        (
            "addMember",
            json!({ "organizationId": a.id, "userId": world.b.member.user, "role": "org:admin", "reason": "x" }),
        ),
        (
            "changeMemberRole",
            json!({ "memberId": a.membership, "role": "org:admin", "reason": "x" }),
        ),
        ("removeMember", json!({ "memberId": a.membership, "reason": "x" })),
        (
            "createUser",
            json!({ "name": "X", "email": "x@example.org", "reason": "x" }),
        ),
        (
            "updateUser",
            json!({ "userId": user, "name": "X", "reason": "x" }),
        ),
        (
            "setOrganizationLimit",
            json!({ "userId": user, "limit": 0, "reason": "x" }),
        ),
        ("suspendUser", one()),
        ("restoreUser", one()),
        ("deleteUser", one()),
        ("addOperator", one()),
        ("removeOperator", one()),
        (
            "updateInstanceSettings",
            json!({ "memberLimit": 1, "reason": "x" }),
        ),
        (
            "createPlan",
            json!({ "terms": { "name": "X", "includedCharacters": 1 }, "reason": "x" }),
        ),
        (
            "updatePlan",
            json!({ "planId": "plan_01j1hx8yqmfk1btzvap4d4pb1x", "terms": { "name": "X" }, "reason": "x" }),
        ),
        (
            "deletePlan",
            json!({ "planId": "plan_01j1hx8yqmfk1btzvap4d4pb1x", "reason": "x" }),
        ),
        ("assignPlan", json!({ "organizationId": a.id, "reason": "x" })),
        (
            "createInstanceRole",
            json!({ "key": "org:x", "name": "X", "permissions": ["org:usage:read"], "reason": "x" }),
        ),
        (
            "updateInstanceRole",
            json!({ "roleId": "role_01j1hx8yqmfk1btzvap4d4pb1x", "name": "X", "reason": "x" }),
        ),
        (
            "deleteInstanceRole",
            json!({ "roleId": "role_01j1hx8yqmfk1btzvap4d4pb1x", "reason": "x" }),
        ),
        (
            "registerPermission",
            json!({ "key": "org:invoices:read", "name": "X", "reason": "x" }),
        ),
        (
            "removePermission",
            json!({ "key": "org:invoices:read", "reason": "x" }),
        ),
    ]
}

async fn fetched(client: &Client, method: reqwest::Method, path: &str, body: &'static str) -> (u16, String) {
    let request = client
        .request(method, path)
        .header("content-type", "text/nonsense")
        .body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

on_both! {
    async fn whoever_is_no_operator_finds_nothing_at_the_operators_door_and_moves_nothing(backend: Backend) {
        let world = World::new(backend).await;
        let olga = world.server.sign_up("Olga Operator", "olga@resonance.test").await;
        let added = world.server.site().run(&["operator", "add", "olga@resonance.test"], &[]).await;
        assert_eq!(added.code, Some(0), "{}", added.err);
        let operator = olga.client.asking_at(DOOR);
        let schema = SchemaDocument::ask(&operator).await;
        let before = world.server.rows_of(&world.a.id).await;
        let settings = world.server.rows("instance_settings", "id = 1").await;
        let users = world.server.rows("users", "TRUE").await.len();

        let mut asked: Vec<(String, Value)> = Vec::new();
        for field in schema.fields("OperatorQuery") {
            let given = field.arguments.iter().any(|(name, ..)| name == "id");
            let id = if field.name == "user" { &world.a.member.user } else { &world.a.id };
            let arguments = if given { format!("(id: \"{id}\")") } else { String::new() };
            let fields = schema.everything(&field.gives, 1, &|_, field| {
                field.arguments.iter().all(|(_, _, must)| !must).then(String::new)
            });
            asked.push((format!("{{ {}{arguments} {fields} }}", field.name), json!({})));
        }
        let inputs = inputs(&world);
        for field in schema.fields("OperatorMutation") {
            let input = inputs.iter().find(|(name, _)| *name == field.name);
            let (name, input) = input.unwrap_or_else(|| panic!("{} has no input here", field.name));
            // Every act says why.
            let (_, written, _) = &field.arguments[0];
            let query = format!("mutation($input: {written}) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}");
            asked.push((query, json!({ "input": input })));
        }
        assert_eq!(inputs.len(), schema.fields("OperatorMutation").len());
        asked.push(("{ __schema { types { name } } }".into(), json!({})));
        asked.push(("{ nonsense".into(), json!({})));

        let outsiders = [
            &world.nobody, &world.stranger.client, &world.b.admin.client, &world.a.member.client, &world.a.admin.client,
        ];
        for client in outsiders {
            for (query, variables) in &asked {
                let door: Answer = client.asking_at(DOOR).answer(query, variables.clone()).await;
                let wall = client.asking_at(WALL).answer(query, variables.clone()).await;
                assert_eq!(door.status, 404, "{query}");
                assert_eq!(door, wall, "{query}");
            }
            // Neither method nor media type nor a wrong header tells that there is something.
            for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::POST, reqwest::Method::DELETE] {
                let door = fetched(client, method.clone(), DOOR, "{").await;
                assert_eq!(door, fetched(client, method, WALL, "{").await);
            }
            let door = client.working_in("no id").fetch(DOOR).await;
            assert_eq!(door, client.working_in("no id").fetch(WALL).await);
        }
        world.server.settle().await;
        assert_eq!(world.server.rows_of(&world.a.id).await, before);
        assert_eq!(world.server.rows("instance_settings", "id = 1").await, settings);
        assert_eq!(world.server.rows("users", "TRUE").await.len(), users);

        // Through the same door, an operator sees and does.
        for (query, variables) in asked.iter().filter(|(query, _)| query.starts_with('{') && !query.contains("nonsense")) {
            let reply = operator.ask(query, variables.clone()).await;
            assert!(reply.body.get("errors").is_none(), "{query}\n{:#}", reply.body);
        }
        let suspend = "suspendUser";
        let input = json!({ "userId": world.a.member.user, "reason": "abuse" });
        let payload = operator.mutate(suspend, "UserInput", "user { suspendedAt }", input).await;
        assert!(payload["user"]["suspendedAt"].is_string());
        let out = world.a.member.client.data("{ viewer { id } }", json!({})).await;
        assert_eq!(out["viewer"], Value::Null);
        let input = json!({ "userId": olga.user, "reason": "bye" });
        let payload = operator.try_mutate("removeOperator", "UserInput", "userId", input).await;
        assert_eq!(payload["userErrors"][0]["code"], "CONFLICT");
        // Every part of the schema says what it is.
        for one in schema.types().filter(|one| one["kind"] != "SCALAR" && !one["name"].as_str().unwrap().starts_with("__")) {
            assert!(one["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", one["name"]);
        }
        // Who is an operator no more finds the door gone.
        let input = json!({ "userId": world.a.admin.user, "reason": "help" });
        operator.mutate("addOperator", "UserInput", "userId", input).await;
        let input = json!({ "userId": olga.user, "reason": "bye" });
        operator.mutate("removeOperator", "UserInput", "userId", input).await;
        assert_eq!(operator.answer("{ totals { users } }", json!({})).await.status, 404);
    }
}
