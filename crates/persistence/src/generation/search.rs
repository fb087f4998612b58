//! Finding generations by the words of their texts.
//!
//! The words, as the domain cuts them, are kept beside the generations: on PostgreSQL as a `tsvector` with a GIN index, on
//! SQLite in an FTS5 table. Each stands behind a mark of its organization, which is a part of the word for both: the index
//! goes straight to the words of one organization, however many others use them. Marks can coincide; so the organization
//! is compared as well.

use resonance_domain::{GenerationId, Id, InOrg, OrganizationId, SearchQuery, words};
use sea_orm::Value;

use crate::{StorageError, executor::Executor, raw::Sql};

/// What stands before each word of an organization: the end of its id, which is drawn at random.
fn mark(organization: OrganizationId) -> String {
    format!("{:012x}", organization.as_uuid().as_u128() & 0xffff_ffff_ffff)
}

/// The words of a text as they are kept, with spaces between them.
pub(crate) fn marked(organization: OrganizationId, text: &str) -> String {
    let mark = mark(organization);
    let words: Vec<_> = words(text).iter().map(|word| format!("{mark}{word}")).collect();
    words.join(" ")
}

/// A text that is to be found.
pub(super) struct Text<'a> {
    pub(super) address: InOrg<GenerationId>,
    pub(super) text: &'a str,
}

/// Runs the statement that inserts generations and returns their addresses, and makes those findable until they are
/// deleted; which they are. There must be as many texts as a power of two, so that none is said twice.
pub(super) async fn insert(
    executor: Executor<'_>,
    generations: Sql,
    texts: &[Text<'_>],
) -> Result<Vec<GenerationId>, StorageError> {
    let words = |Text { address, text }: &Text<'_>| -> Value { marked(address.organization, text).into() };
    if executor.is_postgres() {
        // In one round trip.
        let mut both = Sql::new("WITH made AS (", []);
        both.append(generations).push(
            ") INSERT INTO generation_search (organization_id, id, words)
                SELECT made.organization_id, made.id, array_to_tsvector(string_to_array(v.column2, ' '))
                FROM made JOIN (",
        );
        let rows = texts
            .iter()
            .map(|text| [text.address.id.as_uuid().into(), words(text)]);
        both.values::<2>(rows.collect())
            .push(") AS v ON v.column1 = made.id RETURNING id");
        return executor
            .rows(both, |row| Ok(Id::from_uuid(row.try_get_by_index(0)?)))
            .await;
    }
    let made = executor
        .rows(generations, |row| Ok(Id::from_uuid(row.try_get_by_index(1)?)))
        .await?;
    const PLACE: &str = "INSERT INTO generation_search (organization_id, id) VALUES ($1, $2)";
    const INDEX: &str = "INSERT INTO generation_words (rowid, words) VALUES (last_insert_rowid(), $1)";
    for text in texts.iter().filter(|text| made.contains(&text.address.id)) {
        let InOrg { organization, id } = text.address;
        let place = [organization.as_uuid().into(), id.as_uuid().into()];
        executor.run_along(Sql::new(PLACE, place)).await?;
        executor.run_along(Sql::new(INDEX, [words(text)])).await?;
    }
    Ok(made)
}

/// Appends the condition that a generation, whose organization is `$1`, is found.
pub(super) fn narrow(sql: &mut Sql, organization: OrganizationId, query: &SearchQuery, is_postgres: bool) {
    let query = expression(organization, query, is_postgres);
    if is_postgres {
        sql.push(
            " AND id IN (SELECT id FROM generation_search WHERE organization_id = $1 AND words @@ CAST(",
        )
        .bind(query)
        .push(" AS tsquery))");
    } else {
        sql.push(
            " AND id IN (SELECT s.id FROM generation_words JOIN generation_search s ON s.number = generation_words.rowid
                WHERE s.organization_id = $1 AND generation_words MATCH ",
        )
        .bind(query)
        .push(")");
    }
}

/// The query in the database's language. Words hold letters, digits and marks alone, so nothing in them is a sign of it.
fn expression(organization: OrganizationId, query: &SearchQuery, is_postgres: bool) -> String {
    let mark = mark(organization);
    let (quote, and, beginning) = if is_postgres {
        ('\'', " & ", ":*")
    } else {
        ('"', " AND ", "*")
    };
    let mut text = String::new();
    for word in &query.whole {
        text.extend([&format!("{quote}{mark}{word}{quote}"), and]);
    }
    text + &format!("{quote}{mark}{}{quote}{beginning}", query.beginning)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_word_is_asked_for_behind_the_mark_of_its_organization() {
        let organization = Id::from_uuid(Uuid::from_u128(0x0190_63d4_7af4_7cc2_bd7f_6ab1_1a4b_2c3d));
        let query = SearchQuery::read("Über \"den\" Wol").unwrap();
        assert_eq!(
            marked(organization, "Über Wolken, über."),
            "6ab11a4b2c3duber 6ab11a4b2c3dwolken"
        );
        assert_eq!(
            expression(organization, &query, true),
            "'6ab11a4b2c3duber' & '6ab11a4b2c3dden' & '6ab11a4b2c3dwol':*"
        );
        assert_eq!(
            expression(organization, &query, false),
            "\"6ab11a4b2c3duber\" AND \"6ab11a4b2c3dden\" AND \"6ab11a4b2c3dwol\"*"
        );
    }
}
