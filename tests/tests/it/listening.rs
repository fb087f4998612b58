//! Hearing a generation that is not finished.

use std::time::Duration;

use reqwest::{Method, Response};
use tests::{Client, World};

/// Asks for the head of a stream, and does not wait for long.
async fn head(client: &Client, path: &str) -> Response {
    let answer = client.request(Method::HEAD, path).send();
    let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
    answer.expect("nothing to wait for").unwrap()
}

resonance_testkit::on_both! {
    async fn whoever_asks_for_the_head_of_a_stream_does_not_wait_for_its_sound(backend: Backend) {
        let world = World::new(backend).await;
        let member = &world.a.member.client;
        let path = format!("/audio/{}/stream", world.a.generation);
        let text = |answer: &Response, name: &str| {
            answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let file = head(member, &path).await;
        let length: u64 = text(&file, "content-length").parse().unwrap();
        assert!(file.status() == 200 && length > 1_000, "{file:?}");

        // From here on there is no sound, and nobody is going to make any.
        let become_ = async |state: &str| {
            let change = format!("UPDATE generations SET state = '{state}', audio_key = NULL");
            world.server.execute(&change).await;
        };
        for state in ["queued", "running"] {
            become_(state).await;
            let waiting = head(member, &path).await;
            assert_eq!((waiting.status().as_u16(), text(&waiting, "content-type")), (200, text(&file, "content-type")));
            assert_eq!((text(&waiting, "cache-control"), text(&waiting, "content-length")), ("no-store".into(), String::new()));
            assert_eq!(head(&world.stranger.client, &path).await.status(), 404);
            assert_eq!(head(&world.nobody, &path).await.status(), 401);
        }
        become_("failed").await;
        assert_eq!(head(member, &path).await.status(), 409);
    }
}
