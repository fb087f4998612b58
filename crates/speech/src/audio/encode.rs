//! Sound into files.

mod aac;
mod flac;
mod mp3;
mod mpeg;
mod opus;
mod wav;

use std::{
    fmt,
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use bytes::Bytes;
use resonance_domain::AudioFormat;

use super::{
    Pcm,
    pcm::duration_of,
    resample::{StreamResampler, Unconvertible, frames_at},
};

/// What sound can be encoded to: what is kept as files, and what only streams are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// RIFF WAVE, 16-bit PCM.
    Wav,
    /// MPEG-1/2 Layer III.
    Mp3,
    /// Opus in an Ogg container.
    Opus,
    /// AAC-LC in ADTS frames.
    Aac,
    /// Free Lossless Audio Codec.
    Flac,
    /// 16-bit samples, the low byte first, without any header; 24 kHz unless asked otherwise.
    Pcm,
}

impl OutputFormat {
    /// The media type for `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Wav => AudioFormat::Wav.content_type(),
            Self::Mp3 => AudioFormat::Mp3.content_type(),
            Self::Opus => AudioFormat::Opus.content_type(),
            Self::Aac => AudioFormat::Aac.content_type(),
            Self::Flac => AudioFormat::Flac.content_type(),
            Self::Pcm => "audio/pcm",
        }
    }

    /// Whether a rate, in Hz, can be asked for.
    #[must_use]
    pub fn allows(self, sample_rate: u32) -> bool {
        match self {
            Self::Wav | Self::Flac | Self::Pcm => (8_000..=48_000).contains(&sample_rate),
            Self::Mp3 | Self::Aac => mpeg::RATES.contains(&sample_rate),
            // Whatever went in, players decode it at this rate.
            Self::Opus => sample_rate == opus::RATE.get(),
        }
    }

    /// Which rates can be asked for, in words.
    #[must_use]
    pub const fn rates(self) -> &'static str {
        match self {
            Self::Wav | Self::Flac | Self::Pcm => "from 8000 to 48000",
            Self::Mp3 | Self::Aac => "8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 or 48000",
            Self::Opus => "48000",
        }
    }

    /// The rate for a sound of another, if none is asked for.
    fn rate_for(self, sound: NonZeroU32) -> Option<NonZeroU32> {
        match self {
            Self::Wav | Self::Flac => Some(sound),
            Self::Mp3 | Self::Aac => NonZeroU32::new(mpeg::rate(sound.get())),
            Self::Opus => Some(opus::RATE),
            Self::Pcm => NonZeroU32::new(24_000),
        }
    }
}

impl From<AudioFormat> for OutputFormat {
    fn from(format: AudioFormat) -> Self {
        match format {
            AudioFormat::Wav => Self::Wav,
            AudioFormat::Mp3 => Self::Mp3,
            AudioFormat::Opus => Self::Opus,
            AudioFormat::Aac => Self::Aac,
            AudioFormat::Flac => Self::Flac,
        }
    }
}

/// How a stream is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamOptions {
    /// The rate of the file in Hz, see [`OutputFormat::allows`]; by default the sound's own, or the nearest that the
    /// format knows.
    pub sample_rate: Option<NonZeroU32>,
    /// How many frames will come, at the sound's own rate, if that is known: then the file says how long it is.
    pub frames: Option<u64>,
}

/// What the end of a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The last bytes of the file.
    pub bytes: Vec<u8>,
    /// How many frames of sound the file holds, at its own rate.
    pub frames: u64,
    /// How long it plays.
    pub duration: Duration,
    /// Samples per second.
    pub sample_rate: u32,
}

/// An audio file, complete in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The file.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// How long it plays.
    pub duration: Duration,
    /// Samples per second.
    pub sample_rate: u32,
}

/// Why a sound was not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// There is not one sample.
    #[error("there is nothing to encode")]
    Empty,
    /// The encoder refused or failed; the text is for the log.
    #[error("{format:?} encoder failed: {reason}")]
    Failed {
        /// The format asked for.
        format: OutputFormat,
        /// What the encoder said.
        reason: String,
    },
}

/// Encodes a sound: WAV and FLAC with 16 bits per sample, MP3 and AAC at its own rate (the nearest that the format knows),
/// Opus at 48 kHz. The lossy formats spend 64 kbit/s, which is transparent for one voice.
///
/// Takes the processor for about a hundredth of the sound's duration at most: run it on a blocking thread.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(pcm: &Pcm, format: AudioFormat) -> Result<Encoded, EncodeError> {
    let options = StreamOptions {
        sample_rate: None,
        frames: Some(pcm.samples().len() as u64),
    };
    let mut encoder = StreamEncoder::new(format.into(), pcm.rate(), options)?;
    let mut bytes = encoder.push(pcm.samples())?;
    let end = encoder.finish()?;
    bytes.extend(end.bytes);
    Ok(Encoded {
        bytes: bytes.into(),
        content_type: format.content_type(),
        duration: end.duration,
        sample_rate: end.sample_rate,
    })
}

/// Encodes a sound that comes in pieces, in memory that does not grow with its length.
///
/// The bytes of all pushes and of the end, one after the other, are the file; they do not depend on how the sound was
/// cut. Files of unknown length play everywhere, but those of WAV, MP3 and FLAC do not say how long they are; an MP3 of
/// unknown length also keeps up to a tenth of a second of silence that its encoding adds. AAC never says how long it is:
/// 1024 samples play before the sound, and less than as many after it.
///
/// Takes the processor for about a hundredth of the sound's duration at most: push on a blocking thread. After an error
/// it is of no more use.
pub struct StreamEncoder {
    format: OutputFormat,
    source_rate: u32,
    rate: u32,
    resampler: Option<StreamResampler>,
    codec: Box<dyn Codec>,
    promised: Option<u64>,
    taken: u64,
}

impl StreamEncoder {
    /// Begins a file for a sound at `source_rate` Hz.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] if the format does not allow the rate, or the encoder does not start.
    pub fn new(
        format: OutputFormat,
        source_rate: NonZeroU32,
        options: StreamOptions,
    ) -> Result<Self, EncodeError> {
        attempt(format, || {
            let rate = match options.sample_rate {
                Some(rate) => Some(rate).filter(|rate| format.allows(rate.get())),
                None => format.rate_for(source_rate),
            };
            let rate = rate.ok_or_else(|| Failure::new("the format does not allow the sample rate"))?;
            let resampler = if rate == source_rate {
                None
            } else {
                Some(StreamResampler::new(source_rate, rate)?)
            };
            let (from, to) = (u64::from(source_rate.get()), u64::from(rate.get()));
            let frames = options.frames.map(|frames| frames_at(frames, from, to));
            let rate = rate.get();
            let codec: Box<dyn Codec> = match format {
                OutputFormat::Wav => Box::new(wav::Wav { rate, frames }),
                OutputFormat::Mp3 => Box::new(mp3::Mp3::new(rate, frames)?),
                OutputFormat::Opus => Box::new(opus::Opus::new(source_rate.get())?),
                OutputFormat::Aac => Box::new(aac::Aac::new(rate)?),
                OutputFormat::Flac => Box::new(flac::Flac::new(rate, frames)?),
                OutputFormat::Pcm => Box::new(wav::Pcm16),
            };
            Ok(Self {
                format,
                source_rate: source_rate.get(),
                rate,
                resampler,
                codec,
                promised: options.frames,
                taken: 0,
            })
        })
    }

    /// Takes the next samples, nominally within ±1, and returns what is ready of the file: often nothing.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] if the encoder fails.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        attempt(self.format, || {
            let mut bytes = Vec::new();
            if self.taken == 0 {
                self.codec.start(&mut bytes)?;
            }
            self.taken += samples.len() as u64;
            // One sample that is no number would spoil all that a filter makes of those around it.
            let mended: Option<Vec<f32>> = samples.iter().any(|sample| !sample.is_finite()).then(|| {
                let mend = |sample: &f32| if sample.is_finite() { *sample } else { 0.0 };
                samples.iter().map(mend).collect()
            });
            let samples = mended.as_deref().unwrap_or(samples);
            match &mut self.resampler {
                None => self.codec.push(samples, &mut bytes)?,
                Some(resampler) => {
                    let mut converted = Vec::new();
                    resampler.push(samples, &mut converted)?;
                    self.codec.push(&converted, &mut bytes)?;
                }
            }
            Ok(bytes)
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`EncodeError::Empty`] if no sample came; [`EncodeError::Failed`] if there were not as many as promised, or the
    /// encoder fails.
    pub fn finish(self) -> Result<Finished, EncodeError> {
        if self.taken == 0 {
            return Err(EncodeError::Empty);
        }
        attempt(self.format, || {
            if self.promised.is_some_and(|promised| promised != self.taken) {
                return Err(Failure::new("the sound is not as long as was said"));
            }
            let (mut bytes, mut codec) = (Vec::new(), self.codec);
            if let Some(resampler) = self.resampler {
                let mut rest = Vec::new();
                resampler.finish(&mut rest)?;
                codec.push(&rest, &mut bytes)?;
            }
            codec.finish(&mut bytes)?;
            Ok(Finished {
                bytes,
                frames: frames_at(self.taken, u64::from(self.source_rate), u64::from(self.rate)),
                duration: duration_of(self.taken, self.source_rate),
                sample_rate: self.rate,
            })
        })
    }
}

impl fmt::Debug for StreamEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEncoder")
            .field("format", &self.format)
            .field("sample_rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// One format's way of making files. Samples come at the file's own rate.
trait Codec: Send {
    /// Writes what stands before the sound.
    fn start(&mut self, _file: &mut Vec<u8>) -> Result<(), Failure> {
        Ok(())
    }

    fn push(&mut self, samples: &[f32], file: &mut Vec<u8>) -> Result<(), Failure>;

    /// Writes what is still held back.
    fn finish(self: Box<Self>, _file: &mut Vec<u8>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Turns an encoder's failure, and its panic, into an error. Nobody goes on with an encoder that failed.
fn attempt<T>(format: OutputFormat, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, EncodeError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Failure::new("the encoder panicked")))
        .map_err(|Failure(reason)| EncodeError::Failed { format, reason })
}

/// A sample as a 16-bit integer; what lies beyond ±1 is clipped, and what is no number is silent.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to the range of the integer first"
)]
fn to_i16(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16
}

/// What one encoder says about why it failed.
struct Failure(String);

impl Failure {
    fn new(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}

impl From<Unconvertible> for Failure {
    fn from(_: Unconvertible) -> Self {
        Self::new("the sample rate cannot be converted")
    }
}
