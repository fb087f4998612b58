//! Whether the object store holds what the database names, and nothing else.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use resonance_authz::{SystemGrant, system::Purge};
use resonance_blobs::{BlobError, BlobInfo, BlobKey};
use resonance_persistence::{NamedObject, NamedObjectCursor, ObjectGuard, Repositories};
use uuid::Uuid;

use crate::{Outcome, Services, core::Core};

/// Objects, or rows, that are looked at together.
const BATCH: u32 = 500;
/// Objects that the store is asked about at once.
const ASKED_AT_ONCE: usize = 16;

/// One difference between the database and the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobDifference {
    /// An object that no row names and that no job will remove, older than the grace for uploads.
    Orphan {
        /// Its key.
        key: String,
        /// Its size in bytes.
        size: u64,
        /// Whether it was removed now.
        removed: bool,
    },
    /// An object that a row names and that is not there.
    Missing {
        /// Its key.
        key: String,
    },
    /// An object whose size is not what its row says.
    WrongSize {
        /// Its key.
        key: String,
        /// The bytes that it should have.
        expected: u64,
        /// The bytes that it has.
        found: u64,
    },
}

/// What comparing the database with the object store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobVerification {
    /// How many objects there are in the instance's folders.
    pub objects: u64,
    /// How many objects lie elsewhere in the store. They are none of the instance's and left alone.
    pub foreign: u64,
    /// How many objects are named by rows.
    pub named: u64,
    /// How many orphans there were.
    pub orphans: u64,
    /// How many of them were removed.
    pub removed: u64,
    /// How many objects are missing.
    pub missing: u64,
    /// How many have a wrong size.
    pub wrong_size: u64,
}

impl BlobVerification {
    /// Whether the two agree now.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.orphans == self.removed && self.missing == 0 && self.wrong_size == 0
    }
}

impl Services {
    /// Compares all objects with all rows that name objects, in batches, while the instance works; tells each
    /// difference as it is found, after a second look. Orphans are removed if `delete_orphans` says so.
    ///
    /// # Errors
    /// The database's and the object store's.
    pub async fn verify_blobs(
        &self,
        delete_orphans: bool,
        mut tell: impl FnMut(BlobDifference),
    ) -> Outcome<BlobVerification> {
        let verifier = Verifier {
            core: self.core(),
            grant: SystemGrant::<Purge>::for_job(),
            delete_orphans,
        };
        let mut found = BlobVerification::default();
        verifier.objects(&mut found, &mut tell).await?;
        verifier.rows(&mut found, &mut tell).await?;
        Ok(found)
    }
}

/// An object in one of the instance's folders.
struct Owned {
    info: BlobInfo,
    /// The ids in its key; see [`NamedObject::ids`].
    ids: [Uuid; 2],
}

struct Verifier<'a> {
    core: &'a Core,
    grant: SystemGrant<Purge>,
    delete_orphans: bool,
}

impl Verifier<'_> {
    async fn objects(
        &self,
        found: &mut BlobVerification,
        tell: &mut impl FnMut(BlobDifference),
    ) -> Outcome<()> {
        let mut batches = self.core.blobs.list(None).try_chunks(BATCH as usize);
        while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
            let before = batch.len();
            let owned = batch.into_iter().filter_map(|info| {
                let ids = ids_in(info.key.as_str())?;
                Some(Owned { info, ids })
            });
            let owned: Vec<_> = owned.collect();
            found.objects += owned.len() as u64;
            found.foreign += (before - owned.len()) as u64;
            let unnamed = self.unnamed(owned).await?;
            let grown_up = unnamed.into_iter().filter(|object| self.is_old(&object.info));
            for orphan in self.second_look(grown_up.collect()).await? {
                found.orphans += 1;
                if self.delete_orphans {
                    self.core.blobs.delete(&orphan.key).await?;
                    found.removed += 1;
                }
                tell(BlobDifference::Orphan {
                    key: orphan.key.to_string(),
                    size: orphan.size,
                    removed: self.delete_orphans,
                });
            }
        }
        Ok(())
    }

    fn is_old(&self, info: &BlobInfo) -> bool {
        let now: DateTime<Utc> = self.core.clock.now();
        now - info.modified > self.core.settings.upload_grace
    }

    async fn unnamed(&self, objects: Vec<Owned>) -> Outcome<Vec<Owned>> {
        let ids: HashSet<_> = objects.iter().map(|object| object.ids).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let named = self.core.database.object_names().of(&self.grant, &ids).await?;
        let named: HashSet<_> = named.into_iter().map(|named| named.key).collect();
        let mut objects = objects;
        objects.retain(|object| !named.contains(object.info.key.as_str()));
        Ok(objects)
    }

    /// Those that no job is about, that still no row names, and that are still there as they were. In this order: whoever
    /// stores a row ends the job in the same transaction.
    async fn second_look(&self, mut objects: Vec<Owned>) -> Outcome<Vec<BlobInfo>> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let guards = self.guards(&objects).await?;
        objects.retain(|object| !guards.iter().any(|guard| guards_object(guard, object)));
        let mut orphans = Vec::new();
        for Owned { info, .. } in self.unnamed(objects).await? {
            match self.core.blobs.head(&info.key).await {
                // Not by its time, which some servers cut to seconds here and not in lists.
                Ok(now) if now.etag == info.etag && now.size == info.size => orphans.push(info),
                Ok(_) | Err(BlobError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(orphans)
    }

    async fn guards(&self, objects: &[Owned]) -> Outcome<Vec<ObjectGuard>> {
        let organizations: HashSet<_> = objects.iter().map(|object| object.ids[0]).collect();
        let things: HashSet<_> = objects.iter().map(|object| object.ids[1]).collect();
        let prefixes: HashSet<_> = objects
            .iter()
            .flat_map(|object| {
                let key = object.info.key.as_str();
                key.match_indices('/').map(|(end, _)| &key[..end])
            })
            .collect();
        let (organizations, things) = (Vec::from_iter(organizations), Vec::from_iter(things));
        let prefixes = Vec::from_iter(prefixes);
        let names = self.core.database.object_names();
        let guards = names.guards(&self.grant, &organizations, &things, &prefixes);
        Ok(guards.await?)
    }

    async fn rows(&self, found: &mut BlobVerification, tell: &mut impl FnMut(BlobDifference)) -> Outcome<()> {
        let names = self.core.database.object_names();
        let mut cursor = NamedObjectCursor::default();
        loop {
            let batch = names.next(&self.grant, &mut cursor, BATCH).await?;
            if batch.is_empty() {
                return Ok(());
            }
            found.named += batch.len() as u64;
            let mut looked = stream::iter(batch)
                .map(async |named| self.compare(named).await)
                .buffer_unordered(ASKED_AT_ONCE);
            while let Some(difference) = looked.try_next().await? {
                match difference {
                    Some(BlobDifference::Missing { .. }) => found.missing += 1,
                    Some(BlobDifference::WrongSize { .. }) => found.wrong_size += 1,
                    _ => continue,
                }
                difference.into_iter().for_each(&mut *tell);
            }
        }
    }

    async fn compare(&self, named: NamedObject) -> Outcome<Option<BlobDifference>> {
        let size = match BlobKey::parse(&named.key) {
            Ok(key) => match self.core.blobs.head(&key).await {
                Ok(info) => Some(info.size),
                Err(BlobError::NotFound) => None,
                Err(error) => return Err(error.into()),
            },
            // Nothing can lie there.
            Err(_) => None,
        };
        let NamedObject {
            key,
            size: expected,
            ids,
        } = named.clone();
        let difference = match (size, expected) {
            (None, _) => BlobDifference::Missing { key },
            (Some(found), Some(expected)) if found != expected => {
                BlobDifference::WrongSize { key, expected, found }
            }
            _ => return Ok(None),
        };
        // The row may have gone meanwhile, and its object with it.
        let still = self.core.database.object_names().of(&self.grant, &[ids]).await?;
        Ok(still.contains(&named).then_some(difference))
    }
}

fn guards_object(guard: &ObjectGuard, object: &Owned) -> bool {
    match guard {
        ObjectGuard::Purge { organization } => *organization == object.ids[0],
        ObjectGuard::Speak { generation } => *generation == object.ids[1],
        ObjectGuard::Sweep { prefix } => {
            let rest = object.info.key.as_str().strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

/// The ids in a key of ours; `None` for what lies outside the instance's folders.
fn ids_in(key: &str) -> Option<[Uuid; 2]> {
    let mut segments = key.split('/');
    match (segments.next()?, segments.next()?) {
        ("organizations", organization) => {
            let organization = organization.parse().ok()?;
            // A logo's folder has an id that no row has: the organization names the logo.
            let thing = match segments.next()? {
                "logo" => organization,
                _ => segments.next()?.parse().unwrap_or(organization),
            };
            Some([organization, thing])
        }
        ("system", "previews") => {
            let voice = segments.nth(1)?.split('.').next()?.parse().ok()?;
            Some([voice, voice])
        }
        _ => None,
    }
}
