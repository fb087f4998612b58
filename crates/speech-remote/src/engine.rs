//! The engine.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use resonance_domain::{Fidelity, LanguageTag, SettingKind, VoiceCategory};
use resonance_speech::{
    audio::{Limits, Pcm, SampleShape},
    engine::{
        Capabilities, CatalogueVoice, DerivedVoice, EngineError, EngineStatus, EngineVoice, Progress,
        SpeechEngine, SynthesisRequest, VoiceSample,
    },
};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    answer,
    breaker::Breaker,
    config::{EngineConfig, Kind, Samples},
    wire,
};

/// Answers a number from 0 to 1, by chance: for the waits between tries.
pub type Dice = Arc<dyn Fn() -> f64 + Send + Sync>;

/// The wait before the first further try is up to this long, before each next one up to twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// A server that asks for more patience is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const PREVIEW_TEXT: &str = "Hello! This is what I sound like when I read a text aloud.";

/// Why an engine cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A value is of no use.
    #[error("{0}")]
    Invalid(&'static str),
    /// The system's certificates or its TLS cannot be used.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A server that speaks.
pub struct RemoteEngine {
    config: EngineConfig,
    capabilities: Capabilities,
    client: Client,
    breaker: Breaker,
    turns: Semaphore,
    dice: Dice,
}

impl RemoteEngine {
    /// Prepares the engine; asks the server nothing yet.
    ///
    /// # Errors
    /// If the configuration is of no use.
    pub fn new(config: EngineConfig, dice: Dice) -> Result<Self, SetupError> {
        let url = reqwest::Url::parse(&config.url);
        if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(SetupError::Invalid("url must begin with http:// or https://"));
        }
        if config.name.is_empty() || config.name == "builtin" {
            return Err(SetupError::Invalid("name must be there, and not be builtin"));
        }
        if config
            .voices
            .iter()
            .any(|voice| config.language_of(voice).is_none())
            || LanguageTag::parse(&config.language).is_err()
        {
            return Err(SetupError::Invalid("language must be a tag such as en-US"));
        }
        let seconds = [
            config.turn_seconds,
            config.connect_seconds,
            config.first_byte_seconds,
            config.total_seconds,
            config.breaker_seconds,
        ];
        if seconds.iter().any(|seconds| !(0.01..=86_400.0).contains(seconds)) || config.concurrency == 0 {
            return Err(SetupError::Invalid(
                "limits must be positive, and times a day at most",
            ));
        }
        let cloning = cloning(&config)?;
        // TLS has one provider in a process; whoever was first chose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent("Resonance/1")
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(Duration::from_secs_f64(config.connect_seconds))
            .build()?;
        let settings = match (config.kind, config.samples()) {
            (Kind::OpenAi, _) => vec![SettingKind::Speed],
            (Kind::Chatterbox, Some(Samples::Upload)) => vec![SettingKind::Temperature],
            (Kind::Chatterbox, _) => vec![
                SettingKind::Temperature,
                SettingKind::TopP,
                SettingKind::TopK,
                SettingKind::RepetitionPenalty,
            ],
        };
        Ok(Self {
            capabilities: Capabilities {
                settings,
                languages: Vec::new(),
                cloning,
                instructions: config.kind == Kind::OpenAi && config.instructions,
                max_characters: config.max_characters,
            },
            breaker: Breaker::new(
                config.breaker_failures,
                Duration::from_secs_f64(config.breaker_seconds),
            ),
            turns: Semaphore::new(config.concurrency.min(Semaphore::MAX_PERMITS)),
            client,
            config,
            dice,
        })
    }

    /// Asks, as often as it is worth it, and makes something of the answer.
    async fn ask<T: Send>(
        &self,
        request: impl Fn() -> Result<RequestBuilder, EngineError> + Sync,
        sound: bool,
        read: impl Fn(Bytes) -> BoxFuture<'static, Result<T, EngineError>> + Sync,
    ) -> Result<T, EngineError> {
        let turn = timeout(
            Duration::from_secs_f64(self.config.turn_seconds),
            self.turns.acquire(),
        );
        let _turn = turn
            .await
            .map_err(|_| unavailable("it is busy with other requests"))?;
        let mut tried = 0;
        loop {
            let pass = self.breaker.admit().map_err(|pause| EngineError::Unavailable {
                reason: "it failed too often".to_owned(),
                retry_after: Some(pause),
            })?;
            let once = async { read(self.once(request()?, sound).await?).await };
            let total = Duration::from_secs_f64(self.config.total_seconds);
            let answer = timeout(total, once)
                .await
                .unwrap_or_else(|_| Err(EngineError::TimedOut("the answer took too long".to_owned())));
            let asked_to_wait = match &answer {
                Err(EngineError::Unavailable { retry_after, .. }) => *retry_after,
                _ => None,
            };
            let error = match answer {
                Ok(answer) => {
                    pass.succeeded();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            // A server that is busy, or refuses, is not broken.
            if error.is_retryable() && asked_to_wait.is_none() {
                pass.failed();
            } else {
                pass.succeeded();
            }
            let worth_it = matches!(error, EngineError::Unavailable { .. } | EngineError::TimedOut(_));
            if !worth_it || tried >= self.config.retries || asked_to_wait.is_some_and(|wait| wait > PATIENCE)
            {
                return Err(error);
            }
            let longest = PAUSE.saturating_mul(1 << tried.min(10)).min(PATIENCE);
            let by_chance = longest.mul_f64((self.dice)().clamp(0.0, 1.0));
            sleep(asked_to_wait.unwrap_or_default() + by_chance).await;
            tried += 1;
        }
    }

    async fn once(&self, request: RequestBuilder, sound: bool) -> Result<Bytes, EngineError> {
        let first_byte = Duration::from_secs_f64(self.config.first_byte_seconds);
        let mut response = timeout(first_byte, request.send())
            .await
            .map_err(|_| EngineError::TimedOut("no answer began".to_owned()))?
            .map_err(|error| broken(&error))?;
        check(&response, sound)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > self.config.max_bytes {
                return Err(EngineError::BadAnswer("the answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if body.is_empty() {
            return Err(EngineError::BadAnswer("the answer is empty".to_owned()));
        }
        Ok(body.freeze())
    }
}

/// How the server wants recordings, if it clones voices.
fn cloning(config: &EngineConfig) -> Result<Option<SampleShape>, SetupError> {
    let Some(samples) = config.samples() else {
        return Ok(None);
    };
    if (config.kind, samples) == (Kind::OpenAi, Samples::Key) {
        return Err(SetupError::Invalid(
            "samples: an openai engine does not read the bucket, only upload is possible",
        ));
    }
    let Limits {
        min_duration: least,
        max_duration: most,
    } = Limits::VOICE_SAMPLE;
    let rate = NonZeroU32::new(config.sample_rate).filter(|rate| (8_000..=96_000).contains(&rate.get()));
    let longest = Duration::try_from_secs_f64(config.sample_seconds).ok();
    let longest = longest.filter(|longest| (least..=most).contains(longest));
    match (rate, longest) {
        (Some(rate), Some(longest)) => Ok(Some(SampleShape { rate, longest })),
        (None, _) => Err(SetupError::Invalid("sample_rate must be 8000 to 96000")),
        (_, None) => Err(SetupError::Invalid("sample_seconds must be 10 to 600")),
    }
}

/// Whether the head of an answer promises something of use.
fn check(response: &Response, sound: bool) -> Result<(), EngineError> {
    let status = response.status();
    let head = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let wait = head(header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        return Err(EngineError::Unavailable {
            reason: "it asks for fewer requests".to_owned(),
            retry_after: Some(wait.map_or(Duration::from_secs(1), Duration::from_secs)),
        });
    }
    // A proxy's word that nobody is there. Any other failure of the server may be the text's fault.
    if matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    ) {
        return Err(unavailable(&format!("it answered {status}")));
    }
    if status.is_server_error() {
        return Err(EngineError::transient(format!("it answered {status}")));
    }
    if !status.is_success() {
        return Err(EngineError::permanent(format!("it refused with {status}")));
    }
    let kind = head(header::CONTENT_TYPE).unwrap_or_default();
    if sound
        && !kind.is_empty()
        && !kind.starts_with("audio/")
        && !kind.starts_with("application/octet-stream")
    {
        return Err(EngineError::BadAnswer(format!("it is no sound but {kind}")));
    }
    Ok(())
}

fn unavailable(reason: &str) -> EngineError {
    EngineError::Unavailable {
        reason: reason.to_owned(),
        retry_after: None,
    }
}

fn broken(error: &reqwest::Error) -> EngineError {
    if error.is_timeout() {
        EngineError::TimedOut("no connection in time".to_owned())
    } else if error.is_connect() {
        unavailable("no connection")
    } else {
        unavailable("the connection broke")
    }
}

impl SpeechEngine for RemoteEngine {
    fn id(&self) -> &str {
        &self.config.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Vec<CatalogueVoice>, EngineError>> {
        Box::pin(async move {
            let config = &self.config;
            let asked = if config.voices.is_empty() && config.kind == Kind::OpenAi {
                let request = || Ok(wire::voices(&self.client, config));
                self.ask(request, false, |answer| {
                    Box::pin(async move { wire::read_voices(&answer) })
                })
                .await?
            } else {
                config.voices.clone()
            };
            let voices = asked.into_iter().filter_map(|voice| {
                Some(CatalogueVoice {
                    language: config.language_of(&voice)?,
                    name: voice.name.unwrap_or_else(|| voice.id.clone()),
                    description: String::new(),
                    category: VoiceCategory::default(),
                    voice: wire::voice(&voice.id),
                    preview_text: voice.preview_text.unwrap_or_else(|| PREVIEW_TEXT.to_owned()),
                    key: voice.id,
                })
            });
            Ok(voices.collect())
        })
    }

    fn synthesize(
        &self,
        request: SynthesisRequest,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Pcm, EngineError>> {
        Box::pin(async move {
            let characters = request.text.chars().count();
            let max = self.config.max_characters;
            if characters > max {
                return Err(EngineError::TextTooLong { max });
            }
            progress.report(0.0)?;
            let asked = wire::Speech::of(&self.config, &request)?;
            let asked = || Ok(asked.request(&self.client, &self.config));
            let read = move |file| -> BoxFuture<'static, Result<Pcm, EngineError>> {
                Box::pin(async move {
                    spawn_blocking(move || answer::sound(file, characters))
                        .await
                        .unwrap_or(Err(EngineError::Panicked))
                })
            };
            let pcm = self.ask(asked, true, read).await?;
            progress.report(1.0)?;
            Ok(pcm)
        })
    }

    fn status(&self) -> EngineStatus {
        let limit = self.config.concurrency.min(Semaphore::MAX_PERMITS);
        EngineStatus {
            available: !self.breaker.is_open(),
            at_work: limit.saturating_sub(self.turns.available_permits()),
            limit: Some(limit),
        }
    }

    fn sample_of<'a>(&self, voice: &'a EngineVoice) -> Option<&'a str> {
        wire::sample_of(&self.config, voice)
    }

    fn derive_voice<'a>(
        &'a self,
        sample: &'a VoiceSample,
        _language: &'a LanguageTag,
    ) -> BoxFuture<'a, Result<DerivedVoice, EngineError>> {
        Box::pin(async move {
            // The server listens to the recording whenever it speaks.
            Ok(DerivedVoice {
                voice: wire::cloned(&self.config, &sample.key).ok_or(EngineError::UnsupportedVoice)?,
                fidelity: Fidelity::Cloned,
            })
        })
    }
}

impl fmt::Debug for RemoteEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteEngine")
            .field("name", &self.config.name)
            .field("kind", &self.config.kind)
            .finish_non_exhaustive()
    }
}
