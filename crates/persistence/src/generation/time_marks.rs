//! Time marks, as they are stored: without their words, which stand in the text.

use resonance_authz::{Grant, Implies, ReadGenerations, SystemGrant, system::Deliver};
use resonance_domain::{GenerationId, Id, InOrg, TimeMark};
use serde_json::Value;

use super::Generations;
use crate::{StorageError, raw::Sql};

impl Generations<'_> {
    /// When the sentences of generations are heard, in order: of those of `ids` that there are. Empty until a generation
    /// has its audio, and for what was spoken before marks were kept. One statement.
    ///
    /// # Errors
    /// The database's.
    pub async fn time_marks(
        self,
        grant: &Grant<impl Implies<ReadGenerations>>,
        ids: &[GenerationId],
    ) -> Result<Vec<(GenerationId, Vec<TimeMark>)>, StorageError> {
        let mut sql = Sql::new(
            "SELECT id, text, time_marks FROM generations WHERE organization_id = $1 AND id IN ",
            [grant.organization().as_uuid().into()],
        );
        sql.list(ids.iter().map(Id::as_uuid));
        self.0
            .rows(sql, |row| {
                let id = Id::from_uuid(row.try_get_by_index(0)?);
                let marks = read(&row.try_get_by_index::<String>(1)?, row.try_get_by_index(2)?)?;
                Ok((id, marks))
            })
            .await
    }

    /// Those of one generation, for whoever holds a signed URL that names it; `None` if there is no such generation.
    ///
    /// # Errors
    /// The database's.
    pub async fn time_marks_for_delivery(
        self,
        _grant: &SystemGrant<Deliver>,
        address: InOrg<GenerationId>,
    ) -> Result<Option<Vec<TimeMark>>, StorageError> {
        const MARKS: &str = "SELECT text, time_marks FROM generations WHERE organization_id = $1 AND id = $2";
        let values = [address.organization.as_uuid().into(), address.id.as_uuid().into()];
        self.0
            .row(Sql::new(MARKS, values), |row| {
                read(&row.try_get_by_index::<String>(0)?, row.try_get_by_index(1)?)
            })
            .await
    }
}

/// Marks as a list of `[start_ms, end_ms, start, end]`.
pub(crate) fn stored(marks: &[TimeMark]) -> Value {
    marks
        .iter()
        .map(|mark| serde_json::json!([mark.start_ms, mark.end_ms, mark.start, mark.end]))
        .collect()
}

/// The marks of a text.
pub(super) fn read(text: &str, stored: Option<Value>) -> Result<Vec<TimeMark>, StorageError> {
    let corrupt = || StorageError::corrupt("generations.time_marks");
    let rows: Vec<(u64, u64, usize, usize)> = match stored {
        Some(stored) => serde_json::from_value(stored).map_err(|_| corrupt())?,
        None => return Ok(Vec::new()),
    };
    // One walk over the text, as long ones have many marks.
    let mut rest = text;
    let mut at = 0;
    let mut marks = Vec::with_capacity(rows.len());
    for (start_ms, end_ms, start, end) in rows {
        let mut ahead = |to: usize| -> Option<&str> {
            let count = to.checked_sub(at)?;
            let byte = rest
                .char_indices()
                .nth(count)
                .map_or(rest.len(), |(byte, _)| byte);
            let (passed, left) = rest.split_at_checked(byte)?;
            (rest, at) = (left, to);
            Some(passed)
        };
        ahead(start).ok_or_else(corrupt)?;
        let words = ahead(end).ok_or_else(corrupt)?.to_owned();
        marks.push(TimeMark {
            start_ms,
            end_ms,
            text: words,
            start,
            end,
        });
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_find_their_words_in_the_text_again() {
        let mark = |start, end, text: &str| TimeMark {
            start_ms: start as u64 * 10,
            end_ms: end as u64 * 10,
            text: text.to_owned(),
            start,
            end,
        };
        let marks = [mark(0, 4, "Söß."), mark(6, 10, "Què?"), mark(11, 12, "🎙")];
        assert_eq!(read("Söß.  Què? 🎙", Some(stored(&marks))).unwrap(), marks);
        assert_eq!(read("Söß.", None).unwrap(), []);
        assert!(read("Söß.", Some(serde_json::json!([[0, 0, 3, 1]]))).is_err());
    }
}
