//! The use cases, on both databases.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod api_keys;
mod audit;
mod authentication;
mod billing;
mod clerk;
mod deletion;
mod domains;
mod email_addresses;
mod generations;
mod instance;
mod invitations;
mod jwt;
mod letters;
mod logos;
mod memberships;
mod operators;
mod organizations;
mod password;
mod profiles;
mod received_invitations;
mod refusals;
mod role_races;
mod roles;
mod roles_of_the_instance;
mod sessions;
mod sign_in;
mod sign_up;
mod strangers;
mod tenants;
mod voices;
mod webhooks;

/// The newest invitation's token that was mailed to `address`, once all mails are out.
async fn mailed_token(instance: &resonance_testkit::Instance, address: &str) -> String {
    instance.services.settle().await.unwrap();
    let mails = instance.mails.list(1000).await.unwrap();
    let tokens = mails.iter().filter(|mail| mail.to == address).filter_map(|mail| {
        let (_, rest) = mail.text.split_once("/invitations/")?;
        rest.split_whitespace().next()
    });
    tokens.map(str::to_owned).next().unwrap()
}
