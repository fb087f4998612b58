//! How much faster than real time the engine speaks on one core.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nothing to save"
)]

use std::time::{Duration, Instant};

use resonance_domain::{AudioFormat, SpeechSettings};
use resonance_speech::{
    audio::encode,
    engine::{Progress, SpeechEngine, SynthesisRequest},
};
use resonance_speech_espeak::EspeakEngine;

/// Each figure is the best of so many: on a shared machine, the others measure somebody else.
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let engine = EspeakEngine::new(folder.path()).unwrap();
    // One runtime thread and one blocking thread: never two at work at once.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    println!(
        "{:<20} {:>10} {:>9} {:>9} {:>9}",
        "", "characters", "speech", "time", "x real"
    );
    for key in ["en-us-sam", "de-klara", "fr-camille", "ru-anna", "cmn-mei"] {
        let voice = runtime
            .block_on(engine.catalogue())
            .unwrap()
            .into_iter()
            .find(|voice| voice.key == key)
            .unwrap();
        let long: String = voice
            .preview_text
            .chars()
            .chain([' '])
            .cycle()
            .take(5000)
            .collect();
        for text in [voice.preview_text, long] {
            let characters = text.chars().count();
            let request = SynthesisRequest {
                text,
                voice: voice.voice.clone(),
                settings: SpeechSettings::default(),
                instructions: None,
                sample: None,
            };
            let speak = || {
                runtime
                    .block_on(engine.synthesize(request.clone(), Progress::default()))
                    .unwrap()
            };
            let (pcm, time) = best(speak);
            print(key, characters, pcm.duration(), time);
            if key == "en-us-sam" && characters == 5000 {
                for format in AudioFormat::ALL {
                    let (_, time) = best(|| encode(&pcm, format).unwrap());
                    print(
                        &format!("  encoding {format:?}"),
                        characters,
                        pcm.duration(),
                        time,
                    );
                }
            }
        }
    }
}

fn best<T>(work: impl Fn() -> T) -> (T, Duration) {
    let timed = || {
        let start = Instant::now();
        let done = work();
        (done, start.elapsed())
    };
    (0..ROUNDS)
        .map(|_| timed())
        .min_by_key(|(_, time)| *time)
        .unwrap()
}

fn print(what: &str, characters: usize, speech: Duration, time: Duration) {
    let factor = speech.as_secs_f64() / time.as_secs_f64();
    let (speech, time) = (speech.as_secs_f64(), time.as_secs_f64() * 1e3);
    println!("{what:<20} {characters:>10} {speech:>7.1} s {time:>6.1} ms {factor:>9.0}");
}
