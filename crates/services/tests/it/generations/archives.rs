//! Downloading several at once.

use std::io::{Cursor, Read as _};

use chrono::TimeDelta;
use futures_util::TryStreamExt as _;
use resonance_authz::Denied;
use resonance_domain::{ArchiveAddress, AudioFormat, ErrorCode, Generation, GenerationId, Id, InOrg};
use resonance_services::{Archive, CreateGeneration, Outcome, Request, ServiceError, SignedQuery};
use resonance_testkit::on_both;
use serde_json::Value;

use super::{Studio, address, refusals};

/// What a link says.
fn read(url: &str) -> (ArchiveAddress, SignedQuery) {
    let (_, rest) = url.split_once("/archives/").unwrap();
    let (address, query) = rest.split_once("?expires=").unwrap();
    let (expires, signature) = query.split_once("&signature=").unwrap();
    let signed = SignedQuery {
        expires: expires.parse().unwrap(),
        signature: signature.to_owned(),
    };
    (address.parse().unwrap(), signed)
}

async fn link(request: &Request, generations: &[&Generation]) -> (ArchiveAddress, SignedQuery) {
    let addresses: Vec<_> = generations.iter().map(|one| address(one)).collect();
    read(&request.generations().archive_url(&addresses).await.unwrap())
}

/// The files of an archive, by name, in its order.
async fn files(archive: Archive) -> Vec<(String, Vec<u8>)> {
    let chunks: Vec<bytes::Bytes> = archive.bytes.try_collect().await.unwrap();
    let mut zip = zip::ZipArchive::new(Cursor::new(chunks.concat())).unwrap();
    let mut files = Vec::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        assert_eq!(file.compression(), zip::CompressionMethod::Stored);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.push((file.name().unwrap().into_owned(), bytes));
    }
    files
}

/// The verdict on fetching.
async fn fetch(request: &Request, at: &ArchiveAddress, signature: Option<&SignedQuery>) -> Outcome<()> {
    request.generations().archive(at, signature).await.map(drop)
}

fn hidden(outcome: Outcome<()>) -> bool {
    matches!(outcome, Err(ServiceError::Denied(Denied::NotVisible)))
}

fn unauthenticated(outcome: Outcome<()>) -> bool {
    matches!(outcome, Err(ServiceError::Denied(Denied::Unauthenticated)))
}

on_both! {
    async fn an_archive_holds_the_audio_as_it_is_and_a_list_of_what_was_spoken(backend: Backend) {
        let studio = Studio::new(backend).await;
        let wav = CreateGeneration { format: AudioFormat::Wav, ..studio.input("Crème: brûlée? / ..\\ 東京") };
        let wav = studio.as_ada().await.generations().create(wav).await.unwrap().generation;
        let same = CreateGeneration { format: AudioFormat::Wav, fresh: true, ..studio.input("Crème: brûlée? / ..\\ 東京") };
        let same = studio.as_mel().await.generations().create(same).await.unwrap().generation;
        let signs = studio.ask("!!!").await;
        studio.services().settle().await.unwrap();
        let (at, signature) = link(&studio.as_mel().await, &[&signs, &wav, &same]).await;
        let archive = studio.instance.anonymous().generations().archive(&at, Some(&signature)).await.unwrap();
        assert!(archive.file_name.starts_with("generations-") && archive.file_name.ends_with(".zip"));
        let files = files(archive).await;
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["manifest.json", "001.mp3", "002-creme-brulee-東-京.wav", "003-creme-brulee-東-京.wav"]
        );
        for ((_, bytes), generation) in files[1..].iter().zip([&signs, &wav, &same]) {
            let key = studio.look(generation).await.audio_key.unwrap();
            let key = resonance_blobs::BlobKey::parse(&key).unwrap();
            assert_eq!(*bytes, studio.instance.blobs.get(&key).await.unwrap());
        }
        let manifest: Value = serde_json::from_slice(&files[0].1).unwrap();
        let listed = &manifest["generations"][1];
        assert_eq!(listed["file"], names[2]);
        assert_eq!(listed["id"], address(&wav).global_id());
        assert_eq!((&listed["text"], &listed["voiceName"]), (&wav.text.into(), &"Vera".into()));
        assert_eq!((&listed["settings"]["topK"], &listed["format"]), (&1000.into(), &"wav".into()));
        assert_eq!(listed["authorId"], studio.ada.user.type_id());
    }

    async fn a_link_opens_its_archive_for_a_while_and_nothing_else(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (one, other) = (studio.ask("one").await, studio.ask("other").await);
        studio.services().settle().await.unwrap();
        let ada = studio.as_ada().await;
        let (at, signature) = link(&ada, &[&one]).await;
        let nobody = studio.instance.anonymous();
        assert!(fetch(&nobody, &at, Some(&signature)).await.is_ok());
        assert!(unauthenticated(fetch(&nobody, &at, None).await));
        let more = ArchiveAddress { generations: vec![one.id, other.id], ..at.clone() };
        assert!(unauthenticated(fetch(&nobody, &more, Some(&signature)).await));
        // A member needs no signature.
        assert!(fetch(&studio.as_mel().await, &more, None).await.is_ok());
        studio.instance.clock.advance(TimeDelta::minutes(16));
        assert!(unauthenticated(fetch(&studio.instance.anonymous(), &at, Some(&signature)).await));
        // What is deleted is in no archive any more.
        let (at, signature) = link(&studio.as_ada().await, &[&one, &other]).await;
        studio.as_ada().await.generations().delete(address(&other)).await.unwrap();
        assert!(hidden(fetch(&studio.instance.anonymous(), &at, Some(&signature)).await));
        assert!(hidden(fetch(&studio.as_mel().await, &at, None).await));
    }

    async fn a_link_is_no_longer_good_than_the_access_of_whoever_asked_for_it(backend: Backend) {
        let studio = Studio::new(backend).await;
        let spoken = studio.ask("Hello").await;
        studio.services().settle().await.unwrap();
        let nobody = studio.instance.anonymous();

        let mel = studio.as_mel().await;
        let (at, signature) = link(&mel, &[&spoken]).await;
        assert!(fetch(&nobody, &at, Some(&signature)).await.is_ok());
        mel.memberships().leave(Some(studio.organization)).await.unwrap();
        assert!(hidden(fetch(&nobody, &at, Some(&signature)).await));

        let ada = studio.as_ada().await;
        let (at, signature) = link(&ada, &[&spoken]).await;
        assert!(fetch(&nobody, &at, Some(&signature)).await.is_ok());
        ada.accounts().sign_out().await.unwrap();
        assert!(hidden(fetch(&nobody, &at, Some(&signature)).await));
    }

    async fn only_what_succeeded_and_is_in_reach_can_be_downloaded(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (_, elsewhere, stranger) = studio.neighbour().await;
        let spoken = studio.ask("Hello").await;
        studio.services().settle().await.unwrap();
        let waiting = studio.ask("wait").await;
        let ada = studio.as_ada().await;
        let url = async |request: &Request, ids: &[InOrg<GenerationId>]| {
            request.generations().archive_url(ids).await.map(drop)
        };
        let early = url(&ada, &[address(&spoken), address(&waiting)]).await;
        assert_eq!(refusals(early), [(ErrorCode::Conflict, "ids".to_owned())]);
        let ids = || vec![(ErrorCode::Invalid, "ids".to_owned())];
        assert_eq!(refusals(url(&ada, &[]).await), ids());
        assert_eq!(refusals(url(&ada, &[address(&spoken); 101]).await), ids());
        let misplaced = InOrg::new(elsewhere, spoken.id);
        assert_eq!(refusals(url(&ada, &[address(&spoken), misplaced]).await), ids());
        assert!(hidden(url(&stranger, &[address(&spoken)]).await));
        assert!(hidden(url(&stranger, &[misplaced]).await));
        let never = InOrg::new(studio.organization, Id::from_uuid(studio.instance.fresh_uuid()));
        assert!(hidden(url(&ada, &[address(&spoken), never]).await));
        assert!(unauthenticated(url(&studio.instance.anonymous(), &[address(&spoken)]).await));
        // Nor does somebody else's session open what a link does.
        let (at, _) = link(&ada, &[&spoken]).await;
        assert!(hidden(fetch(&stranger, &at, None).await));
        let moved = ArchiveAddress { organization: elsewhere, ..at.clone() };
        assert!(hidden(fetch(&stranger, &moved, None).await));
    }

    async fn when_the_store_has_lost_audio_the_archive_does_not_begin_or_breaks_off(backend: Backend) {
        let studio = Studio::new(backend).await;
        let (one, other) = (studio.ask("one").await, studio.ask("other").await);
        studio.services().settle().await.unwrap();
        let request = studio.as_ada().await;
        let (at, _) = link(&request, &[&one, &other]).await;
        let key = async |one| resonance_blobs::BlobKey::parse(&studio.look(one).await.audio_key.unwrap()).unwrap();
        // Another object, and shorter than the row says.
        studio.instance.blobs.put(&key(&other).await, "short".into(), "audio/mpeg").await.unwrap();
        let archive = request.generations().archive(&at, None).await.unwrap();
        let taken: Outcome<Vec<bytes::Bytes>> = archive.bytes.try_collect().await;
        assert!(matches!(taken, Err(ServiceError::Internal(..))));
        studio.instance.blobs.delete(&key(&one).await).await.unwrap();
        assert!(matches!(fetch(&request, &at, None).await, Err(ServiceError::Store(_))));
    }
}
