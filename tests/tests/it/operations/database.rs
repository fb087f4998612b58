//! Commands on an instance's database, beside its nodes or before there is one.

use resonance_testkit::on_both;
use serde_json::json;
use tests::{PASSWORD, Server, Site};

const APPLIED: &str = "SELECT version || ' ' || CAST(applied_at AS text) FROM seaql_migrations ORDER BY 1";

on_both! {
    async fn migrating_an_empty_database_twice_and_from_two_nodes_at_once_is_the_same_as_once(backend: Backend) {
        let site = Site::new(backend).await;
        let (one, two) = tokio::join!(site.run(&["migrate"], &[]), site.run(&["migrate"], &[]));
        for ended in [one, two] {
            assert_eq!(ended.code, Some(0), "{}", ended.err);
            assert_eq!(ended.out, "the database is up to date\n");
        }
        // The node finds nothing left to do.
        let server = site.serve(&[]).await;
        let applied = server.texts(APPLIED).await;
        assert!(applied.len() > 5, "{applied:?}");
        let again = site.run(&["migrate"], &[]).await;
        assert_eq!(again.code, Some(0), "{}", again.err);
        assert_eq!(server.texts(APPLIED).await, applied);
        let log = server.log();
        assert!(!log.iter().any(|line| line.contains("Applying migration")), "{log:#?}");
        server.sign_up("Ada", "ada@migrated.test").await;
    }

    async fn an_operator_is_added_beside_a_running_node_once_and_only_for_a_proved_address(backend: Backend) {
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@operators.test").await;
        let input = json!({ "name": "Bob", "email": "bob@operators.test", "password": PASSWORD });
        server.anonymous().mutate("signUp", "SignUpInput", "signUp { id }", input).await;
        for unproved in ["bob@operators.test", "nobody@operators.test", "no address"] {
            let refused = server.site().run(&["operator", "add", unproved], &[]).await;
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(refused.err.contains(unproved), "{}", refused.err);
            assert!(refused.err.contains("must belong to an account and be verified"), "{}", refused.err);
        }
        assert_eq!(server.count("operators").await, 0);
        for email in ["ada@operators.test", "Ada@Operators.test"] {
            let added = server.site().run(&["operator", "add", email], &[]).await;
            assert_eq!(added.code, Some(0), "{}", added.err);
            assert_eq!(added.out, format!("{email} is an operator\n"));
        }
        assert_eq!(server.count("operators").await, 1);
        let recorded = "SELECT subject FROM events WHERE kind = 'user.made_operator'";
        assert_eq!(server.texts(recorded).await, [ada.user]);
    }

    async fn nothing_with_another_secret_works_on_the_database(backend: Backend) {
        const OTHER: [(&str, &str); 1] = [("RESONANCE_SECRET", "another secret of more than 32 characters")];
        let server = Server::start(backend).await;
        let ada = server.sign_up("Ada", "ada@secrets.test").await;
        for command in [&["serve"][..], &["config", "check"], &["operator", "add", "ada@secrets.test"]] {
            let refused = server.site().run(command, &OTHER).await;
            assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
            assert!(refused.err.contains("secret: this database belongs to an instance with another secret"), "{}", refused.err);
            assert!(refused.err.contains("give this node the secret of the others"), "{}", refused.err);
            assert!(!refused.err.contains(OTHER[0].1), "{}", refused.err);
        }
        assert_eq!(server.count("operators").await, 0);
        // The instance itself is none the worse for it.
        let data = ada.client.data("{ viewer { id } }", json!({})).await;
        assert_eq!(data["viewer"]["id"], ada.user.as_str());
    }
}
