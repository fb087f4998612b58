//! From parameters to answers, the same for every transport.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Data, Executor, Request, Response, ServerError, parser::types::OperationType};
use axum::body::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderMap, StatusCode};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio_util::sync::CancellationToken;

use crate::{
    Client, Code, Csrf, Limits, Refusal, RequestData,
    documents::{Document, Documents, check_required_variables},
    masking::{self, IncidentIds, Incidents},
    params::Params,
    propagation::FieldTypes,
    refusal::json,
    variables,
};

/// What all requests share.
pub(crate) struct Engine<E, D> {
    pub(crate) executor: E,
    /// Executes without validating.
    pub(crate) trusting: Option<E>,
    pub(crate) request_data: D,
    pub(crate) documents: Documents,
    pub(crate) field_types: FieldTypes,
    pub(crate) limits: Limits,
    pub(crate) csrf: Csrf,
    pub(crate) incident_ids: IncidentIds,
    pub(crate) keep_alive: Duration,
    pub(crate) shutdown: CancellationToken,
}

/// A request whose document is within the limits.
pub(crate) struct Operation {
    pub(crate) request: Request,
    pub(crate) kind: OperationType,
    document: Arc<Document>,
}

/// An operation that runs, as far as its results are concerned.
struct Running {
    document: Arc<Document>,
    operation_name: Option<String>,
    incidents: Incidents,
    /// Whether validation would find nothing.
    known_to_be_valid: bool,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The operation was executed, perhaps with errors.
    Executed(Box<Response>),
    /// The operation was not executed, or ended without a result. The answer has no `data`.
    Refused {
        /// Why; at least one.
        errors: Vec<ServerError>,
        /// The HTTP status, where the client's media type has one for this.
        status: StatusCode,
    },
}

impl Answer {
    /// The answer as the body of an HTTP response.
    pub(crate) fn body(&self) -> Bytes {
        json(self)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        Self::Refused {
            errors: vec![refusal.into_error()],
            status,
        }
    }
}

impl From<Box<ServerError>> for Answer {
    fn from(error: Box<ServerError>) -> Self {
        Self::Refused {
            errors: vec![*error],
            status: StatusCode::BAD_REQUEST,
        }
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Executed(response) => response.serialize(serializer),
            Self::Refused { errors, .. } => {
                let mut body = serializer.serialize_struct("Response", 1)?;
                body.serialize_field("errors", errors)?;
                body.end()
            }
        }
    }
}

impl<E: Executor, D: RequestData> Engine<E, D> {
    /// Finds the document of a request, and its operation.
    pub(crate) fn prepare(&self, mut params: Params<'_>) -> Result<Operation, Answer> {
        let persisted = params.take_persisted();
        let document = self.documents.find(params.query(), persisted, &self.limits)?;
        let request = params.into_request();
        let kind = document.operation(request.operation_name.as_deref())?.ty;
        let span = tracing::Span::current();
        span.record("graphql.operation.type", name_of(kind));
        if let Some(name) = &request.operation_name {
            span.record("graphql.operation.name", name);
        }
        Ok(Operation {
            request,
            kind,
            document,
        })
    }

    /// Asks the gateway for the data of one operation.
    pub(crate) async fn request_data(&self, client: Client<'_>) -> Result<Data, Refusal> {
        self.request_data.request_data(client).await
    }

    pub(crate) fn incidents(&self, headers: &HeaderMap) -> Incidents {
        Incidents::of(headers, &self.incident_ids)
    }

    /// Executes a query or mutation, within the time limit.
    pub(crate) async fn execute(&self, operation: Operation, incidents: Incidents) -> Answer {
        let (request, running) = match begin(operation, incidents) {
            Ok(begun) => begun,
            Err(refused) => return refused,
        };
        // A panic in a resolver is one operation's failure, also on a connection that serves many.
        let execution = AssertUnwindSafe(self.executor_of(&running).execute(request)).catch_unwind();
        match tokio::time::timeout(self.limits.execution, execution).await {
            Ok(Ok(response)) => self.conclude(response, &running),
            Ok(Err(_)) => panicked(&running.incidents),
            Err(_) => {
                tracing::warn!(limit = ?self.limits.execution, "an operation took too long and was ended");
                let message = format!("the operation took longer than {:?}", self.limits.execution);
                Answer::Refused {
                    errors: vec![Code::Timeout.error(message)],
                    status: Code::Timeout.status(),
                }
            }
        }
    }

    /// Executes an operation of any kind as a stream of answers. A refusal, if any, is the first and only one.
    pub(crate) fn stream(
        self: &Arc<Self>,
        operation: Operation,
        incidents: Incidents,
    ) -> BoxStream<'static, Answer> {
        if operation.kind != OperationType::Subscription {
            let engine = Arc::clone(self);
            let execution = async move { engine.execute(operation, incidents).await };
            return stream::once(execution).boxed();
        }
        let (request, running) = match begin(operation, incidents) {
            Ok(begun) => begun,
            Err(refused) => return stream::once(async { refused }).boxed(),
        };
        let engine = Arc::clone(self);
        let responses = self.executor_of(&running).execute_stream(request, None);
        let responses = AssertUnwindSafe(responses).catch_unwind();
        responses
            .map(move |response| match response {
                Ok(response) => engine.conclude(response, &running),
                Err(_) => panicked(&running.incidents),
            })
            .boxed()
    }

    fn executor_of(&self, running: &Running) -> &E {
        match &self.trusting {
            Some(trusting) if running.known_to_be_valid => trusting,
            _ => &self.executor,
        }
    }

    /// Makes an answer of a response: every error with a code, and nulls where the specification wants them.
    fn conclude(&self, mut response: Response, running: &Running) -> Answer {
        if response.errors.is_empty() {
            running.document.found_valid();
            return Answer::Executed(Box::new(response));
        }
        if !masking::seal(&mut response, &running.incidents) {
            return Answer::Refused {
                errors: response.errors,
                status: StatusCode::BAD_REQUEST,
            };
        }
        let document = &running.document;
        document.found_valid();
        if let Ok(operation) = document.operation(running.operation_name.as_deref()) {
            self.field_types
                .propagate(&document.parsed, operation, &mut response);
        }
        Answer::Executed(Box::new(response))
    }
}

/// Takes an operation, whose data and files are in its request by now, to where it can be executed.
fn begin(operation: Operation, incidents: Incidents) -> Result<(Request, Running), Answer> {
    let Operation {
        mut request,
        document,
        ..
    } = operation;
    let operation_name = request.operation_name.clone();
    let definition = document.operation(operation_name.as_deref())?;
    check_required_variables(definition, &request.variables)?;
    let known_to_be_valid =
        document.is_valid() && variables::are_plainly_right(definition, &request.variables);
    request.set_parsed_query(document.parsed.clone());
    let running = Running {
        document,
        operation_name,
        incidents,
        known_to_be_valid,
    };
    Ok((request, running))
}

fn name_of(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

fn panicked(incidents: &Incidents) -> Answer {
    Answer::Refused {
        errors: vec![incidents.internal("a resolver panicked", &[])],
        status: Code::Internal.status(),
    }
}
