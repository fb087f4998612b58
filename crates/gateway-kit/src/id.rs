//! Ids in and out.

use std::str::FromStr;

use async_graphql::ID;
use resonance_domain::{ErrorCode, FieldError, Id, IdKind, InOrg};

/// Reads an id argument.
///
/// # Errors
/// `INVALID`, blaming `field`.
pub fn parse_id<T: FromStr>(field: &str, id: &ID) -> Result<T, FieldError> {
    id.parse()
        .map_err(|_| FieldError::new(ErrorCode::Invalid, "must be an id of the right kind").at(field))
}

/// Reads the id of a tenant's thing; it carries the organization.
///
/// # Errors
/// `INVALID`, blaming `field`.
pub fn parse_tenant_id<K: IdKind>(field: &str, id: &ID) -> Result<InOrg<Id<K>>, FieldError> {
    parse_id(field, id)
}
