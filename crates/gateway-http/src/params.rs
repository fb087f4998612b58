//! The parameters of a GraphQL request, as they come over the wire.

use std::borrow::Cow;

use async_graphql::{Extensions, Request, Value, Variables};
use axum::extract::Query;
use http::Uri;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Code, Refusal};

/// The parameters of one request. Unknown ones are ignored, as the specification demands.
#[derive(Deserialize)]
#[serde(expecting = "a JSON object", rename_all = "camelCase")]
pub(crate) struct Params<'a> {
    #[serde(borrow, default)]
    query: Option<Text<'a>>,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    extensions: Extensions,
}

/// A string that is borrowed from the body where it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Params<'a> {
    /// Reads a JSON body.
    pub(crate) fn from_json(body: &'a [u8]) -> Result<Self, Refusal> {
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            return Err(Refusal::coded(
                Code::BadRequest,
                "batches of requests are not supported",
            ));
        }
        serde_json::from_slice::<Self>(body)
            .map_err(|error| malformed(&error))?
            .checked()
    }

    /// Reads what a WebSocket message carries.
    pub(crate) fn from_value(payload: &'a serde_json::Value) -> Result<Self, Refusal> {
        if payload.is_array() {
            return Err(Refusal::coded(
                Code::BadRequest,
                "batches of requests are not supported",
            ));
        }
        Self::deserialize(payload)
            .map_err(|error| malformed(&error))?
            .checked()
    }

    /// Reads a query string, in which `variables` and `extensions` are JSON.
    pub(crate) fn from_uri(uri: &Uri) -> Result<Params<'static>, Refusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            query: Option<String>,
            operation_name: Option<String>,
            variables: Option<String>,
            extensions: Option<String>,
        }
        let Query(raw) = Query::<Raw>::try_from_uri(uri).map_err(|error| malformed(&error))?;
        let params = Params {
            query: raw.query.map(|query| Text(Cow::Owned(query))),
            operation_name: raw.operation_name,
            variables: json_parameter(raw.variables)?.unwrap_or_default(),
            extensions: json_parameter(raw.extensions)?.unwrap_or_default(),
        };
        params.checked()
    }

    /// The document's text. Absent where a persisted query's hash stands for it.
    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_ref().map(|text| &*text.0)
    }

    /// Takes what the client says about a persisted query.
    pub(crate) fn take_persisted(&mut self) -> Option<Value> {
        self.extensions.remove("persistedQuery")
    }

    /// Refuses a request with neither a document nor the hash of one: it is no GraphQL request at all.
    fn checked(self) -> Result<Self, Refusal> {
        let void = self.query().is_none_or(str::is_empty);
        if void && !self.extensions.contains_key("persistedQuery") {
            return Err(Refusal::coded(Code::BadRequest, "the request has no query"));
        }
        Ok(self)
    }

    /// The request without its text, which its parsed document stands for.
    pub(crate) fn into_request(self) -> Request {
        let mut request = Request::new(String::new());
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        request.variables = self.variables;
        request.extensions = self.extensions;
        request
    }
}

fn json_parameter<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, Refusal> {
    text.filter(|text| !text.is_empty())
        .map(|text| serde_json::from_str(&text).map_err(|error| malformed(&error)))
        .transpose()
}

fn malformed(error: &dyn std::error::Error) -> Refusal {
    Refusal::coded(Code::BadRequest, format!("malformed request: {error}"))
}
