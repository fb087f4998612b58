//! Errors that must not be shown, and those that need a code.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_graphql::{PathSegment, Response, ServerError};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Code;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes the ids of errors that are masked.
pub(crate) type IncidentIds = Arc<dyn Fn() -> String + Send + Sync>;

/// Ids that are told apart within this process.
pub(crate) fn counted_ids() -> IncidentIds {
    let count = AtomicU64::new(1);
    Arc::new(move || count.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Names what went wrong in one request: by the request's own id, where a layer has put one into its headers, or else by a new
/// one.
#[derive(Clone)]
pub(crate) struct Incidents {
    request_id: Option<HeaderValue>,
    ids: IncidentIds,
}

impl fmt::Debug for Incidents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incidents")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl Incidents {
    pub(crate) fn of(headers: &HeaderMap, ids: &IncidentIds) -> Self {
        Self {
            request_id: headers.get(&REQUEST_ID).cloned(),
            ids: Arc::clone(ids),
        }
    }

    fn id(&self) -> String {
        let own = self.request_id.as_ref().and_then(|id| id.to_str().ok());
        own.filter(|id| id.len() <= 128)
            .map_or_else(|| (self.ids)(), str::to_owned)
    }

    /// An error that says nothing but where to look in the log, which it writes to.
    pub(crate) fn internal(&self, message: &str, path: &[PathSegment]) -> ServerError {
        let id = self.id();
        tracing::error!(incident = %id, error = message, path = %Path(path), "a resolver failed");
        let mut error = Code::Internal.error("internal error");
        if let Some(extensions) = &mut error.extensions {
            extensions.set("id", id);
        }
        error
    }
}

/// Gives every error of a response, which has some, a code, and masks those that carry none of their own.
///
/// Returns whether the operation was executed. If it was not, all its errors are request errors: those of validation and of
/// the schema's own limits.
pub(crate) fn seal(response: &mut Response, incidents: &Incidents) -> bool {
    let executed = response.data != async_graphql::Value::Null
        || response.errors.iter().any(|error| !error.path.is_empty());
    for error in &mut response.errors {
        if has_code(error) {
            continue;
        }
        if !executed {
            request_error_code(&error.message).mark(error);
        } else if is_about_input(error) {
            Code::InvalidArgument.mark(error);
        } else {
            let mut masked = incidents.internal(&error.message, &error.path);
            masked.path = std::mem::take(&mut error.path);
            masked.locations = std::mem::take(&mut error.locations);
            *error = masked;
        }
    }
    executed
}

fn has_code(error: &ServerError) -> bool {
    error
        .extensions
        .as_ref()
        .is_some_and(|extensions| extensions.get("code").is_some())
}

/// The code of an error that async-graphql reports before it executes anything. Its limits have no codes, only these messages.
fn request_error_code(message: &str) -> Code {
    if message == "Query is too complex." {
        Code::QueryTooComplex
    } else if message == "Query is nested too deep."
        || message.starts_with("The recursion depth of the query")
    {
        Code::QueryTooDeep
    } else if message.starts_with("The number of directives") {
        Code::TooManyDirectives
    } else {
        Code::ValidationFailed
    }
}

/// Whether an error is async-graphql's own about an argument's value, which it reads when it resolves the field. Errors that
/// resolvers return through `?` have a source; these have none.
fn is_about_input(error: &ServerError) -> bool {
    error.source.is_none()
        && (error.message.starts_with("Failed to parse \"")
            || error.message.starts_with("Expected input type \"")
            || (error.message.starts_with("Variable ") && error.message.ends_with(" is not defined.")))
}

struct Path<'a>(&'a [PathSegment]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, segment) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            match segment {
                PathSegment::Field(name) => f.write_str(name)?,
                PathSegment::Index(index) => write!(f, "{index}")?,
            }
        }
        Ok(())
    }
}
