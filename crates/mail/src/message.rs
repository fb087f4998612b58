//! A message, and its form on the wire.

use chrono::{DateTime, Utc};
use lettre::message::{
    Mailbox, MultiPart, SinglePart,
    header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
};

use crate::{MailError, MailerConfigError};

/// The longest id: with the boundary's prefix it stays below the 70 characters of RFC 2046.
const MAX_ID_CHARS: usize = 64;

/// One mail to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What tells this message from all others, and stays the same when it is sent again: 1 to 64 ASCII letters,
    /// digits, `_`, `-`. It becomes the `Message-ID`, so mail systems can drop a repetition.
    pub id: String,
    /// When the message came to be (not when it is tried again).
    pub date: DateTime<Utc>,
    /// The recipient's address, bare.
    pub to: String,
    /// The subject. Control characters become spaces.
    pub subject: String,
    /// The text for those who read plain text.
    pub text: String,
    /// The same as an HTML document or fragment.
    pub html: Option<String>,
}

impl Message {
    /// The message in the form of RFC 5322, the same bytes each time.
    pub(crate) fn render(&self, from: &Mailbox) -> Result<lettre::Message, MailError> {
        self.check_id()?;
        let subject = self.subject.replace(char::is_control, " ");
        let headers = lettre::Message::builder()
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .date(self.date.into())
            .from(from.clone())
            .to(Mailbox::new(None, self.to.parse().map_err(MailError::permanent)?))
            .subject(subject)
            // RFC 3834: nobody's holiday notice shall answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = part(ContentType::TEXT_PLAIN, &self.text);
        let rendered = match &self.html {
            None => headers.singlepart(text),
            Some(html) => headers.multipart(
                MultiPart::alternative()
                    // `=_` cannot occur in quoted-printable text, so no content ends a part.
                    .boundary(format!("=_{}", self.id))
                    .singlepart(text)
                    .singlepart(part(ContentType::TEXT_HTML, html)),
            ),
        };
        rendered.map_err(MailError::permanent)
    }

    /// The name of the message's file: it sorts by time and is the same when the message is sent again.
    pub(crate) fn file_name(&self) -> Result<String, MailError> {
        self.check_id()?;
        Ok(format!(
            "{}-{}.eml",
            self.date.format("%Y%m%dT%H%M%S%3fZ"),
            self.id
        ))
    }

    fn check_id(&self) -> Result<(), MailError> {
        let well_formed = (1..=MAX_ID_CHARS).contains(&self.id.len())
            && self
                .id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if well_formed {
            Ok(())
        } else {
            Err(MailError::permanent("malformed message id"))
        }
    }
}

fn part(content_type: ContentType, body: &str) -> SinglePart {
    SinglePart::builder()
        .header(content_type)
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body.to_owned())
}

/// Reads the address that all mails come from.
pub(crate) fn sender(from: &str) -> Result<Mailbox, MailerConfigError> {
    from.parse()
        .map_err(|_| MailerConfigError::Sender(from.to_owned()))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn message() -> Message {
        Message {
            id: "01j1ht4yqmfk1bszvaq4d4pb1x".into(),
            date: "2026-11-22T10:00:00.123456Z".parse().unwrap(),
            to: "ada@example.org".into(),
            subject: "Grüße & ein langer Betreff, der gefaltet werden muss: 你好 🎙 und noch mehr Text".into(),
            text: "Line one\n.\nÄ line with = and --=_01j1ht4yqmfk1bszvaq4d4pb1x--\n".into(),
            html: Some("<p>Ä &amp; = --=_01j1ht4yqmfk1bszvaq4d4pb1x--</p>".into()),
        }
    }

    fn rendered(message: &Message) -> Vec<u8> {
        message
            .render(&sender("Résonance Team <noreply@example.org>").unwrap())
            .unwrap()
            .formatted()
    }

    #[test]
    fn a_message_arrives_as_it_was_written() {
        let bytes = rendered(&message());
        let read = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(read.subject(), Some(message().subject.as_str()));
        assert_eq!(read.message_id(), Some("01j1ht4yqmfk1bszvaq4d4pb1x@example.org"));
        assert_eq!(read.date().unwrap().to_rfc3339(), "2026-11-22T10:00:00Z");
        let from = read.from().unwrap().first().unwrap();
        assert_eq!(
            (from.name(), from.address()),
            (Some("Résonance Team"), Some("noreply@example.org"))
        );
        assert_eq!(
            read.to().unwrap().first().unwrap().address(),
            Some("ada@example.org")
        );
        assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n"), message().text);
        assert_eq!(read.body_html(0).as_deref(), message().html.as_deref());
        assert_eq!(
            read.header_raw("Auto-Submitted").map(str::trim),
            Some("auto-generated")
        );
        assert!(
            bytes.split(|b| *b == b'\n').all(|line| line.len() <= 998),
            "RFC 5322, 2.1.1"
        );
    }

    #[test]
    fn the_same_message_is_the_same_bytes() {
        assert_eq!(rendered(&message()), rendered(&message()));
        assert_eq!(
            message().file_name().unwrap(),
            "20261122T100000123Z-01j1ht4yqmfk1bszvaq4d4pb1x.eml"
        );
    }

    #[test]
    fn without_html_there_is_only_the_text() {
        let bytes = rendered(&Message {
            html: None,
            ..message()
        });
        let read = MessageParser::default().parse(&bytes).unwrap();
        // The wire form of a mail without parts ends with a line break of its own.
        assert_eq!(
            read.body_text(0).unwrap().replace("\r\n", "\n"),
            message().text + "\n"
        );
        assert!(!String::from_utf8_lossy(&bytes).contains("multipart"));
    }

    #[test]
    fn no_field_adds_a_header_or_a_recipient() {
        let injected = "x\r\nBcc: eve@example.org\r\n\r\nbody\n\u{85}\0y";
        let bytes = rendered(&Message {
            subject: injected.into(),
            ..message()
        });
        let read = MessageParser::default().parse(&bytes).unwrap();
        assert!(read.bcc().is_none());
        assert_eq!(read.subject(), Some("x  Bcc: eve@example.org    body   y"));
        let from = sender("Resonance <noreply@example.org>").unwrap();
        for to in [
            "a@b.org\r\nBcc: eve@example.org",
            "a@b.org, eve@example.org",
            "A <a@b.org>",
            "",
            "a b@c.org",
        ] {
            let refused = Message {
                to: to.into(),
                ..message()
            }
            .render(&from)
            .unwrap_err();
            assert!(!refused.is_transient(), "{to}");
        }
        for id in [
            "",
            "a b",
            "a\r\nBcc: e@f.org",
            "../a",
            "a.b",
            "ä",
            &"x".repeat(65),
        ] {
            let message = Message {
                id: id.into(),
                ..message()
            };
            assert!(!message.render(&from).unwrap_err().is_transient(), "{id}");
            assert!(!message.file_name().unwrap_err().is_transient(), "{id}");
        }
    }

    #[test]
    fn a_sender_is_one_address_with_or_without_a_name() {
        assert!(sender("noreply@example.org").is_ok());
        for bad in ["", "Resonance", "a@b.org, c@d.org\r\nBcc: e@f.org"] {
            assert!(matches!(sender(bad), Err(MailerConfigError::Sender(_))), "{bad}");
        }
    }
}
