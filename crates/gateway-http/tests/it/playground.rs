//! GraphiQL.

use axum::Router;
use http::Method;
use resonance_gateway_http::Playground;

use crate::call::bare;

fn app() -> Router {
    Playground::new("/graphql")
        .title("A & B")
        .headers(r#"{ "Authorization": "Bearer <token>" }"#)
        .routes("/")
}

/// The addresses in the page's `src` and `href` attributes.
fn addresses(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for piece in page.split(attribute).skip(1) {
            found.push(piece.split('"').next().unwrap().to_owned());
        }
    }
    found
}

#[tokio::test]
async fn the_page_and_all_that_it_needs_come_from_this_host() {
    let app = app();
    let page = bare(&app, Method::GET, "/", &[]).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self';"),
        "{policy}"
    );

    let addresses = addresses(&page.text);
    assert_eq!(addresses.len(), 7, "{addresses:?}");
    for address in addresses.iter().filter(|address| *address != "data:,") {
        assert!(address.starts_with("/playground-assets/"), "{address}");
        let asset = bare(&app, Method::GET, address, &[]).await;
        assert_eq!(
            (asset.status.as_u16(), asset.text.is_empty()),
            (200, false),
            "{address}"
        );
        assert!(asset.header("cache-control").contains("immutable"));
        let kind = if address.contains(".css") {
            "text/css"
        } else {
            "text/javascript"
        };
        assert_eq!(asset.header("content-type").split(';').next().unwrap(), kind);
        let tag = asset.header("etag");
        assert_eq!(
            bare(&app, Method::GET, address, &[("if-none-match", tag)])
                .await
                .status,
            304
        );
        assert!(!asset.text.contains("sourceMappingURL"), "{address}");
    }
}

#[tokio::test]
async fn settings_cannot_break_out_of_the_page() {
    let page = bare(&app(), Method::GET, "/", &[]).await.text;
    assert!(page.contains("<title>A &amp; B</title>"), "{page}");
    assert!(
        page.contains("data-headers=\"{ &quot;Authorization&quot;: &quot;Bearer &lt;token&gt;&quot; }\""),
        "{page}"
    );
}

#[tokio::test]
async fn the_licences_lie_beside_the_assets_and_nothing_else_does() {
    let licences = bare(
        &app(),
        Method::GET,
        "/playground-assets/LICENSES/third-party.txt",
        &[],
    )
    .await;
    assert!(licences.text.contains("graphiql") && licences.text.contains("OFL"));
    for path in [
        "/playground-assets/nothing.js",
        "/playground-assets/../Cargo.toml",
        "/playground-assets/%2e%2e/Cargo.toml",
    ] {
        assert_eq!(bare(&app(), Method::GET, path, &[]).await.status, 404, "{path}");
    }
}
