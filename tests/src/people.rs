//! People who sign up.

use serde_json::{Value, json};

use crate::{Client, Server};

/// Everybody's password.
pub const PASSWORD: &str = "tumbling violet meridian";

/// Somebody with an account and an open session.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their client, signed in.
    pub client: Client,
    /// The address.
    pub email: String,
    /// The account's id.
    pub user: String,
    /// The address's id.
    pub email_id: String,
    /// The session's id.
    pub session: String,
}

impl Server {
    /// Signs somebody up by the code in the mail.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_up(&self, name: &str, email: &str) -> Person {
        let client = self.anonymous().from(&address_of(email));
        let input = json!({ "name": name, "email": email, "password": PASSWORD });
        let payload = client
            .mutate("signUp", "SignUpInput", "signUp { id }", input)
            .await;
        let code = self.code(email).await;
        let input = json!({ "signUpId": payload["signUp"]["id"], "code": code });
        let payload = client
            .mutate("verifySignUp", "VerifySignUpInput", "token", input)
            .await;
        Person::of(&client, payload["token"].as_str().unwrap(), email).await
    }

    /// Opens another session of somebody's.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_in(&self, person: &Person) -> Person {
        let client = self.anonymous().from(&address_of(&person.email));
        let input = json!({ "email": person.email, "password": PASSWORD });
        let payload = client.mutate("signIn", "SignInInput", "token", input).await;
        Person::of(&client, payload["token"].as_str().unwrap(), &person.email).await
    }

    /// Signs somebody up by the link of an invitation, without accepting it yet.
    ///
    /// # Panics
    /// If that fails.
    pub async fn sign_up_by_link(&self, name: &str, email: &str, invitation: &str) -> Person {
        let client = self.anonymous().from(&address_of(email));
        let input =
            json!({ "name": name, "email": email, "password": PASSWORD, "invitationToken": invitation });
        let payload = client.mutate("signUp", "SignUpInput", "token", input).await;
        Person::of(&client, payload["token"].as_str().unwrap(), email).await
    }

    /// Signs somebody up by the link of the invitation that was mailed to them, and accepts it.
    ///
    /// # Panics
    /// If that fails.
    pub async fn join(&self, name: &str, email: &str) -> Person {
        let invitation = self.invitation_token(email).await;
        let person = self.sign_up_by_link(name, email, &invitation).await;
        let input = json!({ "token": invitation });
        person
            .client
            .mutate(
                "acceptInvitation",
                "AnswerInvitationInput",
                "organization { id }",
                input,
            )
            .await;
        person
    }
}

impl Person {
    async fn of(client: &Client, token: &str, email: &str) -> Self {
        let client = client.with_token(token);
        let data = client
            .data(
                "{ viewer { id emailAddresses { id } session { id } } }",
                json!({}),
            )
            .await;
        let text = |pointer: &str| data.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Self {
            client,
            email: email.to_owned(),
            user: text("/viewer/id"),
            email_id: text("/viewer/emailAddresses/0/id"),
            session: text("/viewer/session/id"),
        }
    }

    /// Founds an organization and works in it from now on; its id.
    ///
    /// # Panics
    /// If that fails.
    pub async fn found(&self, name: &str, slug: &str) -> String {
        let input = json!({ "name": name, "slug": slug });
        let payload = self
            .client
            .mutate(
                "createOrganization",
                "CreateOrganizationInput",
                "organization { id }",
                input,
            )
            .await;
        payload["organization"]["id"].as_str().unwrap().to_owned()
    }

    /// Invites people; the ids of the invitations.
    ///
    /// # Panics
    /// If one of them is refused.
    pub async fn invite(&self, organization: &str, role: &str, emails: &[&str]) -> Vec<String> {
        let input = json!({ "organizationId": organization, "role": role, "emails": emails });
        let selection = "results { invitation { id } userError { code } }";
        let payload = self
            .client
            .mutate("inviteMembers", "InviteMembersInput", selection, input)
            .await;
        let results = payload["results"].as_array().unwrap();
        results
            .iter()
            .map(|result| result["invitation"]["id"].as_str().expect("invited").to_owned())
            .collect()
    }

    /// Adds a domain to an organization, which suggests it, and proves it by a code; its id.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn suggest_at(&self, server: &Server, organization: &str, name: &str) -> String {
        let input = json!({
            "organizationId": organization,
            "name": name,
            "enrolmentMode": "AUTOMATIC_SUGGESTION",
        });
        let added = self
            .client
            .mutate("addDomain", "AddDomainInput", "domain { id }", input)
            .await;
        let id = added["domain"]["id"].as_str().unwrap().to_owned();
        let email = format!("postmaster@{name}");
        let input = json!({ "domainId": id, "email": email });
        self.client
            .mutate("sendDomainCode", "SendDomainCodeInput", "domain { id }", input)
            .await;
        let input = json!({ "domainId": id, "code": server.code(&email).await });
        let proved = self.client.mutate(
            "verifyDomainByCode",
            "VerifyDomainByCodeInput",
            "domain { verifiedAt }",
            input,
        );
        assert!(proved.await["domain"]["verifiedAt"].is_string());
        id
    }

    /// The variables of `createVoice` and its query, but for the file, which is `sample`.
    #[must_use]
    pub fn new_voice(organization: &str, name: &str, description: &str) -> (&'static str, Value) {
        let input = json!({
            "organizationId": organization,
            "name": name,
            "description": description,
            "sample": null,
            "consent": { "attested": true, "statement": "It is my own voice." },
        });
        let query = "mutation($input: CreateVoiceInput!) { createVoice(input: $input) {
            voice { id } userErrors { code field message } } }";
        (query, json!({ "input": input }))
    }

    /// Makes a voice from a recording; its id.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn make_voice(&self, organization: &str, name: &str, description: &str) -> String {
        let (query, variables) = Self::new_voice(organization, name, description);
        let reply = self
            .client
            .upload(query, variables, "sample", crate::recording(10.5))
            .await;
        let id = &reply.body["data"]["createVoice"]["voice"]["id"];
        id.as_str()
            .unwrap_or_else(|| panic!("{:#}", reply.body))
            .to_owned()
    }

    /// Has a text spoken; the generation's id.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn speak(&self, organization: &str, voice: &str, text: &str) -> String {
        let input = json!({ "organizationId": organization, "voiceId": voice, "text": text });
        let payload = self
            .client
            .mutate(
                "createGeneration",
                "CreateGenerationInput",
                "generation { id }",
                input,
            )
            .await;
        payload["generation"]["id"].as_str().unwrap().to_owned()
    }

    /// Asks for a generation until it is final; its state.
    ///
    /// # Panics
    /// If that takes more than half a minute.
    pub async fn hear(&self, generation: &str) -> String {
        let query = "query($id: ID!) { node(id: $id) { ... on Generation { state } } }";
        for _ in 0..300 {
            let data = self.client.data(query, json!({ "id": generation })).await;
            let state = data["node"]["state"].as_str().expect("the generation is there");
            if !matches!(state, "QUEUED" | "RUNNING") {
                return state.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{generation} does not end");
    }
}

impl Client {
    /// The id of one of the instance's voices.
    ///
    /// # Panics
    /// If there is none.
    pub async fn system_voice(&self) -> String {
        let query = "{ systemVoices(first: 1, filter: { language: \"en-US\" }) { nodes { id } } }";
        let data = self.data(query, json!({})).await;
        data["systemVoices"]["nodes"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A network address for each person, as sign-ups are limited by it.
fn address_of(email: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    email.hash(&mut hasher);
    let [a, b, c, ..] = hasher.finish().to_be_bytes();
    format!("10.{a}.{b}.{c}")
}
