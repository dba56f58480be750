//! Certificates on their way through a lab: into its key manager, and into what `curl` sees.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use evenkeel_vault::fixtures::Identity;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::Lab;
use crate::http::{self, Answer};
use crate::lab::text;

impl Lab {
    /// One call of the key manager; `target` is a path below `/v1`, or a whole reference.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn key_manager(
        &self,
        method: &str,
        target: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let headers = [format!("X-Auth-Token: {}", self.token())];
        let own = format!("http://{}", self.api());
        let target = match target.strip_prefix(&own) {
            Some(path) => path.to_owned(),
            None => format!("/key-manager/v1{target}"),
        };
        http::request(self.api(), method, &target, &headers, body.as_ref()).await
    }

    /// Stores a text as a secret; its reference.
    ///
    /// # Errors
    ///
    /// It was not stored.
    pub async fn secret(&self, payload: &str) -> anyhow::Result<String> {
        let body = json!({"payload": payload, "payload_content_type": "text/plain"});
        let made = self.key_manager("POST", "/secrets", Some(body)).await?.expect(201)?.json();
        text(&made, "secret_ref")
    }

    /// Stores a certificate with its key and its intermediates as a container; its reference.
    ///
    /// # Errors
    ///
    /// It was not stored.
    pub async fn certificate(&self, identity: &Identity) -> anyhow::Result<String> {
        let mut refs = vec![
            json!({"name": "certificate", "secret_ref": self.secret(&identity.certificate).await?}),
            json!({"name": "private_key", "secret_ref": self.secret(&identity.key).await?}),
        ];
        if !identity.intermediates.is_empty() {
            let intermediates = self.secret(&identity.intermediates).await?;
            refs.push(json!({"name": "intermediates", "secret_ref": intermediates}));
        }
        let body = json!({"type": "certificate", "secret_refs": refs});
        let made = self.key_manager("POST", "/containers", Some(body)).await?.expect(201)?.json();
        text(&made, "container_ref")
    }
}

/// A client that trusts one authority, and may have a certificate to show.
#[derive(Debug)]
pub struct Curl {
    place: TempDir,
    shows: Option<(PathBuf, PathBuf)>,
}

impl Curl {
    /// Trusts what this certificate has signed.
    ///
    /// # Errors
    ///
    /// Its files cannot be written.
    pub fn trusting(authority: &str) -> anyhow::Result<Self> {
        let place = TempDir::with_prefix("evenkeel-curl-")?;
        fs::write(place.path().join("ca.pem"), authority)?;
        Ok(Self { place, shows: None })
    }

    /// The same, with a certificate to show.
    ///
    /// # Errors
    ///
    /// Its files cannot be written.
    pub fn showing(mut self, identity: &Identity) -> anyhow::Result<Self> {
        let path = |name: &str| self.place.path().join(name);
        let (certificate, key) = (path("own.pem"), path("own.key"));
        let chain = format!("{}{}", identity.certificate, identity.intermediates);
        fs::write(&certificate, chain)?;
        fs::write(&key, &identity.key)?;
        self.shows = Some((certificate, key));
        Ok(self)
    }

    /// What `https://host/` answers, if `host` is at `socket`.
    ///
    /// # Errors
    ///
    /// There is no connection, no trust on either side, or no good answer.
    pub async fn get(&self, host: &str, socket: SocketAddr) -> anyhow::Result<String> {
        let port = socket.port();
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--max-time", "10"])
            .args(["--resolve", &format!("{host}:{port}:{}", socket.ip())])
            .arg("--cacert")
            .arg(self.place.path().join("ca.pem"));
        if let Some((certificate, key)) = &self.shows {
            command.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        command.arg(format!("https://{host}:{port}/")).stdin(Stdio::null());
        let output = command.output().await.context("curl is missing: apt-get install curl")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}", said.trim());
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Where the agent of a lab that keeps its data has keys in clear.
///
/// # Errors
///
/// It keeps none.
pub fn clear_keys(data: &Path) -> anyhow::Result<PathBuf> {
    let agent = fs::read_to_string(data.join("agent-id"))?;
    Ok(Path::new("/dev/shm").join(format!("evenkeel-{}", agent.trim())))
}
