//! Comparing the object store with the database.

use bytes::Bytes;
use chrono::TimeDelta;
use resonance_blobs::BlobKey;
use resonance_services::{BlobDifference, BlobVerification, CreateGeneration};
use resonance_testkit::on_both;

use super::{Booth, address};

const GRACE: TimeDelta = TimeDelta::minutes(16);

impl Booth {
    async fn verify(&self, delete_orphans: bool) -> (BlobVerification, Vec<BlobDifference>) {
        let mut told = Vec::new();
        let verified = self
            .instance
            .services
            .verify_blobs(delete_orphans, |difference| told.push(difference));
        let verified = verified.await.unwrap();
        (verified, told)
    }

    async fn put(&self, key: &str, bytes: &'static str) {
        let blobs = &self.instance.blobs;
        blobs
            .put(&BlobKey::parse(key).unwrap(), Bytes::from(bytes), "audio/wav")
            .await
            .unwrap();
    }

    async fn named(&self, query: &str) -> String {
        self.instance.sql_texts(query).await.remove(0)
    }

    /// A voice with recording and preview, an audio, and the preview of a voice of the instance's; of two organizations.
    async fn fill(&self) {
        let (other, stranger) = self.stranger().await;
        for (organization, request) in [(self.organization, self.as_ada().await), (other, stranger)] {
            let voice = request.voices().create(super::quick("Bob")).await.unwrap();
            request
                .voices()
                .preview(voice_address(&voice), None)
                .await
                .unwrap();
            let input = CreateGeneration {
                organization: Some(organization),
                text: "Hello".to_owned(),
                voice: voice_address(&voice).global_id(),
                ..CreateGeneration::default()
            };
            request.generations().create(input).await.unwrap();
        }
        let page = resonance_domain::PageRequest::first(1);
        let mel = self.as_mel().await;
        let voices = mel
            .voices()
            .catalogue(Default::default(), Default::default(), &page)
            .await
            .unwrap();
        mel.voices()
            .preview(voices.items[0].address(), None)
            .await
            .unwrap();
        self.instance.services.settle().await.unwrap();
    }
}

fn voice_address(voice: &resonance_domain::CustomVoice) -> resonance_domain::VoiceAddress {
    resonance_domain::VoiceAddress::Custom(address(voice))
}

on_both! {
    async fn an_instance_that_works_has_every_object_that_it_names_and_no_other(backend: Backend) {
        let booth = Booth::new(backend).await;
        booth.fill().await;
        let (verified, told) = booth.verify(false).await;
        assert!(verified.agrees(), "{told:?}");
        assert_eq!((verified.objects, verified.named, verified.foreign), (7, 7, 0));
    }

    async fn orphans_are_told_and_removed_when_asked_for_and_nothing_else_is(backend: Backend) {
        let booth = Booth::new(backend).await;
        booth.fill().await;
        let voice = address(&booth.make("Kept").await);
        let before = booth.objects().await;
        let organization = booth.organization.as_uuid();
        let nobody = booth.instance.fresh_uuid();
        let mut orphans = vec![
            // Of a generation that nobody knows, of a voice that names another, of an organization that is no more.
            format!("organizations/{organization}/generations/{nobody}/audio.wav"),
            format!("organizations/{organization}/voices/{}/old.wav", voice.id.as_uuid()),
            format!("organizations/{organization}/logo/{}/logo.png", nobody.simple()),
            format!("organizations/{nobody}/voices/{nobody}/sample.wav"),
            format!("system/previews/test/{nobody}.mp3"),
        ];
        orphans.sort();
        for key in &orphans {
            booth.put(key, "four").await;
        }
        booth.put("notes/of-the-operator.txt", "mine").await;
        // An upload that may still be under way is none of them.
        assert!(booth.verify(true).await.0.agrees());
        booth.instance.clock.advance(GRACE);
        let expected = |removed| {
            let tell = |key: &String| BlobDifference::Orphan { key: key.clone(), size: 4, removed };
            orphans.iter().map(tell).collect::<Vec<_>>()
        };
        for delete in [false, true] {
            let (verified, mut told) = booth.verify(delete).await;
            told.sort_by_key(|difference| format!("{difference:?}"));
            assert_eq!(told, expected(delete));
            assert_eq!((verified.orphans, verified.foreign, verified.agrees()), (5, 1, delete));
        }
        let mut left = before;
        left.push("notes/of-the-operator.txt".to_owned());
        left.sort();
        assert_eq!(booth.objects().await, left);
    }

    async fn what_a_job_is_about_is_no_orphan_yet(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Bob").await;
        booth.instance.clock.advance(GRACE);
        let ada = booth.as_ada().await;
        ada.voices().delete(address(&voice)).await.unwrap();
        assert_eq!(booth.objects().await.len(), 1);
        assert!(booth.verify(true).await.0.agrees());
        assert_eq!(booth.objects().await.len(), 1);
        // The job is lost, as by a database that was restored: now nobody will remove it.
        booth.instance.sql("DELETE FROM jobs WHERE queue = 'sweep'").await;
        assert_eq!(booth.verify(true).await.0.removed, 1);
        assert!(booth.objects().await.is_empty());
    }

    async fn missing_and_changed_objects_are_told_and_left_to_people(backend: Backend) {
        let booth = Booth::new(backend).await;
        booth.fill().await;
        let sample = booth.named("SELECT sample_key FROM voices ORDER BY id").await;
        let audio = booth.named("SELECT audio_key FROM generations ORDER BY id").await;
        booth.instance.blobs.delete(&BlobKey::parse(&sample).unwrap()).await.unwrap();
        let size = booth.instance.blobs.head(&BlobKey::parse(&audio).unwrap()).await.unwrap().size;
        booth.put(&audio, "short").await;
        let (verified, mut told) = booth.verify(true).await;
        told.sort_by_key(|difference| format!("{difference:?}"));
        assert_eq!(
            told,
            [
                BlobDifference::Missing { key: sample },
                BlobDifference::WrongSize { key: audio, expected: size, found: 5 },
            ]
        );
        assert!(!verified.agrees());
    }
}
