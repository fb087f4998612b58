//! The audit log as a file: one entry on each line, as JSON or as CSV.
//!
//! The answer is streamed, whatever its length. A stream that ends early (the permission was withdrawn, the database
//! failed) ends as a broken one, so that nobody takes a part for the whole.

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request as HttpRequest, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::TryStreamExt as _;
use http::{StatusCode, header};
use resonance_services::{AuditQuery, LoggedEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{identify::Identify, media::refused, respond};

/// The routes.
pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/organizations/{id}/audit-log.jsonl", get(json_lines))
        .route("/organizations/{id}/audit-log.csv", get(csv_lines))
        .with_state(identify)
}

/// Which entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    /// From this moment on.
    from: Option<DateTime<Utc>>,
    /// Before this moment.
    to: Option<DateTime<Utc>>,
}

type AskedFor = Result<Query<Period>, QueryRejection>;

async fn json_lines(
    State(identify): State<Identify>,
    Path(id): Path<String>,
    period: AskedFor,
    http: HttpRequest,
) -> Response {
    export(
        &identify,
        &id,
        period,
        http,
        "application/jsonl",
        "jsonl",
        "",
        as_json_lines,
    )
    .await
}

async fn csv_lines(
    State(identify): State<Identify>,
    Path(id): Path<String>,
    period: AskedFor,
    http: HttpRequest,
) -> Response {
    let kind = "text/csv; charset=utf-8";
    export(&identify, &id, period, http, kind, "csv", HEADING, as_csv_lines).await
}

#[expect(clippy::too_many_arguments, reason = "what differs between the two formats")]
async fn export(
    identify: &Identify,
    id: &str,
    period: AskedFor,
    http: HttpRequest,
    content_type: &'static str,
    extension: &str,
    heading: &'static str,
    lines: fn(Vec<LoggedEvent>) -> std::io::Result<Bytes>,
) -> Response {
    let (parts, _) = http.into_parts();
    let request = match identify.request(&parts).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let Ok(organization) = id.parse() else {
        return respond::not_found();
    };
    let query = match period {
        Ok(Query(Period { from, to })) => AuditQuery {
            from,
            to,
            ..AuditQuery::default()
        },
        // Who is told is decided first: an organization that one is no member of is not there, whatever the query.
        Err(_) => match request
            .audit_log()
            .export(organization, &AuditQuery::default())
            .await
        {
            Ok(_) => {
                let message = "from and to must be times such as 2026-01-31T00:00:00Z";
                return respond::error(StatusCode::BAD_REQUEST, "INVALID", message);
            }
            Err(error) => return refused(error),
        },
    };
    let entries = match request.audit_log().export(organization, &query).await {
        Ok(entries) => entries,
        Err(error) => return refused(error),
    };
    let lines = entries
        .map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an export of an audit log was cut short"
            );
            std::io::Error::other("cut short")
        })
        .and_then(move |entries| std::future::ready(lines(entries)));
    let heading = futures_util::stream::iter([Ok(Bytes::from_static(heading.as_bytes()))]);
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"audit-log.{extension}\""),
        ),
    ];
    let body = Body::from_stream(futures_util::StreamExt::chain(heading, lines));
    (headers, body).into_response()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_json_lines(entries: Vec<LoggedEvent>) -> std::io::Result<Bytes> {
    let mut out = Vec::with_capacity(entries.len() * 512);
    for entry in entries {
        let line = json!({
            "position": entry.position,
            "chainHash": entry.chain_hash.as_deref().map(hex),
            "id": entry.id.type_id(),
            "time": time(entry.created_at),
            "kind": entry.kind,
            "actorKind": entry.actor_kind,
            "actor": entry.actor,
            "subject": entry.subject,
            "ipAddress": entry.origin.ip_address,
            "userAgent": entry.origin.user_agent,
            "payload": entry.payload,
            "signature": hex(&entry.mac),
        });
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out.into())
}

const HEADING: &str =
    "position,chainHash,id,time,kind,actorKind,actor,subject,ipAddress,userAgent,payload,signature\r\n";

fn as_csv_lines(entries: Vec<LoggedEvent>) -> std::io::Result<Bytes> {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::with_capacity(entries.len() * 512));
    for entry in entries {
        let text = Option::unwrap_or_default;
        let payload = match &entry.payload {
            Value::Null => String::new(),
            payload => payload.to_string(),
        };
        let cells = [
            entry
                .position
                .map(|position| position.to_string())
                .unwrap_or_default(),
            entry.chain_hash.as_deref().map(hex).unwrap_or_default(),
            entry.id.type_id(),
            time(entry.created_at),
            entry.kind,
            entry.actor_kind,
            text(entry.actor),
            text(entry.subject),
            text(entry.origin.ip_address),
            text(entry.origin.user_agent),
            payload,
            hex(&entry.mac),
        ];
        out.write_record(cells.map(harmless))?;
    }
    let lines = out.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(lines.into())
}

/// A cell that no spreadsheet takes for a formula: what a client called itself, for one, may be anything. See OWASP,
/// "CSV Injection".
pub(crate) fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(harmless(cell.into()), format!("'{cell}"));
        }
        for cell in ["", "curl/8.5", "a=b", "{\"changes\":{}}"] {
            assert_eq!(harmless(cell.into()), cell);
        }
    }
}
