//! Whether a page far down a long history costs what one at its beginning costs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{
    Options,
    connection::Connection,
    load::quantile,
    question::Token,
    report::Report,
    server::{self, Population, Server},
};

/// How often each page is asked for.
const TIMES: usize = 1000;
/// The page far down, counted from 1.
const FAR: usize = 1000;

/// Makes an organization with a long history, and asks for its second and its thousandth page in turn.
pub(crate) async fn compare(
    folder: &Path,
    database: &str,
    server: &Server,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let population = Population {
        users: 10,
        organizations: 1,
        members_per_organization: 5,
        voices_per_organization: 5,
        generations_per_organization: options.deep_pages,
        seed: 2,
    };
    let tokens = server::seed(&options.resonance, folder, database, &population).await?;
    let token = tokens.first().context("no token was written")?;
    let text = std::fs::read_to_string(options.folder.join("queries/page.graphql"))?;
    let mut connection = Connection::open(server.address).await?;

    let mut cursors = vec![Value::Null];
    while cursors.len() < FAR {
        let request = request(&text, token, cursors.last().unwrap_or(&Value::Null));
        let answer: Value = serde_json::from_slice(connection.exchange(&request).await?)?;
        let page = &answer["data"]["organization"]["generations"]["pageInfo"];
        ensure!(
            page["hasNextPage"] == true,
            "the history ends on page {}",
            cursors.len()
        );
        cursors.push(page["endCursor"].clone());
    }
    let pages = [&cursors[1], &cursors[FAR - 1]].map(|cursor| request(&text, token, cursor));
    let mut waits = [Vec::new(), Vec::new()];
    for _ in 0..TIMES {
        for (page, waits) in pages.iter().zip(&mut waits) {
            let asked = Instant::now();
            connection.exchange(page).await?;
            waits.push(asked.elapsed());
        }
    }
    let [near, far] = waits.map(|mut waits| {
        waits.sort_unstable();
        quantile(&waits, 0.5)
    });
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    report.note(&format!(
        "A history of {} generations, 50 a page, asked for {TIMES} times in turn: the second page in {:.2} ms, page {FAR} \
         in {:.2} ms (p50).",
        options.deep_pages,
        millis(near),
        millis(far)
    ));
    Ok(())
}

fn request(text: &str, token: &Token, after: &Value) -> Vec<u8> {
    let variables = json!({ "organization": token.organization, "after": after });
    let body = json!({ "query": text, "variables": variables }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\naccept: application/json\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        token.secret,
        body.len()
    )
    .into_bytes()
}
