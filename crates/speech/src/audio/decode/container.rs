//! What kind of file it is.

use super::{DecodeError, mpeg};

/// The kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Wav,
    Mp3,
    Adts,
    Mp4,
    Flac,
    Ogg,
    Matroska,
}

impl Container {
    /// Recognises a file by its first bytes, and says where it begins: tags before MPEG streams are no part of them.
    pub(super) fn of(file: &[u8]) -> Result<(Self, usize), DecodeError> {
        let found = match file {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some((Self::Wav, 0)),
            [b'f', b'L', b'a', b'C', ..] => Some((Self::Flac, 0)),
            [b'O', b'g', b'g', b'S', ..] => Some((Self::Ogg, 0)),
            [0x1A, 0x45, 0xDF, 0xA3, ..] => Some((Self::Matroska, 0)),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some((Self::Mp4, 0)),
            _ => {
                let start = mpeg::after_tags(file);
                match file.get(start..) {
                    Some([b'f', b'L', b'a', b'C', ..]) => Some((Self::Flac, start)),
                    Some(rest) => mpeg::find_stream(rest).map(|(kind, offset)| (kind, start + offset)),
                    None => None,
                }
            }
        };
        found.ok_or(DecodeError::Unreadable("no known audio format"))
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Adts => "audio/aac",
            Self::Mp4 => "audio/mp4",
            Self::Flac => "audio/flac",
            Self::Ogg => "audio/ogg",
            Self::Matroska => "audio/webm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_audio_are_not_recognised() {
        let noise: Vec<u8> = (0..100_000_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1])
            .collect();
        let files: [&[u8]; 8] = [
            b"",
            b"R",
            b"RIFF\x10\x00\x00\x00AVI LIST",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
            b"PK\x03\x04 a zip archive",
            b"<html><body>audio.mp3</body></html>",
            b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f",
            &noise,
        ];
        for file in files {
            let start = &file[..file.len().min(12)];
            assert!(Container::of(file).is_err(), "{start:?}");
        }
    }
}
