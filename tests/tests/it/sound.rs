//! Every file that is made, decoded and measured by ffmpeg.

use std::{path::Path, process::Command};

use serde_json::json;
use tests::World;

const TEXT: &str = "The harbour lay still that morning, and nobody hurried. A gull cried once over the masts. \
    Then the bells began, one after the other, until the whole town was awake.";

/// What ffmpeg knows of a file.
#[derive(Debug)]
struct Heard {
    /// What the stream is, as `Audio: flac, 44100 Hz, mono, s16`.
    stream: String,
    /// How loud it is, in LUFS.
    loudness: f64,
    /// How long it is, in seconds.
    seconds: f64,
}

/// Decodes a whole file and measures it (EBU R 128); `None` where there is no ffmpeg.
fn heard(file: &Path) -> Option<Heard> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-xerror", "-i"])
        .arg(file)
        .args(["-af", "ebur128", "-f", "null", "-"])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let stream = told.lines().find_map(|line| line.split_once("Audio: "));
    // The summary comes last: "I:  -20.1 LUFS".
    let loudness = told.lines().rev().find_map(|line| line.trim().strip_prefix("I:"));
    let loudness = loudness.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    // And before it how far the decoder came: "time=00:00:09.52".
    let time = told.rmatch_indices("time=").find_map(|(at, _)| {
        let mut parts = told[at + 5..]
            .split([':', ' '])
            .map(|part| part.parse::<f64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        Some(hours * 3600.0 + minutes * 60.0 + seconds)
    });
    Some(Heard {
        stream: stream.unwrap().1.to_owned(),
        loudness: loudness.unwrap(),
        seconds: time.unwrap(),
    })
}

resonance_testkit::on_both! {
    async fn each_format_is_what_it_says_as_long_as_it_says_and_as_loud_as_was_asked(backend: Backend) {
        let world = World::new(backend).await;
        let client = &world.a.admin.client;
        let voice = client.system_voice().await;
        let folder = tempfile::tempdir().unwrap();
        let mut lengths = Vec::new();
        for (format, codec, rate, loudness) in [
            ("WAV", "pcm_s16le", 16_000, -16.0), ("WAV", "pcm_s16le", 44_100, -30.0), ("FLAC", "flac", 48_000, -23.0),
            ("MP3", "mp3", 44_100, -16.0), ("OPUS", "opus", 48_000, -23.0), ("AAC", "aac", 24_000, -16.0),
        ] {
            let input = json!({
                "organizationId": world.a.id, "voiceId": voice, "text": TEXT, "format": format, "sampleRate": rate,
                "loudness": loudness,
            });
            let payload = client.mutate("createGeneration", "CreateGenerationInput", "generation { id }", input).await;
            let id = payload["generation"]["id"].as_str().unwrap().to_owned();
            assert_eq!(world.a.admin.hear(&id).await, "SUCCEEDED");
            let query = "query($id: ID!) { node(id: $id) { ... on Generation { durationMs sampleRate audioUrl } } }";
            let made = client.data(query, json!({ "id": id })).await["node"].clone();
            let audio = client.get(made["audioUrl"].as_str().unwrap()).await;
            let file = folder.path().join(format!("{format}-{rate}"));
            std::fs::write(&file, audio.bytes().await.unwrap()).unwrap();
            let Some(heard) = heard(&file) else {
                eprintln!("SKIPPED: there is no ffmpeg");
                return;
            };
            let what = format!("{format} {rate}: {heard:?}");
            assert!(heard.stream.starts_with(codec) && heard.stream.contains(&format!("{rate} Hz")), "{what}");
            assert_eq!(made["sampleRate"], rate, "{what}");
            assert!((heard.loudness - loudness).abs() <= 1.0, "{what}");
            let told = made["durationMs"].as_f64().unwrap() / 1e3;
            assert!((heard.seconds - told).abs() < 0.15, "{what}, told {told}");
            lengths.push(heard.seconds);
        }
        assert!(lengths.iter().all(|length| (length - lengths[0]).abs() < 0.2 && *length > 5.0), "{lengths:?}");
    }
}
