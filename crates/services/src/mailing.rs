//! Sending mails.

use resonance_mail::Message;
use resonance_persistence::{ClaimedJob, Repositories};

use crate::{Outcome, ServiceError, core::Core, letters};

/// Sends the mail of a job: at least once, and recognisable as the same by its `Message-ID` when it is sent again.
pub(crate) async fn send(core: &Core, job: &ClaimedJob) -> Outcome<()> {
    if let Some((to, letter)) = letters::compose(core, &job.payload).await? {
        let message = Message {
            id: job.id.type_id(),
            date: job.created_at,
            to,
            subject: letter.subject,
            text: letter.text,
            html: Some(letter.html),
        };
        match core.mailer.send(&message).await {
            Ok(()) => metrics::counter!("resonance_mails_sent_total").increment(1),
            Err(error) if error.is_transient() => {
                return Err(ServiceError::internal("sending a mail", error));
            }
            Err(error) => {
                // Sending the same again would fail again.
                let reason = error.to_string();
                tracing::error!(job = ?job.id, error = &error as &dyn std::error::Error, "a mail cannot be sent");
                core.database
                    .atomically(async |uow| uow.jobs().bury(job, &reason).await)
                    .await?;
                return Ok(());
            }
        }
    }
    core.database
        .atomically(async |uow| uow.jobs().complete(job).await)
        .await?;
    Ok(())
}
