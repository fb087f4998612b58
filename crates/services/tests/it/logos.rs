//! Pictures of organizations.

use std::io::Cursor;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::TryStreamExt;
use resonance_domain::{PageRequest, RoleKey};
use resonance_services::{InviteMembers, SignedQuery, UpdateOrganization};
use resonance_testkit::{Instance, on_both, verdict};

fn picture(side: u32, format: image::ImageFormat) -> Bytes {
    let picture = image::RgbImage::from_pixel(side, side, image::Rgb([200, 30, 30]));
    let mut bytes = Cursor::new(Vec::new());
    image::DynamicImage::from(picture)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner().into()
}

/// The keys of all objects.
async fn objects(instance: &Instance) -> Vec<String> {
    let all: Vec<_> = instance.blobs.list(None).try_collect().await.unwrap();
    all.into_iter().map(|info| info.key.as_str().to_owned()).collect()
}

fn signature(url: &str) -> SignedQuery {
    let (_, query) = url.split_once("?expires=").unwrap();
    let (expires, rest) = query.split_once("&signature=").unwrap();
    let (signature, _) = rest.split_once("&v=").unwrap();
    SignedQuery {
        expires: expires.parse().unwrap(),
        signature: signature.to_owned(),
    }
}

on_both! {
    async fn a_logo_is_stored_anew_and_replaced_without_a_trace(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme Corp").await;
        let request = instance.request_of(&ada).await;
        let organizations = request.organizations();
        let avatar = organizations.logo_or_avatar(acme, None).await.unwrap();
        assert_eq!(avatar.content_type, "image/svg+xml");
        assert!(std::str::from_utf8(&avatar.bytes).unwrap().contains(">AC</text>"));
        let mut versions = vec![avatar.version];
        for (side, format) in [(600, image::ImageFormat::Jpeg), (20, image::ImageFormat::Gif), (30, image::ImageFormat::WebP)] {
            instance.clock.advance(TimeDelta::seconds(1));
            organizations.set_logo(Some(acme), picture(side, format)).await.unwrap();
            let logo = organizations.logo_or_avatar(acme, None).await.unwrap();
            assert_eq!(logo.content_type, "image/png");
            let read = image::load_from_memory_with_format(&logo.bytes, image::ImageFormat::Png).unwrap();
            assert_eq!(read.width(), side.min(512));
            assert!(!versions.contains(&logo.version));
            versions.push(logo.version);
            instance.services.settle().await.unwrap();
            assert_eq!(objects(&instance).await.len(), 1);
        }
        instance.clock.advance(TimeDelta::seconds(1));
        organizations.remove_logo(Some(acme)).await.unwrap();
        // Once more is no change.
        organizations.remove_logo(Some(acme)).await.unwrap();
        instance.services.settle().await.unwrap();
        assert!(objects(&instance).await.is_empty());
        let avatar = organizations.logo_or_avatar(acme, None).await.unwrap();
        assert_eq!(avatar.content_type, "image/svg+xml");
        assert!(!versions.contains(&avatar.version));
        instance.clock.advance(instance.services.settings().upload_grace * 2);
        instance.services.settle().await.unwrap();
        assert_eq!(instance.sql_count("jobs").await, 0);
    }

    async fn a_logo_outlives_the_grace_for_uploads(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&ada).await;
        request.organizations().set_logo(Some(acme), picture(9, image::ImageFormat::Png)).await.unwrap();
        instance.clock.advance(instance.services.settings().upload_grace * 2);
        instance.services.settle().await.unwrap();
        assert_eq!(objects(&instance).await.len(), 1);
        assert_eq!(instance.sql_count("jobs").await, 0);
    }

    async fn what_is_no_picture_or_comes_from_somebody_else_leaves_nothing(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        instance.found(&eve, "Acme").await;
        instance.bring_in(&ada, acme, &bob, RoleKey::MEMBER).await;
        let request = instance.request_of(&ada).await;
        let good = picture(9, image::ImageFormat::Png);
        let mut large = vec![0; 10 * 1024 * 1024 + 1];
        large[..good.len()].copy_from_slice(&good);
        for (upload, expected) in [
            (Bytes::from_static(b"no picture"), "IMAGE_UNREADABLE logo"),
            (Bytes::from_static(b""), "IMAGE_UNREADABLE logo"),
            (good.slice(..good.len() / 2), "IMAGE_UNREADABLE logo"),
            (large.into(), "FILE_TOO_LARGE logo"),
        ] {
            let outcome = request.organizations().set_logo(Some(acme), upload).await;
            assert_eq!(verdict(&outcome), expected);
        }
        for (person, expected) in [(&bob, "FORBIDDEN org:sys_profile:manage"), (&eve, "NOT_FOUND")] {
            let request = instance.request_of(person).await;
            let organizations = request.organizations();
            assert_eq!(verdict(&organizations.set_logo(Some(acme), good.clone()).await), expected);
            assert_eq!(verdict(&organizations.remove_logo(Some(acme)).await), expected);
        }
        assert!(objects(&instance).await.is_empty());
        assert_eq!(instance.sql_count("jobs WHERE queue = 'sweep'").await, 0);
    }

    async fn the_url_shows_the_picture_to_whoever_has_it_for_a_day_at_least(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let eve = instance.sign_up("Eve", "eve@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let others = instance.found(&eve, "Other").await;
        let request = instance.request_of(&ada).await;
        let acme_now = request.organizations().get(acme).await.unwrap().unwrap().organization;
        let url = request.organizations().logo_url(&acme_now);
        assert!(url.starts_with(&format!("http://127.0.0.1:8080/organizations/{}/logo?expires=", acme.type_id())), "{url}");
        let signed = signature(&url);
        let show = async |organization, signature: Option<&SignedQuery>| {
            verdict(&instance.anonymous().organizations().logo_or_avatar(organization, signature).await)
        };
        assert_eq!(show(acme, None).await, "UNAUTHENTICATED");
        assert_eq!(show(acme, Some(&signed)).await, "OK");
        assert_eq!(show(others, Some(&signed)).await, "UNAUTHENTICATED");
        let forged = SignedQuery { expires: signed.expires + 1, ..signed.clone() };
        assert_eq!(show(acme, Some(&forged)).await, "UNAUTHENTICATED");
        let strange = instance.request_of(&eve).await;
        assert_eq!(verdict(&strange.organizations().logo_or_avatar(acme, None).await), "NOT_FOUND");
        assert_eq!(verdict(&strange.organizations().logo_or_avatar(acme, Some(&signed)).await), "OK");
        // The URL changes with the profile, so that caches do not show what was.
        let rename = UpdateOrganization {
            organization: Some(acme),
            name: Some("Acme 2".into()),
            ..UpdateOrganization::default()
        };
        instance.clock.advance(TimeDelta::hours(24));
        let request = instance.request_of(&ada).await;
        let renamed = request.organizations().update(rename).await.unwrap().organization;
        assert_ne!(request.organizations().logo_url(&renamed), url);
        assert_eq!(show(acme, Some(&signed)).await, "OK");
        instance.clock.advance(TimeDelta::hours(24));
        assert_eq!(show(acme, Some(&signed)).await, "UNAUTHENTICATED");
    }

    async fn the_invited_see_the_picture(backend: Backend) {
        let instance = Instance::new(backend).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let bob = instance.sign_up("Bob", "bob@example.org").await;
        let acme = instance.found(&ada, "Acme").await;
        let request = instance.request_of(&ada).await;
        request.organizations().set_logo(None, picture(9, image::ImageFormat::Png)).await.unwrap();
        let input = InviteMembers {
            emails: vec![bob.email.clone()],
            role: "org:member".into(),
            ..InviteMembers::default()
        };
        request.invitations().invite(input).await.unwrap();
        let request = instance.request_of(&bob).await;
        let received = request.invitations().received(&PageRequest::first(1)).await.unwrap().items.remove(0);
        let signed = signature(&request.invitations().logo_url(&received));
        let anonymous = instance.anonymous();
        let logo = anonymous.organizations().logo_or_avatar(acme, Some(&signed)).await.unwrap();
        assert_eq!(logo.content_type, "image/png");
    }
}
