//! A look over a document's text before it is parsed.

use crate::{Code, Limits};

/// Counts the tokens of a document and how deeply its brackets nest, and refuses what exceeds the limits.
///
/// Lexing follows section 2.1 of the GraphQL specification, as far as counting needs it; whether the text is valid is left to
/// the parser, which recurses and therefore must never see what this refuses.
///
/// Returns the number of tokens.
pub(crate) fn scan(text: &str, limits: &Limits) -> Result<usize, (Code, String)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut tokens = 0;
    let mut nesting = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of_comment(bytes, at);
                continue;
            }
            b'{' | b'(' | b'[' => {
                nesting += 1;
                if nesting > limits.nesting {
                    let message = format!("the document nests deeper than {} brackets", limits.nesting);
                    return Err((Code::QueryTooDeep, message));
                }
                at + 1
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                at + 1
            }
            b'"' => match end_of_string(bytes, at) {
                Some(end) => end,
                // The parser would take the quotes for empty strings and go on behind them, where nothing was counted.
                None => {
                    return Err((Code::ParseFailed, "a block string is not terminated".to_owned()));
                }
            },
            b'.' if bytes[at..].starts_with(b"...") => at + 3,
            _ if is_name(byte) => end_of_word(bytes, at),
            _ => at + 1,
        };
        tokens += 1;
        if tokens > limits.tokens {
            let message = format!("the document has more than {} tokens", limits.tokens);
            return Err((Code::QueryTooLarge, message));
        }
    }
    Ok(tokens)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The end of a name or number. Signs, points and exponents belong to numbers; a name never meets them in a valid document.
fn end_of_word(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while bytes.get(at).is_some_and(|&byte| {
        is_name(byte) || byte == b'+' || (byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    }) {
        at += 1;
    }
    at
}

fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    bytes[from..]
        .iter()
        .position(|&byte| byte == b'\n' || byte == b'\r')
        .map_or(bytes.len(), |length| from + length)
}

/// The end of a string; `None` if it is a block string without one.
fn end_of_string(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes[from..].starts_with(br#"""""#) {
        return end_of_block_string(bytes, from + 3);
    }
    let mut at = from + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            // A line feed ends an unterminated string, so that brackets after it count.
            b'"' | b'\n' | b'\r' => return Some(at + 1),
            _ => at += 1,
        }
    }
    Some(bytes.len())
}

fn end_of_block_string(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at < bytes.len() {
        if bytes[at..].starts_with(br#"\""""#) {
            at += 4;
        } else if bytes[at..].starts_with(br#"""""#) {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> usize {
        scan(text, &Limits::default()).unwrap()
    }

    #[test]
    fn tokens_are_counted_as_the_specification_lexes_them() {
        assert_eq!(tokens(""), 0);
        assert_eq!(tokens("\u{feff}{ a }"), 3);
        assert_eq!(
            tokens("query Q($a: [Int!] = [1, -2.5e+3]) { b(c: $a) ...D @skip(if: true) }"),
            34
        );
    }

    #[test]
    fn brackets_in_strings_and_comments_are_no_brackets() {
        assert_eq!(tokens("# {{{{\n{ a(b: \"{{ \\\" {{\") }"), 8);
        assert_eq!(tokens("{ a(b: \"\"\"{{ \\\"\"\" \" {{\"\"\") }"), 8);
    }

    #[test]
    fn an_unterminated_string_hides_no_nesting_on_the_next_line() {
        let text = format!("\"\n{}", "{".repeat(100));
        assert_eq!(scan(&text, &Limits::default()).unwrap_err().0, Code::QueryTooDeep);
    }

    #[test]
    fn an_unterminated_block_string_hides_no_nesting_behind_it() {
        let text = format!("{{ a(b: [\"\"\"\"{}", "[".repeat(100_000));
        assert_eq!(scan(&text, &Limits::default()).unwrap_err().0, Code::ParseFailed);
    }

    #[test]
    fn nesting_counts_every_kind_of_bracket() {
        for (open, close) in [("{a", "}"), ("[", "]"), ("(a:{b:[", "]})")] {
            let text = format!("{}{}", open.repeat(10_000), close.repeat(10_000));
            assert_eq!(scan(&text, &Limits::default()).unwrap_err().0, Code::QueryTooDeep);
        }
    }

    #[test]
    fn a_document_of_too_many_tokens_is_refused() {
        let text = format!("{{{}}}", " a".repeat(2_000));
        assert_eq!(
            scan(&text, &Limits::default()).unwrap_err().0,
            Code::QueryTooLarge
        );
    }
}
