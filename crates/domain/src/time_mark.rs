//! When which words are heard, and subtitles made of it.

use std::fmt::Write as _;

/// The longest line of a subtitle, and how many there are at once: what the BBC and Netflix recommend.
const LINE: usize = 42;
const LINES: usize = 2;

/// A stretch of a text and when it is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeMark {
    /// When it starts, in milliseconds from the start of the sound.
    pub start_ms: u64,
    /// When it ends, in milliseconds.
    pub end_ms: u64,
    /// The words.
    pub text: String,
    /// Where they start in the whole text, in Unicode scalar values.
    pub start: usize,
    /// Where they end in the whole text, exclusive.
    pub end: usize,
}

/// Subtitles in SubRip's format.
///
/// A mark of more than two lines becomes several subtitles, each shown as long as its share of the characters; none
/// lasts into the next.
#[must_use]
pub fn to_srt(marks: &[TimeMark]) -> String {
    let mut file = String::new();
    for (number, cue) in cues(marks).iter().enumerate() {
        let (start, end) = (clock(cue.start_ms, ','), clock(cue.end_ms, ','));
        // The format knows no escapes; an arrow would be taken for a line of times.
        let text = cue.lines.join("\n").replace("-->", "→");
        // Writing to a string cannot fail.
        let _ = write!(file, "{}\n{start} --> {end}\n{text}\n\n", number + 1);
    }
    file
}

/// Subtitles as WebVTT, cut like those of [`to_srt`].
#[must_use]
pub fn to_webvtt(marks: &[TimeMark]) -> String {
    let mut file = "WEBVTT\n\n".to_owned();
    for cue in cues(marks) {
        let (start, end) = (clock(cue.start_ms, '.'), clock(cue.end_ms, '.'));
        let text = cue
            .lines
            .join("\n")
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = write!(file, "{start} --> {end}\n{text}\n\n");
    }
    file
}

/// What is shown at once.
struct Cue {
    start_ms: u64,
    end_ms: u64,
    lines: Vec<String>,
}

fn cues(marks: &[TimeMark]) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut marks = marks.iter().peekable();
    while let Some(mark) = marks.next() {
        let next = marks.peek().map_or(u64::MAX, |next| next.start_ms);
        let end_ms = mark.end_ms.min(next).max(mark.start_ms);
        let lines = lines(&mark.text);
        let length = |lines: &[String]| lines.iter().map(|line| line.chars().count()).sum::<usize>();
        let total = length(&lines).max(1);
        let (mut start_ms, mut shown) = (mark.start_ms, 0);
        for lines in lines.chunks(LINES) {
            shown += length(lines);
            let share = u128::from(end_ms - mark.start_ms) * shown as u128 / total as u128;
            let end = mark.start_ms + u64::try_from(share).unwrap_or(0);
            cues.push(Cue {
                start_ms,
                end_ms: end,
                lines: lines.to_vec(),
            });
            start_ms = end;
        }
    }
    cues
}

/// Breaks a text into lines between words; a word longer than a line is broken as well.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = LINE;
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if length + 1 + rest.len() <= LINE
            && let Some(line) = lines.last_mut()
        {
            line.push(' ');
            line.push_str(word);
            length += 1 + rest.len();
            continue;
        }
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(LINE));
            length = rest.len();
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
    }
    lines
}

/// `hours:minutes:seconds` and milliseconds after a mark of the format's own.
fn clock(ms: u64, mark: char) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!(
        "{:02}:{:02}:{seconds:02}{mark}{ms:03}",
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(start_ms: u64, end_ms: u64, text: &str) -> TimeMark {
        TimeMark {
            start_ms,
            end_ms,
            text: text.to_owned(),
            start: 0,
            end: text.chars().count(),
        }
    }

    #[test]
    fn marks_become_subtitles_that_cannot_be_taken_for_anything_else() {
        let marks = [
            mark(0, 1_500, "a <b>\n\n&\n--> c"),
            mark(1_400, 3_723_004, "Bye."),
        ];
        assert_eq!(
            to_srt(&marks),
            "1\n00:00:00,000 --> 00:00:01,400\na <b> & → c\n\n2\n00:00:01,400 --> 01:02:03,004\nBye.\n\n"
        );
        assert_eq!(
            to_webvtt(&marks),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.400\na &lt;b&gt; &amp; --&gt; c\n\n\
             00:00:01.400 --> 01:02:03.004\nBye.\n\n"
        );
    }

    #[test]
    fn long_marks_are_shown_two_lines_at_a_time_for_their_share_of_the_time() {
        let found = cues(&[mark(1_000, 11_000, &"ten letter".repeat(20))]);
        assert_eq!((found[0].start_ms, found.last().unwrap().end_ms), (1_000, 11_000));
        assert!(
            found
                .iter()
                .all(|cue| cue.lines.len() <= 2 && cue.lines.iter().all(|line| line.len() <= 42))
        );
        assert!(found.windows(2).all(|pair| pair[0].end_ms == pair[1].start_ms));
        assert!(found.len() > 2);
        assert!(
            cues(&[mark(5, 3, &"x".repeat(100))])
                .iter()
                .all(|cue| cue.end_ms == 5)
        );
    }
}
