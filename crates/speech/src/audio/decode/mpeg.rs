//! Finding MPEG audio, which has no signature at the start of a file: only frames, one after the other.

use super::container::Container;

/// How far into a file its first frame may be: streams that were cut out of others begin anywhere.
const SEARCH: usize = 16 * 1024;
/// How many headers must follow each other at the right distances before it is no accident.
const CHAIN: usize = 4;

/// The length of all ID3v2 tags at the start of a file.
pub(super) fn after_tags(file: &[u8]) -> usize {
    let mut start = 0;
    while let Some([b'I', b'D', b'3', _, _, flags, a, b, c, d]) = file.get(start..start + 10) {
        // The size is "synchsafe": four times seven bits.
        let size = [a, b, c, d]
            .into_iter()
            .fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        start += 10 + size + footer;
    }
    start
}

/// Finds the first frame of an MPEG Layer III or ADTS stream.
pub(super) fn find_stream(bytes: &[u8]) -> Option<(Container, usize)> {
    (0..bytes.len().min(SEARCH)).find_map(|offset| {
        let rest = bytes.get(offset..)?;
        let kind = Header::read(rest)?.container;
        is_chain(rest).then_some((kind, offset))
    })
}

/// Whether frames follow each other, up to the end if the stream is short.
fn is_chain(mut rest: &[u8]) -> bool {
    let mut first = None;
    for _ in 0..CHAIN {
        let Some(header) = Header::read(rest) else {
            return false;
        };
        if *first.get_or_insert(header.fixed) != header.fixed {
            return false;
        }
        match rest.get(header.length..) {
            Some(next) if next.len() >= 4 => rest = next,
            _ => return true,
        }
    }
    true
}

/// The header of one frame.
struct Header {
    container: Container,
    /// What is the same in every frame of a stream.
    fixed: [u8; 3],
    /// The bytes from this header to the next one.
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [0xFF, b, c, ..] if b & 0xF6 == 0xF0 => {
                let &[d, e, f] = bytes.get(3..6)? else { return None };
                // 13 bits, the header included.
                let length = usize::from(d & 0x03) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
                (length > 7 && c >> 2 & 0x0F < 13).then_some(Self {
                    container: Container::Adts,
                    fixed: [b, c & 0xFD, d & 0xC0],
                    length,
                })
            }
            [0xFF, b, c, ..] if b & 0xE6 == 0xE2 => {
                let (mpeg1, divisor) = match b >> 3 & 0x03 {
                    0b00 => (false, 4),
                    0b10 => (false, 2),
                    0b11 => (true, 1),
                    _ => return None,
                };
                let rate = [44_100, 48_000, 32_000].get(usize::from(c >> 2 & 0x03))? / divisor;
                let index = usize::from(c >> 4);
                let kilobits = if mpeg1 {
                    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
                        .get(index.checked_sub(1)?)?
                } else {
                    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160].get(index.checked_sub(1)?)?
                };
                let samples_per_bit = if mpeg1 { 144 } else { 72 };
                let padding = usize::from(c >> 1 & 0x01);
                Some(Self {
                    container: Container::Mp3,
                    fixed: [b, c & 0x0C, 0],
                    length: samples_per_bit * kilobits * 1000 / rate + padding,
                })
            }
            _ => None,
        }
    }
}
