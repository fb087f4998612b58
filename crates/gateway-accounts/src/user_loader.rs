//! People by id, many at a time.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::{DataLoader, Loader};
use resonance_authz::Denied;
use resonance_domain::{InOrg, OrganizationId, UserId};
use resonance_services::{Request, ServiceError};

use crate::User;

/// Loads people for one request, as the viewer may see them in an organization. Who may not be seen there is absent:
/// somebody who is no member and left nothing there, and everybody in an organization that the viewer is no member of.
#[derive(Debug, Clone)]
pub struct UserLoader(Request);

impl UserLoader {
    /// The loader of one request. One statement for all that are asked for at once, for each organization.
    #[must_use]
    pub fn of(request: Request) -> DataLoader<Self> {
        DataLoader::new(Self(request), tokio::spawn)
    }
}

impl Loader<InOrg<UserId>> for UserLoader {
    type Value = User;
    type Error = Arc<ServiceError>;

    async fn load(&self, keys: &[InOrg<UserId>]) -> Result<HashMap<InOrg<UserId>, User>, Self::Error> {
        let mut by_organization: HashMap<OrganizationId, Vec<UserId>> = HashMap::new();
        for key in keys {
            by_organization.entry(key.organization).or_default().push(key.id);
        }
        let mut users = HashMap::with_capacity(keys.len());
        for (organization, ids) in by_organization {
            match self.0.accounts().profiles(organization, &ids).await {
                Ok(profiles) => users.extend(
                    profiles
                        .into_iter()
                        .map(|profile| (InOrg::new(organization, profile.id), profile.into())),
                ),
                Err(ServiceError::Denied(Denied::NotVisible)) => {}
                Err(error) => return Err(Arc::new(error)),
            }
        }
        Ok(users)
    }
}
