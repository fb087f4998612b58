//! The operators' door: there is none, for whoever is no operator.

use async_graphql::{Data, ValidationMode};
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use resonance_authz::Denied;
use resonance_gateway_http::{Client, Csrf, GraphQlHttp, Limits, Refusal, RequestData};
use resonance_gateway_operators as operators;
use resonance_services::{Request as Asked, ServiceError};
use tokio_util::sync::CancellationToken;

use crate::{SchemaOptions, identify::Identify, respond};

/// Where the operators' schema is served.
pub(crate) const PATH: &str = "/operator/graphql";

/// The route of the operators' schema.
pub(crate) fn routes(
    identify: Identify,
    schema: SchemaOptions,
    limits: Limits,
    csrf: Csrf,
    stop: CancellationToken,
) -> Router {
    let graphql = GraphQlHttp::builder(operators::schema(schema.complexity, ValidationMode::Strict))
        .once_validated(operators::schema(schema.complexity, ValidationMode::Fast))
        .request_data(Operators)
        .limits(limits)
        .csrf(csrf)
        .shutdown(stop)
        .build();
    let admit =
        middleware::from_fn(move |request: Request, next: Next| admit(identify.clone(), request, next));
    Router::new().route(PATH, graphql.route().layer(admit))
}

/// Answers everybody but operators as if nothing was here, before anything of the request is looked at: no refusal of a
/// method, a media type or a body may tell that there is something.
async fn admit(identify: Identify, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // Whatever is wrong with the request is wrong with it everywhere: nobody is told here.
    let Ok(asked) = identify.request(&parts).await else {
        return respond::not_found();
    };
    match asked.operators().admit().await {
        Ok(()) => {
            parts.extensions.insert(asked);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(ServiceError::Denied(Denied::NotVisible)) => respond::not_found(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "finding out who is an operator failed"
            );
            respond::not_found().into_response()
        }
    }
}

/// Hands the request of an operator who was admitted on to the resolvers.
struct Operators;

impl RequestData for Operators {
    async fn request_data(&self, client: Client<'_>) -> Result<Data, Refusal> {
        let asked = client.parts.extensions.get::<Asked>().cloned();
        asked
            .map(operators::request_data)
            .ok_or_else(|| Refusal::new(http::StatusCode::NOT_FOUND, "NOT_FOUND", "not found"))
    }
}
