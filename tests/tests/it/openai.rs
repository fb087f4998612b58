//! OpenAI's own clients, from their registries, at the routes in OpenAI's wire format.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tests::World;

/// The clients, as they were tried.
const PYTHON: &str = "openai==3.57.0";
const NODE: &str = "node_modules/openai/package.json";

const FORMATS: [&str; 6] = ["mp3", "opus", "aac", "flac", "wav", "pcm"];
const EVENT_FORMATS: [&str; 2] = ["mp3", "aac"];
const SHORT: &str = "Good morning. This is a short text for the clients.";

fn long() -> String {
    "The clients hear the first sentence while the last one is still being spoken. "
        .repeat(12)
        .trim()
        .to_owned()
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs both clients outside the source tree; the programs that run the checks. `None` if that cannot be done here.
fn install() -> Option<[Command; 2]> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = File::create(target.join("openai.lock")).unwrap();
    lock.lock().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openai");
    let folder = target.join("openai-node");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json", "check.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).unwrap();
    }
    let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let node = folder.join(NODE).exists() || succeeds(Command::new("npm").args(npm).current_dir(&folder));
    let environment: PathBuf = target.join(PYTHON);
    let done = environment.join("done");
    let python = done.exists()
        || (succeeds(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&environment),
        ) && succeeds(Command::new(environment.join("bin/pip")).args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PYTHON,
        ])) && File::create(&done).is_ok());
    if !(node && python) {
        eprintln!("SKIPPED: npm or pip could not install OpenAI's clients");
        return None;
    }
    let mut by_node = Command::new("node");
    by_node.arg("check.mjs").current_dir(folder);
    let mut by_python = Command::new(environment.join("bin/python"));
    by_python.arg(source.join("check.py"));
    Some([by_python, by_node])
}

/// What a client says.
fn told(mut client: Command, question: &Value) -> Value {
    let mut client = client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    client
        .stdin
        .take()
        .unwrap()
        .write_all(question.to_string().as_bytes())
        .unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Codec, sample rate and seconds of a file by ffprobe; `None` where that is missing.
fn probed(file: &Path, raw: bool) -> Option<(String, String, f64)> {
    let mut probe = Command::new("ffprobe");
    probe.args([
        "-v",
        "error",
        "-of",
        "json",
        "-show_entries",
        "stream=codec_name,sample_rate:packet=duration_time",
    ]);
    if raw {
        probe.args(["-f", "s16le", "-ar", "24000", "-ch_layout", "mono"]);
    }
    let output = probe.arg(file).output().ok()?;
    assert!(
        output.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |key: &str| found["streams"][0][key].as_str().unwrap().to_owned();
    // By the packets that are there: heads of streams do not know how long they will be.
    let packets = found["packets"].as_array().unwrap().iter();
    let seconds = packets
        .map(|packet| packet["duration_time"].as_str().unwrap().parse::<f64>().unwrap())
        .sum();
    Some((text("codec_name"), text("sample_rate"), seconds))
}

resonance_testkit::on_both! {
    async fn openais_clients_get_speech_in_every_format_and_every_error(backend: Backend) {
        let Some(clients) = install() else { return };
        let world = World::new(backend).await;
        let (a, admin) = (&world.a, &world.a.admin);
        let key = async |name: &str, permissions: &[&str], budget: Option<u32>| {
            let input = json!({
                "organizationId": a.id, "name": name, "permissions": permissions, "characterBudget": budget,
            });
            let made = admin.client.mutate("createApiKey", "CreateApiKeyInput", "token", input).await;
            made["token"].as_str().unwrap().to_owned()
        };
        let speaker = key("Speaker", &["org:voices:read", "org:generations:create"], None).await;
        let mute = key("Mute", &["org:voices:read"], None).await;
        let poor = key("Poor", &["org:voices:read", "org:generations:create"], Some(10)).await;
        let voice = admin.client.system_voice().await;
        let query = "query($id: ID!) { node(id: $id) { ... on Voice { name } } }";
        let name = admin.client.data(query, json!({ "id": voice })).await["node"]["name"].clone();

        for (client, prefix) in clients.into_iter().zip(["python", "node"]) {
            let folder = tempfile::tempdir().unwrap();
            let question = json!({
                "url": world.server.url("/v1"), "folder": folder.path(), "formats": FORMATS,
                "event_formats": EVENT_FORMATS,
                "key": speaker, "mute_key": mute, "poor_key": poor,
                "model": "builtin", "voice": name, "voice_id": voice, "foreign_voice": world.b.voice,
                "short": SHORT, "long": long(), "once": format!("{prefix}-once"),
            });
            let told = tokio::task::spawn_blocking(move || told(client, &question)).await.unwrap();
            assert_eq!(told["models"], json!(["builtin"]));
            assert_eq!(told["events"], json!(["speech.audio.delta", "speech.audio.done"]));
            assert_eq!(told["usage"], long().len() + " By events.".len());
            let generation = &told["marked"][0][0];
            let marked = json!([[generation, null], [generation, "true"], ["idempotency_key_reused", "Idempotency-Key"]]);
            assert!(told["marked"] == marked && generation.is_string(), "{prefix}: {}", told["marked"]);
            let refused = json!({
                "no key": ["AuthenticationError", 401, "invalid_api_key", null],
                "a key that may not": ["PermissionDeniedError", 403, "insufficient_permissions", null],
                "over budget": ["RateLimitError", 429, "insufficient_quota", null],
                "no such voice": ["NotFoundError", 404, "not_found", "voice"],
                "another's voice": ["NotFoundError", 404, "not_found", "voice"],
                "no such model": ["NotFoundError", 404, "model_not_found", "model"],
                "nothing to speak": ["BadRequestError", 400, "too_short", "input"],
                "too long": ["BadRequestError", 400, "too_long", "input"],
                "too fast": ["BadRequestError", 400, "invalid", "speed"],
                "no such format": ["BadRequestError", 400, "unsupported_value", "response_format"],
                "instructions": ["BadRequestError", 400, "unsupported", "instructions"],
            });
            assert_eq!(told["refused"], refused, "{prefix}");

            let mut seconds: Vec<(f64, f64)> = Vec::new();
            for (format, codec, rate) in [
                ("mp3", "mp3", None),
                ("opus", "opus", Some("48000")),
                ("aac", "aac", None),
                ("flac", "flac", None),
                ("wav", "pcm_s16le", None),
                ("pcm", "pcm_s16le", Some("24000")),
            ] {
                let probe = |name: &str| probed(&folder.path().join(format!("{prefix}{name}.{format}")), format == "pcm");
                let (Some(short), Some(long)) = (probe(""), probe("-streamed")) else { continue };
                assert_eq!((short.0.as_str(), long.0.as_str()), (codec, codec));
                assert!(rate.is_none_or(|rate| short.1 == rate && long.1 == rate), "{format}: {short:?}");
                seconds.push((short.2, long.2));
            }
            // The same words last as long in every format.
            let first = seconds.first().copied().unwrap_or_default();
            assert!(first.0 > 2.0 && first.1 > 30.0, "{seconds:?}");
            assert!(
                seconds.iter().all(|(short, long)| (short - first.0).abs() < 0.2 && (long - first.1).abs() < 0.3),
                "{seconds:?}"
            );
            for format in EVENT_FORMATS {
                let events = probed(&folder.path().join(format!("{prefix}-events.{format}")), false).unwrap();
                assert!(events.0 == format && events.2 > first.1, "{events:?}");
            }
        }

        // What they made is in the history and on the meter, once for both clients.
        let query = "query($id: ID!) { organization(id: $id) { generations(first: 100) { nodes { text format apiKeyId state } } } }";
        let found = admin.client.data(query, json!({ "id": a.id })).await;
        let history = found["organization"]["generations"]["nodes"].as_array().unwrap().clone();
        let short = history.iter().filter(|generation| generation["text"] == SHORT);
        // PCM is a WAV at another rate.
        assert_eq!(short.count(), FORMATS.len());
        assert!(history.iter().filter(|generation| generation["text"] == SHORT).all(|generation| {
            generation["state"] == "SUCCEEDED" && generation["apiKeyId"].is_string()
        }));
    }

    async fn only_keys_and_tokens_open_the_routes_and_voices_are_those_of_the_key(backend: Backend) {
        let world = World::new(backend).await;
        let admin = &world.a.admin.client;
        let cookie = format!("resonance_session={}", admin.token());
        let by_cookie = world.nobody.request(reqwest::Method::GET, "/v1/audio/voices").header("cookie", cookie);
        assert_eq!(by_cookie.send().await.unwrap().status(), 401);
        let ids = |body: &Value| -> Vec<String> {
            let voices = body["voices"].as_array().unwrap().iter();
            voices.map(|voice| voice["id"].as_str().unwrap().to_owned()).collect()
        };
        let program = world.nobody.with_token(&world.a.key_token);
        let voices: Value = program.get("/v1/audio/voices").await.json().await.unwrap();
        let found = ids(&voices);
        assert!(found.contains(&world.a.voice) && !found.contains(&world.b.voice) && found.len() > 20);
        let input = json!({
            "organizationId": world.a.id, "name": "One voice", "voiceIds": [world.a.voice],
            "permissions": ["org:voices:read", "org:generations:create"],
        });
        let made = admin.mutate("createApiKey", "CreateApiKeyInput", "token", input).await;
        let narrow = world.nobody.with_token(made["token"].as_str().unwrap());
        let voices: Value = narrow.get("/v1/audio/voices").await.json().await.unwrap();
        assert_eq!(ids(&voices), std::slice::from_ref(&world.a.voice));
        let speech = json!({ "model": "tts-1", "voice": found[0], "input": "Hello." });
        let refused = narrow.request(reqwest::Method::POST, "/v1/audio/speech").json(&speech).send().await.unwrap();
        assert_eq!(refused.status(), 404);
        // A member's token works in the organization that is named.
        let member = world.a.member.client.working_in(&world.a.id);
        let spoken = member.request(reqwest::Method::POST, "/v1/audio/speech").json(&speech).send().await.unwrap();
        assert_eq!((spoken.status().as_u16(), spoken.headers()["content-type"].to_str().unwrap()), (200, "audio/mpeg"));
        assert!(spoken.headers()["x-resonance-generation"].to_str().unwrap().starts_with("gen_"));
        assert!(spoken.bytes().await.unwrap().len() > 1_000);
    }
}
