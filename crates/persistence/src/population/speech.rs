//! Voices, generations and their usage.

use chrono::{DateTime, TimeDelta, Utc};
use resonance_domain::{
    AudioFormat, Fidelity, GenerationState, Id, SpeechSettings, UsageEntryKind, UsageMetric, VoiceCategory,
};
use sea_orm::Value;
use serde_json::json;
use uuid::Uuid;

use super::{
    Population,
    bulk::Bulk,
    draw::{Days, Draw, Stream},
    words,
};
use crate::{
    StorageError,
    generation::marked,
    usage_totals,
    voice_list::{name_key, search_text},
};

const RECORDINGS: Days = Days {
    from: 300,
    until: 330,
};
const GENERATIONS: Days = Days {
    from: 330,
    until: 690,
};

/// The engine that every instance has, and the languages that it knows, by their tags and by its own names.
const ENGINE: &str = "builtin";
const LANGUAGES: [(&str, &str); 4] = [
    ("en-US", "en-us"),
    ("en-GB", "en-gb"),
    ("de-DE", "de"),
    ("es-ES", "es"),
];
/// How many peaks a generation keeps for players to draw.
const PEAKS: usize = 256;
const SAMPLE_RATE: i32 = 22_050;

struct MadeVoice {
    id: Uuid,
    name: String,
    language: usize,
    made_at: DateTime<Utc>,
    /// The admin who made it.
    by: Uuid,
}

struct MadeGeneration {
    organization: Uuid,
    id: Uuid,
    author: Uuid,
    voice: MadeVoice,
    text: String,
    asked_at: DateTime<Utc>,
    spoken_at: DateTime<Utc>,
    draw: Draw,
}

impl Population {
    pub(super) async fn speech(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        self.insert_voices(bulk).await?;
        self.insert_generations(bulk).await?;
        self.insert_words(bulk).await?;
        self.insert_usage(bulk).await
    }

    /// A voice of an organization; one that has none gets a voice that was deleted since.
    fn voice(&self, organization: u64, number: u64) -> MadeVoice {
        let index = number * self.size.organizations + organization;
        let made_at = RECORDINGS.moment(index, self.voices().max(index + 1));
        let mut draw = Draw::of(self.seed, Stream::Voice, index);
        MadeVoice {
            id: draw.uuid(made_at),
            name: words::voice(&mut draw),
            language: usize::try_from(draw.below(LANGUAGES.len() as u64)).unwrap_or(0),
            made_at,
            by: self.user_id(self.member(organization, 0)).as_uuid(),
        }
    }

    async fn insert_voices(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const COLUMNS: [&str; 24] = [
            "organization_id",
            "id",
            "name",
            "name_key",
            "description",
            "search_text",
            "category",
            "language",
            "engine",
            "engine_voice",
            "fidelity",
            "consent_by",
            "consent_at",
            "consent_statement",
            "sample_key",
            "sample_content_type",
            "sample_bytes",
            "sample_duration_ms",
            "sample_rate",
            "sample_channels",
            "sample_loudness_lufs",
            "created_by",
            "created_at",
            "updated_at",
        ];
        bulk.insert("voices", COLUMNS, self.voices(), move |index| -> [Value; 24] {
            let organization = index % self.size.organizations;
            let number = index / self.size.organizations;
            let voice = self.voice(organization, number);
            let organization = self.organization_id(organization).as_uuid();
            let category = VoiceCategory::ALL
                .into_iter()
                .cycle()
                .nth(usize::try_from(index % 12).unwrap_or(0))
                .unwrap_or_default();
            let description = format!("A made-up voice, number {number}.");
            let search_text = search_text(&voice.name, &description);
            let (language, engine_language) = LANGUAGES[voice.language];
            [
                organization.into(),
                voice.id.into(),
                voice.name.as_str().into(),
                name_key(&voice.name).into(),
                description.into(),
                search_text.into(),
                category.as_str().into(),
                language.into(),
                ENGINE.into(),
                engine_voice(engine_language).into(),
                Fidelity::Approximated.as_str().into(),
                voice.by.into(),
                voice.made_at.into(),
                "Made up: there is no speaker.".into(),
                format!("organizations/{organization}/voices/{}/sample.wav", voice.id).into(),
                AudioFormat::Wav.content_type().into(),
                882_044_i64.into(),
                20_000_i64.into(),
                SAMPLE_RATE.into(),
                1_i32.into(),
                (-23.0).into(),
                voice.by.into(),
                voice.made_at.into(),
                voice.made_at.into(),
            ]
        })
        .await
    }

    /// Generations come in the order of time, one of each organization after the other, so that the rows of one lie
    /// as scattered as they do when many work at the same time.
    fn generation(&self, index: u64) -> MadeGeneration {
        let organization = index % self.size.organizations.max(1);
        let number = index / self.size.organizations.max(1);
        let asked_at = GENERATIONS.moment(index, self.generations());
        let mut draw = Draw::of(self.seed, Stream::Generation, index);
        let id = draw.uuid(asked_at);
        let author = self.member(organization, draw.below(self.size.members_per_organization));
        let text = words::text(&mut draw);
        let speaking = TimeDelta::milliseconds(i64::try_from(20 + text.len() / 2).unwrap_or(0));
        MadeGeneration {
            organization: self.organization_id(organization).as_uuid(),
            id,
            author: self.user_id(author).as_uuid(),
            voice: self.voice(organization, number % self.size.voices_per_organization.max(1)),
            text,
            asked_at,
            spoken_at: asked_at + speaking,
            draw,
        }
    }

    async fn insert_generations(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const COLUMNS: [&str; 26] = [
            "organization_id",
            "id",
            "created_by",
            "voice_id",
            "voice_scope",
            "voice_name",
            "text",
            "characters",
            "temperature",
            "top_p",
            "top_k",
            "repetition_penalty",
            "speed",
            "format",
            "engine",
            "engine_voice",
            "state",
            "progress",
            "audio_key",
            "audio_bytes",
            "duration_ms",
            "sample_rate",
            "peaks",
            "created_at",
            "started_at",
            "finished_at",
        ];
        let count = self.generations();
        bulk.insert("generations", COLUMNS, count, move |index| -> [Value; 26] {
            let mut made = self.generation(index);
            let settings = SpeechSettings::default();
            let characters = characters(&made.text);
            let duration_ms = characters * 60;
            let format = AudioFormat::default();
            [
                made.organization.into(),
                made.id.into(),
                made.author.into(),
                made.voice.id.into(),
                "custom".into(),
                made.voice.name.into(),
                made.text.as_str().into(),
                characters.into(),
                settings.temperature.into(),
                settings.top_p.into(),
                i32::try_from(settings.top_k).unwrap_or(i32::MAX).into(),
                settings.repetition_penalty.into(),
                settings.speed.into(),
                format.extension().into(),
                ENGINE.into(),
                engine_voice(LANGUAGES[made.voice.language].1).into(),
                GenerationState::Succeeded.as_str().into(),
                1.0.into(),
                format!(
                    "organizations/{}/generations/{}/audio.{}",
                    made.organization,
                    made.id,
                    format.extension()
                )
                .into(),
                // 64 kbit/s.
                (duration_ms * 8).into(),
                duration_ms.into(),
                SAMPLE_RATE.into(),
                peaks(&mut made.draw).into(),
                made.asked_at.into(),
                (made.asked_at + TimeDelta::milliseconds(4)).into(),
                made.spoken_at.into(),
            ]
        })
        .await
    }

    /// What search keeps of each generation's text.
    async fn insert_words(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        let count = self.generations();
        let made = move |index| {
            let made = self.generation(index);
            let words = marked(Id::from_uuid(made.organization), &made.text);
            (made.organization, made.id, words)
        };
        if bulk.executor().is_postgres() {
            const COLUMNS: [&str; 3] = [
                "organization_id",
                "id",
                "words = array_to_tsvector(string_to_array(?, ' '))",
            ];
            return bulk
                .insert("generation_search", COLUMNS, count, move |index| -> [Value; 3] {
                    let (organization, id, words) = made(index);
                    [organization.into(), id.into(), words.into()]
                })
                .await;
        }
        const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM generation_search";
        let last: Option<i64> = bulk
            .executor()
            .one(LAST, [], |row| row.try_get_by_index(0))
            .await?;
        let last = last.unwrap_or(0);
        let number = move |index: u64| last + 1 + i64::try_from(index).unwrap_or(i64::MAX);
        const PLACES: [&str; 3] = ["number", "organization_id", "id"];
        bulk.insert("generation_search", PLACES, count, move |index| -> [Value; 3] {
            let (organization, id, _) = made(index);
            [number(index).into(), organization.into(), id.into()]
        })
        .await?;
        bulk.insert(
            "generation_words",
            ["rowid", "words"],
            count,
            move |index| -> [Value; 2] { [number(index).into(), made(index).2.into()] },
        )
        .await
    }

    /// For each voice what it counted, for each generation what was held and settled.
    async fn insert_usage(self, bulk: &Bulk<'_>) -> Result<(), StorageError> {
        const COLUMNS: [&str; 10] = [
            "organization_id",
            "id",
            "metric",
            "kind",
            "reference_id",
            "quantity",
            "voice_id",
            "user_id",
            "day",
            "created_at",
        ];
        let voices = self.voices();
        let count = voices + 2 * self.generations();
        bulk.insert("usage_entries", COLUMNS, count, move |index| -> [Value; 10] {
            let id = |at| Draw::of(self.seed, Stream::UsageEntry, index).uuid(at);
            if index < voices {
                let organization = index % self.size.organizations;
                let voice = self.voice(organization, index / self.size.organizations);
                return [
                    self.organization_id(organization).as_uuid().into(),
                    id(voice.made_at).into(),
                    UsageMetric::CustomVoices.as_str().into(),
                    UsageEntryKind::Settle.as_str().into(),
                    voice.id.into(),
                    1_i64.into(),
                    voice.id.into(),
                    voice.by.into(),
                    voice.made_at.date_naive().to_string().into(),
                    voice.made_at.into(),
                ];
            }
            let made = self.generation((index - voices) / 2);
            let (kind, at) = if (index - voices).is_multiple_of(2) {
                (UsageEntryKind::Hold, made.asked_at)
            } else {
                (UsageEntryKind::Settle, made.spoken_at)
            };
            [
                made.organization.into(),
                id(at).into(),
                UsageMetric::Characters.as_str().into(),
                kind.as_str().into(),
                made.id.into(),
                characters(&made.text).into(),
                made.voice.id.into(),
                made.author.into(),
                made.asked_at.date_naive().to_string().into(),
                at.into(),
            ]
        })
        .await?;
        usage_totals::add_all(bulk.executor()).await
    }
}

/// What the built-in engine keeps of a voice that differs in nothing from its language's own.
fn engine_voice(language: &str) -> serde_json::Value {
    json!({ "language": language, "pitch": 1.0, "range": 1.0, "tempo": 1.0 })
}

fn characters(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn peaks(draw: &mut Draw) -> Vec<u8> {
    let mut peaks: Vec<u8> = Vec::with_capacity(PEAKS);
    while peaks.len() < PEAKS {
        peaks.extend(draw.number().to_be_bytes());
    }
    peaks
}
