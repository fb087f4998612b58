//! The whole route, request by request, on a sample schema.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod audits;
mod call;
mod csrf;
mod event_stream;
mod limits;
mod masking;
mod over_http;
mod persisted;
mod playground;
mod revisits;
mod sample;
mod uploads;
mod web_socket;
