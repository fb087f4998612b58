//! What a signature of an event covers.

use chrono::{DateTime, Utc};
use serde_json::{Number, Value};

use crate::{Event, EventId, Id, OrganizationId};

/// The version of [`AuditRecord::canonical`]'s encoding, which is its first byte.
const VERSION: u8 = 1;

/// Every column of an event that is written with it, as it is stored: kinds as texts, for rows that this version does
/// not know or that somebody made up are checked, too.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "see Event")]
pub struct AuditRecord<'a> {
    pub id: EventId,
    pub organization: Option<OrganizationId>,
    pub copy_of: Option<EventId>,
    pub kind: &'a str,
    pub actor_kind: &'a str,
    pub actor: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub payload: &'a Value,
    pub ip_address: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub created_at: DateTime<Utc>,
}

impl<'a> From<&'a Event> for AuditRecord<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id,
            organization: event.organization,
            copy_of: event.copy_of,
            kind: event.kind.as_str(),
            actor_kind: event.actor_kind.as_str(),
            actor: event.actor.as_deref(),
            subject: event.subject.as_deref(),
            payload: &event.payload,
            ip_address: event.origin.ip_address.as_deref(),
            user_agent: event.origin.user_agent.as_deref(),
            created_at: event.created_at,
        }
    }
}

impl AuditRecord<'_> {
    /// The bytes that are signed. Different records have different bytes, as everything is preceded by its length; the
    /// same record has the same ones however a database writes JSON, as keys are sorted and numbers have one form.
    ///
    /// Frozen: what was signed must stay verifiable. Another encoding gets another version.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        out.push(VERSION);
        out.extend(Id::as_uuid(&self.id).as_bytes());
        optional(&mut out, self.organization.map(|id| *id.as_uuid().as_bytes()));
        optional(&mut out, self.copy_of.map(|id| *id.as_uuid().as_bytes()));
        optional(&mut out, Some(self.kind));
        optional(&mut out, Some(self.actor_kind));
        optional(&mut out, self.actor);
        optional(&mut out, self.subject);
        optional(&mut out, self.ip_address);
        optional(&mut out, self.user_agent);
        out.extend(self.created_at.timestamp_micros().to_be_bytes());
        json(&mut out, self.payload);
        out
    }
}

fn optional(out: &mut Vec<u8>, bytes: Option<impl AsRef<[u8]>>) {
    match bytes {
        None => out.push(0),
        Some(bytes) => {
            out.push(1);
            counted(out, bytes.as_ref());
        }
    }
}

fn counted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend(bytes);
}

fn json(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(value) => out.push(if *value { b't' } else { b'f' }),
        Value::Number(value) => number(out, value),
        Value::String(text) => {
            out.push(b's');
            counted(out, text.as_bytes());
        }
        Value::Array(items) => {
            out.push(b'a');
            out.extend((items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| json(out, item));
        }
        Value::Object(fields) => {
            out.push(b'o');
            out.extend((fields.len() as u64).to_be_bytes());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                counted(out, name.as_bytes());
                json(out, value);
            }
        }
    }
}

/// PostgreSQL gives `1e3` back as `1000`, so that a whole number is one however it was written.
fn number(out: &mut Vec<u8>, value: &Number) {
    /// 2⁶⁴, from which on no integer of JSON's is read as one.
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    let whole = match (value.as_i64(), value.as_u64(), value.as_f64()) {
        (Some(whole), ..) => Some(i128::from(whole)),
        (_, Some(whole), _) => Some(i128::from(whole)),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        (.., Some(float)) if float.fract() == 0.0 && float.abs() < BEYOND => Some(float as i128),
        _ => None,
    };
    if let Some(whole) = whole {
        out.push(b'i');
        out.extend(whole.to_be_bytes());
    } else {
        out.push(b'd');
        out.extend(value.as_f64().unwrap_or(f64::NAN).to_bits().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn record(payload: &Value) -> AuditRecord<'_> {
        AuditRecord {
            id: Id::from_uuid(Uuid::from_u128(7)),
            organization: None,
            copy_of: None,
            kind: "voice.created",
            actor_kind: "user",
            actor: Some("ab"),
            subject: Some("c"),
            payload,
            ip_address: None,
            user_agent: None,
            created_at: DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap(),
        }
    }

    #[test]
    fn however_json_is_written_it_is_signed_alike() {
        let written: Value = serde_json::from_str(r#"{ "b": [1e3, 0.10, -0.0], "a": "é" }"#).unwrap();
        let stored: Value = serde_json::from_str(r#"{ "a": "\u00e9", "b": [1000, 0.1, 0] }"#).unwrap();
        assert_eq!(record(&written).canonical(), record(&stored).canonical());
    }

    #[test]
    fn any_difference_is_one_of_the_bytes() {
        let payload = json!({ "a": 1 });
        let one = record(&payload);
        let two = Uuid::from_u128(2);
        let others = [
            AuditRecord {
                id: Id::from_uuid(two),
                ..one
            },
            AuditRecord {
                organization: Some(Id::from_uuid(two)),
                ..one
            },
            AuditRecord {
                copy_of: Some(Id::from_uuid(two)),
                ..one
            },
            AuditRecord {
                kind: "voice.deleted",
                ..one
            },
            AuditRecord {
                actor_kind: "system",
                ..one
            },
            AuditRecord { actor: None, ..one },
            AuditRecord {
                actor: Some(""),
                ..one
            },
            // The same letters, divided otherwise.
            AuditRecord {
                actor: Some("a"),
                subject: Some("bc"),
                ..one
            },
            AuditRecord {
                subject: None,
                ip_address: Some("c"),
                ..one
            },
            AuditRecord {
                user_agent: Some("c"),
                ..one
            },
            AuditRecord {
                payload: &json!({ "a": "1" }),
                ..one
            },
            AuditRecord {
                payload: &json!({ "a": 1.5 }),
                ..one
            },
            AuditRecord {
                payload: &json!({ "a": [1] }),
                ..one
            },
            AuditRecord {
                payload: &json!({ "a": null }),
                ..one
            },
            AuditRecord {
                created_at: one.created_at + chrono::TimeDelta::microseconds(1),
                ..one
            },
        ]
        .map(|other| other.canonical());
        for (nth, other) in others.iter().enumerate() {
            assert_ne!(*other, one.canonical(), "{nth}");
            assert!(!others[..nth].contains(other), "{nth}");
        }
    }

    #[test]
    fn the_encoding_is_the_one_that_was_signed_by_earlier_versions() {
        let payload = json!({ "x": [true, null] });
        let bytes = record(&payload).canonical();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // Computed with another implementation.
        let expected = concat!(
            "01",
            "00000000000000000000000000000007",
            "0000",
            "01000000000000000d766f6963652e63726561746564",
            "01000000000000000475736572",
            "0100000000000000026162",
            "01000000000000000163",
            "0000",
            "00066517289a6240",
            "6f00000000000000010000000000000001",
            "78610000000000000002746e",
        );
        assert_eq!(hex, expected);
    }
}
