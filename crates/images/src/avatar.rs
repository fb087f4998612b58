//! Avatars: initials on a colour, as SVG.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;

/// The least contrast of text and background, WCAG 2.2, 1.4.3 (level AA).
const LEAST_CONTRAST: f64 = 4.5;

/// Draws one or two initials of `name`, of any script, in white on a colour that `seed` decides. The same name
/// and seed give the same picture.
#[must_use]
pub fn avatar(name: &str, seed: &[u8]) -> String {
    let initials = initials(name);
    let [red, green, blue] = background(seed);
    // `dy` puts the middle of capitals on `y`; not every renderer knows `dominant-baseline`.
    let size = if initials.graphemes(true).count() > 1 {
        52
    } else {
        64
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 128 128\" width=\"128\" height=\"128\" \
         role=\"img\" aria-label=\"{label}\">\
         <rect width=\"128\" height=\"128\" fill=\"#{red:02x}{green:02x}{blue:02x}\"/>\
         <text x=\"64\" y=\"64\" fill=\"#ffffff\" font-family=\"system-ui, sans-serif\" font-size=\"{size}\" \
         font-weight=\"600\" text-anchor=\"middle\" dy=\"0.35em\">{text}</text></svg>",
        label = escape(name.trim()),
        text = escape(&initials),
    )
}

/// The first letters (grapheme clusters, as a reader counts them) of the first and the last word that has any.
fn initials(name: &str) -> String {
    let letter = |word: &'_ str| {
        word.graphemes(true)
            .find(|g| g.chars().any(char::is_alphanumeric))
            .map(upper_case)
    };
    let mut letters = name.split_whitespace().filter_map(letter);
    match (letters.next(), letters.next_back()) {
        (Some(first), last) => first + &last.unwrap_or_default(),
        // Without letters and digits, whatever is to be seen: a picture sign, say.
        _ => name
            .trim()
            .graphemes(true)
            .find(|g| !g.chars().all(is_unfit))
            .unwrap_or("?")
            .to_owned(),
    }
}

/// In upper case, if that is still one letter (`ß` is not).
fn upper_case(letter: &str) -> String {
    let upper = letter.to_uppercase();
    if upper.graphemes(true).count() == 1 {
        upper
    } else {
        letter.to_owned()
    }
}

/// Whether XML 1.0 cannot hold the character, or it only controls others.
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_unfit(*c)) {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A colour of the seed's hue, as light as white text allows.
fn background(seed: &[u8]) -> [u8; 3] {
    // FNV-1a: spreads seeds that differ in one byte over the circle of hues.
    let hash = seed.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hue = f64::from(u32::try_from(hash % 360).unwrap_or(0));
    let mut colour = [0; 3];
    for lightness in (20..=60).rev() {
        colour = rgb(hue, 0.55, f64::from(lightness) / 100.0);
        if contrast_with_white(colour) >= LEAST_CONTRAST {
            break;
        }
    }
    colour
}

/// From hue (degrees), saturation and lightness (0 to 1): CSS Color 4, section 7.1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "values are in 0..=255"
)]
fn rgb(hue: f64, saturation: f64, lightness: f64) -> [u8; 3] {
    [0.0, 8.0, 4.0].map(|offset| {
        let k = (offset + hue / 30.0) % 12.0;
        let amplitude = saturation * lightness.min(1.0 - lightness);
        let value = lightness - amplitude * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    })
}

/// The contrast of a colour with white, 1 to 21: WCAG 2.2, "contrast ratio" and "relative luminance".
fn contrast_with_white(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_letters_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada king lovelace", "AL"),
            ("Resonance", "R"),
            ("  Ärzte & Co. ", "ÄC"),
            ("(acme) 42", "A4"),
            ("a\u{308}rzte", "A\u{308}"),
            ("株式会社 音声", "株音"),
            ("नमस्ते", "न"),
            ("क्षेत्र", "क्षे"),
            ("ßtraße", "ß"),
            ("👩‍👩‍👧 Family", "F"),
            ("👩‍👩‍👧", "👩‍👩‍👧"),
            ("& <", "&"),
            ("", "?"),
            ("\u{1}\u{ffff}", "?"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn no_name_breaks_out_of_the_picture() {
        let svg = avatar("<script>alert('1')</script> \"&\u{0}\u{ffff}>", b"");
        assert!(
            !svg.contains("<script") && !svg.contains('\u{0}') && !svg.contains('\u{ffff}'),
            "{svg}"
        );
        assert!(
            svg.contains(
                "aria-label=\"&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; &#34;&#38;&#62;\""
            )
        );
        let svg = avatar("<", b"");
        assert!(svg.contains(">&#60;</text>"), "{svg}");
    }

    #[test]
    fn the_colour_is_the_seeds_and_always_readable() {
        let mut colours = std::collections::HashSet::new();
        for seed in 0..2_000_u32 {
            let colour = background(&seed.to_be_bytes());
            assert_eq!(colour, background(&seed.to_be_bytes()));
            assert!(contrast_with_white(colour) >= 4.5, "{colour:?}");
            colours.insert(colour);
        }
        assert!(colours.len() > 300, "{}", colours.len());
    }

    #[test]
    fn colours_and_contrasts_are_those_of_the_standards() {
        assert_eq!(rgb(0.0, 1.0, 0.5), [255, 0, 0]);
        assert_eq!(rgb(120.0, 1.0, 0.25), [0, 128, 0]);
        assert_eq!(rgb(210.0, 0.5, 0.4), [51, 102, 153]);
        assert!((contrast_with_white([0, 0, 0]) - 21.0).abs() < 1e-9);
        assert!((contrast_with_white([0x76, 0x76, 0x76]) - 4.54).abs() < 0.01);
    }
}
