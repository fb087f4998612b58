//! Finding out which SQL a request sends, from the database's log, and making scripts for pgbench of it.
//!
//! pgbench has no list of users to choose from: a script is made for each of a few askers, the same but for its
//! values, which stand in variables. The committed script shows the statements with the names of these variables.

use std::{
    collections::HashSet,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    connection::Connection,
    postgres::Postgres,
    question::{Asker, Question},
    report::say,
    server::Server,
};

/// How many askers' values pgbench chooses from: of those who only read, few, as each script's statements have to be
/// prepared on each connection; of those who write more, as changes in one organization wait for each other.
const READERS: usize = 8;
const WRITERS: usize = 32;

/// A statement as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Logged {
    backend: String,
    text: String,
    /// `None` is null.
    values: Vec<Option<String>>,
}

/// What one request sends.
type Sent = Vec<Logged>;

/// A script for pgbench, with the values of several askers.
#[derive(Debug)]
pub(crate) struct Script {
    /// As committed.
    text: String,
    /// The values of the variables, of each asker.
    values: Vec<Vec<(String, String)>>,
}

impl Script {
    /// For each asker the script with variables of its own, and what to define them as.
    pub(crate) fn variants(&self) -> impl Iterator<Item = (String, Vec<(String, String)>)> {
        self.values.iter().enumerate().map(|(asker, values)| {
            let mut text = self.text.clone();
            // The last first, so that no name is the beginning of one that is still to be found.
            for (name, _) in values.iter().rev() {
                text = text.replace(&format!(":{name}"), &format!(":a{asker}_{name}"));
            }
            let values = values
                .iter()
                .map(|(name, value)| (format!("a{asker}_{name}"), value.clone()))
                .collect();
            (text, values)
        })
    }

    /// Fails if the committed script is another; or writes this one.
    pub(crate) fn compare(&self, folder: &Path, question: Question, update: bool) -> anyhow::Result<()> {
        let path = folder.join(format!("pgbench/{question}.sql"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed == self.text {
            return Ok(());
        }
        if update {
            say(&format!("{} is new", path.display()));
            return Ok(std::fs::write(&path, &self.text)?);
        }
        bail!(
            "{} is not what the server sends for {question}; write it anew with --update-scripts, and look at the \
             difference:\n{}",
            path.display(),
            self.text
        )
    }
}

/// Asks for several askers, and makes a script of what the server sends for them.
pub(crate) async fn script(
    postgres: &Postgres,
    log: &Path,
    server: &Server,
    asker: &Asker,
    question: Question,
) -> anyhow::Result<Script> {
    postgres.log_statements(true).await?;
    let captured = capture(log, server, asker, question).await;
    postgres.log_statements(false).await?;
    render(&captured?, question)
}

/// For each of some askers what two requests send.
async fn capture(
    log: &Path,
    server: &Server,
    asker: &Asker,
    question: Question,
) -> anyhow::Result<Vec<[Sent; 2]>> {
    let mut connection = Connection::open(server.address).await?;
    let askers = if question.changes() { WRITERS } else { READERS };
    let mut reader = Log::open(log)?;
    let mut captured: Vec<[Sent; 2]> = Vec::new();
    let mut request = Vec::new();
    for who in 0..asker.len().min(askers * 4) {
        let mut pair: [Sent; 2] = Default::default();
        for sent in &mut pair {
            // What the background does meanwhile is not the request's.
            tokio::time::sleep(Duration::from_millis(100)).await;
            reader.skip()?;
            asker.next_of(who, &mut request);
            connection.exchange(&request).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            *sent = of_request(reader.read()?, question);
        }
        captured.push(pair);
    }
    // Where the background came in between, the request seems to have sent more than others; most are undisturbed.
    let texts = |sent: &Sent| sent.iter().map(|logged| logged.text.clone()).collect::<Vec<_>>();
    let mut kinds: Vec<(Vec<String>, usize)> = Vec::new();
    for sent in captured.iter().flatten() {
        let texts = texts(sent);
        match kinds.iter_mut().find(|(kind, _)| *kind == texts) {
            Some((_, count)) => *count += 1,
            None => kinds.push((texts, 1)),
        }
    }
    let usual = kinds
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .context("nobody asked")?
        .0;
    captured.retain(|pair| pair.iter().all(|sent| texts(sent) == usual));
    captured.truncate(askers);
    ensure!(
        captured.len() >= askers / 2,
        "the statements differ from request to request"
    );
    Ok(captured)
}

/// Of what was logged, that which belongs to a request: everything for a query; for a change nothing behind the end of
/// its transaction, when the background begins to work on what it left.
fn of_request(mut logged: Sent, question: Question) -> Sent {
    if question.changes()
        && let Some(end) = logged.iter().position(|logged| logged.text == "COMMIT")
    {
        logged.truncate(end + 1);
    }
    logged
}

fn render(captured: &[[Sent; 2]], question: Question) -> anyhow::Result<Script> {
    let first = captured.first().context("nothing was captured")?;
    let mut text = format!(
        "-- What the server sends for one {question}, for `pgbench -M prepared`. Written by bench/load.sh --update-scripts.\n"
    );
    if question.changes() {
        text.push_str(&format!("\\set {FRESH} random(1, 1000000000000)\n"));
    }
    let mut values = vec![Vec::new(); captured.len()];
    for (number, statement) in first[0].iter().enumerate() {
        let mut fresh = Vec::new();
        for place in 0..statement.values.len() {
            let of = |sent: &Sent| {
                sent.get(number)
                    .and_then(|logged| logged.values.get(place).cloned().flatten())
            };
            let differs = question.changes() && of(&first[0]) != of(&first[1]);
            fresh.push(
                of(&first[0])
                    .filter(|_| differs)
                    .and_then(|value| expression(&value)),
            );
        }
        let sql = placeholders(&statement.text, |place| {
            if statement.values.get(place).is_none_or(Option::is_none) {
                "NULL".to_owned()
            } else if let Some(Some(fresh)) = fresh.get(place) {
                fresh.clone()
            } else {
                let name = name(number, place);
                for (values, [sent, _]) in values.iter_mut().zip(captured) {
                    let value = sent
                        .get(number)
                        .and_then(|logged| logged.values.get(place).cloned().flatten());
                    if !values.iter().any(|(known, _)| *known == name) {
                        values.push((name.clone(), value.unwrap_or_default()));
                    }
                }
                format!(":{name}")
            }
        });
        text.push_str(sql.trim());
        text.push_str(";\n");
    }
    for values in &mut values {
        values.sort();
    }
    let distinct: HashSet<_> = values.iter().collect();
    ensure!(distinct.len() == values.len(), "two askers send the same values");
    Ok(Script { text, values })
}

/// Where each request has a value of its own, pgbench needs an expression instead.
fn expression(value: &str) -> Option<String> {
    let is_uuid = value.len() == 36 && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_uuid {
        Some("gen_random_uuid()".to_owned())
    } else if let Some((_, domain)) = value.split_once('@').filter(|_| !value.contains('{')) {
        // Not of a function: a condition on what changes from row to row finds no index.
        Some(format!("(:{FRESH}::text || '@{domain}')"))
    } else if value.starts_with("\\x") && value.len() == 66 {
        Some("sha256(gen_random_uuid()::text::bytea)".to_owned())
    } else {
        // Times, and texts that need not differ.
        None
    }
}

/// A variable that has another value in each run of a script.
const FRESH: &str = "fresh";

fn name(statement: usize, place: usize) -> String {
    format!("s{:02}_v{:02}", statement + 1, place + 1)
}

/// Replaces `$1`, `$2`, … outside quotes. The argument of `with` counts from 0.
fn placeholders(sql: &str, mut with: impl FnMut(usize) -> String) -> String {
    let mut out = String::with_capacity(sql.len() * 2);
    let mut quoted = false;
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        quoted ^= c == '\'';
        if c != '$' || quoted {
            out.push(c);
            continue;
        }
        let mut number = 0;
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            number = number * 10 + digit as usize;
            rest.next();
        }
        out.push_str(&with(number.saturating_sub(1)));
    }
    out
}

/// The log, from a place on.
struct Log {
    file: std::fs::File,
}

impl Log {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self { file })
    }

    fn skip(&mut self) -> anyhow::Result<()> {
        self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<Sent> {
        let mut text = Vec::new();
        self.file.read_to_end(&mut text)?;
        Ok(parse(&String::from_utf8_lossy(&text)))
    }
}

/// Reads lines such as `4711|LOG:  execute sqlx_s_1: SELECT …` and `4711|DETAIL:  parameters: $1 = 'a', $2 = NULL`.
/// Lines that begin with a tab continue the one before.
fn parse(log: &str) -> Sent {
    let mut sent = Sent::new();
    for line in log
        .replace("\n\t", "\n ")
        .split('\n')
        .fold(Vec::<String>::new(), joined)
    {
        let Some((backend, message)) = line.split_once('|') else {
            continue;
        };
        if let Some(text) = message.strip_prefix("LOG:  statement: ") {
            sent.push(Logged {
                backend: backend.to_owned(),
                text: text.to_owned(),
                values: Vec::new(),
            });
        } else if let Some((_, text)) = message
            .strip_prefix("LOG:  execute ")
            .and_then(|rest| rest.split_once(": "))
        {
            sent.push(Logged {
                backend: backend.to_owned(),
                text: text.split_whitespace().collect::<Vec<_>>().join(" "),
                values: Vec::new(),
            });
        } else if let Some(list) = message
            .strip_prefix("DETAIL:  parameters: ")
            .or_else(|| message.strip_prefix("DETAIL:  Parameters: "))
            && let Some(logged) = sent.iter_mut().rev().find(|logged| logged.backend == backend)
        {
            logged.values = parameters(list);
        }
    }
    sent
}

/// Puts lines that begin with a blank behind the one before.
fn joined(mut lines: Vec<String>, line: &str) -> Vec<String> {
    match lines.last_mut() {
        Some(last) if line.starts_with(' ') => last.push_str(line),
        _ => lines.push(line.to_owned()),
    }
    lines
}

/// Reads `$1 = 'a', $2 = NULL, $3 = 'it''s'`.
fn parameters(list: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, after)) = rest.split_once(" = ") {
        if let Some(quoted) = after.strip_prefix('\'') {
            let mut value = String::new();
            let mut chars = quoted.char_indices().peekable();
            let mut end = quoted.len();
            while let Some((at, c)) = chars.next() {
                if c != '\'' {
                    value.push(c);
                } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                    chars.next();
                    value.push('\'');
                } else {
                    end = at + 1;
                    break;
                }
            }
            values.push(Some(value));
            rest = &quoted[end..];
        } else {
            values.push(None);
            rest = after.strip_prefix("NULL").unwrap_or(after);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_statements_and_their_values() {
        let log = "7|LOG:  statement: BEGIN\n7|LOG:  execute sqlx_s_3: SELECT a\n\t  FROM b WHERE c = $1 AND d = '$2'\n\
                   8|LOG:  execute <unnamed>: SELECT $1, $2\n7|DETAIL:  parameters: $1 = 'it''s, $2 = ''x'\n\
                   8|DETAIL:  parameters: $1 = NULL, $2 = '5'\n";
        let sent = parse(log);
        let texts: Vec<&str> = sent.iter().map(|logged| logged.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "BEGIN",
                "SELECT a FROM b WHERE c = $1 AND d = '$2'",
                "SELECT $1, $2"
            ]
        );
        assert_eq!(sent[1].values, [Some("it's, $2 = 'x".to_owned())]);
        assert_eq!(sent[2].values, [None, Some("5".to_owned())]);
    }

    #[test]
    fn a_script_has_variables_of_its_own_for_each_asker() {
        let logged = |value: &str| Logged {
            backend: "7".to_owned(),
            text: "SELECT $2, $1, '$1'".to_owned(),
            values: vec![Some(value.to_owned()), None],
        };
        let captured = [
            [vec![logged("a")], vec![logged("a")]],
            [vec![logged("b")], vec![logged("b")]],
        ];
        let script = render(&captured, Question::Q1).unwrap();
        assert!(
            script.text.ends_with("\nSELECT NULL, :s01_v01, '$1';\n"),
            "{}",
            script.text
        );
        let variants: Vec<_> = script.variants().collect();
        assert!(variants[1].0.ends_with("SELECT NULL, :a1_s01_v01, '$1';\n"));
        assert_eq!(variants[1].1, [("a1_s01_v01".to_owned(), "b".to_owned())]);
    }
}
