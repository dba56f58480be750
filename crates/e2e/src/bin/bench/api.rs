//! The API under load, with a thousand load balancers stored.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use evenkeel_e2e::http::Connection;
use evenkeel_e2e::lab::{Lab, Plan, text};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::figures::{Rounds, Row, ms};

const STORED: usize = 1_000;
const CLIENTS: usize = 32;
/// Room for as many as are made.
const VIPS: &str = "127.96.0.0/12";
const SPAN: Duration = Duration::from_secs(8);

pub(crate) async fn under_load() -> anyhow::Result<Vec<Row>> {
    // The service has one core; this program has the other.
    let wrapper = ["taskset", "--cpu-list", "0"].map(str::to_owned).to_vec();
    let lab =
        Lab::with(Plan { keep: true, wrapper, vips: Some(VIPS.to_owned()), ..Plan::default() })
            .await?;
    let subnet = lab.vip_subnet().await?;
    let body = json!({"loadbalancer": {"name": "bench", "vip_subnet_id": subnet}}).to_string();
    let post = move |_: usize| ("POST", "/v2.0/lbaas/loadbalancers".to_owned(), body.clone());

    let filled = load(&lab, Until::Count(STORED), &post).await?;
    let ids = ids(&lab).await?;
    let last = ids.last().context("nothing was stored")?;
    lab.until_active(last).await?;
    let resident = resident_megabytes(lab.pid()?)?;

    let known = ids.clone();
    let show = move |turn: usize| {
        let id = &known[turn * 37 % known.len()];
        ("GET", format!("/v2.0/lbaas/loadbalancers/{id}"), String::new())
    };
    let reads = load(&lab, Until::Passed(SPAN), &show).await?;
    let hundred =
        |_: usize| ("GET", "/v2.0/lbaas/loadbalancers?limit=100".to_owned(), String::new());
    let lists = load(&lab, Until::Passed(SPAN), &hundred).await?;
    let writes = load(&lab, Until::Passed(SPAN), &post).await?;
    let alone = format!("{CLIENTS} clients, {} objects stored, service on one core", ids.len());
    Ok(vec![
        row("API: show a load balancer", 2_000.0, &reads, &alone),
        row("API: list 100 load balancers", 0.0, &lists, &alone),
        row("API: durable create of a load balancer", 500.0, &writes, &alone),
        Row {
            what: "memory of the service".to_owned(),
            aim: "≤ 150 MB at 1,000 load balancers".to_owned(),
            measured: format!("{resident:.0} MB resident"),
            compared: format!("after {} creates at {:.0}/s", filled.rounds.count(), filled.rate()),
            met: resident <= 150.0,
        },
    ])
}

fn row(what: &str, aim: f64, load: &Load, compared: &str) -> Row {
    let aimed = if aim > 0.0 { format!("≥ {aim:.0}/s") } else { "(none)".to_owned() };
    Row {
        what: what.to_owned(),
        aim: aimed,
        measured: format!(
            "{:.0}/s, p50 {}, p99 {}",
            load.rate(),
            ms(load.rounds.median()),
            ms(load.rounds.percentile(99))
        ),
        compared: format!("{compared}; {} failed", load.failed),
        met: load.rate() >= aim && load.failed == 0,
    }
}

async fn ids(lab: &Lab) -> anyhow::Result<Vec<String>> {
    let list = lab.call("GET", "/loadbalancers?fields=id", None).await?.expect(200)?.json();
    let rows = list["loadbalancers"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| text(row, "id")).collect()
}

fn resident_megabytes(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes / 1024.0)
}

/// When a load ends.
#[derive(Clone, Copy, Debug)]
enum Until {
    Count(usize),
    Passed(Duration),
}

#[derive(Debug)]
struct Load {
    rounds: Rounds,
    failed: usize,
    took: Duration,
}

impl Load {
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    fn rate(&self) -> f64 {
        self.rounds.count() as f64 / self.took.as_secs_f64()
    }
}

/// Clients that each send the next request when the last is answered.
async fn load<F>(lab: &Lab, until: Until, request: &F) -> anyhow::Result<Load>
where
    F: Fn(usize) -> (&'static str, String, String) + Clone + Send + 'static,
{
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let header = format!("X-Auth-Token: {}", lab.token());
        clients.spawn(client(lab.api(), header, number, until, request.clone()));
    }
    let mut all = Load { rounds: Rounds::default(), failed: 0, took: Duration::ZERO };
    while let Some(client) = clients.join_next().await {
        let (rounds, failed) = client??;
        all.rounds.extend(rounds);
        all.failed += failed;
    }
    all.took = start.elapsed();
    Ok(all)
}

async fn client<F>(
    api: SocketAddr,
    header: String,
    number: usize,
    until: Until,
    request: F,
) -> anyhow::Result<(Rounds, usize)>
where
    F: Fn(usize) -> (&'static str, String, String),
{
    let mut connection = Connection::open(api).await?;
    let (mut rounds, mut failed) = (Rounds::default(), 0);
    let start = Instant::now();
    for turn in 0.. {
        let over = match until {
            Until::Count(count) => turn >= count.div_ceil(CLIENTS),
            Until::Passed(span) => start.elapsed() >= span,
        };
        if over {
            break;
        }
        let (method, target, body) = request(turn * CLIENTS + number);
        let sent = Instant::now();
        let status = connection.request(method, &target, &header, &body).await?;
        rounds.push(sent.elapsed());
        failed += usize::from(!(200..300).contains(&status));
    }
    Ok((rounds, failed))
}
