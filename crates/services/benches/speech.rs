//! Speech from the asking to the sound, without HTTP: `cargo bench -p resonance-services --bench speech`.
//!
//! On SQLite, and on PostgreSQL too if `TEST_POSTGRES_URL` names a server. Prints a table in Markdown. Behind `--`, words
//! choose parts: `sqlite`, `postgres`, `queue`, `overhead`, `many`, `builtin`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use resonance_domain::{GenerationState, InOrg, OrganizationId, VoiceAddress};
use resonance_services::{CreateGeneration, Hearing, Request, Services};
use resonance_speech::{
    audio::Pcm,
    engine::{Progress, SpeechEngine as _, SynthesisRequest},
};
use resonance_testkit::{Backend, Instance, Person, TestEngine, builtin_engine};
use tokio_util::sync::CancellationToken;

/// Generations that are timed one after the other.
const ROUNDS: usize = 300;
/// Generations that are asked for as fast as they are taken.
const MANY: usize = 5_000;
/// Requests and texts that are under way at the same time where it is about how many can be.
const AT_ONCE: usize = 64;
/// Jobs of one organization that another one's single job must overtake.
const QUEUE: usize = 10_000;

struct Stage {
    instance: Instance,
    engine: Arc<TestEngine>,
    voice: VoiceAddress,
}

impl Stage {
    async fn new(backend: Backend) -> Self {
        let engine = TestEngine::new();
        let engines = builtin_engine().with(Arc::clone(&engine) as _);
        let instance = Instance::with_engines(backend, engines, |settings| {
            settings.text_limit = 100_000;
            settings.speech_concurrency = AT_ONCE;
        })
        .await;
        instance.services.seed_catalogue().await.unwrap();
        let voice = instance
            .system_voice("Vera", "test", &serde_json::json!({}))
            .await;
        let stage = Self {
            instance,
            engine,
            voice,
        };
        // What is done once a day, the verification of usage first of all, is done once before anything is measured.
        let (stop, work) = stage.work();
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
        work.await.unwrap();
        stage
    }

    async fn organization(&self, name: &str) -> (Person, OrganizationId) {
        let person = self.instance.sign_up(name, &format!("{name}@example.org")).await;
        let organization = self.instance.found(&person, name).await;
        (person, organization)
    }

    fn ask(&self, text: String) -> CreateGeneration {
        CreateGeneration {
            text,
            voice: self.voice.global_id(),
            ..CreateGeneration::default()
        }
    }

    fn work(&self) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let (stop, services): (_, Services) = (CancellationToken::new(), self.instance.services.clone());
        let stopped = stop.clone();
        (stop, tokio::spawn(async move { services.run(stopped).await }))
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn row(backend: Backend, what: &str, figure: impl std::fmt::Display) {
    println!("| {backend:?} | {what} | {figure} |");
}

/// The most memory that this process ever had, in MiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}

fn prose(characters: usize) -> String {
    let sentence =
        "The reader went on with the story, and nobody in the room wanted to be the first to leave. ";
    sentence.chars().cycle().take(characters).collect()
}

/// Listens to the end: when the first byte came, and when the last one.
async fn listen(request: &Request, input: CreateGeneration) -> (Duration, Duration) {
    let begun = Instant::now();
    let speech = request.generations().speak(input, None).await.unwrap();
    let mut bytes = match speech.hearing.unwrap() {
        Hearing::Live(live) => live.bytes,
        Hearing::File(file) => file.read(None).await.unwrap().map_err(Into::into).boxed(),
    };
    let mut first = None;
    while let Some(part) = bytes.next().await {
        let _ = part.unwrap();
        first.get_or_insert_with(|| begun.elapsed());
    }
    (first.unwrap(), begun.elapsed())
}

async fn final_state(request: &Request, address: InOrg<resonance_domain::GenerationId>) {
    let mut watched = request.watch_generation(address);
    while let Some(now) = watched.next().await {
        if now.unwrap().state.is_final() {
            return;
        }
    }
}

/// One organization's queue, and another's single job.
async fn queue(stage: &Stage, backend: Backend, request: &Request) {
    let begun = Instant::now();
    let asked =
        stream::iter(0..QUEUE).map(|n| request.generations().create(stage.ask(format!("Queued {n}"))));
    asked
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    row(
        backend,
        "10,000 generations, asked for while nothing is spoken",
        format_args!("{:.0}/s", QUEUE as f64 / begun.elapsed().as_secs_f64()),
    );
    let (eve, other) = stage.organization("Eve").await;
    let single = stage.instance.request_in(&eve, other).await;
    let created = single
        .generations()
        .create(stage.ask("Single".to_owned()))
        .await
        .unwrap()
        .generation;
    let begun = Instant::now();
    let (stop, work) = stage.work();
    final_state(&single, InOrg::new(other, created.id)).await;
    let took = begun.elapsed();
    let before = stage
        .engine
        .texts()
        .iter()
        .position(|text| text == "Single")
        .unwrap();
    row(
        backend,
        "jobs begun before the single one behind them of another organization (64 at a time)",
        before,
    );
    row(
        backend,
        "that job, from the start of the workers to its end",
        format_args!("{took:.1?}"),
    );
    charged(stage, QUEUE + 1, std::slice::from_ref(request)).await;
    row(
        backend,
        "those 10,000, spoken and charged",
        format_args!("{:.0}/s", QUEUE as f64 / begun.elapsed().as_secs_f64()),
    );
    stop.cancel();
    work.await.unwrap();
}

/// Waits until the engine has spoken so many texts and nothing is held for them any more.
async fn charged(stage: &Stage, texts: usize, requests: &[Request]) {
    // Asking what is held has a price, so not while it matters.
    while stage.engine.begun() < texts {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for request in requests {
        let organization = request.organization(None).unwrap();
        while request.usage().held(organization).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The engine alone, and through everything else, in turn.
async fn overhead(stage: &Stage, backend: Backend, request: &Request) {
    let (mut alone, mut through, mut reused) = (Vec::new(), Vec::new(), Vec::new());
    let organization = request.organization(None).unwrap();
    for n in 0..ROUNDS {
        let text = format!("This is sentence number {n}.");
        let spoken = SynthesisRequest {
            text: text.clone(),
            voice: serde_json::json!({}),
            settings: resonance_domain::SpeechSettings::default(),
            instructions: None,
            sample: None,
        };
        let begun = Instant::now();
        let _pcm: Pcm = stage
            .engine
            .synthesize(spoken, Progress::default())
            .await
            .unwrap();
        alone.push(begun.elapsed());
        let begun = Instant::now();
        let created = request
            .generations()
            .create(stage.ask(text.clone()))
            .await
            .unwrap();
        final_state(request, InOrg::new(organization, created.generation.id)).await;
        through.push(begun.elapsed());
        let begun = Instant::now();
        let again = request.generations().create(stage.ask(text)).await.unwrap();
        reused.push(begun.elapsed());
        assert!(again.reused && again.generation.state == GenerationState::Succeeded);
    }
    let overhead = median(through).saturating_sub(median(alone));
    row(
        backend,
        "overhead of a generation over its engine, median",
        format_args!("{overhead:.1?}"),
    );
    row(
        backend,
        "a generation that is reused, median",
        format_args!("{:.1?}", median(reused)),
    );
}

/// As many as can be.
async fn many(stage: &Stage, backend: Backend) {
    for (whose, organizations) in [("of one organization", 1), ("of 16 organizations", 16)] {
        let mut requests = Vec::new();
        for n in 0..organizations {
            let (person, organization) = stage.organization(&format!("many{organizations}-{n}")).await;
            requests.push(stage.instance.request_in(&person, organization).await);
        }
        let before = stage.engine.begun();
        let begun = Instant::now();
        let asked = stream::iter(0..MANY).map(|n| {
            let request = &requests[n % organizations];
            request
                .generations()
                .create(stage.ask(format!("One of many, {n}")))
        });
        asked
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
            .unwrap();
        charged(stage, before + MANY, &requests).await;
        let rate = MANY as f64 / begun.elapsed().as_secs_f64();
        row(
            backend,
            &format!("generations {whose} asked for and charged, with an engine that answers at once"),
            format_args!("{rate:.0}/s"),
        );
    }
}

/// The built-in engine.
async fn builtin(backend: Backend, request: &Request) {
    let voices = request.voices().for_speaking().await.unwrap();
    let voice = voices
        .iter()
        .find(|voice| voice.engine().0 == "builtin" && voice.language().as_str() == "en-US");
    let voice = voice.unwrap().address().global_id();
    let input = |text: String| CreateGeneration {
        text,
        voice: voice.clone(),
        fresh: true,
        ..CreateGeneration::default()
    };
    let mut firsts = Vec::new();
    for _ in 0..9 {
        firsts.push(listen(request, input(prose(5_000))).await.0);
    }
    row(
        backend,
        "first byte of 5,000 characters by the built-in engine, median of 9",
        format_args!("{:.1?}", median(firsts)),
    );
    for characters in [5_000, 100_000] {
        let (_, whole) = listen(request, input(prose(characters))).await;
        let memory = peak_memory();
        // About 15 characters are a second of speech.
        row(
            backend,
            &format!("{characters} characters to the last byte (MP3)"),
            format_args!("{whole:.1?}; peak memory of all so far {memory} MiB"),
        );
    }
}

async fn measure(backend: Backend, wanted: impl Fn(&str) -> bool) {
    let stage = Stage::new(backend).await;
    let (ada, acme) = stage.organization("Ada").await;
    let request = stage.instance.request_in(&ada, acme).await;
    if wanted("queue") {
        queue(&stage, backend, &request).await;
    }
    let (stop, work) = stage.work();
    if wanted("overhead") {
        overhead(&stage, backend, &request).await;
    }
    if wanted("many") {
        many(&stage, backend).await;
    }
    if wanted("builtin") {
        builtin(backend, &request).await;
    }
    stop.cancel();
    work.await.unwrap();
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let among = |these: &[&str], word: &str| {
        let named = |word: &str| words.iter().any(|named| named == word);
        named(word) || !these.iter().any(|word| named(word))
    };
    let backend = |word: &str| among(&["sqlite", "postgres"], word);
    let part = |word: &str| among(&["queue", "overhead", "many", "builtin"], word);
    println!("| database | what | figure |\n|---|---|--:|");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if backend("sqlite") {
            measure(Backend::Sqlite, part).await;
        }
        if backend("postgres") && std::env::var_os("TEST_POSTGRES_URL").is_some() {
            measure(Backend::Postgres, part).await;
        }
    });
}
