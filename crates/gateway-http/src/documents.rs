//! Parsed documents, kept so that a query is parsed and measured once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    Name, Positioned, ServerError, Variables,
    parser::{
        self, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition},
    },
};
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{Code, Limits, measure, scan};

/// About how many bytes of memory each cache holds.
const CACHED_BYTES: u64 = 5_000_000;
/// About how many bytes a parsed token takes.
const BYTES_PER_TOKEN: usize = 100;

type RequestError = Box<ServerError>;

/// A document that parses and is within the limits.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) parsed: ExecutableDocument,
    /// About how many bytes it takes. Tokens alone do not tell: a comment or a string can be as long as a body.
    weight: u32,
    /// Whether the schema was found to know all of it.
    valid: AtomicBool,
}

impl Document {
    /// Whether [`Document::found_valid`] was called.
    pub(crate) fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Relaxed)
    }

    /// Remembers that the document has passed validation.
    pub(crate) fn found_valid(&self) {
        self.valid.store(true, Ordering::Relaxed);
    }

    /// The operation that a request names, by the specification's GetOperation.
    pub(crate) fn operation(&self, name: Option<&str>) -> Result<&OperationDefinition, RequestError> {
        let operations = &self.parsed.operations;
        let found: Option<&Positioned<OperationDefinition>> = match (operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Single(_), Some(_)) => None,
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.values();
                let first = all.next();
                if all.next().is_some() {
                    let message = "the document holds several operations: operationName is required";
                    return Err(Box::new(Code::OperationNotFound.error(message)));
                }
                first
            }
        };
        found.map(|operation| &operation.node).ok_or_else(|| {
            let message = format!(
                "the document holds no operation named `{}`",
                name.unwrap_or_default()
            );
            Box::new(Code::OperationNotFound.error(message))
        })
    }
}

/// Refuses a request that leaves out a variable that its operation requires. async-graphql notices that only where a field
/// uses the variable, and after the execution has begun.
pub(crate) fn check_required_variables(
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), RequestError> {
    for definition in &operation.variable_definitions {
        let required = !definition.node.var_type.node.nullable;
        let name: &Name = &definition.node.name.node;
        let missing = match variables.get(name) {
            Some(value) => *value == async_graphql::Value::Null,
            None => definition.node.default_value.is_none(),
        };
        if required && missing {
            let var_type = &definition.node.var_type.node;
            let mut error = Code::InvalidArgument
                .error(format!("the variable `${name}` of type `{var_type}` is required"));
            error.locations.push(definition.pos);
            return Err(Box::new(error));
        }
    }
    Ok(())
}

/// What a client says about a persisted query, in the request's `extensions`.
#[derive(Debug, Deserialize)]
struct Persisted {
    version: u32,
    #[serde(rename = "sha256Hash")]
    sha256_hash: String,
}

/// The documents that were asked for lately.
///
/// Keyed by the whole text, and not by a digest of it alone, so that no collision can run one client's document for another.
#[derive(Debug)]
pub(crate) struct Documents {
    by_text: Cache<Box<str>, Arc<Document>>,
    by_hash: Cache<[u8; 32], Arc<Document>>,
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self {
            by_text: Cache::builder()
                .max_capacity(CACHED_BYTES)
                .weigher(|_, document: &Arc<Document>| document.weight)
                .build(),
            by_hash: Cache::builder()
                .max_capacity(CACHED_BYTES)
                .weigher(|_, document: &Arc<Document>| document.weight)
                .build(),
        }
    }

    /// The document of a request: from its text, or from the hash of a text that was sent before.
    ///
    /// # Errors
    ///
    /// A request error: no document, a document that is not GraphQL or exceeds a limit, an unknown or wrong hash.
    pub(crate) fn find(
        &self,
        text: Option<&str>,
        persisted: Option<async_graphql::Value>,
        limits: &Limits,
    ) -> Result<Arc<Document>, RequestError> {
        let text = text.filter(|text| !text.is_empty());
        let Some(persisted) = persisted else {
            let text = text.ok_or_else(|| Code::BadRequest.error("the request has no query"))?;
            return self.by_text(text, limits);
        };
        let hash = hash_of(persisted)?;
        let Some(text) = text else {
            return self
                .by_hash
                .get(&hash)
                .ok_or_else(|| Box::new(Code::PersistedQueryNotFound.error("PersistedQueryNotFound")));
        };
        if <[u8; 32]>::from(Sha256::digest(text)) != hash {
            return Err(Box::new(
                Code::BadRequest.error("provided sha does not match query"),
            ));
        }
        let document = self.by_text(text, limits)?;
        self.by_hash.insert(hash, Arc::clone(&document));
        Ok(document)
    }

    fn by_text(&self, text: &str, limits: &Limits) -> Result<Arc<Document>, RequestError> {
        if let Some(document) = self.by_text.get(text) {
            return Ok(document);
        }
        let tokens = scan::scan(text, limits).map_err(|(code, message)| Box::new(code.error(message)))?;
        let parsed = parse_query(text).map_err(|error| Box::new(parse_error(error)))?;
        measure::check(&parsed, limits)?;
        let document = Arc::new(Document {
            parsed,
            weight: u32::try_from(text.len().saturating_add(tokens * BYTES_PER_TOKEN)).unwrap_or(u32::MAX),
            valid: AtomicBool::new(false),
        });
        self.by_text.insert(text.into(), Arc::clone(&document));
        Ok(document)
    }
}

fn hash_of(persisted: async_graphql::Value) -> Result<[u8; 32], RequestError> {
    let persisted: Persisted = async_graphql::from_value(persisted)
        .map_err(|_| Code::BadRequest.error("extensions.persistedQuery needs version and sha256Hash"))?;
    if persisted.version != 1 {
        return Err(Box::new(
            Code::BadRequest.error("persisted queries are supported in version 1 only"),
        ));
    }
    let mut hash = [0; 32];
    hex::decode_to_slice(&persisted.sha256_hash, &mut hash)
        .map_err(|_| Code::BadRequest.error("sha256Hash is no SHA-256 in hexadecimal"))?;
    Ok(hash)
}

fn parse_error(error: parser::Error) -> ServerError {
    let code = match error {
        parser::Error::RecursionLimitExceeded => Code::QueryTooDeep,
        _ => Code::ParseFailed,
    };
    let mut error = ServerError::from(error);
    code.mark(&mut error);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_by_its_length_and_not_by_its_tokens_alone() {
        let documents = Documents::new();
        for text in [
            format!("{{ a }} # {}", "x".repeat(20_000)),
            format!("{{ a(b: \"{}\") }}", "x".repeat(20_000)),
        ] {
            documents.find(Some(&text), None, &Limits::default()).unwrap();
            let hash = hex::encode(Sha256::digest(&text));
            let persisted = serde_json::json!({ "version": 1, "sha256Hash": hash });
            let persisted = async_graphql::Value::from_json(persisted).ok();
            documents
                .find(Some(&text), persisted, &Limits::default())
                .unwrap();
        }
        for cached in [documents.by_text.policy(), documents.by_hash.policy()] {
            assert_eq!(cached.max_capacity(), Some(CACHED_BYTES));
        }
        documents.by_text.run_pending_tasks();
        documents.by_hash.run_pending_tasks();
        assert!(documents.by_text.weighted_size() >= 40_000);
        assert!(documents.by_hash.weighted_size() >= 40_000);
    }
}
