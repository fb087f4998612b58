//! Reading refusals.

use std::fmt::Debug;

use resonance_domain::ErrorCode;
use resonance_services::{Outcome, ServiceError};

/// The codes of a refused input, each with its field.
pub(crate) fn refused<T: Debug>(outcome: Outcome<T>) -> Vec<(ErrorCode, String)> {
    match outcome {
        Err(ServiceError::Refused(errors)) => errors
            .into_iter()
            .map(|error| (error.code, error.field.unwrap_or_default()))
            .collect(),
        other => panic!("not refused: {other:?}"),
    }
}

/// How many seconds to wait.
pub(crate) fn rate_limited<T: Debug>(outcome: Outcome<T>) -> i64 {
    match outcome {
        Err(ServiceError::RateLimited { wait }) => wait.num_seconds(),
        other => panic!("not limited: {other:?}"),
    }
}
