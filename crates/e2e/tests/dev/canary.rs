//! A private key that is stored, served and spoilt lies nowhere in clear but in the node's memory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use evenkeel_e2e::canary::{Canary, files, is_private};
use evenkeel_e2e::lab::{Lab, Plan, SETTLE, kill, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::tls::{Curl, clear_keys};
use evenkeel_e2e::{eventually, http};
use evenkeel_vault::fixtures::{Authority, Identity, openssl};
use serde_json::{Value, json};

use evenkeel_e2e::graph::{add_member, shifted};

const HOST: &str = "www.example.test";

/// A lab that logs all it can, and every answer that it gave.
struct Told {
    lab: Lab,
    answers: Vec<String>,
}

impl Told {
    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<http::Answer> {
        let answer = self.lab.call(method, path, body).await?;
        self.answers.push(format!("{}\n{}", answer.head, answer.body));
        Ok(answer)
    }

    async fn keep(&mut self, body: Value, collection: &str) -> anyhow::Result<http::Answer> {
        let path = format!("/{collection}");
        let answer = self.lab.key_manager("POST", &path, Some(body)).await?;
        self.answers.push(format!("{}\n{}", answer.head, answer.body));
        Ok(answer)
    }

    async fn secret(&mut self, payload: &str) -> anyhow::Result<String> {
        let body = json!({"payload": payload, "payload_content_type": "text/plain"});
        text(&self.keep(body, "secrets").await?.expect(201)?.json(), "secret_ref")
    }

    /// A container of these parts; its reference.
    async fn container(&mut self, parts: &[(&str, &str)]) -> anyhow::Result<String> {
        let mut refs = Vec::new();
        for (name, content) in parts {
            refs.push(json!({"name": name, "secret_ref": self.secret(content).await?}));
        }
        let body = json!({"type": "certificate", "secret_refs": refs});
        text(&self.keep(body, "containers").await?.expect(201)?.json(), "container_ref")
    }
}

/// The key, encrypted with a pass phrase.
fn encrypted(identity: &Identity) -> anyhow::Result<String> {
    let place = tempfile::tempdir()?;
    let (plain, shut) = (place.path().join("plain"), place.path().join("shut"));
    fs::write(&plain, &identity.key)?;
    openssl(&["pkcs8", "-topk8", "-passout", "pass:right"], &[("-in", &plain), ("-out", &shut)]);
    Ok(fs::read_to_string(shut)?)
}

#[tokio::test]
async fn a_private_key_is_in_clear_in_memory_only() -> anyhow::Result<()> {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let lab = Lab::with(Plan { keep: true, environment, ..Plan::default() }).await?;
    let mut told = Told { lab, answers: Vec::new() };
    let authority = Authority::new("CA");
    let identity = authority.server(&[HOST]);
    let canary = Canary::of(&identity)?;
    let one = Backend::start("one").await?;
    let (load_balancer, listener) = serve(&mut told, &identity, &one).await?;
    let id = text(&load_balancer, "id")?;
    let vip = shifted(&load_balancer, 443)?;
    let curl = Curl::trusting(authority.certificate())?;
    eventually("it is served", SETTLE, async || curl.get(HOST, vip).await.map(drop)).await?;

    spoil(&mut told, &authority, &identity, &listener).await?;
    ask_for_everything(&mut told, &id).await?;
    let secrets = clear_keys(&told.lab.data())?;
    is_in_memory(&canary, &secrets)?;
    is_nowhere(&canary, &told)?;

    // Beginning again brings other ways to write it down.
    told.lab.kill().await?;
    told.lab.haproxies()?.into_iter().for_each(kill);
    told.lab.restart(&[("RUST_LOG", "trace")]).await?;
    told.call(
        "PUT",
        &format!("/listeners/{listener}"),
        Some(json!({"listener": {
            "tls_ciphers": null,
        }})),
    )
    .await?
    .expect(200)?;
    told.lab.until_active(&id).await?;
    eventually("it is served again", SETTLE, async || curl.get(HOST, vip).await.map(drop)).await?;
    is_in_memory(&canary, &secrets)?;
    is_nowhere(&canary, &told)?;

    let path = format!("/loadbalancers/{id}");
    told.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
    told.lab.until_gone(&path).await?;
    let left = canary.find_below(&secrets)?;
    ensure!(left.is_empty(), "{left:?} outlived the load balancer");
    is_nowhere(&canary, &told)
}

/// A load balancer that serves with the certificate, and its listener's id.
async fn serve(
    told: &mut Told,
    identity: &Identity,
    member: &Backend,
) -> anyhow::Result<(Value, String)> {
    let reference = told
        .container(&[("certificate", &identity.certificate), ("private_key", &identity.key)])
        .await?;
    let load_balancer = told.lab.create_load_balancer("canary").await?;
    let body = json!({"listener": {
        "loadbalancer_id": load_balancer["id"], "protocol": "TERMINATED_HTTPS",
        "protocol_port": 443, "default_tls_container_ref": reference,
        "sni_container_refs": [told.secret(&identity.pem()).await?],
    }});
    let listener = told.call("POST", "/listeners", Some(body)).await?.expect(201)?.json();
    let listener = text(&listener["listener"], "id")?;
    let body = json!({"pool": {
        "listener_id": listener, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
    }});
    let pool = told.lab.create("/pools", body).await?;
    add_member(&told.lab, &pool, member).await?;
    told.lab.until_active(&text(&load_balancer, "id")?).await?;
    Ok((load_balancer, listener))
}

/// Everything that can go wrong with a key.
async fn spoil(
    told: &mut Told,
    authority: &Authority,
    identity: &Identity,
    listener: &str,
) -> anyhow::Result<()> {
    let path = format!("/listeners/{listener}");
    let other = authority.server(&["other.test"]);
    let encrypted = encrypted(identity)?;
    let own = &identity.certificate;
    let mismatched = told
        .container(&[("certificate", &other.certificate), ("private_key", &identity.key)])
        .await?;
    let wrong = [
        ("certificate", own.as_str()),
        ("private_key", &encrypted),
        ("private_key_passphrase", "wrong"),
    ];
    let cut_off = &identity.key[..identity.key.len() - 30];
    let swapped = [("certificate", identity.key.as_str()), ("private_key", own)];
    for reference in [
        mismatched,
        told.container(&wrong).await?,
        told.container(&wrong[..2]).await?,
        told.container(&swapped).await?,
        told.secret(&identity.key).await?,
        told.secret(cut_off).await?,
    ] {
        for field in ["default_tls_container_ref", "client_ca_tls_container_ref"] {
            let body = json!({"listener": {field: reference}});
            told.call("PUT", &path, Some(body)).await?.expect(400)?;
        }
    }
    let key = &identity.key;
    for body in [
        json!({"payload": key}),
        json!({"payload": [key], "payload_content_type": "text/plain"}),
        json!({"payload": key, "payload_content_type": "text/html"}),
        json!({"payload": key, "payload_content_type": "application/octet-stream",
               "payload_content_encoding": "base64"}),
        json!({"name": {"payload": key}}),
    ] {
        told.keep(body, "secrets").await?.expect(400)?;
    }
    refused_by_haproxy(told, &path).await
}

/// A configuration that HAProxy refuses, with the key in it.
async fn refused_by_haproxy(told: &mut Told, path: &str) -> anyhow::Result<()> {
    let body = json!({"listener": {"tls_ciphers": "NO-SUCH-CIPHER"}});
    told.call("PUT", path, Some(body)).await?.expect(200)?;
    let refused = told.lab.until(path, "provisioning_status", "ERROR").await?;
    ensure!(refused["status_reason"].is_string(), "{refused}");
    told.answers.push(refused.to_string());
    Ok(())
}

async fn ask_for_everything(told: &mut Told, id: &str) -> anyhow::Result<()> {
    for path in [
        "/listeners",
        "/pools",
        "/loadbalancers",
        &format!("/loadbalancers/{id}/status"),
        &format!("/loadbalancers/{id}/stats"),
    ] {
        told.call("GET", path, None).await?.expect(200)?;
    }
    for path in ["/secrets?limit=100", "/containers?limit=100"] {
        let answer = told.lab.key_manager("GET", path, None).await?.expect(200)?;
        told.answers.push(answer.body);
    }
    for target in ["/v2/evenkeel/placements", "/v2/evenkeel/nodes", "/v2/octavia/amphorae"] {
        let headers = [format!("X-Auth-Token: {}", told.lab.token())];
        let answer = http::request(told.lab.api(), "GET", target, &headers, None).await?;
        told.answers.push(answer.expect(200)?.body);
    }
    Ok(())
}

/// The search finds what is there: in files of a tmpfs that only their owner can read.
fn is_in_memory(canary: &Canary, secrets: &Path) -> anyhow::Result<()> {
    let found = canary.find_below(secrets)?;
    ensure!(!found.is_empty(), "the search finds nothing in {}", secrets.display());
    is_private(secrets)?;
    for (path, _) in found {
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        ensure!(mode == 0o600, "{} has mode {mode:o}", path.display());
        is_private(path.parent().context("a file is in a directory")?)?;
    }
    let mounts = fs::read_to_string("/proc/mounts")?;
    let holds = |line: &&str| {
        let mut words = line.split(' ').skip(1);
        words.next().is_some_and(|place| secrets.starts_with(place) && place.len() > 1)
    };
    let mount = mounts.lines().rfind(holds).context("no file system of its own")?;
    ensure!(mount.split(' ').nth(2) == Some("tmpfs"), "{mount}");
    Ok(())
}

fn is_nowhere(canary: &Canary, told: &Told) -> anyhow::Result<()> {
    let data = told.lab.data();
    let place = data.parent().context("the data is in a directory")?;
    let found = canary.find_below(place)?;
    ensure!(found.is_empty(), "{found:?}");
    for needed in ["log", "data/evenkeel.db", "data/master.key", "data/agent/node.key"] {
        ensure!(fs::metadata(place.join(needed))?.len() > 0, "{needed} was not searched");
    }
    for answer in &told.answers {
        if let Some(form) = canary.find(answer.as_bytes()) {
            bail!("an answer has it as {form}: {}", answer.lines().next().unwrap_or_default());
        }
    }
    let processes = told.lab.haproxies()?.into_iter().chain([told.lab.pid()?]);
    for pid in processes {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{pid}/{file}"))?;
            ensure!(canary.find(&bytes).is_none(), "{file} of {pid} has it");
        }
        let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
        let image = limits.lines().find(|line| line.starts_with("Max core file size"));
        let words: Vec<&str> = image.unwrap_or_default().split_whitespace().collect();
        ensure!(words.get(4..6) == Some(&["0", "0"]), "{pid} may leave an image: {image:?}");
    }
    is_private(&data)?;
    for path in files(&data)? {
        let secret = path.extension().is_some_and(|it| it == "key");
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        ensure!(!secret || mode == 0o600, "{} has mode {mode:o}", path.display());
    }
    Ok(())
}
