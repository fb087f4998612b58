//! Mail by SMTP.

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor, message::Mailbox, transport::smtp};

use crate::{MailError, Mailer, MailerConfigError, Message, message::sender};

/// How long a server may take for each step of the conversation.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Replies that refuse the operator's credentials or their absence (RFC 4954): no fault of the message, so it
/// waits until they are put right.
const CREDENTIALS_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// Hands mail to a server, over connections that it keeps.
#[derive(Clone)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Reads the server's URL; nothing is connected yet.
    ///
    /// `smtps://user:password@host` (TLS from the start, port 465), `smtp://user:password@host?tls=required`
    /// (STARTTLS, port 587), `smtp://host:1025` (no TLS, port 25 if none is given: for a mail catcher or a relay on the
    /// same machine; with a password only on the loopback). User and password are percent-encoded; a path is the
    /// name for `EHLO`.
    ///
    /// # Errors
    /// [`MailerConfigError`], which never shows the URL.
    pub fn new(url: &str, from: &str) -> Result<Self, MailerConfigError> {
        if sends_password_in_the_clear(url) {
            return Err(MailerConfigError::PasswordInTheClear);
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|malformed| MailerConfigError::Url(malformed.into()))?
            .timeout(Some(TIMEOUT))
            .build();
        Ok(Self {
            transport,
            from: sender(from)?,
        })
    }
}

/// Whether the URL has credentials for another machine and no demand for TLS.
fn sends_password_in_the_clear(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("smtp://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((_, host)) = authority.rsplit_once('@') else {
        return false;
    };
    let loopback = ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        host.strip_prefix(name)
            .is_some_and(|port| port.is_empty() || port.starts_with(':'))
    });
    !loopback && !url.contains("tls=required")
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            let rendered = message.render(&self.from)?;
            match self.transport.send(rendered).await {
                Ok(_) => Ok(()),
                Err(refused) if is_permanent(&refused, message) => Err(MailError::permanent(refused)),
                Err(failed) => Err(MailError::transient(failed)),
            }
        })
    }
}

/// Whether the server's answer is about this message and final.
fn is_permanent(error: &smtp::Error, message: &Message) -> bool {
    let credentials = || {
        error
            .status()
            .is_some_and(|code| CREDENTIALS_REFUSED.contains(&code.into()))
    };
    // The client itself refuses an address that is not ASCII where the server has no SMTPUTF8.
    (error.is_permanent() && !credentials()) || (error.is_client() && !message.to.is_ascii())
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("from", &self.from.to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
        net::TcpListener,
        sync::mpsc,
    };

    use super::*;

    /// A server that speaks enough SMTP to take one mail after another, and answers one command as told.
    async fn server(refused: &'static str, reply: &'static str) -> (String, mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let (read, mut write) = stream.into_split();
                    let mut lines = BufReader::new(read).lines();
                    let mut mail = None::<String>;
                    write.write_all(b"220 test\r\n").await.unwrap();
                    while let Ok(Some(line)) = lines.next_line().await {
                        if let Some(text) = &mut mail {
                            if line != "." {
                                text.push_str(&line);
                                text.push('\n');
                                continue;
                            }
                            sender.send(mail.take().unwrap()).unwrap();
                        }
                        let answer = match line.split([' ', ':']).next().unwrap() {
                            command if command == refused => reply,
                            "EHLO" => "250-test\r\n250 AUTH PLAIN",
                            "DATA" => {
                                mail = Some(String::new());
                                "354 go on"
                            }
                            "AUTH" => "235 welcome",
                            _ => "250 ok",
                        };
                        write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                    }
                });
            }
        });
        (format!("127.0.0.1:{}", address.port()), receiver)
    }

    fn message() -> Message {
        Message {
            id: "m1".into(),
            date: "2026-11-22T10:00:00Z".parse().unwrap(),
            to: "ada@example.org".into(),
            subject: "Hello".into(),
            text: "one\n.\ntwo".into(),
            html: None,
        }
    }

    async fn send(url: &str, message: &Message) -> Result<(), MailError> {
        SmtpMailer::new(url, "Resonance <noreply@example.org>")
            .unwrap()
            .send(message)
            .await
    }

    #[tokio::test]
    async fn a_mail_reaches_the_server_whole() {
        let (host, mut mails) = server("", "").await;
        send(&format!("smtp://user:pass%20word@{host}"), &message())
            .await
            .unwrap();
        let mail = mails.recv().await.unwrap();
        assert!(mail.contains("Message-ID: <m1@example.org>\n"), "{mail}");
        assert!(mail.contains("To: ada@example.org\n"), "{mail}");
        assert!(mail.trim_end().ends_with("one\n..\ntwo"), "{mail}");
    }

    #[tokio::test]
    async fn a_refused_recipient_is_final_and_a_busy_server_is_not() {
        for (command, reply, transient) in [
            ("RCPT", "550 no such user", false),
            ("DATA", "554 looks like spam", false),
            ("RCPT", "451 greylisted", true),
            ("EHLO", "421 too busy", true),
            ("AUTH", "535 wrong password", true),
            ("MAIL", "530 sign in first", true),
        ] {
            let (host, _mails) = server(command, reply).await;
            let error = send(&format!("smtp://user:password@{host}"), &message())
                .await
                .unwrap_err();
            assert_eq!(error.is_transient(), transient, "{command} {reply}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_worth_another_try() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        drop(listener);
        assert!(send(&url, &message()).await.unwrap_err().is_transient());
    }

    #[tokio::test]
    async fn an_address_that_the_server_cannot_take_is_final() {
        let (host, _mails) = server("", "").await;
        let message = Message {
            to: "ädä@example.org".into(),
            ..message()
        };
        assert!(
            !send(&format!("smtp://{host}"), &message)
                .await
                .unwrap_err()
                .is_transient()
        );
    }

    #[tokio::test]
    async fn tls_that_is_required_is_not_done_without() {
        let (host, mut mails) = server("", "").await;
        assert!(
            send(&format!("smtp://{host}?tls=required"), &message())
                .await
                .unwrap_err()
                .is_transient()
        );
        assert!(mails.try_recv().is_err());
    }

    #[tokio::test]
    async fn urls_are_checked_and_passwords_never_shown() {
        let new = |url: &str| SmtpMailer::new(url, "noreply@example.org");
        for url in [
            "smtp://localhost:1025",
            "smtps://u:p@mail.example.org",
            "smtp://u:p@mail.example.org:587?tls=required",
            "smtp://u:p@localhost:1025",
            "smtp://u:p@127.0.0.1",
            "smtp://mail.example.org",
        ] {
            assert!(new(url).is_ok(), "{url}");
        }
        for url in [
            "smtp://u:p@mail.example.org",
            "smtp://u:p@mail.example.org?tls=opportunistic",
            "smtp://u:p@localhost.example.org",
        ] {
            assert!(
                matches!(new(url), Err(MailerConfigError::PasswordInTheClear)),
                "{url}"
            );
        }
        for url in [
            "",
            "mail.example.org",
            "http://mail.example.org",
            "smtp://",
            "smtp://h?tls=maybe",
        ] {
            assert!(matches!(new(url), Err(MailerConfigError::Url(_))), "{url}");
        }
        assert!(matches!(
            SmtpMailer::new("smtp://h", "nobody"),
            Err(MailerConfigError::Sender(_))
        ));
        let mailer = new("smtps://user:hunter42@mail.example.org").unwrap();
        assert!(!format!("{mailer:?}").contains("hunter42"));
    }
}
