//! The made-up population.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::Path};

use resonance_domain::{OrganizationId, UserId};
use resonance_testkit::Backend;
use serde_json::{Value, json};
use tests::{Server, Site};

const SIZE: [&str; 10] = [
    "--users=12",
    "--organizations=3",
    "--members-per-organization=5",
    "--voices-per-organization=2",
    "--generations-per-organization=4",
    "--tokens=tokens.tsv",
    "--tokens-for=6",
    "--member-limit=0",
    "--log=warn",
    "--log-format=text",
];

/// A line of the file of tokens.
#[derive(Debug)]
struct Line {
    user: String,
    organization: String,
    role: String,
    token: String,
}

fn tokens(file: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| {
            let [user, organization, role, token] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            user.parse::<UserId>().unwrap();
            organization.parse::<OrganizationId>().unwrap();
            Line {
                user: user.to_owned(),
                organization: organization.to_owned(),
                role: role.to_owned(),
                token: token.to_owned(),
            }
        })
        .collect()
}

/// Seeds `site` from `seed`.
async fn seed(site: &Site, seed: &str) -> tests::Ended {
    let seed = format!("--seed={seed}");
    site.run(&[&["seed", &seed][..], &SIZE].concat(), &[]).await
}

/// What each token's owner sees of themselves and their organization.
async fn seen(server: &Server, lines: &[Line]) -> Vec<Value> {
    let query = "query($id: ID!) { viewer { id name email session { id } } organization(id: $id) {
        id name slug viewerPermissions members(first: 50) { totalCount nodes { id role { key } user { id name } } }
        generations(first: 50) { nodes { id text state createdAt } } } }";
    let mut all = Vec::new();
    for line in lines {
        let client = server.anonymous().with_token(&line.token);
        let mut data = client.data(query, json!({ "id": line.organization })).await;
        assert_eq!(data["viewer"]["id"], line.user.as_str());
        let members = &data["organization"]["members"];
        assert_eq!(members["totalCount"], 5);
        let own = members["nodes"].as_array().unwrap().iter();
        let own: Vec<_> = own
            .filter(|member| member["user"]["id"] == line.user.as_str())
            .collect();
        assert_eq!(own.len(), 1, "{data:#}");
        assert_eq!(own[0]["role"]["key"], line.role.as_str());
        assert_eq!(
            data["organization"]["generations"]["nodes"]
                .as_array()
                .unwrap()
                .len(),
            4
        );
        // Sessions are the one thing that is new each time.
        data["viewer"]["session"].take();
        all.push(data);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_gives_the_same_population_on_both_databases_and_tokens_that_sign_in() {
    let mut populations = Vec::new();
    let mut tokens_of_all = BTreeSet::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let site = Site::new(backend).await;
        let seeded = seed(&site, "7").await;
        assert_eq!(seeded.code, Some(0), "{}", seeded.err);
        assert!(seeded.out.contains(" rows in "), "{}", seeded.out);

        let server = site.serve(&[]).await;
        let file = server.folder().join("tokens.tsv");
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "tokens are for their owner alone"
        );
        let lines = tokens(&file);
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0].role, "org:admin", "admins come first");
        tokens_of_all.extend(lines.iter().map(|line| line.token.clone()));
        populations.push(seen(&server, &lines).await);
        assert_eq!(server.count("users").await, 12);
        assert_eq!(server.count("organizations").await, 3);
        // No token lies in the clear.
        for row in server.rows("sessions", "TRUE").await {
            assert!(!lines.iter().any(|line| row.contains(&line.token)), "{row}");
        }

        // The same people cannot come twice, and whoever tries loses nothing.
        let before = std::fs::read_to_string(&file).unwrap();
        let again = seed(&site, "7").await;
        assert_eq!(again.code, Some(1));
        assert!(again.err.contains("take another --seed"), "{}", again.err);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
        assert_eq!(server.count("sessions").await, 6);
        // Others can.
        let other = seed(&site, "8").await;
        assert_eq!(other.code, Some(0), "{}", other.err);
        let others = tokens(&file);
        assert!(
            !others
                .iter()
                .any(|other| lines.iter().any(|line| line.user == other.user))
        );
        seen(&server, &others).await;
    }
    assert_eq!(tokens_of_all.len(), 12, "tokens never come twice");
    assert_eq!(populations[0], populations[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_population_that_cannot_be_is_refused_and_leaves_nothing() {
    let site = Site::new(Backend::Sqlite).await;
    for (wrong, says) in [
        (
            &["--users=3", "--members-per-organization=4"][..],
            "more members than there are users",
        ),
        (&["--users=0"], "at least one user"),
        (&["--members-per-organization=0"], "at least one member"),
        (&["--users=many"], "--users"),
        (&["--tokens=no/such/folder/tokens"], "tokens"),
    ] {
        let ended = site.run(&[&["seed"], wrong].concat(), &[]).await;
        assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
        assert!(ended.err.contains(says), "{}", ended.err);
    }
    let server = site.serve(&[]).await;
    assert_eq!(server.count("users").await, 0);
    assert_eq!(server.count("organizations").await, 0);
}
