//! The behaviour of a store.

use bytes::Bytes;
use futures_util::{TryStreamExt as _, future::join_all};
use resonance_blobs::{BlobError, BlobKey, Blobs};

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).unwrap()
}

async fn keys(blobs: &Blobs, prefix: Option<&str>) -> Vec<String> {
    let prefix = prefix.map(key);
    let mut keys: Vec<String> = blobs
        .list(prefix.as_ref())
        .map_ok(|info| info.key.to_string())
        .try_collect()
        .await
        .unwrap();
    keys.sort();
    keys
}

/// Everything, on an empty store, which is empty again afterwards.
pub(crate) async fn all(blobs: &Blobs) {
    assert_eq!(keys(blobs, None).await, [""; 0]);
    blobs.check().await.unwrap();
    an_object_is_what_was_put_last(blobs).await;
    absent_objects_are_not_found_and_deleting_them_is_fine(blobs).await;
    a_range_is_cut_out_of_the_object(blobs).await;
    a_large_object_comes_in_pieces(blobs).await;
    a_prefix_is_whole_segments(blobs).await;
    thousands_are_deleted_and_counted(blobs).await;
    racing_writers_leave_one_whole_object(blobs).await;
    assert_eq!(keys(blobs, None).await, [""; 0]);
}

async fn an_object_is_what_was_put_last(blobs: &Blobs) {
    let key = key("org_1/logo.png");
    blobs.put(&key, "one".into(), "image/png").await.unwrap();
    let first = blobs.head(&key).await.unwrap();
    assert_eq!((first.size, &first.key), (3, &key));
    blobs.put(&key, "second".into(), "image/png").await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "second");
    let second = blobs.head(&key).await.unwrap();
    assert_eq!(second.size, 6);
    assert!(second.etag.is_some() && second.etag != first.etag);
    assert_eq!(blobs.read(&key, None).await.unwrap().etag, second.etag);
    blobs.put(&key, Bytes::new(), "image/png").await.unwrap();
    assert_eq!(blobs.get(&key).await.unwrap(), "");
    blobs.delete(&key).await.unwrap();
    assert!(matches!(blobs.get(&key).await, Err(BlobError::NotFound)));
}

async fn absent_objects_are_not_found_and_deleting_them_is_fine(blobs: &Blobs) {
    let absent = key("org_1/absent");
    assert!(matches!(blobs.get(&absent).await, Err(BlobError::NotFound)));
    assert!(matches!(blobs.head(&absent).await, Err(BlobError::NotFound)));
    assert!(matches!(
        blobs.read(&absent, None).await,
        Err(BlobError::NotFound)
    ));
    assert!(matches!(
        blobs.read(&absent, Some(0..1)).await,
        Err(BlobError::NotFound)
    ));
    blobs.delete(&absent).await.unwrap();
    assert_eq!(blobs.delete_prefix(&absent).await.unwrap(), 0);
}

async fn a_range_is_cut_out_of_the_object(blobs: &Blobs) {
    let key = key("org_1/digits");
    blobs.put(&key, "0123456789".into(), "text/plain").await.unwrap();
    for (asked, given, text) in [
        (0..1, 0..1, "0"),
        (3..6, 3..6, "345"),
        (8..100, 8..10, "89"),
        (0..10, 0..10, "0123456789"),
    ] {
        let read = blobs.read(&key, Some(asked)).await.unwrap();
        assert_eq!((read.size, read.range.clone()), (10, given));
        let bytes: Vec<Bytes> = read.bytes.try_collect().await.unwrap();
        assert_eq!(bytes.concat(), text.as_bytes());
    }
    for asked in [10..11, 50..60, 5..5] {
        let refused = blobs.read(&key, Some(asked.clone())).await;
        assert!(
            matches!(refused, Err(BlobError::OutOfRange { size: 10 })),
            "{asked:?}: {refused:?}"
        );
    }
    blobs.delete(&key).await.unwrap();
}

async fn a_large_object_comes_in_pieces(blobs: &Blobs) {
    let key = key("org_1/large");
    let content: Bytes = (0..5_000_000_u32)
        .map(|i| i.to_le_bytes()[1])
        .collect::<Vec<u8>>()
        .into();
    blobs
        .put(&key, content.clone(), "application/octet-stream")
        .await
        .unwrap();
    let read = blobs.read(&key, Some(1..4_999_999)).await.unwrap();
    let pieces: Vec<Bytes> = read.bytes.try_collect().await.unwrap();
    assert!(pieces.len() > 1);
    assert!(pieces.concat() == content[1..4_999_999]);
    blobs.delete(&key).await.unwrap();
}

async fn a_prefix_is_whole_segments(blobs: &Blobs) {
    for text in ["a/b/1", "a/b/c/2", "a/bc/3", "a/b.4", "d/5"] {
        blobs.put(&key(text), "x".into(), "text/plain").await.unwrap();
    }
    assert_eq!(keys(blobs, Some("a/b")).await, ["a/b/1", "a/b/c/2"]);
    assert_eq!(blobs.delete_prefix(&key("a/b")).await.unwrap(), 2);
    assert_eq!(keys(blobs, None).await, ["a/b.4", "a/bc/3", "d/5"]);
    assert_eq!(blobs.delete_prefix(&key("a")).await.unwrap(), 2);
    assert_eq!(blobs.delete_prefix(&key("d")).await.unwrap(), 1);
    assert_eq!(blobs.delete_prefix(&key("d")).await.unwrap(), 0);
}

async fn thousands_are_deleted_and_counted(blobs: &Blobs) {
    // More than a page of a listing and more than a bulk deletion takes.
    let names: Vec<_> = (0..1_100).map(|i| key(&format!("many/{}/{i}", i % 7))).collect();
    for some in names.chunks(50) {
        for put in join_all(some.iter().map(|key| blobs.put(key, "x".into(), "text/plain"))).await {
            put.unwrap();
        }
    }
    assert_eq!(keys(blobs, Some("many")).await.len(), 1_100);
    assert_eq!(blobs.delete_prefix(&key("many")).await.unwrap(), 1_100);
    assert_eq!(keys(blobs, Some("many")).await.len(), 0);
}

async fn racing_writers_leave_one_whole_object(blobs: &Blobs) {
    let key = key("race/object");
    let contents: Vec<Bytes> = (0..8_u8).map(|i| vec![i; 100_000].into()).collect();
    let writes = contents
        .iter()
        .map(|content| blobs.put(&key, content.clone(), "text/plain"));
    for write in join_all(writes).await {
        write.unwrap();
    }
    let left = blobs.get(&key).await.unwrap();
    assert!(contents.contains(&left));
    assert_eq!(keys(blobs, None).await, ["race/object"]);
    blobs.delete(&key).await.unwrap();
}
