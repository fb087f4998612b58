//! Counting SQL statements: those of one request, and all of this node.

use std::{cell::Cell, future::Future, sync::OnceLock};

use metrics::Counter;

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
    // Found once: looking a metric up takes a lock and a hash. Whoever wants to see it installs a recorder before
    // the first statement.
    static ALL: OnceLock<Counter> = OnceLock::new();
    ALL.get_or_init(|| {
        metrics::describe_counter!(
            "resonance_sql_statements_total",
            "SQL statements sent to the database, those that begin and end transactions not counted"
        );
        metrics::counter!("resonance_sql_statements_total")
    })
    .increment(1);
    // Work outside a counted scope, such as a background job, has nobody to tell.
    let _ = STATEMENTS.try_with(|count| count.set(count.get() + 1));
}
