//! Doing at once what is ready at the same time.
//!
//! A transaction waits for the disk, for the one connection that writes to SQLite, or for rows that others hold. What
//! becomes ready while one is under way is therefore done by the next one, all of it at once. Whoever comes alone does not wait.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{Mutex, PoisonError},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{Outcome, ServiceError, Services, core::Core};

/// The most that is done at once.
const MOST: usize = 64;

/// Work that can be done together with other work of its kind.
pub(crate) trait Joint: Send + Sync + Sized + 'static {
    /// What it has in common with the work that it is done with.
    type Group: Copy + Eq + Hash + Send + 'static;
    /// What became of it.
    type Done: Send + 'static;

    fn group(&self, core: &Core) -> Self::Group;

    /// Where work of this kind waits.
    fn together(core: &Core) -> &Together<Self>;

    /// Does all of it or nothing; what became of each, in their order.
    fn all(core: &Core, items: &[Self]) -> impl Future<Output = Outcome<Vec<Self::Done>>> + Send;
}

/// What waits on this node. A group is here as long as some of it is being done.
pub(crate) struct Together<J: Joint>(Mutex<HashMap<J::Group, Vec<Waiting<J>>>>);

/// Work, and whom to tell what became of it.
type Waiting<J> = (J, oneshot::Sender<Outcome<<J as Joint>::Done>>);

impl<J: Joint> Default for Together<J> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<J: Joint> Together<J> {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<J::Group, Vec<Waiting<J>>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the work wait, if some of its group is being done; else gives it back.
    fn wait(&self, group: J::Group, item: J) -> Result<oneshot::Receiver<Outcome<J::Done>>, J> {
        self.with(|groups| {
            let Some(waiting) = groups.get_mut(&group) else {
                groups.insert(group, Vec::new());
                return Err(item);
            };
            let (told, heard) = oneshot::channel();
            waiting.push((item, told));
            Ok(heard)
        })
    }

    /// What waits; if nothing does, the group is free.
    fn next(&self, group: J::Group) -> Vec<Waiting<J>> {
        self.with(|groups| {
            let Some(waiting) = groups.get_mut(&group) else {
                return Vec::new();
            };
            if waiting.is_empty() {
                groups.remove(&group);
                return Vec::new();
            }
            let later = waiting.split_off(waiting.len().min(MOST));
            mem::replace(waiting, later)
        })
    }
}

/// Does work, with whatever of its group waits by then. What fails with others is done again by itself, so that nobody pays
/// for the faults of others.
pub(crate) async fn done<J: Joint>(services: &Services, item: J) -> Outcome<J::Done> {
    let group = item.group(services.core());
    match J::together(services.core()).wait(group, item) {
        Ok(heard) => heard
            .await
            .map_err(|error| ServiceError::internal("waiting for a turn", error))?,
        Err(item) => {
            let _turn = Turn::<J> {
                services: services.clone(),
                group,
            };
            alone(services.core(), item).await
        }
    }
}

async fn alone<J: Joint>(core: &Core, item: J) -> Outcome<J::Done> {
    let done = J::all(core, &[item]).await?;
    done.into_iter()
        .next()
        .ok_or_else(|| ServiceError::internal("doing work", "nothing became of it"))
}

async fn all<J: Joint>(core: &Core, waiting: Vec<Waiting<J>>) {
    let (items, told): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    match J::all(core, &items).await {
        Ok(done) => {
            for (told, done) in told.into_iter().zip(done) {
                let _ = told.send(Ok(done));
            }
        }
        Err(error) if items.len() == 1 => {
            if let Some(told) = told.into_iter().next() {
                let _ = told.send(Err(error));
            }
        }
        Err(_) => {
            for (item, told) in items.into_iter().zip(told) {
                let _ = told.send(alone(core, item).await);
            }
        }
    }
}

/// The turn of a group, which goes on to what waits, however it ends.
struct Turn<J: Joint> {
    services: Services,
    group: J::Group,
}

impl<J: Joint> Drop for Turn<J> {
    fn drop(&mut self) {
        let waiting = J::together(self.services.core()).next(self.group);
        // Without a runtime there is nobody left who waits.
        let (false, Ok(runtime)) = (waiting.is_empty(), Handle::try_current()) else {
            return;
        };
        let turn = Self {
            services: self.services.clone(),
            group: self.group,
        };
        // Work of many is in it, so it goes on whoever of them goes.
        runtime.spawn(async move { all::<J>(turn.services.core(), waiting).await });
    }
}
