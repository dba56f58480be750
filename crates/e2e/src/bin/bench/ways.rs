//! How long a change takes until it is in effect, for each way it can take.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use evenkeel_e2e::lab::{Lab, Plan, text};
use evenkeel_e2e::member::Backend;
use evenkeel_vault::fixtures::Authority;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::figures::{Rounds, Row, ms};
use crate::place::{configuration, site};

const ROUNDS: usize = 15;
/// Longer than the driver lets pass between two reloads, which is not to be measured.
const APART: Duration = Duration::from_millis(1_200);
/// Long enough for what the last change has left to do.
const SOON: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);

/// A change from a request's first byte until HAProxy says that it serves the next generation.
pub(crate) async fn until_in_effect() -> anyhow::Result<Vec<Row>> {
    let lab = Lab::with(Plan { keep: true, ..Plan::default() }).await?;
    let one = Backend::start("one").await?;
    let whole = made(&lab, tree(&lab, &one).await?).await?;
    let id = text(&whole, "id")?;
    let site = site(&lab.data(), &id)?;
    let pool = format!("/pools/{}", text(&whole["pools"][0], "id")?);
    let member = format!("{pool}/members/{}", text(&whole["pools"][0]["members"][0], "id")?);
    let listener = format!("/listeners/{}", text(&whole["listeners"][0], "id")?);

    let mut own = Bare::start(&configuration(&lab.data(), &id)?).await?;
    let mut rows = Vec::new();
    let weight = |round: usize| json!({"member": {"weight": 1 + round % 100}});
    rows.push(socket("weight", &change(&lab, &site, &member, &weight).await?));
    let switch = |round: usize| json!({"member": {"admin_state_up": !round.is_multiple_of(2)}});
    rows.push(socket("member switched", &change(&lab, &site, &member, &switch).await?));
    let name = |round: usize| json!({"listener": {"name": round.to_string()}});
    rows.push(socket("name", &change(&lab, &site, &listener, &name).await?));
    let timeout = |round: usize| json!({"listener": {"timeout_client_data": 50_000 + round}});
    rows.push(reload("timeout", &lab, &site, &listener, &timeout, &mut own).await?);
    let algorithm = |round: usize| {
        let word = if round.is_multiple_of(2) { "LEAST_CONNECTIONS" } else { "ROUND_ROBIN" };
        json!({"pool": {"lb_algorithm": word}})
    };
    rows.push(reload("algorithm", &lab, &site, &pool, &algorithm, &mut own).await?);
    rows.push(certificate(&lab, &one).await?);
    Ok(rows)
}

/// Another certificate under the same listener.
async fn certificate(lab: &Lab, member: &Backend) -> anyhow::Result<Row> {
    let authority = Authority::new("bench");
    let mut references = Vec::new();
    for _ in 0..2 {
        references.push(lab.certificate(&authority.server(&["bench.example"])).await?);
    }
    let mut tree = tree(lab, member).await?;
    let listener = &mut tree["loadbalancer"]["listeners"][0];
    listener["protocol"] = json!("TERMINATED_HTTPS");
    listener["default_tls_container_ref"] = json!(references[0]);
    let whole = made(lab, tree).await?;
    let site = site(&lab.data(), &text(&whole, "id")?)?;
    let listener = format!("/listeners/{}", text(&whole["listeners"][0], "id")?);
    let other = |round: usize| json!({"listener": {"default_tls_container_ref": references[(round + 1) % 2]}});
    Ok(socket("certificate", &change(lab, &site, &listener, &other).await?))
}

fn socket(kind: &str, took: &Rounds) -> Row {
    Row {
        what: format!("change through the socket ({kind}) → in effect"),
        aim: "p50 ≤ 20 ms".to_owned(),
        measured: format!("p50 {}, p99 {}", ms(took.median()), ms(took.percentile(99))),
        compared: format!("{} rounds", took.count()),
        met: took.median() <= Duration::from_millis(20),
    }
}

/// Rounds of ours and of HAProxy's own reload, one after the other.
async fn reload(
    kind: &str,
    lab: &Lab,
    site: &Path,
    path: &str,
    body: &dyn Fn(usize) -> Value,
    bare: &mut Bare,
) -> anyhow::Result<Row> {
    let (mut took, mut own) = (Rounds::default(), Rounds::default());
    for round in 0..=ROUNDS {
        tokio::time::sleep(APART).await;
        let (ours, theirs) = (once(lab, site, path, body(round)).await?, bare.hand_over().await?);
        if round > 0 {
            took.push(ours);
            own.push(theirs);
        }
    }
    let ratio = took.median().as_secs_f64() / own.median().as_secs_f64();
    Ok(Row {
        what: format!("change by a reload ({kind}) → in effect"),
        aim: "p50 ≤ 1.3 × HAProxy's own reload".to_owned(),
        measured: format!(
            "{ratio:.2} × (p50 {}, p99 {})",
            ms(took.median()),
            ms(took.percentile(99))
        ),
        compared: format!("`haproxy -x … -sf …` with the same file: p50 {}", ms(own.median())),
        met: ratio <= 1.3,
    })
}

async fn tree(lab: &Lab, member: &Backend) -> anyhow::Result<Value> {
    let socket = member.socket();
    Ok(json!({"loadbalancer": {
        "name": "bench", "vip_subnet_id": lab.vip_subnet().await?,
        "listeners": [{
            "name": "bench", "protocol": "HTTP", "protocol_port": 8080,
            "default_pool": {
                "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                "members": [{"address": socket.ip(), "protocol_port": socket.port()}],
            },
        }],
    }}))
}

async fn made(lab: &Lab, tree: Value) -> anyhow::Result<Value> {
    let whole = lab.create("/loadbalancers", tree).await?;
    lab.until_active(&text(&whole, "id")?).await?;
    Ok(whole)
}

async fn change(
    lab: &Lab,
    site: &Path,
    path: &str,
    body: &dyn Fn(usize) -> Value,
) -> anyhow::Result<Rounds> {
    let mut rounds = Rounds::default();
    for round in 0..=ROUNDS {
        tokio::time::sleep(SOON).await;
        let took = once(lab, site, path, body(round)).await?;
        if round > 0 {
            rounds.push(took);
        }
    }
    Ok(rounds)
}

/// One change, until HAProxy says that it serves another generation.
async fn once(lab: &Lab, site: &Path, path: &str, body: Value) -> anyhow::Result<Duration> {
    let before = said(site, "get var proc.generation").await?;
    let start = Instant::now();
    lab.call("PUT", path, Some(body)).await?.expect(200)?;
    until(site, "get var proc.generation", |said| said != before).await?;
    Ok(start.elapsed())
}

/// A HAProxy with the same file elsewhere, and nobody who steers it.
struct Bare {
    place: TempDir,
    serving: Child,
}

impl Bare {
    async fn start(file: &str) -> anyhow::Result<Self> {
        let place = tempfile::tempdir()?;
        let vip = file.lines().find_map(|line| line.trim().strip_prefix("bind "));
        let vip = vip.context("the file binds nothing")?;
        std::fs::write(place.path().join("haproxy.cfg"), file.replace(vip, "127.95.1.1:8080"))?;
        std::fs::write(place.path().join("servers.state"), "1\n")?;
        std::fs::create_dir(place.path().join("jail"))?;
        let serving = haproxy(place.path(), &[])?;
        let bare = Self { place, serving };
        bare.until_it_answers().await?;
        Ok(bare)
    }

    /// From the start of another that takes over until it answers.
    async fn hand_over(&mut self) -> anyhow::Result<Duration> {
        let pid = self.serving.id().context("HAProxy has ended")?.to_string();
        let start = Instant::now();
        let next = haproxy(self.place.path(), &["-x", "../admin.sock", "-sf", &pid])?;
        let mut earlier = std::mem::replace(&mut self.serving, next);
        self.until_it_answers().await?;
        let took = start.elapsed();
        earlier.wait().await?;
        Ok(took)
    }

    async fn until_it_answers(&self) -> anyhow::Result<()> {
        let own = format!("Pid: {}\n", self.serving.id().context("HAProxy has ended")?);
        until(self.place.path(), "show info", |said| said.contains(&own)).await
    }
}

fn haproxy(place: &Path, more: &[&str]) -> anyhow::Result<Child> {
    let started = Command::new("/usr/sbin/haproxy")
        .args(["-db", "-f", "../haproxy.cfg"])
        .args(more)
        .current_dir(place.join("jail"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    started.context("haproxy is missing")
}

/// Asks without a pause until HAProxy says what is wanted.
async fn until(site: &Path, command: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match said(site, command).await {
            Ok(said) if wanted(&said) => return Ok(()),
            seen if Instant::now() > deadline => bail!("{command}: {seen:?}"),
            _ => tokio::time::sleep(Duration::from_micros(300)).await,
        }
    }
}

async fn said(site: &Path, command: &str) -> anyhow::Result<String> {
    let directory = std::fs::File::open(site)?;
    let path = format!("/proc/self/fd/{}/admin.sock", directory.as_raw_fd());
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
