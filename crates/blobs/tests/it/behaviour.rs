//! The behaviour of a store.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use resonance_blobs::{BlobError, BlobKey, Blobs, PutStreamError};

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
    streams_of_any_size_are_stored_as_they_came(blobs).await;
    what_does_not_come_whole_is_not_there(blobs).await;
    what_is_put_provisionally_is_there_at_once_and_after_settling(blobs).await;
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
    let listed: Vec<_> = blobs.list(None).try_collect().await.unwrap();
    assert_eq!((listed.len(), &listed[0].key, listed[0].size), (1, &key, 6));
    assert_eq!(
        listed[0].etag, second.etag,
        "a list and the object itself say the same"
    );
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

const PART: usize = 5 * 1024 * 1024;

/// Bytes that differ from part to part.
fn content(size: usize) -> Bytes {
    (0..size).map(|i| i.to_le_bytes()[2]).collect::<Vec<_>>().into()
}

/// The content in pieces of `size` bytes.
fn pieces(content: &Bytes, size: usize) -> Vec<Result<Bytes, std::io::Error>> {
    content
        .chunks(size)
        .map(|piece| Ok(content.slice_ref(piece)))
        .collect()
}

async fn what_is_put_provisionally_is_there_at_once_and_after_settling(blobs: &Blobs) {
    let provisional = blobs.provisional();
    let (new, old) = (key("org_2/a/new"), key("org_2/old"));
    let unsettled = blobs.unsettled();
    blobs.put(&old, "before".into(), "text/plain").await.unwrap();
    provisional.put(&old, "after".into(), "text/plain").await.unwrap();
    let stream = stream::iter(pieces(&content(PART + 1), 4_000));
    provisional.put_stream(&new, "audio/wav", stream).await.unwrap();
    for _ in 0..2 {
        assert_eq!(blobs.get(&old).await.unwrap(), "after");
        assert!(blobs.get(&new).await.unwrap() == content(PART + 1));
        assert_eq!(blobs.settle(&[unsettled; 2]).await.unwrap(), [true; 2]);
    }
    assert_eq!(blobs.delete_prefix(&key("org_2")).await.unwrap(), 2);
}

async fn streams_of_any_size_are_stored_as_they_came(blobs: &Blobs) {
    let key = key("org_1/streamed");
    blobs
        .put(&key, "what was there".into(), "text/plain")
        .await
        .unwrap();
    for (size, piece) in [
        (0, 1),
        (1, 1),
        (PART - 1, 4_000),
        (PART, PART),
        (PART + 1, 4_000),
        // One piece that fills several parts, and pieces across the borders of parts.
        (3 * PART + 7, 3 * PART + 7),
        (4 * PART, 1_000_003),
    ] {
        let content = content(size);
        let stored = blobs
            .put_stream(&key, "audio/wav", stream::iter(pieces(&content, piece)))
            .await
            .unwrap();
        assert_eq!(stored, size as u64);
        assert!(blobs.get(&key).await.unwrap() == content, "{size} in {piece}");
    }
    blobs.delete(&key).await.unwrap();
}

async fn what_does_not_come_whole_is_not_there(blobs: &Blobs) {
    let (kept, absent) = (key("org_1/kept"), key("org_1/absent"));
    blobs.put(&kept, "kept".into(), "text/plain").await.unwrap();
    for size in [1_000, 3 * PART] {
        for key in [&kept, &absent] {
            let mut broken = pieces(&content(size), 100_000);
            broken.push(Err(std::io::Error::other("the engine died")));
            let failed = blobs.put_stream(key, "audio/wav", stream::iter(broken)).await;
            assert!(
                matches!(&failed, Err(PutStreamError::Source(e)) if e.to_string() == "the engine died"),
                "{failed:?}"
            );
            // The rest never comes; whoever waits for it gives up.
            let endless = stream::iter(pieces(&content(size), 100_000)).chain(stream::pending());
            let given_up = blobs.put_stream(key, "audio/wav", endless);
            let limit = std::time::Duration::from_millis(300);
            assert!(tokio::time::timeout(limit, given_up).await.is_err());
        }
    }
    assert_eq!(blobs.get(&kept).await.unwrap(), "kept");
    assert_eq!(keys(blobs, None).await, ["org_1/kept"]);
    blobs.delete(&kept).await.unwrap();
}
