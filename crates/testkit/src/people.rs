//! People who use an instance.

use resonance_authz::{SystemGrant, system::Admit};
use resonance_domain::{CodePurpose, OrganizationId, Origin, SignUpId, UserId, VerificationCodeId};
use resonance_identity::{Codes, InstanceSecret};
use resonance_persistence::Repositories;
use resonance_services::{NewSignUp, OpenedSession, Request, SignedUp};
use uuid::Uuid;

use crate::{Instance, SECRET};

/// The password of everybody who signs up by [`Instance::sign_up`].
pub const PASSWORD: &str = "tumbling violet meridian";

/// Somebody with an account and an open session.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account.
    pub user: UserId,
    /// The display name.
    pub name: String,
    /// The proved, primary address.
    pub email: String,
    /// The session's token.
    pub token: String,
}

impl From<OpenedSession> for Person {
    fn from(opened: OpenedSession) -> Self {
        Self {
            user: opened.user.id,
            name: opened.user.name,
            email: opened.user.email,
            token: opened.token,
        }
    }
}

impl Instance {
    /// Signs somebody up, by way of the code.
    ///
    /// # Panics
    /// If the address has an account already.
    pub async fn sign_up(&self, name: &str, email: &str) -> Person {
        let request = self.anonymous();
        let signed_up = request
            .accounts()
            .sign_up(NewSignUp {
                name: name.to_owned(),
                email: email.to_owned(),
                password: PASSWORD.to_owned(),
                invitation_token: None,
            })
            .await
            .unwrap();
        let SignedUp::CodeSent(pending) = signed_up else {
            panic!("signed up without a code");
        };
        let code = self.sign_up_code(pending.id).await;
        let opened = request.accounts().verify_sign_up(pending.id, &code).await;
        opened.unwrap().into()
    }

    /// The code of a sign-up, without waiting for the mail.
    ///
    /// # Panics
    /// If there is none.
    pub async fn sign_up_code(&self, sign_up: SignUpId) -> String {
        self.newest_code(CodePurpose::SignUp, sign_up.as_uuid()).await.1
    }

    /// The newest code about something: its id, and its digits.
    ///
    /// # Panics
    /// If there is none.
    pub async fn newest_code(&self, purpose: CodePurpose, subject: Uuid) -> (VerificationCodeId, String) {
        let code = self
            .test_database
            .database
            .atomically(async |uow| {
                let grant = SystemGrant::<Admit>::for_job();
                uow.verification_codes()
                    .lock_newest(&grant, purpose, subject)
                    .await
            })
            .await
            .unwrap()
            .unwrap();
        let codes = Codes::new(&InstanceSecret::parse(SECRET).unwrap());
        let digits = codes.derive(code.purpose.as_str(), code.id.as_uuid().as_bytes(), 0);
        (code.id, digits.expose().to_owned())
    }

    /// The code in the newest mail to `email` that begins with one, after all mails are out.
    ///
    /// # Panics
    /// If there is none.
    pub async fn mailed_code(&self, email: &str) -> String {
        self.services.settle().await.unwrap();
        let mails = self.mails.list(1000).await.unwrap();
        let mail = mails
            .iter()
            .filter(|mail| mail.to == email)
            .find_map(|mail| mail.subject.split(' ').next()?.parse::<u32>().ok());
        format!("{:06}", mail.unwrap())
    }

    /// A request of that person, working in whatever organization is the active one.
    ///
    /// # Panics
    /// If the person's session has ended.
    pub async fn request_of(&self, person: &Person) -> Request {
        let origin = Origin::default();
        let request = self.services.authenticate(&person.token, origin, None);
        request.await.unwrap()
    }

    /// A request of that person which names an organization by its header.
    ///
    /// # Panics
    /// If the person's session has ended.
    pub async fn request_in(&self, person: &Person, organization: OrganizationId) -> Request {
        let origin = Origin::default();
        let request = self
            .services
            .authenticate(&person.token, origin, Some(organization));
        request.await.unwrap()
    }

    /// A request of nobody known, from a client's address.
    #[must_use]
    pub fn anonymous_from(&self, ip_address: &str) -> Request {
        let origin = Origin {
            ip_address: Some(ip_address.to_owned()),
            ..Origin::default()
        };
        self.services.request(resonance_authz::Actor::Anonymous, origin)
    }
}
