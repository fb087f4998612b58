//! Voices of two tables in one list.

use chrono::{DateTime, Utc};
use resonance_authz::{CreateVoices, Grant, ReadVoices, SystemGrant};
use resonance_domain::{
    Consent, CustomVoice, Direction, Fidelity, Id, LanguageTag, OrganizationId, Page, PageRequest,
    SampleFacts, SystemVoice, Voice, VoiceCategory, VoiceFilter, VoiceId, VoiceOrder, VoiceScope, VoiceSort,
};
use resonance_persistence::{Database, Repositories, StorageError, TextCursor};
use resonance_testkit::{Instance, on_both};

/// Numbers that look random and are the same in every run (SplitMix64, after G. Steele, D. Lea and C. Flood).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    /// Short, so that many are equal; of signs whose order differs between languages, and between upper and lower
    /// case.
    fn name(&mut self) -> String {
        const SIGNS: [&str; 16] = [
            "a", "A", "b", "B", "z", "Z", "ä", "É", "ß", "日", "🎙", " ", "-", "_", "%", "'",
        ];
        let length = 1 + self.roll(3);
        (0..length).map(|_| SIGNS[self.roll(SIGNS.len())]).collect()
    }

    fn id(&mut self) -> VoiceId {
        let high = self.roll(usize::MAX) as u128;
        Id::from_uuid(uuid::Uuid::from_u128(
            (high << 64) | self.roll(usize::MAX) as u128,
        ))
    }
}

fn system_voice(dice: &mut Dice, now: DateTime<Utc>) -> SystemVoice {
    let id = dice.id();
    SystemVoice {
        id,
        key: id.type_id(),
        name: dice.name(),
        description: String::new(),
        category: VoiceCategory::General,
        language: LanguageTag::default(),
        engine: "test".to_owned(),
        engine_voice: serde_json::Value::Null,
        preview_key: None,
        created_at: now,
        updated_at: now,
    }
}

fn custom_voice(dice: &mut Dice, organization: OrganizationId, now: DateTime<Utc>) -> CustomVoice {
    CustomVoice {
        id: dice.id(),
        organization,
        name: dice.name(),
        description: String::new(),
        category: VoiceCategory::General,
        language: LanguageTag::default(),
        engine: "test".to_owned(),
        engine_voice: serde_json::Value::Null,
        fidelity: Fidelity::Cloned,
        consent: Consent {
            attested_by: None,
            attested_at: now,
            statement: String::new(),
        },
        sample: SampleFacts {
            key: String::new(),
            content_type: String::new(),
            bytes: 1,
            duration_ms: 1,
            sample_rate: 1,
            channels: 1,
            loudness_lufs: -20.5,
            normalised_key: Some("a/normalised.wav".to_owned()),
        },
        preview_key: None,
        created_by: None,
        created_at: now,
        updated_at: now,
    }
}

fn place(voice: &Voice) -> TextCursor {
    TextCursor {
        key: voice.name().to_owned(),
        id: voice.address().id().as_uuid(),
    }
}

/// The pages of a whole list, walked from one end to the other, in the list's order.
async fn walk(
    database: &Database,
    grant: &Grant<ReadVoices>,
    filter: &VoiceFilter,
    sort: VoiceSort,
    direction: Direction,
    limit: u32,
) -> Vec<Voice> {
    let mut walked: Vec<Voice> = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest {
            direction,
            limit,
            cursor,
        };
        let Page {
            items,
            has_next,
            has_previous,
        } = database
            .voices()
            .page(grant, filter, sort, &request)
            .await
            .unwrap();
        let more = match direction {
            Direction::Forward => {
                assert_eq!(has_previous, request.cursor.is_some());
                cursor = items.last().map(place);
                walked.extend(items);
                has_next
            }
            Direction::Backward => {
                assert_eq!(has_next, request.cursor.is_some());
                cursor = items.first().map(place);
                walked.splice(0..0, items);
                has_previous
            }
        };
        if !more {
            return walked;
        }
    }
}

on_both! {
    async fn every_walk_over_pages_meets_every_voice_once_and_in_order(backend: Backend) {
        let instance = Instance::new(backend).await;
        let database = &instance.test_database.database;
        let ada = instance.sign_up("Ada", "ada@example.org").await;
        let organization = instance.found(&ada, "Acme").await;
        let elsewhere = instance.found(&ada, "Elsewhere").await;
        let now = instance.anonymous().now();
        let standing = database.standings().of(ada.user, organization).await.unwrap();
        let create = standing.grant::<CreateVoices>().unwrap();
        let other = database.standings().of(ada.user, elsewhere).await.unwrap().grant::<CreateVoices>().unwrap();

        let mut dice = Dice(42);
        let system: Vec<_> = (0..23).map(|_| system_voice(&mut dice, now)).collect();
        let custom: Vec<_> = (0..31).map(|_| custom_voice(&mut dice, organization, now)).collect();
        let foreign: Vec<_> = (0..5).map(|_| custom_voice(&mut dice, elsewhere, now)).collect();
        database
            .atomically(async |uow| {
                uow.voices().seed(&SystemGrant::for_job(), &system).await?;
                for voice in &custom {
                    uow.voices().insert(&create, voice).await?;
                }
                for voice in &foreign {
                    uow.voices().insert(&other, voice).await?;
                }
                Ok::<_, StorageError>(())
            })
            .await
            .unwrap();
        let mut all: Vec<Voice> = system.into_iter().map(Voice::System).collect();
        all.extend(custom.into_iter().map(Voice::Custom));

        let grant = standing.grant::<ReadVoices>().unwrap();
        for scope in [None, Some(VoiceScope::System), Some(VoiceScope::Custom)] {
            let filter = VoiceFilter { scope, ..VoiceFilter::default() };
            let mut expected = all.clone();
            expected.retain(|voice| scope.is_none_or(|scope| voice.address().scope() == scope));
            assert_eq!(database.voices().count(&grant, &filter).await.unwrap(), expected.len() as u64);
            for (by, descending) in [
                (VoiceOrder::Name, false),
                (VoiceOrder::Name, true),
                (VoiceOrder::CreatedAt, false),
                (VoiceOrder::CreatedAt, true),
            ] {
                expected.sort_by_key(|voice| {
                    let key = match by {
                        VoiceOrder::Name => voice.name().to_lowercase(),
                        VoiceOrder::CreatedAt => String::new(),
                    };
                    (key, voice.address().id())
                });
                if descending {
                    expected.reverse();
                }
                for limit in [1, 2, 7, 53, 54, 55, 100] {
                    for direction in [Direction::Forward, Direction::Backward] {
                        let sort = VoiceSort { by, descending };
                        let walked = walk(database, &grant, &filter, sort, direction, limit).await;
                        assert_eq!(walked, expected, "{scope:?} {sort:?} {direction:?} {limit}");
                    }
                }
            }
        }
    }

    async fn the_catalogue_is_seeded_whatever_its_size(backend: Backend) {
        let instance = Instance::new(backend).await;
        let database = &instance.test_database.database;
        let now = instance.anonymous().now();
        let mut dice = Dice(7);
        let mut voices: Vec<_> = (0..2_345).map(|_| system_voice(&mut dice, now)).collect();
        let seed = async |voices: &[SystemVoice]| {
            let seeding = database.atomically(async |uow| uow.voices().seed(&SystemGrant::for_job(), voices).await);
            seeding.await.unwrap()
        };
        assert_eq!(seed(&voices).await, 2_345);
        assert_eq!(seed(&voices).await, 0);
        voices[17].description = "Louder.".to_owned();
        assert_eq!(seed(&voices).await, 1);
        assert_eq!(database.voices().count_catalogue(&VoiceFilter::default()).await.unwrap(), 2_345);
        assert_eq!(database.voices().system_voice(voices[17].id).await.unwrap().as_ref(), Some(&voices[17]));
    }
}
