//! What every store must do, driven on a folder and on a server that speaks S3.
#![expect(clippy::unwrap_used, reason = "tests")]

mod behaviour;
mod s3_server;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use resonance_blobs::{BlobError, BlobKey, Blobs, BlobsConfig, PutStreamError, ReadMethod, S3Options};

use crate::s3_server::S3Server;

fn folder(path: &std::path::Path) -> Blobs {
    let config = BlobsConfig {
        url: format!("file:{}", path.display()),
        ..BlobsConfig::default()
    };
    Blobs::open(&config).unwrap()
}

fn config(server: &S3Server, prefix: &str) -> BlobsConfig {
    let s3 = S3Options {
        endpoint: Some(server.url.clone()),
        access_key_id: Some("test".into()),
        secret_access_key: Some("test".into()),
        ..S3Options::default()
    };
    BlobsConfig {
        url: format!("s3://{}{prefix}", server.bucket),
        s3,
    }
}

fn bucket(server: &S3Server, prefix: &str) -> Blobs {
    Blobs::open(&config(server, prefix)).unwrap()
}

#[tokio::test]
async fn a_folder_behaves_as_a_store() {
    let path = tempfile::tempdir().unwrap();
    let blobs = folder(&path.path().join("not/yet"));
    behaviour::all(&blobs).await;
    let left: Vec<_> = std::fs::read_dir(path.path().join("not/yet"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(left.len(), 1, "nothing but the lock is left: {left:?}");
}

#[tokio::test]
async fn s3_behaves_as_a_store() {
    let Some(server) = S3Server::start().await else {
        return;
    };
    behaviour::all(&bucket(&server, "")).await;
    behaviour::all(&bucket(&server, "/some/prefix")).await;
    assert_eq!(server.incomplete_uploads().await, 0, "no parts are left");
}

#[tokio::test]
async fn a_prefix_of_a_bucket_is_a_store_of_its_own() {
    let Some(server) = S3Server::start().await else {
        return;
    };
    let (whole, part) = (bucket(&server, ""), bucket(&server, "/part"));
    let key = BlobKey::parse("a/b").unwrap();
    part.put(&key, "x".into(), "text/plain").await.unwrap();
    assert!(matches!(whole.get(&key).await, Err(BlobError::NotFound)));
    assert_eq!(
        whole.get(&BlobKey::parse("part/a/b").unwrap()).await.unwrap(),
        "x"
    );
}

#[tokio::test]
async fn s3_keeps_the_content_type() {
    let Some(server) = S3Server::start().await else {
        return;
    };
    let key = BlobKey::parse("a/b.wav").unwrap();
    bucket(&server, "")
        .put(&key, "RIFF".into(), "audio/wav")
        .await
        .unwrap();
    assert_eq!(server.content_type("a/b.wav").await, "audio/wav");
    for (name, size) in [("short.mp3", 1_000), ("long.mp3", 6_000_000)] {
        let bytes = stream::iter([Ok::<_, BlobError>(vec![0; size].into())]);
        let key = BlobKey::parse(name).unwrap();
        let stored = bucket(&server, "").put_stream(&key, "audio/mpeg", bytes).await;
        assert_eq!(stored.unwrap(), size as u64);
        assert_eq!(server.content_type(name).await, "audio/mpeg");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_within_seconds_and_a_bucket_that_is_not_there_too() {
    let Some(mut server) = S3Server::start().await else {
        return;
    };
    let blobs = bucket(&server, "");
    blobs.check().await.unwrap();
    let key = BlobKey::parse("a").unwrap();
    server.bucket = "absent".into();
    let nowhere = bucket(&server, "");
    for absent in [
        nowhere.check().await,
        nowhere.get(&key).await.map(drop),
        nowhere.put(&key, "x".into(), "text/plain").await,
        nowhere.delete_prefix(&key).await.map(drop),
    ] {
        assert!(matches!(absent, Err(BlobError::Unavailable(_))), "{absent:?}");
    }
    drop(server);
    let start = std::time::Instant::now();
    assert!(matches!(blobs.get(&key).await, Err(BlobError::Unavailable(_))));
    assert!(matches!(
        blobs.put(&key, "x".into(), "text/plain").await,
        Err(BlobError::Unavailable(_))
    ));
    assert!(matches!(blobs.check().await, Err(BlobError::Unavailable(_))));
    let bytes = stream::iter([Ok::<_, BlobError>(vec![0; 6_000_000].into())]);
    assert!(matches!(
        blobs.put_stream(&key, "audio/wav", bytes).await,
        Err(PutStreamError::Store(BlobError::Unavailable(_)))
    ));
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_presigned_url_reads_the_object_and_ranges_of_it_from_the_bucket() {
    let Some(server) = S3Server::start().await else {
        return;
    };
    let key = BlobKey::parse("a/b.mp3").unwrap();
    let plain = bucket(&server, "/some/prefix");
    plain.put(&key, "0123456789".into(), "text/plain").await.unwrap();
    let minute = Duration::from_secs(60);
    let url = plain
        .presigned_url(ReadMethod::Get, &key, "audio/mpeg", minute)
        .await;
    assert_eq!(url.unwrap(), None, "nobody asked for it");
    let mut config = config(&server, "/some/prefix");
    config.s3.presigned_reads = true;
    config.s3.public_endpoint = Some(server.url.replace("127.0.0.1", "localhost"));
    let blobs = Blobs::open(&config).unwrap();
    let url = async |method| {
        let url = blobs.presigned_url(method, &key, "audio/mpeg", minute).await;
        url.unwrap().unwrap()
    };
    let get = url(ReadMethod::Get).await;
    assert!(
        get.contains("//localhost:") && get.contains("X-Amz-Expires=60"),
        "{get}"
    );
    assert!(!get.contains("secret"), "{get}");
    let client = reqwest::Client::new();
    let part = client
        .get(&get)
        .header("range", "bytes=2-4")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (part.status().as_u16(), &part.headers()["content-type"]),
        (206, &"audio/mpeg".parse().unwrap())
    );
    assert_eq!(part.text().await.unwrap(), "234");
    let whole = client.get(&get).send().await.unwrap();
    assert!(
        whole.headers()["cache-control"]
            .to_str()
            .unwrap()
            .starts_with("private")
    );
    assert_eq!(whole.text().await.unwrap(), "0123456789");
    let head = client.head(url(ReadMethod::Head).await).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "10");
}

#[tokio::test]
async fn a_folder_that_was_there_before_is_found_again() {
    let path = tempfile::tempdir().unwrap();
    let key = BlobKey::parse("a/b").unwrap();
    folder(path.path())
        .put(&key, "x".into(), "text/plain")
        .await
        .unwrap();
    assert_eq!(folder(path.path()).get(&key).await.unwrap(), "x");
}

#[tokio::test]
async fn a_server_that_vanishes_in_the_middle_of_a_stream_leaves_no_object() {
    let Some(server) = S3Server::start().await else {
        return;
    };
    let blobs = bucket(&server, "");
    let key = BlobKey::parse("a").unwrap();
    blobs.put(&key, "kept".into(), "text/plain").await.unwrap();
    let mut server = Some(server);
    let bytes = stream::iter(0..4).map(move |i| {
        if i == 2 {
            server.take();
        }
        Ok::<_, BlobError>(vec![i; 6_000_000].into())
    });
    let vanished = blobs.put_stream(&key, "audio/wav", bytes).await;
    assert!(
        matches!(vanished, Err(PutStreamError::Store(BlobError::Unavailable(_)))),
        "{vanished:?}"
    );
}
