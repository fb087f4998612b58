//! A server that speaks S3, which we did not write: moto, from PyPI, in a virtual environment under `target/`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use object_store::{Attribute, ObjectStoreExt as _, aws::AmazonS3Builder};

const MOTO: &str = "moto[server,s3]==5.2.5";

/// The server's process; it ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) struct S3Server {
    pub(crate) url: String,
    pub(crate) bucket: String,
    _process: Process,
}

impl S3Server {
    /// Starts a server with one empty bucket, on a port that the system picks. `None`, and a line that says so,
    /// where moto cannot be installed.
    pub(crate) async fn start() -> Option<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Some(environment) = install() else {
            eprintln!("SKIPPED: no S3 server, as python3 -m venv or pip install {MOTO} failed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let process = Command::new(environment.join("bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(File::options().append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let process = Process(process);
        for _ in 0..300 {
            let started = std::fs::read_to_string(&log).unwrap();
            if let Some((_, rest)) = started.split_once("Running on ") {
                let url = rest.split_whitespace().next().unwrap().to_owned();
                let bucket = "resonance".to_owned();
                let made = reqwest::Client::new()
                    .put(format!("{url}/{bucket}"))
                    .send()
                    .await
                    .unwrap();
                assert!(made.status().is_success(), "{made:?}");
                return Some(Self {
                    url,
                    bucket,
                    _process: process,
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        unreachable!("moto did not start: {}", std::fs::read_to_string(&log).unwrap());
    }

    /// How many multipart uploads have been begun and neither completed nor aborted.
    pub(crate) async fn incomplete_uploads(&self) -> usize {
        let url = format!("{}/{}?uploads", self.url, self.bucket);
        let answer = reqwest::get(url).await.unwrap().text().await.unwrap();
        assert!(answer.contains("ListMultipartUploadsResult"), "{answer}");
        answer.matches("<UploadId>").count()
    }

    /// The content type that the server keeps of an object.
    pub(crate) async fn content_type(&self, key: &str) -> String {
        let store = AmazonS3Builder::new()
            .with_endpoint(&self.url)
            .with_allow_http(true)
            .with_bucket_name(&self.bucket)
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()
            .unwrap();
        let found = store.get(&key.into()).await.unwrap();
        found.attributes.get(&Attribute::ContentType).unwrap().to_string()
    }
}

/// The virtual environment with moto, made by the first test that needs it while the others wait.
fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join("moto-5.2.5");
    let lock = File::create(folder.join("moto.lock")).unwrap();
    lock.lock().unwrap();
    let done = environment.join("done");
    if !done.exists() {
        let run = |command: &mut Command| command.status().is_ok_and(|status| status.success());
        let made = run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment))
            && run(Command::new(environment.join("bin/pip")).args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                MOTO,
            ]));
        if !made {
            return None;
        }
        File::create(&done).unwrap();
    }
    Some(environment)
}
