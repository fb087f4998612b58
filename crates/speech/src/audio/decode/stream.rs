//! Reading a recognised file packet by packet.

use std::{io::Cursor, num::NonZeroU32};

use bytes::Bytes;
use symphonia::{
    core::{
        codecs::{
            CodecParameters,
            audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_OPUS},
        },
        errors::Error,
        formats::{FormatOptions, FormatReader, TrackType},
        io::MediaSourceStream,
        units::TimeBase,
    },
    default::{formats, get_codecs},
};

use super::{Container, DecodeError, Limits, MAX_CHANNELS, Pcm, opus, opus::OpusPackets};

/// No codec has more frames in a packet; a header that announces more is a trap for whoever reserves memory for it.
const MAX_FRAMES_PER_PACKET: u64 = 1 << 20;
/// The rates of recordings, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The shortest packets of any codec hold 2.5 ms; more packets than the limit of duration has room for do not count.
const PACKETS_PER_SECOND: u64 = 400;
/// Damaged packets up to this many are passed over; more make a file unreadable unless most are good.
const DAMAGE: u64 = 16;

/// An opened file.
pub(super) struct Stream {
    reader: Box<dyn FormatReader>,
    track: u32,
    /// Whether the track counts time in frames of 48 kHz, so that trims can be applied to Opus as they are.
    counts_frames: bool,
    codec: Codec,
}

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(OpusPackets),
}

/// The channels of a file mixed into one.
pub(super) struct Mixed {
    pub(super) pcm: Pcm,
    pub(super) channels: u16,
}

impl Stream {
    pub(super) fn open(container: Container, file: Bytes) -> Result<Self, DecodeError> {
        let reader =
            reader(container, file).map_err(|_| DecodeError::Unreadable("the file's header is damaged"))?;
        let track = reader
            .default_track(TrackType::Audio)
            .ok_or(DecodeError::Unreadable("there is no sound in it"))?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(DecodeError::Unreadable("there is no sound in it"));
        };
        let codec = Codec::new(parameters)?;
        let counts_frames = track.time_base == TimeBase::try_from_recip(opus::RATE);
        let track = track.id;
        Ok(Self {
            reader,
            track,
            counts_frames,
            codec,
        })
    }

    /// Decodes everything.
    pub(super) fn read(mut self, limits: &Limits) -> Result<Mixed, DecodeError> {
        let mut mix = Mix::new(*limits);
        let (mut good, mut damaged) = (0_u64, 0_u64);
        let max_packets = (limits.max_duration.as_secs() + 1).saturating_mul(PACKETS_PER_SECOND);
        while good + damaged < max_packets {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                // A file that was cut off is read as far as it goes.
                Ok(None) | Err(Error::IoError(_)) => break,
                Err(Error::DecodeError(_)) => {
                    damaged += 1;
                    break;
                }
                Err(_) => return Err(DecodeError::Unreadable("the file is damaged")),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = match &mut self.codec {
                Codec::Opus(decoder) => {
                    let trim_end = if self.counts_frames {
                        packet.trim_end.get()
                    } else {
                        0
                    };
                    let channels = decoder.channels();
                    let trim_end = usize::try_from(trim_end).unwrap_or(usize::MAX);
                    match decoder.decode(&packet.data, trim_end) {
                        Some(samples) => mix.add(samples, channels, opus::RATE).map(|()| true),
                        None => Ok(false),
                    }
                }
                Codec::Symphonia(decoder) => match decoder.decode(&packet) {
                    Ok(buffer) => {
                        let (channels, rate) = (buffer.num_planes(), buffer.spec().rate());
                        let mut interleaved = std::mem::take(&mut mix.interleaved);
                        buffer.copy_to_vec_interleaved(&mut interleaved);
                        let added = mix.add(&interleaved, channels, rate);
                        mix.interleaved = interleaved;
                        added.map(|()| true)
                    }
                    Err(Error::DecodeError(_) | Error::IoError(_)) => Ok(false),
                    Err(_) => Err(DecodeError::Unreadable("the file is damaged")),
                },
            };
            if decoded? {
                good += 1;
            } else {
                damaged += 1;
            }
            if damaged > good + DAMAGE {
                break;
            }
        }
        if damaged > good {
            return Err(DecodeError::Unreadable("most of the file is damaged"));
        }
        mix.finish()
    }
}

impl Codec {
    fn new(parameters: &AudioCodecParameters) -> Result<Self, DecodeError> {
        if parameters
            .channels
            .as_ref()
            .is_some_and(|channels| channels.count() > MAX_CHANNELS)
        {
            return Err(DecodeError::Unreadable("too many channels"));
        }
        if parameters
            .max_frames_per_packet
            .is_some_and(|frames| frames > MAX_FRAMES_PER_PACKET)
        {
            return Err(DecodeError::Unreadable("the file's header is damaged"));
        }
        if parameters.codec == CODEC_ID_OPUS {
            return OpusPackets::new(parameters.extra_data.as_deref().unwrap_or_default()).map(Self::Opus);
        }
        get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map(Self::Symphonia)
            .map_err(|_| DecodeError::Unreadable("an unknown codec"))
    }
}

/// The reader for one kind of file, rather than symphonia's probe: what was recognised once must not turn out to be
/// something else further on.
fn reader(container: Container, file: Bytes) -> symphonia::core::errors::Result<Box<dyn FormatReader>> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
    let options = FormatOptions::default();
    Ok(match container {
        Container::Wav => Box::new(formats::WavReader::try_new(stream, options)?),
        Container::Mp3 => Box::new(formats::MpaReader::try_new(stream, options)?),
        Container::Adts => Box::new(formats::AdtsReader::try_new(stream, options)?),
        Container::Mp4 => Box::new(formats::IsoMp4Reader::try_new(stream, options)?),
        Container::Flac => Box::new(formats::FlacReader::try_new(stream, options)?),
        Container::Ogg => Box::new(formats::OggReader::try_new(stream, options)?),
        Container::Matroska => Box::new(formats::MkvReader::try_new(stream, options)?),
    })
}

/// What has been decoded so far.
struct Mix {
    limits: Limits,
    samples: Vec<f32>,
    /// The channels and the rate, once the first packet has told them.
    shape: Option<(usize, u32)>,
    /// Kept from packet to packet only for its memory.
    interleaved: Vec<f32>,
}

impl Mix {
    const fn new(limits: Limits) -> Self {
        Self {
            limits,
            samples: Vec::new(),
            shape: None,
            interleaved: Vec::new(),
        }
    }

    fn add(&mut self, interleaved: &[f32], channels: usize, rate: u32) -> Result<(), DecodeError> {
        if channels == 0 || channels > MAX_CHANNELS || !RATES.contains(&rate) {
            return Err(DecodeError::Unreadable(
                "an impossible number of channels or sample rate",
            ));
        }
        if *self.shape.get_or_insert((channels, rate)) != (channels, rate) {
            return Err(DecodeError::Unreadable(
                "the sample rate or the channels change on the way",
            ));
        }
        let frames = interleaved.len() / channels;
        if self.samples.len() + frames > self.limits.max_samples(rate) {
            return Err(DecodeError::TooLong {
                maximum: self.limits.max_duration,
            });
        }
        let share = 1.0 / channels as f32;
        self.samples
            .extend(interleaved.chunks_exact(channels).map(|frame| {
                let mixed = frame.iter().sum::<f32>() * share;
                // Files with floating-point samples can hold what is no number.
                if mixed.is_finite() { mixed } else { 0.0 }
            }));
        Ok(())
    }

    fn finish(self) -> Result<Mixed, DecodeError> {
        let nothing = DecodeError::Unreadable("there is no sound in it");
        let (channels, rate) = self.shape.ok_or(nothing)?;
        let rate = NonZeroU32::new(rate).ok_or(nothing)?;
        let channels = u16::try_from(channels).map_err(|_| nothing)?;
        Ok(Mixed {
            pcm: Pcm::new(self.samples, rate),
            channels,
        })
    }
}
