//! What goes wrong with mail.

use std::error::Error;

type Source = Box<dyn Error + Send + Sync>;

/// Why a message did not go out.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It may go out when it is tried again later: the server or the disk is not there, is busy, or refuses the
    /// operator's credentials.
    #[error("the mail could not be handed over now")]
    Transient(#[source] Source),
    /// It will never go out as it is: no such recipient, or a malformed address.
    #[error("the mail was refused for good")]
    Permanent(#[source] Source),
}

impl MailError {
    /// Whether sending the same message again can succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    pub(crate) fn transient(source: impl Into<Source>) -> Self {
        Self::Transient(source.into())
    }

    pub(crate) fn permanent(source: impl Into<Source>) -> Self {
        Self::Permanent(source.into())
    }
}

/// Why there is no mailer.
#[derive(Debug, thiserror::Error)]
pub enum MailerConfigError {
    /// The sender is no address such as `Resonance <noreply@example.org>`.
    #[error("the mail sender `{0}` is no address such as `Resonance <noreply@example.org>`")]
    Sender(String),
    /// The server's URL is malformed. The URL is not shown, as it may hold a password.
    #[error("the mail server's url is none such as `smtps://user:password@host` or `smtp://host:25`")]
    Url(#[source] Source),
    /// The server's URL would send a password over the network unencrypted.
    #[error(
        "the mail server's url would send a password in the clear: use `smtps://`, or append `?tls=required`"
    )]
    PasswordInTheClear,
    /// The folder for mails cannot be made.
    #[error("the mail folder `{}` cannot be made", path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
}
