//! What those get whom nothing here is for.

use axum::{Router, body::Body, http::Request};
use resonance_gateway::{GatewayOptions, SchemaOptions, router};
use resonance_gateway_http::Limits;
use resonance_testkit::{Instance, on_both};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

fn app(instance: &Instance) -> Router {
    let schema = SchemaOptions {
        introspection: false,
        complexity: 1_000,
    };
    let options = GatewayOptions {
        playground: false,
        mails: Some(instance.mails.clone()),
        allowed_origins: Vec::new(),
        trusted_proxies: 0,
        limits: Limits::default(),
        stop: CancellationToken::new(),
    };
    router(instance.services.clone(), schema, options)
}

async fn status(app: &Router, request: Request<Body>) -> u16 {
    app.clone().oneshot(request).await.unwrap().status().as_u16()
}

fn mails(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get("/mails");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn upload(token: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/graphql")
        .header("content-type", "Multipart/Form-Data; boundary=b")
        .header("x-requested-by", "a test");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    // A file without end, which the first part should have announced.
    let pieces = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1 << 16])).take(4_000);
    request
        .body(Body::from_stream(futures_util::stream::iter(pieces)))
        .unwrap()
}

on_both! {
    async fn mails_are_for_whoever_sits_at_the_machine(backend: Backend) {
        let instance = Instance::new(backend).await;
        let app = app(&instance);
        assert_eq!(status(&app, mails(&[("host", "localhost:8080")])).await, 200);
        for headers in [
            // A page that the browser has open, whose script may read whatever allows its origin.
            &[("host", "localhost:8080"), ("origin", "https://evil.example")][..],
            // The same under a name that was made to point here.
            &[("host", "evil.example:8080")],
            &[("host", "localhost"), ("x-forwarded-for", "203.0.113.7")],
        ] {
            assert_eq!(status(&app, mails(headers)).await, 404, "{headers:?}");
        }
    }

    async fn nobody_uploads_without_signing_in(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let app = app(&instance);
        assert_eq!(status(&app, upload(None)).await, 401);
        assert_eq!(status(&app, upload(Some("ses_wrong"))).await, 401);
        assert_ne!(status(&app, upload(Some(&ada.token))).await, 401);
    }
}
