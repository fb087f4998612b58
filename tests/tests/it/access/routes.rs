//! Fetching: every route beside GraphQL.

use serde_json::json;
use tests::World;

use super::{Outsider, Targets, assert_no_leak, assert_same};

/// Makes a path.
type Path = fn(&Targets) -> String;

/// The routes of what is an organization's, and what its members get there.
const ROUTES: &[(Path, u16)] = &[
    (|of| format!("/audio/{}", of.generation), 200),
    (|of| format!("/audio/{}/stream", of.generation), 200),
    (|of| format!("/audio/{}/subtitles.srt", of.generation), 200),
    (|of| format!("/audio/{}/subtitles.vtt", of.generation), 200),
    (
        |of| format!("/organizations/{}/audit-log.csv", of.organization),
        403,
    ),
    (
        |of| format!("/organizations/{}/audit-log.jsonl", of.organization),
        403,
    ),
    (|of| format!("/organizations/{}/logo", of.organization), 200),
    (|of| format!("/organizations/{}/usage.csv", of.organization), 200),
    (|of| format!("/voices/{}/preview", of.voice), 200),
    (|of| format!("/voices/{}/sample", of.voice), 403),
];

pub(super) async fn walk(world: &World) {
    for (route, status_inside) in ROUTES {
        for outsider in Outsider::all(world) {
            for (hidden, absent) in &outsider.pairs {
                let (hidden_path, absent_path) = (route(hidden), route(absent));
                // What is B's own.
                if hidden_path.starts_with(&format!("/organizations/{}/", world.b.id)) {
                    continue;
                }
                let about = format!("{} fetches {hidden_path}", outsider.who);
                let one = outsider.client.fetch(&hidden_path).await;
                let other = outsider.client.fetch(&absent_path).await;
                let status = match outsider.who {
                    "nobody" => 401,
                    // In one's own organization one learns what one lacks, whatever is named.
                    "a member of B" if hidden.organization == world.b.id && *status_inside == 403 => 403,
                    _ => 404,
                };
                assert_eq!(one.status, status, "{about}\n{one:#?}");
                assert_no_leak(world, &hidden_path, &one, &about);
                assert_same(&one, &other, &[], &about);
            }
        }
        // The signature of one's own thing opens nothing else.
        if let Some(path) = signed_for_b(world, *route).await {
            for client in [&world.nobody, &world.b.admin.client] {
                let answer = client.fetch(&path).await;
                assert!(matches!(answer.status, 401 | 404), "{path}\n{answer:#?}");
            }
        }
        let path = route(&Targets::of(&world.a));
        let answer = world.a.member.client.fetch(&path).await;
        assert_eq!(answer.status, *status_inside, "{path}\n{answer:#?}");
    }
}

/// The path of A's thing with the signature of B's of the same kind, if things of that kind are signed.
async fn signed_for_b(world: &World, route: Path) -> Option<String> {
    let query = "query($organization: ID!, $voice: ID!, $generation: ID!) {
        organization(id: $organization) { logoUrl }
        voice: node(id: $voice) { ... on Voice { previewUrl sampleUrl } }
        generation: node(id: $generation) { ... on Generation {
            audioUrl streamUrl srt: subtitlesUrl(format: SRT) subtitlesUrl } } }";
    let (a, b) = (Targets::of(&world.a), Targets::of(&world.b));
    let variables = json!({ "organization": b.organization, "voice": b.voice, "generation": b.generation });
    let data = world.b.admin.client.data(query, variables).await;
    let urls = [
        &data["organization"]["logoUrl"],
        &data["voice"]["previewUrl"],
        &data["voice"]["sampleUrl"],
        &data["generation"]["audioUrl"],
        &data["generation"]["streamUrl"],
        &data["generation"]["srt"],
        &data["generation"]["subtitlesUrl"],
    ];
    let own = route(&b);
    let url = urls
        .iter()
        .map(|url| url.as_str().unwrap())
        .find(|url| url.contains(&own));
    let (_, signature) = url?.split_once('?').unwrap();
    Some(format!("{}?{signature}", route(&a)))
}
