//! How much one request may ask for.

use std::time::Duration;

/// The limits of one request. The defaults suit a public endpoint; the standard introspection query passes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Lexical tokens in a document. Counted before it is parsed.
    pub tokens: usize,
    /// Brackets of any kind inside one another in a document. Counted before it is parsed, since the parser recurses.
    pub nesting: usize,
    /// Fields inside one another, fragments expanded. Introspection needs 15.
    pub depth: usize,
    /// Fields selected by one operation, fragments expanded.
    pub fields: usize,
    /// Fields selected at the root of one operation, fragments expanded.
    pub root_fields: usize,
    /// Aliases in one operation, fragments expanded.
    pub aliases: usize,
    /// Directives in one operation, fragments expanded.
    pub directives: usize,
    /// Bytes of a JSON body, of a WebSocket message, and of the JSON parts of a multipart body.
    pub body_bytes: usize,
    /// Bytes of one uploaded file.
    pub file_bytes: usize,
    /// Files in one request.
    pub files: usize,
    /// How long a query or mutation may run. Subscriptions may run for ever.
    pub execution: Duration,
    /// Operations that run at a time on one WebSocket.
    pub operations_per_connection: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tokens: 2_000,
            nesting: 60,
            depth: 20,
            fields: 5_000,
            root_fields: 30,
            aliases: 50,
            directives: 50,
            body_bytes: 1 << 20,
            file_bytes: 25 * 1_000_000,
            files: 4,
            execution: Duration::from_secs(30),
            operations_per_connection: 100,
        }
    }
}
