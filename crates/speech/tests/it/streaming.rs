use std::{
    num::NonZeroU32,
    process::{Command, Stdio},
    time::Duration,
};

use resonance_domain::AudioFormat;
use resonance_speech::audio::{
    EncodeError, Limits, OutputFormat, Pcm, StreamEncoder, StreamOptions, decode, encode,
};

use crate::sound::{correlation, unpadded, voice};

const FORMATS: [OutputFormat; 6] = [
    OutputFormat::Wav,
    OutputFormat::Mp3,
    OutputFormat::Opus,
    OutputFormat::Aac,
    OutputFormat::Flac,
    OutputFormat::Pcm,
];

fn rate(rate: u32) -> NonZeroU32 {
    NonZeroU32::new(rate).unwrap()
}

/// Encodes in pieces of so many samples.
fn stream(sound: &Pcm, format: OutputFormat, options: StreamOptions, piece: usize) -> Vec<u8> {
    let mut encoder = StreamEncoder::new(format, rate(sound.sample_rate()), options).unwrap();
    let mut file = Vec::new();
    for piece in sound.samples().chunks(piece) {
        file.extend(encoder.push(piece).unwrap());
    }
    let end = encoder.finish().unwrap();
    assert_eq!(end.duration, sound.duration());
    file.extend(end.bytes);
    file
}

/// What FFmpeg hears in a file, at a rate; `None` if it is not installed.
fn foreign(file: &[u8], rate: u32) -> Option<Vec<f32>> {
    let path = std::env::temp_dir().join(format!("resonance-{}-{:x}", std::process::id(), {
        file.iter().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
        })
    }));
    std::fs::write(&path, file).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error"]);
    // Two frames are not enough for FFmpeg to guess what they are.
    if file.starts_with(b"\xFF\xF1") {
        ffmpeg.args(["-f", "aac"]);
    }
    let run = ffmpeg
        .arg("-i")
        .arg(&path)
        .args(["-f", "f32le", "-ac", "1", "-ar", &rate.to_string(), "-"])
        .stderr(Stdio::piped())
        .output();
    std::fs::remove_file(&path).unwrap();
    let run = run.ok()?;
    let complaints = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success() && complaints.is_empty(), "{complaints}");
    let samples = run.stdout.chunks_exact(4);
    Some(
        samples
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect(),
    )
}

#[test]
fn the_bytes_do_not_depend_on_how_the_sound_was_cut_and_are_those_of_encoding_at_once() {
    for source in [22_050, 48_000] {
        let sound = voice(2.7, source);
        let known = StreamOptions {
            frames: Some(sound.samples().len() as u64),
            ..StreamOptions::default()
        };
        for format in FORMATS {
            for options in [known, StreamOptions::default()] {
                let whole = stream(&sound, format, options, usize::MAX);
                for piece in [1, 700, 10_007] {
                    assert!(
                        stream(&sound, format, options, piece) == whole,
                        "{format:?} in pieces of {piece}"
                    );
                }
            }
        }
        for format in AudioFormat::ALL {
            let at_once = encode(&sound, format).unwrap().bytes;
            assert!(
                stream(&sound, format.into(), known, 4_096) == at_once,
                "{format:?}"
            );
        }
    }
}

#[test]
fn files_of_known_and_unknown_length_decode_to_the_same_sound_here_and_elsewhere() {
    for source in [11_025, 12_000, 22_050, 24_000, 44_100, 48_000] {
        let sound = voice(1.9, source);
        for format in &FORMATS[..5] {
            for frames in [Some(sound.samples().len() as u64), None] {
                let options = StreamOptions {
                    frames,
                    ..StreamOptions::default()
                };
                let file = stream(&sound, *format, options, 3_000);
                let ours = decode(file.clone().into(), &Limits::SPEECH).unwrap().pcm;
                let ours = unpadded(ours, *format, &sound);
                // An MP3 that does not know its length keeps the silence around it.
                let padded = *format == OutputFormat::Mp3 && frames.is_none();
                let allowed = Duration::from_millis(if padded { 300 } else { 1 });
                let drift = ours.duration().abs_diff(sound.duration());
                assert!(drift < allowed, "{format:?} at {source}, {frames:?}: {drift:?}");
                let Some(theirs) = foreign(&file, source) else {
                    continue;
                };
                let theirs = unpadded(Pcm::new(theirs, rate(source)), *format, &sound);
                let drift = theirs.duration().abs_diff(sound.duration());
                assert!(
                    drift < allowed,
                    "{format:?} at {source}, {frames:?}, FFmpeg: {drift:?}"
                );
                if !padded {
                    let alike = correlation(theirs.samples(), sound.samples());
                    assert!(alike > 0.98, "{format:?} at {source}: {alike}");
                }
            }
        }
    }
}

#[test]
fn the_tag_of_an_mp3_tells_the_true_number_of_frames_and_bytes() {
    for source in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        for length in [1, 575, 576, 1151, 1152, 50_000, 100_001] {
            let sound = Pcm::new(vec![0.1; length], rate(source));
            let file = encode(&sound, AudioFormat::Mp3).unwrap().bytes;
            let at = file.windows(4).position(|window| window == b"Info").unwrap() + 8;
            let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
            assert_eq!(number(at + 4), file.len(), "{length} at {source}");
            let decoded = decode(file.clone(), &Limits::SPEECH).unwrap().pcm;
            assert_eq!(decoded.samples().len(), length, "{length} at {source}");
        }
    }
}

#[test]
fn aac_is_true_to_a_voice_at_every_rate_and_adds_a_frame_before_it_and_less_than_one_after_it() {
    for source in [
        8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
    ] {
        for length in [1, 1023, 1024, 1025, 30_000] {
            let sound = voice(4.0, source);
            let sound = Pcm::new(sound.samples()[..length].to_vec(), rate(source));
            let file = encode(&sound, AudioFormat::Aac).unwrap().bytes;
            let ours = decode(file.clone(), &Limits::SPEECH).unwrap().pcm;
            let theirs = foreign(&file, source).map(|samples| Pcm::new(samples, rate(source)));
            for heard in [Some(ours), theirs].into_iter().flatten() {
                let heard = unpadded(heard, AudioFormat::Aac, &sound);
                let pairs = heard.samples().iter().zip(sound.samples());
                let noise: f32 = pairs.map(|(heard, said)| (heard - said).powi(2)).sum();
                let signal: f32 = sound.samples().iter().map(|said| said.powi(2)).sum();
                let ratio = 10.0 * (signal / noise).log10();
                assert!(
                    length < 30_000 || ratio > 20.0,
                    "{length} at {source}: {ratio} dB"
                );
            }
        }
    }
}

#[test]
fn sounds_that_are_hard_on_encoders_become_files_at_every_rate() {
    type Wave = Box<dyn Fn(usize) -> f32>;
    let noise = |n: usize| (n as u32).wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32 * 2.0 - 1.0;
    let kinds: [(&str, Wave); 8] = [
        ("no sound", Box::new(|_| 0.0)),
        (
            "less than an integer can say",
            Box::new(move |n| noise(n) * 1e-40),
        ),
        ("noise", Box::new(noise)),
        ("far beyond full scale", Box::new(move |n| noise(n) * 1e6)),
        ("a square", Box::new(|n| if n / 37 % 2 == 0 { 1.0 } else { -1.0 })),
        (
            "clicks",
            Box::new(|n| if n.is_multiple_of(3_001) { 1.0 } else { 0.0 }),
        ),
        ("an offset", Box::new(|_| 1.0)),
        (
            "no numbers",
            Box::new(|n| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.5][n % 4]),
        ),
    ];
    for format in FORMATS {
        for to in [
            8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
        ] {
            if !format.allows(to) {
                continue;
            }
            for (kind, sample) in &kinds {
                for length in [1, 2, 9_000] {
                    let sound = Pcm::new((0..length).map(sample).collect(), rate(to));
                    let file = stream(&sound, format, StreamOptions::default(), 4_000);
                    if format == OutputFormat::Pcm {
                        continue;
                    }
                    let heard = decode(file.into(), &Limits::SPEECH);
                    assert!(heard.is_ok(), "{length} samples of {kind} as {format:?} at {to}");
                }
            }
        }
    }
}

#[test]
fn another_rate_is_converted_without_clicks_between_the_pieces() {
    let sound = Pcm::new(
        (0..48_000).map(|n| 0.5 * (n as f32 * 0.05).sin()).collect(),
        rate(22_050),
    );
    for to in [8_000, 16_000, 24_000, 44_100, 48_000] {
        let options = StreamOptions {
            sample_rate: Some(rate(to)),
            frames: None,
        };
        let file = stream(&sound, OutputFormat::Wav, options, 1_000);
        let decoded = decode(file.into(), &Limits::SPEECH).unwrap().pcm;
        assert_eq!(decoded.sample_rate(), to);
        let step = 0.05 * 22_050.0 / to as f32 * 0.5;
        let samples = decoded.samples();
        let middle = &samples[to as usize / 10..samples.len() - to as usize / 10];
        let steepest = middle.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let steepest = steepest.fold(0.0, f32::max);
        assert!(
            steepest < step * 1.01 + 1e-3,
            "{to}: {steepest} instead of {step}"
        );
    }
}

#[test]
fn bare_samples_are_sixteen_bits_at_24_khz() {
    let sound = Pcm::new(vec![0.5; 24_000], rate(24_000));
    let file = stream(&sound, OutputFormat::Pcm, StreamOptions::default(), 999);
    assert_eq!(file.len(), 48_000);
    assert_eq!(i16::from_le_bytes([file[100], file[101]]), 16_384);
    let other = stream(
        &voice(1.0, 22_050),
        OutputFormat::Pcm,
        StreamOptions::default(),
        999,
    );
    assert_eq!(other.len(), 48_000);
}

#[test]
fn nothing_at_all_a_broken_promise_and_rates_that_do_not_exist_are_refused() {
    for format in FORMATS {
        let new = |options| StreamEncoder::new(format, rate(22_050), options);
        let empty = new(StreamOptions::default()).unwrap().finish();
        assert_eq!(empty, Err(EncodeError::Empty));
        let mut short = new(StreamOptions {
            frames: Some(100),
            ..StreamOptions::default()
        })
        .unwrap();
        short.push(&[0.0; 99]).unwrap();
        assert!(matches!(short.finish(), Err(EncodeError::Failed { .. })));
        let odd = StreamOptions {
            sample_rate: Some(rate(96_000)),
            ..StreamOptions::default()
        };
        assert!(matches!(new(odd), Err(EncodeError::Failed { .. })));
    }
}

#[test]
fn each_format_says_in_words_which_rates_it_has() {
    for format in FORMATS {
        let words = format.rates();
        let named: Vec<u32> = words
            .split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        for rate in (1_000..=96_000).step_by(25) {
            let said = match (words.strip_prefix("from "), named.as_slice()) {
                (Some(_), [first, last]) => (*first..=*last).contains(&rate),
                _ => named.contains(&rate),
            };
            assert_eq!(format.allows(rate), said, "{format:?} {rate}: {words}");
        }
    }
}
