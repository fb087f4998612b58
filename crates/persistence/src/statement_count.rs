//! Counting the SQL statements of one request.

use std::{cell::Cell, future::Future};

tokio::task_local! {
    static STATEMENTS: Cell<u32>;
}

/// Runs `work` and tells how many SQL statements its task sent meanwhile (`BEGIN` and `COMMIT` not counted).
pub async fn count_statements<T>(work: impl Future<Output = T>) -> (T, u32) {
    STATEMENTS
        .scope(Cell::new(0), async {
            let result = work.await;
            (result, STATEMENTS.with(Cell::get))
        })
        .await
}

/// The count so far, inside [`count_statements`]; `None` outside.
#[must_use]
pub fn statements_so_far() -> Option<u32> {
    STATEMENTS.try_with(Cell::get).ok()
}

pub(crate) fn count_one() {
    // Work outside a counted scope, such as a background job, has nobody to tell.
    let _ = STATEMENTS.try_with(|count| count.set(count.get() + 1));
}
