//! People who do things while the server dies.

use std::{path::PathBuf, sync::Arc};

use resonance_mail::FolderMailer;
use serde_json::{Value, json};
use tests::{Client, PASSWORD, Person, Server, picture, recording};

use crate::chance::Chance;

use super::book::{Account, Book, Founded, Of, all, note};

/// One pair of hands.
#[derive(Debug, Clone)]
pub(super) struct Load {
    client: Client,
    mails: PathBuf,
    book: Arc<Book>,
    chance: Chance,
    system_voice: String,
}

/// The server died under one's hands, or said no.
struct Failed;

impl From<reqwest::Error> for Failed {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

type Attempt<T> = Result<T, Failed>;

/// How often anybody looks for a mail: it may have been sent long ago.
const PATIENCE: usize = 20;

impl Load {
    pub(super) async fn new(server: &Server, book: Arc<Book>) -> Self {
        let client = server.anonymous();
        Self {
            system_voice: client.system_voice().await,
            client,
            mails: server.folder().join("mail"),
            book,
            chance: Chance::new(0),
        }
    }

    /// The same, at another server, with chance of its own.
    pub(super) fn at(&self, server: &Server, seed: u64) -> Self {
        Self {
            client: self.client.at(server),
            chance: Chance::new(seed),
            ..self.clone()
        }
    }

    /// Does one thing after the other until the server is dead.
    pub(super) async fn work(mut self, name: u64) {
        for turn in 0.. {
            let done = match self.chance.up_to(12) {
                0 | 1 => self.sign_up(&format!("p{name}-{turn}@crash.test")).await,
                2 | 3 => self.found_and_invite(&format!("g{name}-{turn}")).await,
                4 => self.join().await,
                5 => self.make_voice().await,
                6 => self.set_logo().await,
                7 => self.delete().await,
                _ => self.speak(&format!("Text {turn} of {name}.")).await,
            };
            if done.is_err()
                && self
                    .client
                    .try_answer("{ __typename }", Value::Null, None)
                    .await
                    .is_err()
            {
                return;
            }
        }
    }

    /// Runs a mutation; its payload, unless the server died or refused.
    async fn mutate(&self, client: &Client, query: &str, input: Value) -> Attempt<Value> {
        self.mutate_with(client, query, input, None).await
    }

    async fn mutate_with(
        &self,
        client: &Client,
        query: &str,
        input: Value,
        file: Option<(&str, Vec<u8>)>,
    ) -> Attempt<Value> {
        let answer = client.try_answer(query, json!({ "input": input }), file).await?;
        assert_ne!(answer.code(), "INTERNAL", "{query}\n{}", answer.body);
        if !answer.code().is_empty() {
            return Err(Failed);
        }
        let json = answer.json();
        let payload = json["data"]
            .as_object()
            .and_then(|data| data.values().next())
            .ok_or(Failed)?;
        Ok(payload.clone())
    }

    async fn sign_up(&mut self, email: &str) -> Attempt<()> {
        let client = self.client.from(&format!(
            "10.{}.{}.1",
            self.chance.up_to(250),
            self.chance.up_to(250)
        ));
        let input = json!({ "name": "Somebody", "email": email, "password": PASSWORD });
        let query =
            "mutation($input: SignUpInput!) { signUp(input: $input) { signUp { id } userErrors { code } } }";
        let payload = self.mutate(&client, query, input).await?;
        note(&self.book.codes, email.to_owned());
        let code = self.mail(email, code_in).await?;
        let input = json!({ "signUpId": payload["signUp"]["id"], "code": code });
        let query = "mutation($input: VerifySignUpInput!) { verifySignUp(input: $input) { token userErrors { code } } }";
        let payload = self.mutate(&client, query, input).await?;
        let token = payload["token"].as_str().ok_or(Failed)?.to_owned();
        note(
            &self.book.accounts,
            Account {
                email: email.to_owned(),
                token,
            },
        );
        Ok(())
    }

    async fn found_and_invite(&mut self, name: &str) -> Attempt<()> {
        let Some(founder) = self.chance.one_of(&all(&self.book.accounts)) else {
            return Ok(());
        };
        let client = self.client.with_token(&founder.token);
        let query = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
            organization { id } userErrors { code } } }";
        let payload = self.mutate(&client, query, json!({ "name": name })).await?;
        let id = payload["organization"]["id"].as_str().ok_or(Failed)?.to_owned();
        let founded = Founded {
            id: id.clone(),
            founder: founder.token,
        };
        note(&self.book.organizations, founded);
        let emails = [format!("a-{name}@crash.test"), format!("b-{name}@crash.test")];
        let query = "mutation($input: InviteMembersInput!) { inviteMembers(input: $input) {
            results { userError { code } } userErrors { code } } }";
        let input = json!({ "organizationId": id, "emails": emails, "role": "org:member" });
        let payload = self.mutate(&client, query, input).await?;
        for (email, result) in emails
            .into_iter()
            .zip(payload["results"].as_array().ok_or(Failed)?)
        {
            if result["userError"].is_null() {
                note(
                    &self.book.invitations,
                    Of {
                        organization: id.clone(),
                        what: email,
                    },
                );
            }
        }
        Ok(())
    }

    async fn join(&mut self) -> Attempt<()> {
        let invitations = all(&self.book.invitations);
        let newest = &invitations[invitations.len().saturating_sub(10)..];
        let Some(invitation) = self.chance.one_of(newest) else {
            return Ok(());
        };
        let email = invitation.what.clone();
        let token = self.mail(&email, token_in).await?;
        let client = self.client.from(&format!(
            "10.{}.{}.2",
            self.chance.up_to(250),
            self.chance.up_to(250)
        ));
        let input =
            json!({ "name": "Guest", "email": email, "password": PASSWORD, "invitationToken": token });
        let query = "mutation($input: SignUpInput!) { signUp(input: $input) { token userErrors { code } } }";
        let payload = self.mutate(&client, query, input).await?;
        let session = payload["token"].as_str().ok_or(Failed)?.to_owned();
        note(
            &self.book.accounts,
            Account {
                email: email.clone(),
                token: session.clone(),
            },
        );
        let query = "mutation($input: AnswerInvitationInput!) { acceptInvitation(input: $input) { userErrors { code } } }";
        let client = client.with_token(&session);
        self.mutate(&client, query, json!({ "token": token })).await?;
        note(
            &self.book.joined,
            Of {
                organization: invitation.organization,
                what: email,
            },
        );
        Ok(())
    }

    async fn make_voice(&mut self) -> Attempt<()> {
        let Some(Founded { id, founder }) = self.chance.one_of(&all(&self.book.organizations)) else {
            return Ok(());
        };
        let (query, variables) = Person::new_voice(&id, "Narrator", "");
        let client = self.client.with_token(&founder);
        let file = Some(("sample", recording(10.2)));
        let payload = self
            .mutate_with(&client, query, variables["input"].clone(), file)
            .await?;
        let voice = payload["voice"]["id"].as_str().ok_or(Failed)?.to_owned();
        note(
            &self.book.voices,
            Of {
                organization: id,
                what: voice.clone(),
            },
        );
        // Hearing it makes its preview.
        let _ = client
            .request(reqwest::Method::GET, &format!("/voices/{voice}/preview"))
            .send()
            .await?;
        Ok(())
    }

    async fn set_logo(&mut self) -> Attempt<()> {
        let Some(Founded { id, founder }) = self.chance.one_of(&all(&self.book.organizations)) else {
            return Ok(());
        };
        let query = "mutation($input: SetOrganizationLogoInput!) { setOrganizationLogo(input: $input) {
            organization { hasLogo } userErrors { code } } }";
        let client = self.client.with_token(&founder);
        let input = json!({ "organizationId": id, "logo": null });
        self.mutate_with(&client, query, input, Some(("logo", picture())))
            .await?;
        note(&self.book.logos, id);
        Ok(())
    }

    async fn speak(&mut self, text: &str) -> Attempt<()> {
        let Some(Founded { id, founder }) = self.chance.one_of(&all(&self.book.organizations)) else {
            return Ok(());
        };
        let own = all(&self.book.voices)
            .into_iter()
            .filter(|voice| voice.organization == id);
        let voices: Vec<_> = own
            .map(|voice| voice.what)
            .chain([self.system_voice.clone()])
            .collect();
        let voice = self.chance.one_of(&voices).ok_or(Failed)?;
        let client = self.client.with_token(&founder);
        let query = "mutation($input: CreateGenerationInput!) { createGeneration(input: $input) {
            generation { id } userErrors { code } } }";
        let text = text.repeat(1 + usize::try_from(self.chance.up_to(60)).unwrap());
        let input = json!({ "organizationId": id, "voiceId": voice, "text": text });
        let payload = self.mutate(&client, query, input).await?;
        let generation = payload["generation"]["id"].as_str().ok_or(Failed)?.to_owned();
        note(
            &self.book.generations,
            Of {
                organization: id,
                what: generation.clone(),
            },
        );
        if self.chance.up_to(4) == 0 {
            let query = "mutation($input: CancelGenerationInput!) { cancelGeneration(input: $input) { userErrors { code } } }";
            self.mutate(&client, query, json!({ "id": generation })).await?;
            note(&self.book.cancelled, generation);
        }
        Ok(())
    }

    async fn delete(&mut self) -> Attempt<()> {
        let organizations = all(&self.book.organizations);
        // Some stay, for the others to work in.
        if organizations.len() < 4 || self.chance.up_to(2) == 0 {
            return Ok(());
        }
        let Some(Founded { id, founder }) = self.chance.one_of(&organizations) else {
            return Ok(());
        };
        self.book
            .organizations
            .lock()
            .unwrap()
            .retain(|founded| founded.id != id);
        note(&self.book.doomed, id.clone());
        let query = "mutation($input: OrganizationInput!) { deleteOrganization(input: $input) { userErrors { code } } }";
        let client = self.client.with_token(&founder);
        self.mutate(&client, query, json!({ "organizationId": id }))
            .await?;
        note(&self.book.deleted, id);
        Ok(())
    }

    /// What a mail to `address` says.
    async fn mail(&self, address: &str, find: fn(&str) -> Option<String>) -> Attempt<String> {
        let folder = FolderMailer::open(&self.mails, "Tests <tests@resonance.test>").map_err(|_| Failed)?;
        for _ in 0..PATIENCE {
            let mails = folder.list(100).await.map_err(|_| Failed)?;
            let found = mails
                .iter()
                .filter(|mail| mail.to.contains(address))
                .find_map(|mail| find(&mail.text));
            if let Some(found) = found {
                return Ok(found);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Err(Failed)
    }
}

/// The six digits in a mail.
pub(super) fn code_in(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit())
        .find(|word| word.len() == 6)
        .map(str::to_owned)
}

/// The token of the link in a mail.
pub(super) fn token_in(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .find(|word| word.starts_with("inv_"))
        .map(str::to_owned)
}
