//! Transactions, and the repositories that work in them.

use std::sync::Mutex;

use crate::{
    Activity, ApiKeys, AuditChains, AuditLogs, Database, Directory, Enrolments, EventFeed, Events,
    Generations, IdempotencyKeys, InstanceRoles, InstanceRow, Invitations, Jobs, LiveNote,
    MembershipRequests, Memberships, NewEvent, ObjectNames, ObjectOwners, Operators, OrganizationDomains,
    Organizations, Plans, Purges, ReceivedInvitations, Roles, SentMembershipRequests, Sessions, SignUps,
    Speaking, Spendings, Standings, StorageError, Subscriptions, Throttles, Usage, UsageExports, UsageTotals,
    UsageVerification, UserEmails, UserEnds, Users, VerificationCodes, Voices, WebhookDeliveries,
    WebhookEndpoints, WebhookSending, event,
    executor::{Executor, Transaction},
    live::{self, Wakes},
};

/// One transaction. See [`Database::atomically`].
#[derive(Debug)]
pub struct UnitOfWork {
    transaction: Transaction,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    events: Vec<NewEvent>,
    wakes: Wakes,
}

impl UnitOfWork {
    pub(crate) fn new(transaction: Transaction) -> Self {
        Self {
            transaction,
            pending: Mutex::default(),
        }
    }

    /// Records what happened. The events of a unit of work are written together, by one statement, when it commits.
    pub fn record(&self, event: NewEvent) {
        self.with_pending(|pending| pending.events.push(event));
    }

    /// Tells this node's and the other nodes' subscribers, once this unit of work is committed.
    pub fn tell(&self, note: LiveNote) {
        self.with_pending(|pending| pending.wakes.notes.push(note));
    }

    /// Tells this node's subscribers alone, likewise: for what the others hear soon by the event that stands behind it.
    pub fn tell_here(&self, note: LiveNote) {
        self.with_pending(|pending| pending.wakes.notes_here.push(note));
    }

    pub(crate) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Notes what to wake once the unit of work is committed.
    pub(crate) fn note_wakes(&self, note: impl FnOnce(&mut Wakes)) {
        self.with_pending(|pending| note(&mut pending.wakes));
    }

    pub(crate) async fn commit(self) -> Result<Wakes, StorageError> {
        let mut pending = Pending::default();
        self.with_pending(|noted| std::mem::swap(noted, &mut pending));
        let executor = Executor::Unit(&self);
        if !pending.events.is_empty() {
            event::insert(executor, std::mem::take(&mut pending.events)).await?;
            pending.wakes.relay = true;
        }
        if executor.is_postgres() && !pending.wakes.notes.is_empty() {
            // PostgreSQL brings them to every node, this one included.
            let payloads = live::encode(&std::mem::take(&mut pending.wakes.notes));
            executor.all(live::NOTIFY, [payloads.into()], |_| Ok(())).await?;
        }
        self.transaction.commit().await?;
        Ok(pending.wakes)
    }

    pub(crate) async fn roll_back(self) {
        self.transaction.roll_back().await;
    }

    fn with_pending(&self, f: impl FnOnce(&mut Pending)) {
        f(&mut self
            .pending
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Gives the repositories, of a [`Database`] for reading and of a [`UnitOfWork`] for reading and writing.
///
/// Writing through a `Database`'s repository fails on SQLite, whose reading connections refuse it, and so in the
/// tests.
pub trait Repositories: sealed::HasExecutor {
    /// Voices.
    fn voices(&self) -> Voices<'_> {
        Voices(self.executor())
    }

    /// Standings of users in organizations.
    fn standings(&self) -> Standings<'_> {
        Standings(self.executor())
    }

    /// People with accounts.
    fn users(&self) -> Users<'_> {
        Users(self.executor())
    }

    /// The addresses of users.
    fn user_emails(&self) -> UserEmails<'_> {
        UserEmails(self.executor())
    }

    /// People who asked for an account.
    fn sign_ups(&self) -> SignUps<'_> {
        SignUps(self.executor())
    }

    /// Codes that were sent.
    fn verification_codes(&self) -> VerificationCodes<'_> {
        VerificationCodes(self.executor())
    }

    /// What the instance is.
    fn instance(&self) -> InstanceRow<'_> {
        InstanceRow(self.executor())
    }

    /// Signed-in sessions.
    fn sessions(&self) -> Sessions<'_> {
        Sessions(self.executor())
    }

    /// Who is an operator, and what only operators do to organizations.
    fn operators(&self) -> Operators<'_> {
        Operators(self.executor())
    }

    /// All users and organizations of the instance, for operators.
    fn directory(&self) -> Directory<'_> {
        Directory(self.executor())
    }

    /// Keeping users out, and ending accounts.
    fn user_ends(&self) -> UserEnds<'_> {
        UserEnds(self.executor())
    }

    /// Who was active when.
    fn activity(&self) -> Activity<'_> {
        Activity(self.executor())
    }

    /// Organizations.
    fn organizations(&self) -> Organizations<'_> {
        Organizations(self.executor())
    }

    /// Memberships.
    fn memberships(&self) -> Memberships<'_> {
        Memberships(self.executor())
    }

    /// Custom roles, for organizations.
    fn roles(&self) -> Roles<'_> {
        Roles(self.executor())
    }

    /// Roles and permissions of the whole instance.
    fn instance_roles(&self) -> InstanceRoles<'_> {
        InstanceRoles(self.executor())
    }

    /// Invitations, for those who send them.
    fn invitations(&self) -> Invitations<'_> {
        Invitations(self.executor())
    }

    /// Invitations, for those who receive them.
    fn received_invitations(&self) -> ReceivedInvitations<'_> {
        ReceivedInvitations(self.executor())
    }

    /// Mail domains, for the organizations that have them.
    fn organization_domains(&self) -> OrganizationDomains<'_> {
        OrganizationDomains(self.executor())
    }

    /// What domains offer to users.
    fn enrolments(&self) -> Enrolments<'_> {
        Enrolments(self.executor())
    }

    /// Requests to join, for the organizations that receive them.
    fn membership_requests(&self) -> MembershipRequests<'_> {
        MembershipRequests(self.executor())
    }

    /// Requests to join, for those who send them.
    fn sent_membership_requests(&self) -> SentMembershipRequests<'_> {
        SentMembershipRequests(self.executor())
    }

    /// What is left of deleted organizations.
    fn purges(&self) -> Purges<'_> {
        Purges(self.executor())
    }

    /// Jobs.
    fn jobs(&self) -> Jobs<'_> {
        Jobs(self.executor())
    }

    /// Where the chains of the audit log end.
    fn audit_chains(&self) -> AuditChains<'_> {
        AuditChains(self.executor())
    }

    /// The audit log, for those who read and verify it.
    fn audit_logs(&self) -> AuditLogs<'_> {
        AuditLogs(self.executor())
    }

    /// Events.
    fn events(&self) -> Events<'_> {
        Events(self.executor())
    }

    /// The events of an organization, for its members.
    fn event_feed(&self) -> EventFeed<'_> {
        EventFeed(self.executor())
    }

    /// Generations, for members.
    fn generations(&self) -> Generations<'_> {
        Generations(self.executor())
    }

    /// What requests that may come again made.
    fn idempotency_keys(&self) -> IdempotencyKeys<'_> {
        IdempotencyKeys(self.executor())
    }

    /// Generations at work, for the speech worker.
    fn speaking(&self) -> Speaking<'_> {
        Speaking(self.executor())
    }

    /// The usage ledger.
    fn usage(&self) -> Usage<'_> {
        Usage(self.executor())
    }

    /// The sums of the ledger.
    fn usage_totals(&self) -> UsageTotals<'_> {
        UsageTotals(self.executor())
    }

    /// What is on its way from the ledger to the billing provider.
    fn usage_exports(&self) -> UsageExports<'_> {
        UsageExports(self.executor())
    }

    /// Whether the ledger agrees with everything that follows from it.
    fn usage_verification(&self) -> UsageVerification<'_> {
        UsageVerification(self.executor())
    }

    /// What is spent, and what may be.
    fn spending(&self) -> Spendings<'_> {
        Spendings(self.executor())
    }

    /// Plans.
    fn plans(&self) -> Plans<'_> {
        Plans(self.executor())
    }

    /// Subscriptions.
    fn subscriptions(&self) -> Subscriptions<'_> {
        Subscriptions(self.executor())
    }

    /// Which rows keep which objects.
    fn object_owners(&self) -> ObjectOwners<'_> {
        ObjectOwners(self.executor())
    }

    /// Which rows name objects, and which jobs are about them.
    fn object_names(&self) -> ObjectNames<'_> {
        ObjectNames(self.executor())
    }

    /// Throttles.
    fn throttles(&self) -> Throttles<'_> {
        Throttles(self.executor())
    }

    /// API keys.
    fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(self.executor())
    }

    /// Webhook endpoints, for those who manage them.
    fn webhook_endpoints(&self) -> WebhookEndpoints<'_> {
        WebhookEndpoints(self.executor())
    }

    /// The log of webhook deliveries, for the same.
    fn webhook_deliveries(&self) -> WebhookDeliveries<'_> {
        WebhookDeliveries(self.executor())
    }

    /// The queue of webhook deliveries, for those who send them.
    fn webhook_sending(&self) -> WebhookSending<'_> {
        WebhookSending(self.executor())
    }
}

impl Repositories for Database {}
impl Repositories for UnitOfWork {}

pub(crate) mod sealed {
    use super::{Database, UnitOfWork};
    use crate::executor::Executor;

    /// Keeps [`super::Repositories`] to the two types that have connections.
    pub trait HasExecutor {
        #[expect(
            private_interfaces,
            reason = "the trait is public only to seal another; nobody outside can name it"
        )]
        fn executor(&self) -> Executor<'_>;
    }

    impl HasExecutor for Database {
        #[expect(private_interfaces, reason = "see the trait")]
        fn executor(&self) -> Executor<'_> {
            self.reader()
        }
    }

    impl HasExecutor for UnitOfWork {
        #[expect(private_interfaces, reason = "see the trait")]
        fn executor(&self) -> Executor<'_> {
            Executor::Unit(self)
        }
    }
}
