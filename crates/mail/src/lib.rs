//! Mail: what a message is, and ways to get it out.
//!
//! [`SmtpMailer`] hands messages to a mail server, [`FolderMailer`] lays them into a folder where a developer
//! reads them. What the messages say, and when they are sent or sent again, is the caller's; this crate must
//! never know accounts or organizations. Sending is at least once: the caller gives each message a stable id,
//! and both ways make a repetition recognisable by it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use resonance_mail::{FolderMailer, Mailer, Message, html_escape};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let mailer = FolderMailer::open(folder, "Resonance <noreply@example.org>")?;
//! let name = "Ärzte & Co.";
//! mailer
//!     .send(&Message {
//!         id: "01j1ht4yqmfk1bszvaq4d4pb1x".into(),
//!         date: "2026-11-22T10:00:00Z".parse()?,
//!         to: "ada@example.org".into(),
//!         subject: format!("You are invited to {name}"),
//!         text: format!("Come to {name}!"),
//!         html: Some(format!("<p>Come to {}!</p>", html_escape(name))),
//!     })
//!     .await?;
//! assert_eq!(mailer.list(10).await?[0].subject, "You are invited to Ärzte & Co.");
//! # Ok(()) }
//! ```

mod error;
mod folder;
mod html;
mod message;
mod smtp;

pub use error::{MailError, MailerConfigError};
pub use folder::{FolderMailer, StoredMail};
pub use html::html_escape;
pub use message::Message;
pub use smtp::SmtpMailer;

use futures_util::future::BoxFuture;

/// A way to get mail out.
pub trait Mailer: std::fmt::Debug + Send + Sync {
    /// Hands a message over. After `Ok` it is somebody else's duty; after a
    /// [transient](MailError::is_transient) error it may or may not be out, and is to be sent again.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>>;
}
