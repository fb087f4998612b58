//! Which generations are downloaded together, and for whom.

use std::{fmt, str::FromStr};

use crate::{
    ApiKeyId, GenerationId, Id, IdKind, MAX_GENERATIONS_AT_ONCE, OrganizationId, ParseIdError, SessionId,
    UserId,
    id::{SUFFIX, parse_base32, push_base32},
};

/// On whose authority an archive is downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveReader {
    /// A member's, as long as the session lasts.
    Session {
        /// The member.
        user: UserId,
        /// The session in which the archive was asked for.
        session: SessionId,
    },
    /// A program's.
    ApiKey(ApiKeyId),
}

/// A selection of an organization's generations, to be downloaded as one archive. Nothing of it is stored: all that it is
/// stands in its written form, which grows with the selection to some 2,700 characters.
///
/// ```
/// use resonance_domain::{ArchiveAddress, ArchiveReader, Id};
/// # use uuid::Uuid;
/// let address = ArchiveAddress {
///     organization: Id::from_uuid(Uuid::from_u128(1)),
///     reader: ArchiveReader::ApiKey(Id::from_uuid(Uuid::from_u128(2))),
///     generations: vec![Id::from_uuid(Uuid::from_u128(3))],
/// };
/// let text = address.to_string();
/// assert_eq!(text, format!("archive_k{:0>26}{:0>26}{:0>26}", 1, 2, 3));
/// assert_eq!(text.parse(), Ok(address));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveAddress {
    /// Whose they are.
    pub organization: OrganizationId,
    /// For whom.
    pub reader: ArchiveReader,
    /// Which ones, 1 to [`MAX_GENERATIONS_AT_ONCE`].
    pub generations: Vec<GenerationId>,
}

const OF_SESSION: &str = "archive_u";
const OF_KEY: &str = "archive_k";

impl fmt::Display for ArchiveAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(OF_KEY.len() + SUFFIX * (3 + self.generations.len()));
        match self.reader {
            ArchiveReader::Session { user, session } => {
                text.push_str(OF_SESSION);
                push_base32(&mut text, self.organization.as_uuid());
                push_base32(&mut text, user.as_uuid());
                push_base32(&mut text, session.as_uuid());
            }
            ArchiveReader::ApiKey(key) => {
                text.push_str(OF_KEY);
                push_base32(&mut text, self.organization.as_uuid());
                push_base32(&mut text, key.as_uuid());
            }
        }
        for generation in &self.generations {
            push_base32(&mut text, generation.as_uuid());
        }
        f.write_str(&text)
    }
}

impl FromStr for ArchiveAddress {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_of_session, mut rest) = match (text.strip_prefix(OF_SESSION), text.strip_prefix(OF_KEY)) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => return Err(ParseIdError),
        };
        let organization = next(&mut rest)?;
        let reader = if is_of_session {
            let (user, session) = (next(&mut rest)?, next(&mut rest)?);
            ArchiveReader::Session { user, session }
        } else {
            ArchiveReader::ApiKey(next(&mut rest)?)
        };
        let mut generations = Vec::new();
        while !rest.is_empty() && generations.len() < MAX_GENERATIONS_AT_ONCE {
            generations.push(next(&mut rest)?);
        }
        if !rest.is_empty() || generations.is_empty() {
            return Err(ParseIdError);
        }
        Ok(Self {
            organization,
            reader,
            generations,
        })
    }
}

fn next<K: IdKind>(rest: &mut &str) -> Result<Id<K>, ParseIdError> {
    let (one, others) = rest.split_at_checked(SUFFIX).ok_or(ParseIdError)?;
    *rest = others;
    parse_base32(one).map(Id::from_uuid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id<K: IdKind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    proptest! {
        #[test]
        fn every_selection_survives_being_written_and_read(
            organization: u128, user: u128, session: u128, is_key: bool,
            generations in prop::collection::vec(any::<u128>(), 1..=MAX_GENERATIONS_AT_ONCE),
        ) {
            let reader = if is_key {
                ArchiveReader::ApiKey(id(user))
            } else {
                ArchiveReader::Session { user: id(user), session: id(session) }
            };
            let address = ArchiveAddress {
                organization: id(organization),
                reader,
                generations: generations.into_iter().map(id).collect(),
            };
            prop_assert_eq!(address.to_string().parse::<ArchiveAddress>(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_selection_is_refused() {
        let of = |count: usize| ArchiveAddress {
            organization: id(1),
            reader: ArchiveReader::ApiKey(id(2)),
            generations: vec![id(3); count],
        };
        let whole = of(2).to_string();
        for text in [
            "",
            "archive_",
            "archive_k",
            "gen_00000000000000000000000001",
            &whole[..whole.len() - 1],
            &whole.replace("archive_k", "archive_x"),
            &of(0).to_string(),
            &of(MAX_GENERATIONS_AT_ONCE + 1).to_string(),
        ] {
            assert_eq!(text.parse::<ArchiveAddress>(), Err(ParseIdError), "{text}");
        }
    }
}
