//! Making voices from recordings.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use resonance_domain::{AudioFormat, Fidelity, UsageMetric, VoiceCategory};
use resonance_services::{Attestation, CreateVoice, Voices};
use resonance_speech::audio::{Limits, decode, measure};
use resonance_testkit::{Instance, TestEngine, on_both, verdict};

use super::{Booth, address as address_of, input, quick, recordings};

on_both! {
    async fn a_voice_is_made_of_every_common_format(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let ours = AudioFormat::ALL.map(|format| {
            let extension = if format == AudioFormat::Opus { "ogg" } else { format.extension() };
            (extension, format.content_type(), recordings::in_format(format))
        });
        let foreign = recordings::FOREIGN
            .map(|(extension, content_type, file)| (extension, content_type, Bytes::from_static(file)));
        for (extension, content_type, file) in ours.into_iter().chain(foreign) {
            let made = ada.voices().create(input("Vera", file.clone())).await;
            assert_eq!(verdict(&made), "OK", "{content_type}");
            let voice = made.unwrap();
            assert_eq!(voice.sample.content_type, content_type);
            assert_eq!(voice.sample.bytes, file.len() as u64);
            assert!((10_000..11_200).contains(&voice.sample.duration_ms), "{:?}", voice.sample);
            assert!((-40.0..-5.0).contains(&voice.sample.loudness_lufs), "{:?}", voice.sample);
            assert_eq!(voice.sample.channels, 1);
            let (organization, id) = (voice.organization.as_uuid(), voice.id.as_uuid());
            let key = format!("organizations/{organization}/voices/{id}/sample.{extension}");
            assert_eq!(voice.sample.key, key);
            let kept = booth.instance.blobs.get(&resonance_blobs::BlobKey::parse(&key).unwrap()).await;
            assert_eq!(kept.unwrap(), file);
        }
        // Nothing but the voices is left, and jobs that make their previews: none will remove what they own.
        assert_eq!(booth.traces().await, [9; 4]);
        assert_eq!(booth.count("jobs WHERE queue = 'preview'").await, 9);
    }

    async fn an_engine_that_clones_listens_to_the_recording_as_it_wants_it(backend: Backend) {
        let instance = Instance::with_engines(backend, TestEngine::cloning().alone(), |_| ()).await;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        let original = recordings::in_format(AudioFormat::Mp3);
        let given = CreateVoice { engine: Some("test".to_owned()), ..input("Vera", original.clone()) };
        let voice = instance.request_in(&ada, organization).await.voices().create(given).await.unwrap();
        let normalised = voice.sample.normalised_key.clone().unwrap();
        assert_eq!((voice.fidelity, voice.engine_voice["key"].as_str()), (Fidelity::Cloned, Some(normalised.as_str())));
        let object = async |key: &str| instance.blobs.get(&resonance_blobs::BlobKey::parse(key).unwrap()).await.unwrap();
        assert_eq!(object(&voice.sample.key).await, original);
        let heard = decode(object(&normalised).await, &Limits::VOICE_SAMPLE).unwrap();
        assert_eq!((heard.pcm.sample_rate(), heard.channels), (24_000, 1));
        let lufs = measure(&heard.pcm).loudness_lufs.unwrap();
        assert!((lufs + 23.0).abs() < 0.2, "{lufs} LUFS");
        // Both are the voice's, and go with it.
        let verified = instance.services.verify_blobs(false, |difference| panic!("{difference:?}")).await.unwrap();
        assert!(verified.agrees() && verified.objects == 2);
        instance.request_in(&ada, organization).await.voices().delete(address_of(&voice)).await.unwrap();
        instance.services.settle().await.unwrap();
        let left: Vec<_> = instance.blobs.list(None).try_collect().await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    async fn a_new_voice_tells_what_was_given_measured_and_attested(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let given = CreateVoice {
            name: "  Vera  ".into(),
            description: Some("Like honey.".into()),
            category: Some(VoiceCategory::Podcast),
            language: Some("DE-de".into()),
            consent: Attestation { attested: true, statement: " She said yes. ".into() },
            ..input("", recordings::in_format(AudioFormat::Wav))
        };
        let voice = ada.voices().create(given).await.unwrap();
        assert_eq!((voice.name.as_str(), voice.description.as_str()), ("Vera", "Like honey."));
        assert_eq!((voice.category, voice.language.as_str()), (VoiceCategory::Podcast, "de-DE"));
        assert_eq!((voice.engine.as_str(), voice.fidelity), ("builtin", Fidelity::Approximated));
        assert_eq!((voice.sample.sample_rate, voice.sample.duration_ms), (16_000, 10_500));
        assert_eq!(voice.consent.attested_by, Some(booth.ada.user));
        assert_eq!(voice.consent.statement, "She said yes.");
        assert_eq!(voice.consent.attested_at, voice.created_at);
        assert_eq!(voice.created_by, Some(booth.ada.user));
        // The derived voice sounds like the recording: its pitch was found.
        assert!(voice.engine_voice["pitch"].as_f64().is_some_and(|pitch| pitch > 0.4), "{}", voice.engine_voice);
        let shown = resonance_domain::VoiceAddress::Custom(address_of(&voice));
        let seen = ada.voices().get(shown).await.unwrap();
        assert_eq!(seen, resonance_domain::Voice::Custom(voice.clone()));

        let plain = ada.voices().create(input("Plain", recordings::in_format(AudioFormat::Wav))).await.unwrap();
        assert_eq!((plain.category, plain.language.as_str()), (VoiceCategory::General, "en-US"));
        assert_eq!(plain.description, "");

        let told = booth.instance.sql_texts(
            "SELECT subject FROM events WHERE kind = 'voice.created' AND actor IS NOT NULL ORDER BY id",
        );
        assert_eq!(told.await, [shown.global_id(), address_of(&plain).global_id()]);
        let period = ada.usage().period(None, None).unwrap();
        let used = ada.usage().settled(booth.organization, UsageMetric::CustomVoices, period).await;
        assert_eq!(used.unwrap(), 2);
    }

    async fn what_no_voice_can_be_made_of_leaves_nothing_behind(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let wav = recordings::wav(11.0);
        let mp3 = recordings::in_format(AudioFormat::Mp3);
        let mut damaged = mp3.to_vec();
        for byte in damaged.iter_mut().skip(64) {
            *byte = byte.wrapping_mul(31).wrapping_add(7);
        }
        let large = Bytes::from(vec![0_u8; Voices::MAX_SAMPLE_BYTES + 1]);
        let cases = [
            ("AUDIO_UNREADABLE sample", Bytes::new()),
            ("AUDIO_UNREADABLE sample", Bytes::from_static(b"\x89PNG\r\n\x1a\nnot a voice at all, however it is called")),
            ("AUDIO_UNREADABLE sample", Bytes::from(damaged)),
            ("AUDIO_TOO_SHORT sample", recordings::wav(9.9)),
            // A file that was cut off: what can be decoded of it counts.
            ("AUDIO_TOO_SHORT sample", wav.slice(..wav.len() / 2)),
            ("AUDIO_TOO_SHORT sample", mp3.slice(..mp3.len() / 2)),
            ("AUDIO_TOO_LONG sample", recordings::wav(601.0)),
            ("AUDIO_SILENT sample", recordings::silence()),
            ("FILE_TOO_LARGE sample", large),
        ];
        for (expected, file) in cases {
            let refused = ada.voices().create(input("Vera", file)).await;
            assert_eq!(verdict(&refused), expected);
        }
        assert_eq!(booth.traces().await, [0; 4]);
        assert_eq!(booth.objects().await, Vec::<String>::new());
    }

    async fn everything_wrong_with_a_new_voice_is_told_at_once(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let wrong = CreateVoice {
            name: "a\nb".into(),
            description: Some("x".repeat(501)),
            language: Some("english".into()),
            consent: Attestation { attested: false, statement: " ".into() },
            ..input("", Bytes::from(vec![0_u8; Voices::MAX_SAMPLE_BYTES + 1]))
        };
        assert_eq!(
            verdict(&ada.voices().create(wrong).await),
            "INVALID name, TOO_LONG description, INVALID language, CONSENT_REQUIRED consent.attested, \
             TOO_SHORT consent.statement, FILE_TOO_LARGE sample",
        );
        assert_eq!(booth.traces().await, [0; 4]);
    }

    async fn without_the_speakers_consent_there_is_no_voice(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let unattested = CreateVoice {
            consent: Attestation { attested: false, statement: "She will surely agree.".into() },
            ..quick("Vera")
        };
        assert_eq!(verdict(&ada.voices().create(unattested).await), "CONSENT_REQUIRED consent.attested");
        assert_eq!(booth.traces().await, [0; 4]);
        assert_eq!(booth.objects().await, Vec::<String>::new());
    }

    async fn an_engine_makes_voices_only_in_languages_that_it_speaks(backend: Backend) {
        let booth = Booth::new(backend).await;
        let ada = booth.as_ada().await;
        let klingon = CreateVoice { language: Some("tlh-US".into()), ..input("Worf", recordings::short_wav()) };
        assert_eq!(verdict(&ada.voices().create(klingon).await), "UNSUPPORTED language");
        let unknown = CreateVoice { engine: Some("warp".into()), ..input("Worf", recordings::short_wav()) };
        assert_eq!(verdict(&ada.voices().create(unknown).await), "UNSUPPORTED engine");
        assert_eq!(booth.traces().await, [0; 4]);
        assert_eq!(booth.objects().await, Vec::<String>::new());
    }

    async fn whoever_may_not_make_voices_has_nothing_decoded(backend: Backend) {
        let booth = Booth::new(backend).await;
        // Decoding this would be refused.
        let noise = || input("Vera", Bytes::from_static(b"no sound"));
        let mel = booth.as_mel().await.voices().create(noise()).await;
        assert_eq!(verdict(&mel), "FORBIDDEN org:voices:create");
        let (_, eve) = booth.stranger().await;
        let elsewhere = CreateVoice { organization: Some(booth.organization), ..noise() };
        assert_eq!(verdict(&eve.voices().create(elsewhere).await), "NOT_FOUND");
        let nobody = booth.instance.anonymous();
        assert_eq!(verdict(&nobody.voices().create(noise()).await), "UNAUTHENTICATED");
        let solo = booth.instance.sign_up("Solo", "solo@example.org").await;
        let solo = booth.instance.request_of(&solo).await;
        assert_eq!(verdict(&solo.voices().create(noise()).await), "ORGANIZATION_REQUIRED");
    }
}
