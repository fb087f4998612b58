//! The codes that this crate itself puts into `errors[].extensions.code`.

use async_graphql::{ErrorExtensionValues, ServerError};
use http::StatusCode;

/// Why a request was refused before a resolver saw it, or what became of an error that must not be shown.
///
/// Resolvers bring codes of their own; this crate passes those through untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// `BAD_REQUEST`: the HTTP request holds no well-formed GraphQL request (malformed JSON, no `query`, `variables` that
    /// is no object, a batch, a broken multipart body, a persisted-query hash of another text).
    BadRequest,
    /// `GRAPHQL_PARSE_FAILED`: the document is not GraphQL.
    ParseFailed,
    /// `GRAPHQL_VALIDATION_FAILED`: the document does not fit the schema.
    ValidationFailed,
    /// `OPERATION_RESOLUTION_FAILURE`: `operationName` names no operation of the document, or is missing where the document
    /// holds several.
    OperationNotFound,
    /// `INVALID_ARGUMENT`: a variable or an argument has a value that its type does not take.
    InvalidArgument,
    /// `QUERY_TOO_LARGE`: more tokens, root fields or fields (fragments expanded) than [`Limits`](crate::Limits) allows.
    QueryTooLarge,
    /// `QUERY_TOO_DEEP`: nested deeper than [`Limits`](crate::Limits) allows.
    QueryTooDeep,
    /// `QUERY_TOO_COMPLEX`: over the schema's own complexity limit.
    QueryTooComplex,
    /// `TOO_MANY_ALIASES`: more aliases than [`Limits`](crate::Limits) allows.
    TooManyAliases,
    /// `TOO_MANY_DIRECTIVES`: more directives than [`Limits`](crate::Limits) allows.
    TooManyDirectives,
    /// `TOO_MANY_OPERATIONS`: one WebSocket runs as many operations at a time as [`Limits`](crate::Limits) allows.
    TooManyOperations,
    /// `PERSISTED_QUERY_NOT_FOUND`: send the query's text along with its hash.
    PersistedQueryNotFound,
    /// `SUBSCRIPTION_NEEDS_STREAM`: a subscription was asked for by a client that accepts no event stream.
    SubscriptionNeedsStream,
    /// `CSRF`: the request could have been made by a foreign page; see [`Csrf`](crate::Csrf).
    Csrf,
    /// `METHOD_NOT_ALLOWED`: neither GET nor POST, or something else than a query by GET.
    MethodNotAllowed,
    /// `NOT_ACCEPTABLE`: `Accept` allows none of the media types that can be answered.
    NotAcceptable,
    /// `UNSUPPORTED_MEDIA_TYPE`: the body is neither `application/json` in UTF-8 nor `multipart/form-data`.
    UnsupportedMediaType,
    /// `PAYLOAD_TOO_LARGE`: the body, or a file in it, is larger than [`Limits`](crate::Limits) allows.
    PayloadTooLarge,
    /// `TIMEOUT`: the operation ran longer than [`Limits`](crate::Limits) allows and was ended.
    Timeout,
    /// `INTERNAL`: an error without a code. `extensions.id` stands in the log beside what really happened.
    Internal,
}

impl Code {
    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::OperationNotFound => "OPERATION_RESOLUTION_FAILURE",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::QueryTooLarge => "QUERY_TOO_LARGE",
            Self::QueryTooDeep => "QUERY_TOO_DEEP",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::TooManyAliases => "TOO_MANY_ALIASES",
            Self::TooManyDirectives => "TOO_MANY_DIRECTIVES",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::SubscriptionNeedsStream => "SUBSCRIPTION_NEEDS_STREAM",
            Self::Csrf => "CSRF",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status of a refusal with this code. For request errors of a well-formed GraphQL request it holds for
    /// clients that accept `application/graphql-response+json`; those of `application/json` get 200, as the
    /// specification recommends.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Csrf => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// A GraphQL error with this code.
    pub(crate) fn error(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        self.mark(&mut error);
        error
    }

    /// Puts this code on an error.
    pub(crate) fn mark(self, error: &mut ServerError) {
        error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default)
            .set("code", self.as_str());
    }
}
