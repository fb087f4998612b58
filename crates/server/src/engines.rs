//! The speech engines that are other servers, from the file that lists them.

use std::{collections::BTreeSet, path::Path};

use resonance_speech_remote::EngineConfig;
use serde::Deserialize;

/// The file: one `[[engine]]` table for each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "engine")]
    engines: Vec<EngineConfig>,
}

/// Reads the file. What is wrong is told without the text around it, which may be a key.
pub(crate) fn read(path: &Path) -> Result<Vec<EngineConfig>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the file {} cannot be read: {error}", path.display()))?;
    parse(&text).map_err(|problem| format!("the file {}: {problem}", path.display()))
}

fn parse(text: &str) -> Result<Vec<EngineConfig>, String> {
    let File { engines } = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.lines().count().max(1));
        format!("line {line}: {}", error.message())
    })?;
    let mut names = BTreeSet::new();
    for engine in &engines {
        if !names.insert(engine.name.as_str()) {
            return Err(format!("two engines are called {}", engine.name));
        }
    }
    Ok(engines)
}

#[cfg(test)]
mod tests {
    use resonance_speech_remote::Samples;

    use super::*;

    #[test]
    fn a_few_lines_make_an_engine_and_the_rest_has_defaults() {
        let text = r#"
            [[engine]]
            name = "kokoro"
            kind = "openai"
            url = "http://kokoro:8880"

            [[engine]]
            name = "clones"
            kind = "chatterbox"
            url = "https://gpu.example.org"
            key = "sesame"
            concurrency = 2
            samples = "upload"
            sample_rate = 16000
        "#;
        let engines = parse(text).unwrap();
        let told: Vec<_> = engines
            .iter()
            .map(|engine| (engine.name.as_str(), engine.concurrency, engine.sample_rate))
            .collect();
        assert_eq!(told, [("kokoro", 4, 24_000), ("clones", 2, 16_000)]);
        let samples: Vec<_> = engines.iter().map(|engine| engine.samples).collect();
        assert_eq!(samples, [None, Some(Samples::Upload)]);
        assert!(!format!("{engines:?}").contains("sesame"));
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_without_the_key() {
        let told = |text: &str| parse(text).unwrap_err();
        let wrong =
            told("[[engine]]\nname = \"a\"\nkey = \"sesame\"\nkind = \"telepathy\"\nurl = \"http://x\"");
        assert!(
            wrong.starts_with("line 4: ") && !wrong.contains("sesame"),
            "{wrong}"
        );
        let unknown =
            told("[[engine]]\nname = \"a\"\nkind = \"openai\"\nurl = \"http://x\"\nspeed = \"sesame\"");
        assert!(
            unknown.contains("speed") && !unknown.contains("sesame"),
            "{unknown}"
        );
        let engine = "[[engine]]\nname = \"a\"\nkind = \"openai\"\nurl = \"http://x\"\n";
        assert_eq!(told(&engine.repeat(2)), "two engines are called a");
    }
}
