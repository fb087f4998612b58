//! What became of a use case, in a form to compare.

use resonance_authz::Denied;
use resonance_services::{Outcome, ServiceError};

/// `OK`, or the codes of a refusal with their fields (`TAKEN slug`), or the code of a denial (`FORBIDDEN
/// org:voices:create`), in the spelling that clients see.
///
/// # Panics
/// If the use case failed inside.
pub fn verdict<T>(outcome: &Outcome<T>) -> String {
    match outcome {
        Ok(_) => "OK".to_owned(),
        Err(ServiceError::Denied(Denied::Unauthenticated)) => "UNAUTHENTICATED".to_owned(),
        Err(ServiceError::Denied(Denied::NotVisible)) => "NOT_FOUND".to_owned(),
        Err(ServiceError::Denied(Denied::Forbidden { missing })) => format!("FORBIDDEN {}", missing.key()),
        Err(ServiceError::OrganizationRequired) => "ORGANIZATION_REQUIRED".to_owned(),
        Err(ServiceError::QuotaExceeded { .. }) => "QUOTA_EXCEEDED".to_owned(),
        Err(ServiceError::RateLimited { .. }) => "RATE_LIMITED".to_owned(),
        Err(ServiceError::Refused(errors)) => {
            let each = errors.iter().map(|error| match &error.field {
                Some(field) => format!("{} {field}", error.code.as_str()),
                None => error.code.as_str().to_owned(),
            });
            each.collect::<Vec<_>>().join(", ")
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            panic!("the use case failed inside: {text}")
        }
    }
}
