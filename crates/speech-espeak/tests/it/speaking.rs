use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use resonance_domain::{AudioFormat, SettingKind};
use resonance_speech::{
    audio::{Limits, VoiceAnalysis, decode, encode, measure},
    engine::{EngineError, Progress, SpeechEngine},
};

use crate::studio::{ENGINE, request, speak, speak_at, voice};

#[tokio::test]
async fn every_voice_of_the_catalogue_speaks_audibly() {
    for voice in ENGINE.catalogue().await.unwrap() {
        let pcm = speak(&voice.preview_text, &voice.voice).await.unwrap();
        let seconds = pcm.duration().as_secs_f64();
        assert!((2.5..12.0).contains(&seconds), "{}: {seconds} s", voice.key);
        let measured = measure(&pcm);
        let loudness = measured.loudness_lufs.unwrap();
        assert!(
            (-22.0..-17.0).contains(&loudness),
            "{}: {loudness} LUFS",
            voice.key
        );
        assert!(
            (0.1..=1.0).contains(&measured.peak),
            "{}: {}",
            voice.key,
            measured.peak
        );
        let syllables = VoiceAnalysis::of(&pcm).syllables_per_second.unwrap();
        assert!(
            (2.0..10.0).contains(&syllables),
            "{}: {syllables} syllables a second",
            voice.key
        );
    }
}

#[tokio::test]
async fn a_voice_is_as_loud_in_pieces_as_in_the_whole_and_in_any_text() {
    let texts = [
        "The committee met on Tuesday to discuss the budget. Nobody was surprised by what it decided.",
        "Please hold the line. Your call is important to us, and somebody will be with you shortly.",
        "Far out in the uncharted backwaters of the western spiral arm lies a small, unregarded yellow sun.",
    ];
    for key in ["en-us-sam", "en-us-grace", "en-gb-edmund"] {
        let voice = voice(key).voice;
        for text in texts {
            let pcm = speak(text, &voice).await.unwrap();
            let loudness = measure(&pcm).loudness_lufs.unwrap();
            assert!((loudness + 20.0).abs() < 1.2, "{key}: {loudness} LUFS for {text}");
        }
        // The pieces are samples of the whole: nothing but the pauses differs.
        let whole = speak(texts[0], &voice).await.unwrap();
        let first = speak("The committee met on Tuesday to discuss the budget.", &voice)
            .await
            .unwrap();
        let common = first.samples().len() - 3_000;
        assert_eq!(whole.samples()[..common], first.samples()[..common], "{key}");
    }
}

#[tokio::test]
async fn voices_of_women_are_higher_than_those_of_men_and_giants_lower_than_both() {
    let mut pitches = Vec::new();
    for key in ["en-us-grumble", "en-us-sam", "en-us-grace", "en-us-pip"] {
        let voice = voice(key);
        let pcm = speak(&voice.preview_text, &voice.voice).await.unwrap();
        pitches.push(VoiceAnalysis::of(&pcm).median_pitch_hz.unwrap());
    }
    assert!(pitches.is_sorted(), "{pitches:?}");
    assert!(
        pitches[0] < 95.0 && (90.0..130.0).contains(&pitches[1]) && pitches[2] > 165.0,
        "{pitches:?}"
    );
}

#[tokio::test]
async fn a_voice_has_the_melody_of_speech_and_no_holes() {
    for key in ["en-us-sam", "de-otto", "fr-luc", "tr-emre"] {
        let voice = voice(key);
        let analysis = VoiceAnalysis::of(&speak(&voice.preview_text, &voice.voice).await.unwrap());
        // A voice that breaks up is taken for one of its overtones every now and then, which looks like octaves.
        let range = analysis.pitch_range_semitones.unwrap();
        assert!((2.0..9.0).contains(&range), "{key}: {range} semitones");
    }
}

/// How long eSpeak NG 1.51 itself speaks the previews of some languages, in seconds.
const ORIGINAL: [(&str, &str, f64); 12] = [
    ("en-us-sam", "en-us", 4.98),
    ("en-gb-edmund", "en-gb", 4.95),
    ("de-klara", "de", 5.25),
    ("fr-luc", "fr-fr", 4.30),
    ("nl-bram", "nl", 5.37),
    ("sv-nils", "sv", 5.09),
    ("fi-aino", "fi", 5.56),
    ("pl-marek", "pl", 6.10),
    ("tr-emre", "tr", 6.55),
    ("id-putri", "id", 6.87),
    ("sw-amani", "sw", 6.97),
    ("ko-jiwoo", "ko", 6.25),
];

#[tokio::test]
async fn languages_have_the_tempo_that_their_makers_gave_them() {
    for (key, language, original) in ORIGINAL {
        let plain = serde_json::json!({ "language": language });
        let seconds = speak(&voice(key).preview_text, &plain)
            .await
            .unwrap()
            .duration()
            .as_secs_f64();
        assert!(
            (seconds / original - 1.0).abs() < 0.1,
            "{language}: {seconds} s instead of {original}"
        );
    }
}

#[tokio::test]
async fn no_pause_begins_or_ends_with_a_click() {
    for voice in ENGINE.catalogue().await.unwrap() {
        let pcm = speak(&voice.preview_text, &voice.voice).await.unwrap();
        // A pause is 3 ms of nothing; a single sample of nothing is part of a sound.
        let pauses = pcm
            .samples()
            .split_inclusive(|sample| *sample != 0.0)
            .filter(|run| run.len() > 66);
        let after = pauses.filter_map(|run| run.last()).map(|sample| sample.abs());
        let mut backwards = pcm.samples().to_vec();
        backwards.reverse();
        let pauses = backwards
            .split_inclusive(|sample| *sample != 0.0)
            .filter(|run| run.len() > 66);
        let before = pauses.filter_map(|run| run.last()).map(|sample| sample.abs());
        let loudest = after.chain(before).fold(pcm.samples()[0].abs(), f32::max);
        assert!(loudest < 0.02, "{}: {loudest}", voice.key);
    }
}

#[tokio::test]
async fn speed_scales_the_duration() {
    for key in [
        "en-us-sam",
        "de-klara",
        "fr-luc",
        "es-lucia",
        "ar-karim",
        "ko-jiwoo",
    ] {
        let voice = voice(key);
        let normal = speak(&voice.preview_text, &voice.voice)
            .await
            .unwrap()
            .duration()
            .as_secs_f64();
        for speed in [0.25, 0.5, 0.8, 1.25, 2.0, 4.0] {
            let pcm = speak_at(speed, &voice.preview_text, &voice.voice).await;
            let scaled = normal / pcm.duration().as_secs_f64();
            assert!((scaled / speed - 1.0).abs() < 0.2, "{key} at {speed}: {scaled}");
        }
    }
}

#[tokio::test]
async fn speed_is_the_one_setting_that_makes_a_difference() {
    assert!(ENGINE.capabilities().honours(SettingKind::Speed));
    assert!(!ENGINE.capabilities().honours(SettingKind::Temperature));
    let voice = voice("en-us-sam").voice;
    let plain = speak("Just the same.", &voice).await.unwrap();
    let mut hot = request("Just the same.", &voice);
    hot.settings.temperature = 2.0;
    hot.settings.top_k = 1;
    assert_eq!(ENGINE.synthesize(hot, Progress::default()).await.unwrap(), plain);
}

#[tokio::test]
async fn the_same_text_always_sounds_the_same() {
    let voice = voice("de-otto");
    let first = speak(&voice.preview_text, &voice.voice).await.unwrap();
    assert_eq!(speak(&voice.preview_text, &voice.voice).await.unwrap(), first);
}

#[tokio::test]
async fn every_format_of_a_spoken_text_plays_as_long_as_it_was_spoken() {
    let voice = voice("en-gb-poppy");
    let pcm = speak(&voice.preview_text, &voice.voice).await.unwrap();
    for format in AudioFormat::ALL {
        let decoded = decode(encode(&pcm, format).unwrap().bytes, &Limits::SPEECH).unwrap();
        let drift = decoded.pcm.duration().abs_diff(pcm.duration());
        // AAC adds one to two frames of 1024 samples.
        let allowed = if format == AudioFormat::Aac { 100 } else { 1 };
        assert!(drift < Duration::from_millis(allowed), "{format:?}: {drift:?}");
        let (before, after) = (
            measure(&pcm).loudness_lufs.unwrap(),
            measure(&decoded.pcm).loudness_lufs.unwrap(),
        );
        assert!((before - after).abs() < 0.5, "{format:?}: {before} and {after}");
    }
}

#[tokio::test]
async fn longer_texts_take_longer_and_pauses_separate_sentences() {
    let voice = voice("en-us-sam").voice;
    let seconds = async |text: &str| speak(text, &voice).await.unwrap().duration().as_secs_f64();
    let together = seconds("one two three four").await;
    assert!(seconds("one two three four five six seven eight").await > together * 1.7);
    assert!(seconds("one. two. three. four.").await > together + 0.9);
    assert!(seconds("one\n\ntwo").await > seconds("one\ntwo").await + 0.3);
}

#[tokio::test]
async fn progress_grows_to_the_end() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let progress = Progress::new(move |fraction| list.lock().unwrap().push(fraction));
    let text = "A sentence. ".repeat(10);
    ENGINE
        .synthesize(request(&text, &voice("en-us-sam").voice), progress)
        .await
        .unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() >= 10 && told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&1.0));
}

#[tokio::test]
async fn cancelled_work_stops_after_the_sentence_that_it_is_at() {
    let text = "This is a sentence of some length. ".repeat(140);
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let progress = Progress::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let cancellation = progress.cancellation();
    let seen = Arc::clone(&told);
    let work = ENGINE.synthesize(request(&text, &voice("en-us-sam").voice), progress);
    let stop = tokio::spawn(async move {
        while seen.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
        cancellation.cancel();
    });
    let (spoken, stopped) = tokio::join!(work, stop);
    stopped.unwrap();
    assert!(matches!(spoken, Err(EngineError::Cancelled)));
    assert!(told.load(Ordering::Relaxed) < 100, "{told:?}");
}

#[tokio::test]
async fn work_that_nobody_waits_for_stops() {
    let text = "This is a sentence of some length. ".repeat(140);
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let progress = Progress::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let work = ENGINE.synthesize(request(&text, &voice("en-us-sam").voice), progress);
    assert!(
        tokio::time::timeout(Duration::from_millis(20), work)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    let after = told.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(told.load(Ordering::Relaxed), after);
    assert!(after < 130, "{after}");
}

#[tokio::test(flavor = "current_thread")]
async fn the_runtime_goes_on_while_a_text_is_spoken() {
    let text = "This is a sentence of some length. ".repeat(140);
    let voice = voice("en-us-sam").voice;
    let work = speak(&text, &voice);
    tokio::pin!(work);
    let mut turns = 0;
    loop {
        tokio::select! {
            spoken = &mut work => break assert!(spoken.is_ok()),
            () = tokio::time::sleep(Duration::from_millis(1)) => turns += 1,
        }
    }
    assert!(turns >= 5, "{turns}");
}

#[tokio::test]
async fn the_longest_text_is_spoken_in_a_moment() {
    let text: String = "She sells sea shells by the sea shore, and they surely are. "
        .chars()
        .cycle()
        .take(5000)
        .collect();
    let start = Instant::now();
    let pcm = speak(&text, &voice("en-us-sam").voice).await.unwrap();
    let elapsed = start.elapsed();
    assert!(pcm.duration() > Duration::from_secs(200));
    // A quarter of a second alone; tests share their processors with much else.
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}
