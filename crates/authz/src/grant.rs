//! Proofs of permission, which storage demands.

use std::marker::PhantomData;

use resonance_domain::{ApiKeyId, Author, InvitationId, OrganizationId, UserId};

use crate::{Action, Extent, Implies, PermissionSet};

/// Proof that a member, or an operator of the instance, may do `A` in one organization. Lives as long as the request or unit of work in which it
/// was minted; it is never stored.
///
/// Only a [`Standing`](crate::Standing) or a [`KeyStanding`](crate::KeyStanding) mints grants, and an [`OperatorGrant`](crate::OperatorGrant) those of the actions that
/// are an operator's business. What only a member can do (leaving, working there) takes the standing itself:
///
/// ```compile_fail,E0451
/// # use resonance_authz::{Extent, Grant, ReadVoices};
/// # fn forge(real: Grant<ReadVoices>) -> Grant<ReadVoices> {
/// Grant { extent: Extent::All, ..real }
/// # }
/// ```
///
/// A grant to read does not serve to write:
///
/// ```compile_fail,E0308
/// # use resonance_authz::{Grant, DeleteVoices, ReadVoices};
/// fn delete(grant: &Grant<DeleteVoices>) {}
/// fn misuse(grant: &Grant<ReadVoices>) {
///     delete(grant);
/// }
/// ```
///
/// The other way round it does, where the action implies the other:
///
/// ```
/// # use resonance_authz::{Grant, DeleteVoices, Implies, ReadVoices};
/// fn read<A: Implies<ReadVoices>>(grant: &Grant<A>) {}
/// fn use_it(grant: &Grant<DeleteVoices>) {
///     read(grant);
/// }
/// ```
///
/// And never upwards:
///
/// ```compile_fail,E0277
/// # use resonance_authz::{Grant, DeleteVoices, ReadVoices};
/// fn widen(grant: &Grant<ReadVoices>) -> Grant<DeleteVoices> {
///     grant.narrow()
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub struct Grant<A: Action> {
    pub(crate) organization: OrganizationId,
    pub(crate) author: Author,
    pub(crate) permissions: PermissionSet,
    pub(crate) extent: Extent,
    pub(crate) action: PhantomData<fn() -> A>,
}

impl<A: Action> Grant<A> {
    /// The one organization that the grant opens.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Who acts: a member, an operator, or a key of the organization.
    #[must_use]
    pub const fn author(&self) -> Author {
        self.author
    }

    /// The member or operator who acts; `None` if a key does.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        self.author.user()
    }

    /// The key that acts; `None` if a member or an operator does.
    #[must_use]
    pub const fn api_key(&self) -> Option<ApiKeyId> {
        self.author.api_key()
    }

    /// Everything of the product's own that the member's role allows; for an operator, everything.
    #[must_use]
    pub const fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// Whose things the grant is restricted to; `None` means that it reaches everybody's.
    #[must_use]
    pub const fn only_of(&self) -> Option<Author> {
        match self.extent {
            Extent::All => None,
            Extent::Own => Some(self.author),
        }
    }

    /// The same authority for an action that `A` implies.
    pub fn narrow<B: Action>(&self) -> Grant<B>
    where
        A: Implies<B>,
    {
        Grant {
            organization: self.organization,
            author: self.author,
            permissions: self.permissions,
            extent: self.extent,
            action: PhantomData,
        }
    }
}

impl<A: Action> Clone for Grant<A> {
    fn clone(&self) -> Self {
        self.narrow()
    }
}

/// Proof that a user asks for rows that are their own: profile, sessions, memberships, received invitations.
#[must_use]
#[derive(Debug, Clone)]
pub struct OwnGrant {
    user: UserId,
}

impl OwnGrant {
    pub(crate) const fn new(user: UserId) -> Self {
        Self { user }
    }

    /// Whose rows.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }
}

/// Proof that somebody holds an invitation's current secret, or is signed in with the invited address verified.
/// It opens that one invitation and tells its organization.
#[must_use]
#[derive(Debug, Clone)]
pub struct InvitationGrant {
    organization: OrganizationId,
    invitation: InvitationId,
}

impl InvitationGrant {
    /// Mints the grant if the presented secret's hash is the stored one, compared in constant time.
    #[must_use]
    pub fn for_secret(
        organization: OrganizationId,
        invitation: InvitationId,
        presented_hash: &[u8; 32],
        stored_hash: &[u8; 32],
    ) -> Option<Self> {
        let difference = presented_hash
            .iter()
            .zip(stored_hash)
            .fold(0, |difference, (a, b)| difference | (a ^ b));
        (std::hint::black_box(difference) == 0).then_some(Self {
            organization,
            invitation,
        })
    }

    /// Mints the grant for an invitation that went to one of the user's own verified addresses. `persistence` finds
    /// it through the user's rows only, which is what the [`OwnGrant`] vouches for.
    pub fn for_own_address(_own: &OwnGrant, organization: OrganizationId, invitation: InvitationId) -> Self {
        Self {
            organization,
            invitation,
        }
    }

    /// The organization that invites.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The invitation.
    #[must_use]
    pub const fn invitation(&self) -> InvitationId {
        self.invitation
    }
}

/// The system's own jobs, as types.
pub mod system {
    /// Speaking generations.
    #[derive(Debug)]
    pub enum Speak {}
    /// Removing what is left of a deleted organization, objects that nothing names any more, and what has expired.
    #[derive(Debug)]
    pub enum Purge {}
    /// Showing an organization's logo to whoever holds a signed URL of it.
    #[derive(Debug)]
    pub enum ShowLogo {}
    /// Turning events into mails and live updates.
    #[derive(Debug)]
    pub enum Relay {}
    /// Verifying audit logs, whosever they are, for whoever runs the command line.
    #[derive(Debug)]
    pub enum Audit {}
    /// Delivering to the holder of a signed URL what the URL names.
    #[derive(Debug)]
    pub enum Deliver {}
    /// Seeding the catalogue of system voices.
    #[derive(Debug)]
    pub enum Catalogue {}
    /// Finding out who is asking: sessions and their users.
    #[derive(Debug)]
    pub enum Authenticate {}
    /// Signing up, codes and passwords, before anybody is signed in.
    #[derive(Debug)]
    pub enum Admit {}
    /// Saying who is an operator, by configuration or command line.
    #[derive(Debug)]
    pub enum Appoint {}
    /// Filling a database with a made-up population.
    #[derive(Debug)]
    pub enum Seed {}
    /// Sending events to webhook endpoints.
    #[derive(Debug)]
    pub enum SendWebhooks {}
    /// Telling the billing provider what was used, and keeping what it tells of subscriptions.
    #[derive(Debug)]
    pub enum Bill {}
    /// Proving that ledger, jobs, sums and exports agree, whosever they are.
    #[derive(Debug)]
    pub enum Reconcile {}
}

/// Authority of one of the system's own jobs. There is no general one: each opens the queries of its job.
#[must_use]
#[derive(Debug)]
pub struct SystemGrant<J> {
    job: PhantomData<fn() -> J>,
}

impl<J> SystemGrant<J> {
    /// Mints the grant. Only a job's own code calls this, for itself: the name makes every call easy to find.
    pub const fn for_job() -> Self {
        Self { job: PhantomData }
    }
}
