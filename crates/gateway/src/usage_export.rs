//! Usage as a table, for spreadsheets.

use axum::{
    Router,
    extract::{Path, Query, Request as HttpRequest, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{NaiveDate, SecondsFormat};
use http::{StatusCode, header};
use resonance_domain::{InOrg, OrganizationId, UsageGrain, UsageMetric, UsageSubject};
use resonance_services::{ServiceError, UsageCell, UsageDimension};
use serde::Deserialize;

use crate::{audit_export::harmless, identify::Identify, media::refused, respond};

/// The routes.
pub(crate) fn routes(identify: Identify) -> Router {
    Router::new()
        .route("/organizations/{id}/usage.csv", get(table))
        .with_state(identify)
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Metric {
    #[default]
    Characters,
    CustomVoices,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Grain {
    Hour,
    #[default]
    Day,
    Month,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Division {
    #[default]
    Total,
    Member,
    ApiKey,
    Voice,
    Engine,
}

/// Which table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedFor {
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    #[serde(default)]
    metric: Metric,
    #[serde(default)]
    grain: Grain,
    #[serde(default)]
    by: Division,
}

async fn table(
    State(identify): State<Identify>,
    Path(id): Path<String>,
    asked: Result<Query<AskedFor>, QueryRejection>,
    http: HttpRequest,
) -> Response {
    let (parts, _) = http.into_parts();
    let request = match identify.request(&parts).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    let Ok(organization) = id.parse::<OrganizationId>() else {
        return respond::not_found();
    };
    // Who is told is decided first: an organization that one is no member of is not there, whatever the query.
    let usage = request.usage();
    if let Err(error) = usage.check(organization).await {
        return refused(error);
    }
    let invalid = |message: &str| respond::error(StatusCode::BAD_REQUEST, "INVALID", message);
    let Ok(Query(asked)) = asked else {
        return invalid(
            "from and until must be days such as 2026-01-31, metric characters or custom_voices, grain hour, day or \
             month, and by total, member, api_key, voice or engine",
        );
    };
    let metric = match asked.metric {
        Metric::Characters => UsageMetric::Characters,
        Metric::CustomVoices => UsageMetric::CustomVoices,
    };
    let grain = match asked.grain {
        Grain::Hour => UsageGrain::Hour,
        Grain::Day => UsageGrain::Day,
        Grain::Month => UsageGrain::Month,
    };
    let dimension = match asked.by {
        Division::Total => UsageDimension::Total,
        Division::Member => UsageDimension::Member,
        Division::ApiKey => UsageDimension::ApiKey,
        Division::Voice => UsageDimension::Voice,
        Division::Engine => UsageDimension::Engine,
    };
    let cells = async {
        let period = usage.period(asked.from, asked.until)?;
        usage.table(organization, metric, grain, dimension, period).await
    };
    let cells = match cells.await {
        Ok(cells) => cells,
        Err(ServiceError::Refused(errors)) => {
            let message = errors
                .first()
                .map_or("not possible", |error| error.message.as_str());
            return invalid(&format!("from {message}"));
        }
        Err(error) => return refused(error),
    };
    match lines(organization, metric, cells) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CACHE_CONTROL, "private, no-store"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""),
            ];
            (headers, body).into_response()
        }
        Err(error) => refused(ServiceError::internal("writing a table", error)),
    }
}

fn lines(organization: OrganizationId, metric: UsageMetric, cells: Vec<UsageCell>) -> csv::Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::with_capacity(cells.len() * 96));
    out.write_record(["start", "metric", "subject", "name", "quantity"])?;
    for cell in cells {
        let subject = match cell.subject {
            UsageSubject::Organization => String::new(),
            UsageSubject::Member(user) => user.type_id(),
            UsageSubject::ApiKey(key) => InOrg::new(organization, key).global_id(),
            UsageSubject::Voice(voice) => voice.type_id(),
            UsageSubject::Engine(name) => name,
        };
        let row = [
            cell.start.to_rfc3339_opts(SecondsFormat::Secs, true),
            metric.as_str().to_owned(),
            subject,
            cell.name.unwrap_or_default(),
            cell.quantity.to_string(),
        ];
        out.write_record(row.map(harmless))?;
    }
    out.into_inner().map_err(|error| error.into_error().into())
}
