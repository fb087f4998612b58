//! The schema as a whole.

use resonance_testkit::{TestDatabase, on_both};

on_both! {
    async fn migrating_twice_and_by_several_nodes_at_once_is_fine(backend: Backend) {
        let test = TestDatabase::empty(backend).await;
        assert!(!test.database.is_up_to_date().await.unwrap());
        if test.database.is_postgres() {
            let others = [test.another_node().await, test.another_node().await];
            let (a, b) = tokio::join!(others[0].migrate(), others[1].migrate());
            a.unwrap();
            b.unwrap();
        }
        test.database.migrate().await.unwrap();
        test.database.migrate().await.unwrap();
        assert!(test.database.is_up_to_date().await.unwrap());
    }
}
