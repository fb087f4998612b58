//! A text as it is spoken: in one go, or piece by piece.

use bytes::Bytes;
use resonance_blobs::BlobKey;
use resonance_domain::{Boundary, GenerationId, InOrg, Piece, pieces, sentences};
use resonance_speech::audio::{Limits, Pcm, decode};
use tokio::task::spawn_blocking;

use crate::{Outcome, ServiceError};

/// Texts up to so many characters are spoken in one go, in one breath as it were, if the engine takes them.
const SHORT: usize = 300;
/// The longest piece in characters, whatever the engine would take: what a crash loses, and what a listener waits for.
const LONGEST_PIECE: usize = 1_000;

/// The pieces of a text, in order; one if the text is short.
///
/// It follows from the text and the engine alone, so that whoever goes on with a text, or listens while it is spoken,
/// finds what is there already.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) pieces: Vec<Piece>,
}

impl Script {
    /// For an engine that takes `max_characters` at a time.
    pub(crate) fn of(text: &str, max_characters: usize) -> Self {
        let length = text.chars().count();
        if length <= SHORT.min(max_characters) {
            let whole = Piece {
                text: text.to_owned(),
                start: 0,
                end: length,
                sentences: sentences(text),
                boundary: Boundary::Paragraph,
            };
            return Self { pieces: vec![whole] };
        }
        Self {
            pieces: pieces(text, max_characters.min(LONGEST_PIECE)),
        }
    }

    /// Whether pieces are kept one by one.
    pub(crate) const fn is_long(&self) -> bool {
        self.pieces.len() > 1
    }

    /// The length of all pieces in characters.
    pub(crate) fn characters(&self) -> usize {
        self.pieces.iter().map(|piece| piece.end - piece.start).sum()
    }
}

/// Where the pieces of a generation lie until it is final.
pub(crate) fn folder(generation: InOrg<GenerationId>) -> Outcome<BlobKey> {
    let folder = super::folder(generation)?;
    named(&folder, "pieces")
}

/// Where a piece lies. The name says which part of the text it is, so that a piece is never taken for another one, even
/// if a text were cut otherwise than before.
pub(crate) fn key(generation: InOrg<GenerationId>, piece: &Piece) -> Outcome<BlobKey> {
    named(
        &folder(generation)?,
        &format!("{}-{}.wav", piece.start, piece.end),
    )
}

pub(super) fn named(folder: &BlobKey, name: &str) -> Outcome<BlobKey> {
    folder
        .join(name)
        .map_err(|error| ServiceError::internal("naming an object", error))
}

/// The sound of a piece that was kept. One of which a power cut left a part alone is none.
pub(crate) async fn decoded(file: Bytes) -> Outcome<Pcm> {
    if !is_whole(&file) {
        return Err(ServiceError::internal("reading a piece", "it is not whole"));
    }
    let decoding = spawn_blocking(move || decode(file, &Limits::SPEECH));
    let decoded = decoding
        .await
        .map_err(|error| ServiceError::internal("reading a piece", error))?;
    decoded
        .map(|decoded| decoded.pcm)
        .map_err(|error| ServiceError::internal("reading a piece", error))
}

/// Whether a piece that was kept is as long as it says at its beginning.
pub(crate) fn is_whole(file: &[u8]) -> bool {
    let Some((_, [a, b, c, d])) = file.get(..8).and_then(|start| start.split_last_chunk()) else {
        return false;
    };
    u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + 8 == file.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_stay_whole_and_long_ones_are_cut_to_what_the_engine_takes() {
        let short = "One. Two. Three.";
        assert_eq!(Script::of(short, 5_000).pieces.len(), 1);
        assert_eq!(Script::of(short, 5_000).pieces[0].sentences, [0..4, 5..9, 10..16]);
        assert!(
            Script::of(short, 10)
                .pieces
                .iter()
                .all(|piece| piece.text.len() <= 10)
        );
        let long = "A sentence that goes on. ".repeat(40);
        let script = Script::of(&long, 5_000);
        assert!(script.is_long());
        assert!(script.pieces.iter().all(|piece| piece.end - piece.start <= 300));
        let endless = "x".repeat(5_000);
        assert!(
            Script::of(&endless, 5_000)
                .pieces
                .iter()
                .all(|piece| piece.text.len() <= LONGEST_PIECE)
        );
    }
}
