//! Pictures of organizations: uploaded logos, and avatars of those that have none.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use resonance_authz::{ChangeOrganization, SystemGrant, system::ShowLogo};
use resonance_blobs::BlobKey;
use resonance_domain::{ErrorCode, FieldError, Organization, OrganizationId};
use resonance_images::{Logo, LogoError};
use resonance_persistence::{Repositories, ViewedOrganization};

use crate::{
    Organizations, Outcome, ServiceError, SignedQuery,
    core::{Core, on_thread},
    refusals::Attempt,
    sweep::{Owner, Pledge, removal},
};

/// The last segment of a logo's key; each logo has a folder of its own.
const FILE: &str = "logo.png";

/// An organization's picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its media type: a PNG for a logo, an SVG for an avatar.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Bytes,
    /// What changes whenever the picture does: for the `ETag`.
    pub version: String,
}

impl Organizations<'_> {
    /// Takes a picture (PNG, JPEG, GIF or WebP, up to 10 MB) as the logo; it is decoded and stored anew as a PNG.
    /// Requires `org:sys_profile:manage`.
    ///
    /// # Errors
    /// Denials. Refusals of `logo`: `FILE_TOO_LARGE`, `IMAGE_UNREADABLE`.
    pub async fn set_logo(
        self,
        organization: Option<OrganizationId>,
        upload: Bytes,
    ) -> Outcome<ViewedOrganization> {
        let core = self.0.core();
        let organization = self.0.organization(organization)?;
        // Nobody else has us decode anything. Whoever loses the permission meanwhile is refused below.
        let may = self.0.grant::<ChangeOrganization>(organization).await;
        let attempt = Attempt::in_organization("setOrganizationLogo", organization);
        let _may = self.0.noting(attempt, may).await?;
        let logo = decode(core, upload).await.map_err(|error| error.at("logo"))?;
        let folder = prefix(organization)
            .and_then(|prefix| prefix.join(&format!("logo/{}", core.ids.uuid().simple())))
            .map_err(|error| ServiceError::internal("naming an object", error))?;
        let key = folder
            .join(FILE)
            .map_err(|error| ServiceError::internal("naming an object", error))?;
        let pledge = Pledge::make(core, &folder, Owner::Logo(organization)).await?;
        core.blobs.put(&key, logo.png.into(), "image/png").await?;
        self.replace_logo("setOrganizationLogo", organization, Some((key, pledge)))
            .await
    }

    /// Goes back to the generated avatar. Requires `org:sys_profile:manage`.
    ///
    /// # Errors
    /// Denials.
    pub async fn remove_logo(self, organization: Option<OrganizationId>) -> Outcome<ViewedOrganization> {
        let organization = self.0.organization(organization)?;
        self.replace_logo("removeOrganizationLogo", organization, None)
            .await
    }

    async fn replace_logo(
        self,
        operation: &'static str,
        organization: OrganizationId,
        new: Option<(BlobKey, Pledge)>,
    ) -> Outcome<ViewedOrganization> {
        let core = self.0.core();
        let stored = self
            .0
            .attempt(Attempt::in_organization(operation, organization), async |uow| {
                let (grant, mut viewed) = self.hold(uow, organization).await?;
                let before = viewed.organization.clone();
                viewed.organization.logo_key = match &new {
                    Some((key, pledge)) => {
                        pledge.redeem(uow).await?;
                        Some(key.as_str().to_owned())
                    }
                    None => None,
                };
                let old = before.logo_key.as_deref().and_then(folder_of);
                if let Some(old) = old {
                    let job = removal(core, &old, Owner::Logo(organization));
                    uow.jobs().add(job).await?;
                }
                self.store(uow, &grant, &before, &mut viewed.organization).await?;
                Ok(viewed)
            })
            .await;
        if let (Err(_), Some((_, pledge))) = (&stored, &new) {
            pledge.abandon(core).await;
        }
        stored
    }

    /// The logo, or else an avatar of the initials. For members, and for whoever presents a URL that
    /// [`Organizations::logo_url`] signed.
    ///
    /// # Errors
    /// Denials.
    pub async fn logo_or_avatar(
        self,
        organization: OrganizationId,
        signature: Option<&SignedQuery>,
    ) -> Outcome<Picture> {
        let core = self.0.core();
        if !self.0.is_signed(&path(organization), signature) {
            self.0.standing(organization).await?;
        }
        let grant = SystemGrant::<ShowLogo>::for_job();
        let found = core.database.organizations().picture(&grant, organization);
        let found = found.await?.ok_or(resonance_authz::Denied::NotVisible)?;
        let version = found.updated_at.timestamp_micros().to_string();
        let Some(key) = &found.logo_key else {
            let svg = resonance_images::avatar(&found.name, organization.as_uuid().as_bytes());
            return Ok(Picture {
                content_type: "image/svg+xml",
                bytes: svg.into(),
                version,
            });
        };
        let key = BlobKey::parse(key).map_err(|error| ServiceError::internal("reading a logo", error))?;
        Ok(Picture {
            content_type: "image/png",
            bytes: core.blobs.get(&key).await?,
            version,
        })
    }

    /// The absolute URL under which an `<img>` element finds the organization's picture. Whoever has it may see the
    /// picture, for a day at least.
    #[must_use]
    pub fn logo_url(self, organization: &Organization) -> String {
        url(
            self.0.core(),
            organization.id,
            organization.updated_at,
            self.0.now(),
        )
    }
}

pub(crate) fn url(
    core: &Core,
    organization: OrganizationId,
    updated_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> String {
    // The same all day long, so that browsers need not fetch the picture again with each answer.
    let day = TimeDelta::days(1).num_seconds();
    let today = now.timestamp().div_euclid(day) * day;
    let expires = DateTime::from_timestamp(today + 2 * day, 0).unwrap_or(now);
    let signed = core.urls.sign(&path(organization), expires);
    let version = updated_at.timestamp_micros();
    format!("{}{signed}&v={version}", core.settings.public_url)
}

fn path(organization: OrganizationId) -> String {
    format!("/organizations/{}/logo", organization.type_id())
}

/// Where all objects of an organization lie.
pub(crate) fn prefix(organization: OrganizationId) -> Result<BlobKey, resonance_blobs::BlobKeyMalformed> {
    BlobKey::parse(&format!("organizations/{}", organization.as_uuid()))
}

/// The folder that a logo has for itself.
fn folder_of(key: &str) -> Option<BlobKey> {
    BlobKey::parse(key.strip_suffix(FILE)?.strip_suffix('/')?).ok()
}

async fn decode(core: &Core, upload: Bytes) -> Result<Logo, FieldError> {
    let unreadable = || FieldError::new(ErrorCode::ImageUnreadable, "the picture cannot be decoded");
    let permit = Arc::clone(&core.pictures).acquire_owned().await;
    let permit = permit.map_err(|_| unreadable())?;
    // A panic in a decoder ends this task and nothing else.
    let decoded = on_thread(permit, move || resonance_images::logo(&upload)).await;
    decoded.map_err(|_| unreadable())?.map_err(|error| {
        let code = match error {
            LogoError::TooLarge => ErrorCode::FileTooLarge,
            LogoError::UnknownFormat | LogoError::TooManyPixels | LogoError::Unreadable(_) => {
                ErrorCode::ImageUnreadable
            }
        };
        FieldError::new(code, error)
    })
}
