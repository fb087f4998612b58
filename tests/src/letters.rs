//! What came by mail.

use std::time::Duration;

use resonance_mail::{FolderMailer, StoredMail};

use crate::Server;

impl Server {
    /// Every mail that lies in the folder, newest first.
    ///
    /// # Panics
    /// If the folder cannot be read.
    pub async fn mails(&self) -> Vec<StoredMail> {
        let folder = FolderMailer::open(self.folder().join("mail"), "Tests <tests@resonance.test>").unwrap();
        folder.list(1000).await.unwrap()
    }

    /// The newest mail to `address` whose text holds what `find` finds, waited for.
    ///
    /// # Panics
    /// If none comes within ten seconds.
    pub async fn mail<T>(&self, address: &str, find: impl Fn(&str) -> Option<T>) -> T {
        for _ in 0..200 {
            let mails = self.mails().await;
            let found = mails
                .iter()
                .filter(|mail| mail.to.contains(address))
                .find_map(|mail| find(&mail.text));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no such mail came to {address}: {:#?}", self.mails().await);
    }

    /// The newest six-digit code that was mailed to `address`.
    pub async fn code(&self, address: &str) -> String {
        self.mail(address, |text| {
            text.split(|c: char| !c.is_ascii_digit())
                .find(|word| word.len() == 6)
                .map(str::to_owned)
        })
        .await
    }

    /// The token of the newest invitation that was mailed to `address`.
    pub async fn invitation_token(&self, address: &str) -> String {
        self.mail(address, |text| {
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
                .find(|word| word.starts_with("inv_"))
                .map(str::to_owned)
        })
        .await
    }
}
