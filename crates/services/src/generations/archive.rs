//! Selections of the history as one file: a ZIP archive with the audio, and a list of what was spoken.
//!
//! Nothing is made beforehand. The address of an archive says what is in it and for whom, its signature that it was asked
//! for; the archive is put together while it is fetched, and only what is on its way is in memory.

mod packing;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use resonance_authz::{Actor, Denied, Grant, KeyHolder, ReadGenerations};
use resonance_domain::{ArchiveAddress, ArchiveReader, ErrorCode, FieldError, GenerationId, InOrg};
use resonance_identity::SignedQuery;
use resonance_persistence::Repositories;

use super::{
    Generations,
    selection::{Selection, load_all},
};
use crate::{Outcome, refusals::Attempt};

/// An archive that whoever asked may have.
pub struct Archive {
    /// A name for the file.
    pub file_name: String,
    /// Its bytes, which are not counted beforehand. An error ends it: what came before is then no archive.
    pub bytes: BoxStream<'static, Outcome<Bytes>>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

/// The path under which an archive is served.
fn path(address: &ArchiveAddress) -> String {
    format!("/archives/{address}")
}

impl Generations<'_> {
    /// The URL under which generations of one organization that succeeded can be had as one archive for a while, without a
    /// session; but only as long as the one who asks now may read them. Requires `org:generations:read`.
    ///
    /// # Errors
    /// `INVALID` (`ids`) for none, for more than 100, and for generations of several organizations; `NotVisible` if one of
    /// them is not there; `CONFLICT` (`ids`) if one of them has no audio: not yet, or never.
    pub async fn archive_url(self, addresses: &[InOrg<GenerationId>]) -> Outcome<String> {
        self.0.actor().known()?;
        let Selection { organization, ids } = Selection::of(addresses)?;
        let attempt = Attempt::in_organization("createGenerationArchive", organization);
        let grant = self.0.grant::<ReadGenerations>(organization).await;
        let grant = self.0.noting(attempt.clone(), grant).await?;
        let found = load_all(&self.0.core().database, &grant, &ids).await;
        let found = self.0.noting(attempt, found).await?;
        if found.iter().any(|generation| generation.audio_key.is_none()) {
            let message = "only generations that succeeded can be downloaded";
            return Err(FieldError::new(ErrorCode::Conflict, message).at("ids").into());
        }
        let reader = match self.0.actor() {
            Actor::Anonymous => return Err(Denied::Unauthenticated.into()),
            Actor::User(me) => ArchiveReader::Session {
                user: me.user,
                session: me.session,
            },
            Actor::ApiKey(holder) => ArchiveReader::ApiKey(holder.key),
        };
        let address = ArchiveAddress {
            organization,
            reader,
            generations: ids,
        };
        Ok(self.0.services().signed_url(&path(&address)))
    }

    /// The archive at an address, for the holder of a URL that [`Generations::archive_url`] made, as long as the one who
    /// asked for it may read what is in it; or else for a member with `org:generations:read`.
    ///
    /// # Errors
    /// `NotVisible` if one of the generations is not there any more, `CONFLICT` if one has no audio, the object store's.
    pub async fn archive(
        self,
        address: &ArchiveAddress,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Archive> {
        let core = self.0.core();
        let grant = if self.0.is_signed(&path(address), signature) {
            self.grant_of_reader(address).await?
        } else {
            self.0.grant::<ReadGenerations>(address.organization).await?
        };
        let addresses: Vec<_> = address
            .generations
            .iter()
            .map(|id| InOrg::new(address.organization, *id))
            .collect();
        let Selection { ids, .. } = Selection::of(&addresses)?;
        let generations = load_all(&core.database, &grant, &ids).await?;
        let packing = packing::Packing::of(generations)?;
        // A store that does not answer is told before the archive begins.
        packing.check(&core.blobs).await?;
        Ok(Archive {
            file_name: format!("generations-{}.zip", self.0.now().format("%Y%m%d-%H%M%S")),
            bytes: packing.stream(core.blobs.clone()),
        })
    }

    /// The authority of the one who asked for an archive, as it is now: a link is no longer good than its maker.
    async fn grant_of_reader(self, address: &ArchiveAddress) -> Outcome<Grant<ReadGenerations>> {
        let ArchiveAddress {
            organization, reader, ..
        } = *address;
        let (core, now) = (self.0.core(), self.0.now());
        match reader {
            ArchiveReader::Session { user, session } => {
                let me = resonance_authz::SignedIn { user, session };
                let standings = core.database.standings();
                Ok(standings.of_session(me, organization, now).await?.grant()?)
            }
            ArchiveReader::ApiKey(key) => {
                let holder = KeyHolder { key, organization };
                let open = core.database.api_keys().of(holder, now).await?;
                Ok(open.standing.grant()?)
            }
        }
    }
}
