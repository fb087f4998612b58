//! Mail that lies in a folder until somebody reads it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use mail_parser::MessageParser;
use tokio::task::spawn_blocking;

use crate::{MailError, Mailer, MailerConfigError, Message, message::sender};

/// Writes each mail as an `.eml` file, which any mail program opens, and says so in the log.
///
/// Files appear whole or not at all and are readable by their owner only, since mails hold links that sign
/// people in. A message that is sent again replaces its file.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    from: Mailbox,
}

/// A mail in the folder, as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMail {
    /// The file's name, for [`FolderMailer::read`].
    pub name: String,
    /// When the message came to be.
    pub date: Option<DateTime<Utc>>,
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text, without line breaks at its end.
    pub text: String,
    /// The HTML, as it was sent: whoever shows it must keep it from running scripts.
    pub html: Option<String>,
}

impl FolderMailer {
    /// Makes the folder where it is missing. `from` is the sender of all mails, such as
    /// `Resonance <noreply@example.org>`.
    ///
    /// # Errors
    /// [`MailerConfigError::Sender`], [`MailerConfigError::Folder`].
    pub fn open(folder: impl Into<PathBuf>, from: &str) -> Result<Self, MailerConfigError> {
        let (folder, from) = (folder.into(), sender(from)?);
        match fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self { folder, from }),
            Err(source) => Err(MailerConfigError::Folder { path: folder, source }),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The newest `limit` mails, newest first.
    ///
    /// # Errors
    /// [`MailError::Transient`] when the folder cannot be read.
    pub async fn list(&self, limit: usize) -> Result<Vec<StoredMail>, MailError> {
        let folder = self.folder.clone();
        blocking(move || {
            let mut names = Vec::new();
            for entry in fs::read_dir(&folder)? {
                names.extend(entry?.file_name().into_string().ok().filter(|name| is_mail(name)));
            }
            names.sort_unstable_by(|a, b| b.cmp(a));
            let mut mails = Vec::new();
            for name in names.into_iter().take(limit) {
                mails.extend(read(&folder, &name)?);
            }
            Ok(mails)
        })
        .await
    }

    /// The mail with this file name; `None` when there is none.
    ///
    /// # Errors
    /// [`MailError::Transient`] when the file cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<StoredMail>, MailError> {
        if !is_mail(name) {
            return Ok(None);
        }
        let (folder, name) = (self.folder.clone(), name.to_owned());
        blocking(move || read(&folder, &name)).await
    }
}

impl Mailer for FolderMailer {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            let bytes = message.render(&self.from)?.formatted();
            let (folder, path) = (self.folder.clone(), self.folder.join(message.file_name()?));
            let target = path.clone();
            blocking(move || {
                let mut file = tempfile::Builder::new().prefix(".mail-").tempfile_in(folder)?;
                file.write_all(&bytes)?;
                file.as_file().sync_all()?;
                file.persist(target)?;
                Ok(())
            })
            .await?;
            // Neither the text nor the subject: a code stands in both.
            tracing::info!(path = %path.display(), "mail written");
            Ok(())
        })
    }
}

/// Whether `name` is a name that this mailer gives: nothing else is read, whatever a caller asks for.
fn is_mail(name: &str) -> bool {
    name.strip_suffix(".eml").is_some_and(|stem| {
        !stem.is_empty()
            && stem
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}

fn read(folder: &Path, name: &str) -> io::Result<Option<StoredMail>> {
    let bytes = match fs::read(folder.join(name)) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    Ok(MessageParser::default().parse(&bytes).map(|mail| StoredMail {
        name: name.to_owned(),
        date: mail
            .date()
            .and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0)),
        to: mail
            .to()
            .and_then(|to| to.first())
            .and_then(|to| to.address())
            .unwrap_or_default()
            .to_owned(),
        subject: mail.subject().unwrap_or_default().to_owned(),
        // On the wire every text ends with a line break of two characters.
        text: mail
            .body_text(0)
            .unwrap_or_default()
            .replace("\r\n", "\n")
            .trim_end()
            .to_owned(),
        // For a mail without HTML, the parser would make some of its text.
        html: mail
            .html_bodies()
            .any(|part| part.is_text_html())
            .then(|| mail.body_html(0))
            .flatten()
            .map(Into::into),
    }))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, MailError> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(MailError::transient),
        Err(stopped) => Err(MailError::transient(stopped)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, second: u32) -> Message {
        Message {
            id: id.into(),
            date: format!("2026-11-22T10:00:{second:02}Z").parse().unwrap(),
            to: "ada@example.org".into(),
            subject: format!("Nummer {id} – Grüße"),
            text: "Ä line\n\nand more".into(),
            html: None,
        }
    }

    fn mailer(folder: &Path) -> FolderMailer {
        FolderMailer::open(folder, "Resonance <noreply@example.org>").unwrap()
    }

    #[tokio::test]
    async fn mails_are_listed_newest_first_and_read_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(&folder.path().join("not/yet"));
        mailer.send(&message("b", 1)).await.unwrap();
        mailer
            .send(&Message {
                html: Some("<p>Ä</p>".into()),
                ..message("a", 2)
            })
            .await
            .unwrap();
        mailer.send(&message("c", 0)).await.unwrap();
        let newest = mailer.list(2).await.unwrap();
        assert_eq!(
            newest.iter().map(|mail| mail.name.as_str()).collect::<Vec<_>>(),
            ["20261122T100002000Z-a.eml", "20261122T100001000Z-b.eml"]
        );
        assert_eq!(newest[0].html.as_deref(), Some("<p>Ä</p>"));
        assert_eq!(
            mailer.read("20261122T100001000Z-b.eml").await.unwrap(),
            Some(StoredMail {
                name: "20261122T100001000Z-b.eml".into(),
                date: Some("2026-11-22T10:00:01Z".parse().unwrap()),
                to: "ada@example.org".into(),
                subject: "Nummer b – Grüße".into(),
                text: "Ä line\n\nand more".into(),
                html: None,
            })
        );
    }

    #[tokio::test]
    async fn a_message_that_is_sent_again_lies_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(folder.path());
        mailer.send(&message("a", 0)).await.unwrap();
        mailer.send(&message("a", 0)).await.unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_mail_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        mailer(folder.path()).send(&message("a", 0)).await.unwrap();
        let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn nothing_but_mails_of_the_folder_is_listed_or_read() {
        let outside = tempfile::tempdir().unwrap();
        let mailer = mailer(&outside.path().join("mail"));
        mailer.send(&message("a", 0)).await.unwrap();
        fs::write(outside.path().join("secret.eml"), "Subject: secret\r\n\r\nsecret").unwrap();
        fs::write(mailer.folder().join(".mail-halfway"), "Subject: half").unwrap();
        fs::write(mailer.folder().join("notes.txt"), "Subject: notes").unwrap();
        assert_eq!(mailer.list(10).await.unwrap().len(), 1);
        for name in [
            "../secret.eml",
            "..%2fsecret.eml",
            "notes.txt",
            ".mail-halfway",
            "",
            ".eml",
            "absent.eml",
        ] {
            assert_eq!(mailer.read(name).await.unwrap(), None, "{name}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_worth_another_try() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(&folder.path().join("mail"));
        fs::remove_dir(mailer.folder()).unwrap();
        assert!(mailer.send(&message("a", 0)).await.unwrap_err().is_transient());
        assert!(mailer.list(1).await.unwrap_err().is_transient());
    }
}
