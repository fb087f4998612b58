//! What mails say, and when they are sent.
//!
//! A mail begins as an event; the relay turns it into a job whose payload names the letter and the ids that it is
//! about, and no secret. The mail worker composes the letter when it sends it: codes and links are derived anew from
//! the ids, and a letter that became pointless in the meantime is not sent.

mod accounts;

use resonance_domain::Event;
use serde_json::Value;

use crate::{Outcome, core::Core};

/// The text of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The subject, on one line.
    pub(crate) subject: String,
    /// For those who read plain text.
    pub(crate) text: String,
    /// The same in HTML.
    pub(crate) html: String,
}

/// The payloads of the mail jobs that an event calls for.
pub(crate) fn jobs_for(event: &Event) -> Vec<Value> {
    accounts::jobs_for(event)
}

/// The recipient and the letter of a mail job, or `None` if it became pointless.
pub(crate) async fn compose(core: &Core, payload: &Value) -> Outcome<Option<(String, Letter)>> {
    accounts::compose(core, payload).await
}
