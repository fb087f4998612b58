//! Two organizations with the same voices: neither sees, hears, changes or deletes the other's.

use resonance_domain::{
    InOrg, OrganizationId, PageRequest, VoiceAddress, VoiceFilter, VoiceId, VoiceScope, VoiceSort,
};
use resonance_services::{Request, UpdateVoice};
use resonance_testkit::{on_both, verdict};

use super::{Booth, address, quick};

/// What somebody can find out of a voice by its address.
async fn probe(request: &Request, voice: InOrg<VoiceId>) -> [String; 5] {
    let voices = request.voices();
    let custom = VoiceAddress::Custom(voice);
    let update = UpdateVoice {
        voice,
        name: Some("Stolen".into()),
        description: None,
        category: None,
    };
    [
        verdict(&voices.get(custom).await),
        verdict(&voices.preview(custom, None).await),
        verdict(&voices.sample(voice, None).await),
        verdict(&voices.update(update).await),
        verdict(&voices.delete(voice).await),
    ]
}

async fn own(request: &Request, organization: OrganizationId) -> Vec<VoiceAddress> {
    let filter = VoiceFilter {
        scope: Some(VoiceScope::Custom),
        ..VoiceFilter::default()
    };
    let page = PageRequest::first(100);
    let voices = request
        .voices()
        .list(organization, filter, VoiceSort::default(), &page)
        .await;
    voices
        .unwrap()
        .items
        .iter()
        .map(resonance_domain::Voice::address)
        .collect()
}

on_both! {
    async fn a_voice_of_another_organization_does_not_exist(backend: Backend) {
        let booth = Booth::new(backend).await;
        let (theirs, eve) = booth.stranger().await;
        let ada = booth.as_ada().await;
        let voice = booth.make("Vera").await;
        let copy = eve.voices().create(quick("Vera")).await.unwrap();
        assert_eq!(own(&ada, booth.organization).await, [VoiceAddress::Custom(address(&voice))]);
        assert_eq!(own(&eve, theirs).await, [VoiceAddress::Custom(address(&copy))]);

        let hidden = [const { "NOT_FOUND" }; 5];
        let absent = VoiceId::from_uuid(booth.instance.fresh_uuid());
        // Theirs; theirs, claimed for one's own organization; one's own, claimed for theirs; none at all.
        for claimed in [
            address(&voice),
            InOrg::new(theirs, voice.id),
            InOrg::new(booth.organization, copy.id),
            InOrg::new(theirs, absent),
            InOrg::new(booth.organization, absent),
        ] {
            assert_eq!(probe(&eve, claimed).await, hidden, "{claimed:?}");
            // As a voice of the instance's, it is none either.
            assert_eq!(verdict(&eve.voices().get(VoiceAddress::System(claimed.id)).await), "NOT_FOUND");
        }
        let both = [&voice, &copy].map(|voice| VoiceAddress::Custom(address(voice)));
        let seen = eve.voices().get_many(&both).await.unwrap();
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), [both[1]]);
        let page = PageRequest::first(1);
        let wrong = VoiceFilter {
            search: Some("x".repeat(101)),
            ..VoiceFilter::default()
        };
        let list = eve.voices().list(booth.organization, wrong, VoiceSort::default(), &page);
        assert_eq!(verdict(&list.await), "NOT_FOUND");
        assert_eq!(
            verdict(&eve.voices().count(booth.organization, VoiceFilter::default()).await),
            "NOT_FOUND"
        );
        assert_eq!(eve.voices().sample_url(&voice).await.unwrap(), None);
        // All that changed nothing.
        assert_eq!(verdict(&ada.voices().sample(address(&voice), None).await), "OK");
        assert_eq!(booth.count("voices WHERE name = 'Vera'").await, 2);
    }

    async fn nobody_known_sees_only_the_catalogue(backend: Backend) {
        let booth = Booth::new(backend).await;
        let voice = booth.make("Vera").await;
        let nobody = booth.instance.anonymous();
        assert_eq!(probe(&nobody, address(&voice)).await, [const { "UNAUTHENTICATED" }; 5]);
        let custom = VoiceAddress::Custom(address(&voice));
        assert!(nobody.voices().get_many(&[custom]).await.unwrap().is_empty());
    }
}
