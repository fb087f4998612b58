//! Selections of generations that one request is about.

use resonance_authz::{Denied, Grant, ReadGenerations};
use resonance_domain::{
    ErrorCode, FieldError, Generation, GenerationId, InOrg, MAX_GENERATIONS_AT_ONCE, OrganizationId,
};
use resonance_persistence::Repositories;

use crate::{Outcome, ServiceError};

/// Generations of one organization, each once, in the order in which they were named.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) organization: OrganizationId,
    pub(super) ids: Vec<GenerationId>,
}

impl Selection {
    /// Reads what an input names.
    ///
    /// # Errors
    /// `INVALID` (`ids`) for none or too many, and for generations of several organizations.
    pub(super) fn of(addresses: &[InOrg<GenerationId>]) -> Result<Self, FieldError> {
        let refused = |message: String| FieldError::new(ErrorCode::Invalid, message).at("ids");
        let Some(first) = addresses
            .first()
            .filter(|_| addresses.len() <= MAX_GENERATIONS_AT_ONCE)
        else {
            return Err(refused(format!(
                "must name 1 to {MAX_GENERATIONS_AT_ONCE} generations"
            )));
        };
        let organization = first.organization;
        if addresses
            .iter()
            .any(|address| address.organization != organization)
        {
            return Err(refused("must be generations of one organization".to_owned()));
        }
        let mut ids = Vec::with_capacity(addresses.len());
        for address in addresses {
            if !ids.contains(&address.id) {
                ids.push(address.id);
            }
        }
        Ok(Self { organization, ids })
    }
}

/// All of `ids`, in their order. One statement.
///
/// # Errors
/// `NotVisible` if one of them is not there.
pub(super) async fn load_all(
    repositories: &impl Repositories,
    grant: &Grant<ReadGenerations>,
    ids: &[GenerationId],
) -> Outcome<Vec<Generation>> {
    let mut found = repositories.generations().get_many(grant, ids).await?;
    if found.len() != ids.len() {
        return Err(ServiceError::Denied(Denied::NotVisible));
    }
    found.sort_by_key(|generation| ids.iter().position(|id| *id == generation.id));
    Ok(found)
}
