//! What mails say, and when they are sent.
//!
//! A mail begins as an event; the relay turns it into a job whose payload names the letter and the ids that it is
//! about, and no secret. The mail worker composes the letter when it sends it: codes and links are derived anew from
//! the ids, and a letter that became pointless in the meantime is not sent.

mod accounts;
mod budgets;
mod membership_requests;
mod organizations;
mod webhooks;

use resonance_domain::Event;
use resonance_mail::html_escape;
use resonance_persistence::UnitOfWork;
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

impl Letter {
    /// A letter of paragraphs, closing with a link if there is one (its label and the URL); `instance` is the URL that
    /// it comes from.
    fn new(subject: String, paragraphs: &[String], link: Option<(&str, &str)>, instance: &str) -> Self {
        let mut text = paragraphs.join("\n\n");
        let mut html: String = paragraphs
            .iter()
            .map(|paragraph| format!("<p>{}</p>\n", html_escape(paragraph)))
            .collect();
        if let Some((label, url)) = link {
            text = format!("{text}\n\n{label}:\n{url}");
            let (label, url) = (html_escape(label), html_escape(url));
            html = format!("{html}<p><a href=\"{url}\">{label}</a><br>{url}</p>\n");
        }
        Self {
            subject,
            text: format!("{text}\n\nResonance\n{instance}\n"),
            html: format!("{html}<p>Resonance<br>{}</p>\n", html_escape(instance)),
        }
    }
}

/// The payloads of the mail jobs that an event calls for.
pub(crate) async fn jobs_for(uow: &UnitOfWork, event: &Event) -> Outcome<Vec<Value>> {
    let mut jobs = accounts::jobs_for(event);
    jobs.extend(organizations::jobs_for(event));
    jobs.extend(membership_requests::jobs_for(uow, event).await?);
    Ok(jobs)
}

/// The recipient and the letter of a mail job, or `None` if it became pointless.
pub(crate) async fn compose(core: &Core, payload: &Value) -> Outcome<Option<(String, Letter)>> {
    if let Ok(about) = serde_json::from_value(payload.clone()) {
        return organizations::compose(core, about).await;
    }
    match serde_json::from_value(payload.clone()) {
        Ok(about) => membership_requests::compose(core, about).await,
        Err(_) => accounts::compose(core, payload).await,
    }
}
