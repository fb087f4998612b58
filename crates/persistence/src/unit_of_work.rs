//! Transactions, and the repositories that work in them.

use std::sync::Mutex;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseExecutor, DatabaseTransaction, DbBackend, Statement,
};

use crate::{
    Database, Events, Generations, InstanceRow, Invitations, Jobs, LiveNote, Memberships, NewEvent,
    ObjectOwners, Organizations, Purges, ReceivedInvitations, Sessions, SignUps, Speaking, Standings,
    StorageError, Throttles, Usage, UserEmails, Users, VerificationCodes, Voices, event,
    live::{self, Wakes},
};

/// What a repository sends its statements to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Executor<'a> {
    Pool(&'a DatabaseConnection),
    Unit(&'a UnitOfWork),
}

impl<'a> Executor<'a> {
    pub(crate) fn get(self) -> DatabaseExecutor<'a> {
        match self {
            Self::Pool(pool) => pool.into(),
            Self::Unit(uow) => (&uow.transaction).into(),
        }
    }

    pub(crate) fn is_postgres(self) -> bool {
        let backend = match self {
            Self::Pool(pool) => pool.get_database_backend(),
            Self::Unit(uow) => uow.transaction.get_database_backend(),
        };
        backend == DbBackend::Postgres
    }

    /// Notes what to wake once the unit of work is committed.
    pub(crate) fn wake(self, note: impl FnOnce(&mut Wakes)) {
        if let Self::Unit(uow) = self {
            uow.with_pending(|pending| note(&mut pending.wakes));
        }
    }
}

/// One transaction. See [`Database::atomically`].
#[derive(Debug)]
pub struct UnitOfWork {
    transaction: DatabaseTransaction,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    events: Vec<NewEvent>,
    wakes: Wakes,
}

impl UnitOfWork {
    pub(crate) fn new(transaction: DatabaseTransaction) -> Self {
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

    pub(crate) async fn commit(self) -> Result<Wakes, StorageError> {
        let mut pending = self
            .pending
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !pending.events.is_empty() {
            event::insert(&self.transaction, std::mem::take(&mut pending.events)).await?;
            pending.wakes.relay = true;
        }
        let executor = DatabaseExecutor::from(&self.transaction);
        if executor.get_database_backend() == DbBackend::Postgres && !pending.wakes.notes.is_empty() {
            // PostgreSQL brings them to every node, this one included.
            let payloads = live::encode(&std::mem::take(&mut pending.wakes.notes));
            let notify = Statement::from_sql_and_values(DbBackend::Postgres, live::NOTIFY, [payloads.into()]);
            executor.query_all_raw(notify).await?;
        }
        self.transaction.commit().await?;
        Ok(pending.wakes)
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
pub trait Repositories: executor::HasExecutor {
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

    /// Organizations.
    fn organizations(&self) -> Organizations<'_> {
        Organizations(self.executor())
    }

    /// Memberships.
    fn memberships(&self) -> Memberships<'_> {
        Memberships(self.executor())
    }

    /// Invitations, for those who send them.
    fn invitations(&self) -> Invitations<'_> {
        Invitations(self.executor())
    }

    /// Invitations, for those who receive them.
    fn received_invitations(&self) -> ReceivedInvitations<'_> {
        ReceivedInvitations(self.executor())
    }

    /// What is left of deleted organizations.
    fn purges(&self) -> Purges<'_> {
        Purges(self.executor())
    }

    /// Jobs.
    fn jobs(&self) -> Jobs<'_> {
        Jobs(self.executor())
    }

    /// Events.
    fn events(&self) -> Events<'_> {
        Events(self.executor())
    }

    /// Generations, for members.
    fn generations(&self) -> Generations<'_> {
        Generations(self.executor())
    }

    /// Generations at work, for the speech worker.
    fn speaking(&self) -> Speaking<'_> {
        Speaking(self.executor())
    }

    /// The usage ledger.
    fn usage(&self) -> Usage<'_> {
        Usage(self.executor())
    }

    /// Which rows keep which objects.
    fn object_owners(&self) -> ObjectOwners<'_> {
        ObjectOwners(self.executor())
    }

    /// Throttles.
    fn throttles(&self) -> Throttles<'_> {
        Throttles(self.executor())
    }
}

impl Repositories for Database {}
impl Repositories for UnitOfWork {}

pub(crate) mod executor {
    use super::{Database, Executor, UnitOfWork};

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
