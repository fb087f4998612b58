//! Objects that must not outlive the rows that own them.
//!
//! The object store and the database share no transaction. So whoever uploads first *pledges* the objects: a job that
//! removes them later, committed before the first byte is sent. The transaction that stores the owning row redeems the
//! pledge. If the node dies anywhere in between, the job remains, and removes what nobody owns. If that transaction is
//! refused, the uploader has the objects removed at once.
//!
//! INVARIANT: objects are uploaded only under a prefix that is pledged, and a pledge is redeemed only before its job
//! has started; otherwise the row would own objects that are being removed.

use resonance_authz::{SystemGrant, system::Purge};
use resonance_blobs::BlobKey;
use resonance_domain::{GenerationId, IdsExt, InOrg, OrganizationId, VoiceId};
use resonance_persistence::{ClaimedJob, JobQueue, NewJob, Repositories, UnitOfWork};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Outcome, ServiceError, core::Core};

/// What owns the objects under a prefix: as long as it does, they stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A voice, by existing.
    Voice(InOrg<VoiceId>),
    /// A voice, by having its preview.
    Preview(InOrg<VoiceId>),
    /// A generation, by having its audio.
    Generation(InOrg<GenerationId>),
    /// A generation, by not being final yet: its pieces.
    Pieces(InOrg<GenerationId>),
    /// An organization, by having a logo under the prefix.
    Logo(OrganizationId),
}

/// Objects about to be uploaded.
#[derive(Debug)]
#[must_use = "the objects are removed if nobody redeems the pledge"]
pub(crate) struct Pledge {
    subject: Uuid,
    prefix: BlobKey,
    owner: Owner,
}

impl Pledge {
    /// Pledges what will be uploaded under `prefix` (a folder of its own, not an object) for `owner`.
    pub(crate) async fn make(core: &Core, prefix: &BlobKey, owner: Owner) -> Outcome<Self> {
        let subject = core.ids.uuid();
        let mut job = removal(core, prefix, owner);
        job.subject = Some(subject);
        job.run_at = job.created_at + core.settings.upload_grace;
        core.database
            .atomically(async |uow| uow.jobs().add(job).await)
            .await?;
        Ok(Self {
            subject,
            prefix: prefix.clone(),
            owner,
        })
    }

    /// Keeps the objects, if this unit of work commits: call it where the row that owns them is stored.
    pub(crate) async fn redeem(&self, uow: &UnitOfWork) -> Outcome<()> {
        if uow.jobs().cancel_unclaimed(JobQueue::Sweep, self.subject).await? {
            Ok(())
        } else {
            Err(ServiceError::internal(
                "storing an object",
                "it took longer than the grace for uploads",
            ))
        }
    }

    /// Has the uploaded objects removed at once, unless the owner does own them: call it when the unit of work that
    /// was to redeem the pledge failed. The pledge's own job may have run too early, before the upload was complete.
    pub(crate) async fn abandon(&self, core: &Core) {
        let job = removal(core, &self.prefix, self.owner);
        let added = core
            .database
            .atomically(async |uow| uow.jobs().add(job).await)
            .await;
        if let Err(error) = added {
            tracing::warn!(prefix = %self.prefix, error = &error as &dyn std::error::Error,
                "removing an upload failed; it is left to the pledge");
        }
    }
}

/// A job that removes what lies under `prefix` at once, unless `owner` still owns it: add it where the row is deleted
/// or changed.
pub(crate) fn removal(core: &Core, prefix: &BlobKey, owner: Owner) -> NewJob {
    let (organization, unless) = match owner {
        Owner::Voice(voice) => (voice.organization, json!({ "voice": voice.global_id() })),
        Owner::Preview(voice) => (voice.organization, json!({ "preview": voice.global_id() })),
        Owner::Generation(generation) => (
            generation.organization,
            json!({ "generation": generation.global_id() }),
        ),
        Owner::Pieces(generation) => (
            generation.organization,
            json!({ "unfinished": generation.global_id() }),
        ),
        Owner::Logo(organization) => (organization, json!({ "logo": organization })),
    };
    let now = core.clock.now();
    NewJob {
        id: core.ids.next(),
        queue: JobQueue::Sweep,
        lane: String::new(),
        organization: Some(organization),
        subject: None,
        payload: json!({ "prefix": prefix.as_str(), "unless": unless }),
        run_at: now,
        created_at: now,
    }
}

/// Does such a job.
pub(crate) async fn sweep(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    let (prefix, owner) = read(&job.payload)
        .ok_or_else(|| ServiceError::internal("reading a sweep job", "malformed payload"))?;
    if !is_owned(core, &prefix, owner).await? {
        while core.blobs.delete_prefix(&prefix).await? > 0 {}
    }
    core.database
        .atomically(async |uow| uow.jobs().complete(job).await)
        .await?;
    Ok(())
}

fn read(payload: &Value) -> Option<(BlobKey, Owner)> {
    let prefix = BlobKey::parse(payload.get("prefix")?.as_str()?).ok()?;
    let (kind, id) = payload.get("unless")?.as_object()?.iter().next()?;
    let id = id.as_str()?;
    let owner = match kind.as_str() {
        "voice" => Owner::Voice(id.parse().ok()?),
        "preview" => Owner::Preview(id.parse().ok()?),
        "generation" => Owner::Generation(id.parse().ok()?),
        "unfinished" => Owner::Pieces(id.parse().ok()?),
        "logo" => Owner::Logo(id.parse().ok()?),
        _ => return None,
    };
    Some((prefix, owner))
}

async fn is_owned(core: &Core, prefix: &BlobKey, owner: Owner) -> Outcome<bool> {
    let grant = SystemGrant::<Purge>::for_job();
    let owners = core.database.object_owners();
    Ok(match owner {
        Owner::Voice(voice) => owners.voice_exists(&grant, voice).await?,
        Owner::Preview(voice) => owners.voice_has_preview(&grant, voice).await?,
        Owner::Generation(generation) => owners.generation_has_audio(&grant, generation).await?,
        Owner::Pieces(generation) => owners.generation_is_unfinished(&grant, generation).await?,
        Owner::Logo(organization) => {
            let key = owners.logo_key(&grant, organization).await?;
            key.and_then(|key| {
                key.strip_prefix(prefix.as_str())
                    .map(|rest| rest.starts_with('/'))
            })
            .unwrap_or(false)
        }
    })
}

#[cfg(test)]
mod tests {
    use resonance_domain::Id;

    use super::*;

    #[test]
    fn every_owner_is_read_as_it_was_written() {
        let organization = OrganizationId::from_uuid(Uuid::from_u128(7));
        let owners = [
            (
                Owner::Voice(InOrg::new(organization, Id::from_uuid(Uuid::from_u128(8)))),
                "voice",
            ),
            (
                Owner::Preview(InOrg::new(organization, Id::from_uuid(Uuid::from_u128(8)))),
                "preview",
            ),
            (
                Owner::Generation(InOrg::new(organization, Id::from_uuid(Uuid::from_u128(8)))),
                "generation",
            ),
            (
                Owner::Pieces(InOrg::new(organization, Id::from_uuid(Uuid::from_u128(8)))),
                "unfinished",
            ),
            (Owner::Logo(organization), "logo"),
        ];
        for (owner, kind) in owners {
            let id = match owner {
                Owner::Voice(voice) | Owner::Preview(voice) => voice.global_id(),
                Owner::Generation(generation) | Owner::Pieces(generation) => generation.global_id(),
                Owner::Logo(organization) => organization.type_id(),
            };
            let payload = json!({ "prefix": "organizations/x", "unless": { kind: id } });
            assert_eq!(
                read(&payload),
                Some((BlobKey::parse("organizations/x").unwrap(), owner))
            );
        }
        for bad in [
            json!({}),
            json!({ "prefix": "a" }),
            json!({ "prefix": "/", "unless": { "logo": "org_1" } }),
        ] {
            assert_eq!(read(&bad), None);
        }
    }
}
