//! Voices by address, many at a time.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::{DataLoader, Loader};
use resonance_domain::VoiceAddress;
use resonance_services::{Request, ServiceError};

use crate::Voice;

/// Loads voices for one request: the instance's, and those of organizations that the viewer may see them in. All others
/// are absent.
#[derive(Debug, Clone)]
pub struct VoiceLoader(Request);

impl VoiceLoader {
    /// The loader of one request. One statement for all voices of the instance that are asked for at once, and one for
    /// those of each organization.
    #[must_use]
    pub fn of(request: Request) -> DataLoader<Self> {
        DataLoader::new(Self(request), tokio::spawn)
    }
}

impl Loader<VoiceAddress> for VoiceLoader {
    type Value = Voice;
    type Error = Arc<ServiceError>;

    async fn load(&self, keys: &[VoiceAddress]) -> Result<HashMap<VoiceAddress, Voice>, Self::Error> {
        let found = self.0.voices().get_many(keys).await.map_err(Arc::new)?;
        Ok(found
            .into_iter()
            .map(|(address, voice)| (address, voice.into()))
            .collect())
    }
}
