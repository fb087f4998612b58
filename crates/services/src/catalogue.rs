//! The instance's catalogue of voices.

use futures_util::future::join_all;
use resonance_authz::{SystemGrant, system::Catalogue};
use resonance_domain::{SystemVoice, VoiceId};
use resonance_persistence::Repositories;
use sha2::{Digest, Sha256};

use crate::{Outcome, Services};

impl Services {
    /// Brings the catalogue up to date with what the engines offer: adds what is new, changes what has changed. Every
    /// node does it when it starts; doing it again changes nothing.
    ///
    /// A voice that an engine no longer offers stays: histories name it, and while nodes are being upgraded one by
    /// one, old and new ones must not fight over it.
    ///
    /// Says whether all engines answered. What is stored of one that did not stays as it is.
    ///
    /// # Errors
    /// The database's.
    pub async fn seed_catalogue(&self) -> Outcome<bool> {
        let core = self.core();
        let now = core.clock.now();
        let mut voices = Vec::new();
        let mut complete = true;
        let engines: Vec<_> = core.engines.iter().collect();
        let catalogues = join_all(engines.iter().map(|engine| engine.catalogue())).await;
        for (engine, catalogue) in engines.into_iter().zip(catalogues) {
            let offered = catalogue.unwrap_or_else(|error| {
                complete = false;
                tracing::warn!(engine = engine.id(), %error, "the engine does not say which voices it has");
                Vec::new()
            });
            voices.extend(offered.into_iter().map(|voice| SystemVoice {
                id: id_of(engine.id(), &voice.key),
                key: voice.key,
                name: voice.name,
                description: voice.description,
                category: voice.category,
                language: voice.language,
                engine: engine.id().to_owned(),
                engine_voice: voice.voice,
                preview_key: None,
                created_at: now,
                updated_at: now,
            }));
        }
        // All nodes lock the rows in the same order.
        voices.sort_unstable_by_key(|voice| voice.id);
        let written = core
            .database
            .atomically(async |uow| {
                uow.voices()
                    .seed(&SystemGrant::<Catalogue>::for_job(), &voices)
                    .await
            })
            .await?;
        tracing::info!(
            voices = voices.len(),
            written,
            "the catalogue of voices is up to date"
        );
        Ok(complete)
    }
}

/// The id of a voice of the catalogue, the same on every node of every instance: a UUIDv8 of a hash, whose time is
/// zero, so that the catalogue sorts before everything that was made since.
fn id_of(engine: &str, key: &str) -> VoiceId {
    let mut hash = Sha256::new_with_prefix("resonance system voice");
    for part in [engine, key] {
        hash.update([0]);
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finalize()).skip(6) {
        *byte = hashed;
    }
    VoiceId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use resonance_domain::IdsExt;

    use super::*;
    use crate::SystemIds;

    #[test]
    fn ids_of_the_catalogue_never_change_and_sort_first() {
        let id = id_of("builtin", "en-us-1");
        assert_eq!(id.type_id(), "voice_0000000000gb4ajvv07mfht77m");
        assert_ne!(id, id_of("builtin", "en-us-2"));
        assert_ne!(id_of("a", "bc"), id_of("ab", "c"));
        assert!(id < SystemIds.next());
    }
}
