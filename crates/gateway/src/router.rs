//! The routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
    routing::get,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use resonance_gateway_http::{Csrf, GraphQlHttp, Limits, Playground};
use resonance_mail::FolderMailer;
use resonance_services::Services;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowCredentials, AllowOrigin, CorsLayer},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::RequestBodyTimeoutLayer,
    trace::TraceLayer,
};

use crate::{
    SchemaOptions, archives, audit_export, billing_webhook, client, health, identify::Identify,
    invitation_page, mails, media, openai, operators, respond, schema, usage_export,
};

/// How the front door is to be.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// Whether GraphiQL is served at `/`.
    pub playground: bool,
    /// The mails to show at `/mails`; only for set-ups that nobody else can reach.
    pub mails: Option<Arc<FolderMailer>>,
    /// Origins, beside the server's own, whose pages may use a session cookie.
    pub allowed_origins: Vec<String>,
    /// How many reverse proxies append to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// How much a GraphQL request may ask for.
    pub limits: Limits,
    /// Ends event streams and WebSockets when the server stops.
    pub stop: CancellationToken,
}

/// How long a client may pause within a body.
const BODY_PATIENCE: Duration = Duration::from_secs(20);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const GREETING: &str = "# Welcome to Resonance. To begin, make an account:\n#\n\
mutation SignUp {\n  signUp(input: { name: \"Ada\", email: \"ada@example.org\", password: \"\" }) {\n    \
signUp { id }\n    userErrors { code field message }\n  }\n}\n\n\
# Without a mail server, the code lies at /mails. Then:\n#   verifySignUp(input: { signUpId: \"…\", code: \"…\" }) { token }\n\
# and put the token below, under Headers: { \"Authorization\": \"Bearer …\" }\n";

/// The routes of an instance. Mount them at the root.
pub fn router(services: Services, schema: SchemaOptions, options: GatewayOptions) -> Router {
    let identify = Identify {
        services: services.clone(),
        trusted_proxies: options.trusted_proxies,
    };
    let mut csrf = Csrf::default().session_cookie(client::SESSION_COOKIE);
    for origin in &options.allowed_origins {
        csrf = csrf.allow_origin(origin);
    }
    let graphql = GraphQlHttp::builder(schema::schema(schema))
        .once_validated(schema::trusting_schema(schema))
        .request_data(identify.clone())
        .limits(options.limits.clone())
        .csrf(csrf.clone())
        .shutdown(options.stop.clone())
        .build();
    let operators = operators::routes(identify.clone(), schema, options.limits, csrf, options.stop);
    let (ready, keys) = (services.clone(), services.clone());
    let mut routes = Router::new()
        .route("/graphql", graphql.route())
        .route("/healthz", get(health::alive))
        .route("/readyz", get(move || health::ready(ready.clone())))
        .route(
            "/.well-known/jwks.json",
            get(move || std::future::ready(media::keys(&keys))),
        )
        .merge(invitation_page::routes(identify.clone()))
        .merge(archives::routes(identify.clone()))
        .merge(audit_export::routes(identify.clone()))
        .merge(usage_export::routes(identify.clone()))
        .merge(billing_webhook::routes(services))
        .merge(openai::routes(identify.clone()))
        .merge(media::routes(identify))
        .merge(operators);
    if options.playground {
        let operators = Playground::new(operators::PATH)
            .title("Resonance for operators")
            .headers("{ \"Authorization\": \"Bearer \" }")
            .query("# For operators only; everybody else is answered as if nothing was here.\n{ totals { users organizations } }\n");
        routes = routes.merge(operators.page("/operator"));
        let playground = Playground::new("/graphql")
            .title("Resonance")
            .headers("{ \"Authorization\": \"Bearer \" }")
            .query(GREETING);
        routes = routes.merge(playground.routes("/"));
    }
    if let Some(folder) = options.mails {
        routes = routes.merge(mails::routes(folder));
    }
    routes.fallback(async || respond::not_found()).layer(
        ServiceBuilder::new()
            // Innermost last: what stands below sees bodies of its own kind.
            .layer(axum::middleware::from_fn(mend_request_id))
            .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
            .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()))
            .layer(PropagateRequestIdLayer::new(REQUEST_ID))
            .layer(cross_origin(options.allowed_origins))
            .layer(axum::middleware::from_fn(measure))
            .layer(CatchPanicLayer::custom(|_| {
                respond::error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "INTERNAL",
                    "something went wrong on our side",
                )
            }))
            .layer(RequestBodyTimeoutLayer::new(BODY_PATIENCE)),
    )
}

/// Pages of any origin may call with a bearer token, which they must hold to send; only the allowed ones may have the
/// browser send a cookie.
fn cross_origin(allowed: Vec<String>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(AllowCredentials::predicate(move |origin: &HeaderValue, _| {
            allowed
                .iter()
                .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::RANGE,
            REQUEST_ID,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static(client::ORGANIZATION_HEADER),
            HeaderName::from_static("apollo-require-preflight"),
            HeaderName::from_static("graphql-preflight"),
            HeaderName::from_static("x-requested-by"),
        ])
        .expose_headers([
            REQUEST_ID,
            header::RETRY_AFTER,
            header::CONTENT_RANGE,
            openai::REPLAYED,
        ])
        .max_age(Duration::from_secs(3600))
}

/// Drops a request id that a client made up out of anything but what ids are made of, as it is going to be logged.
async fn mend_request_id(mut request: Request, next: Next) -> Response {
    let fit = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    if request.headers().get(REQUEST_ID).is_some_and(|value| !fit(value)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

fn span<B>(request: &http::Request<B>) -> tracing::Span {
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    // Neither the query nor an invitation's token is logged: a signature and a token are keys for as long as they last. Nor
    // all that an archive holds.
    let path = request.uri().path();
    let path = [invitation_page::PATH, archives::PATH]
        .into_iter()
        .find(|shown| path.starts_with(shown))
        .unwrap_or(path);
    tracing::info_span!("request", id, method = %request.method(), path)
}

/// Counts requests and times them, by route and status, and forbids browsers to guess what an answer is.
async fn measure(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let begun = std::time::Instant::now();
    let mut response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("resonance_http_request_seconds", "route" => route, "status" => status)
        .record(begun.elapsed().as_secs_f64());
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
