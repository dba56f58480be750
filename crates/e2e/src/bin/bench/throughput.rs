//! Requests a second and processor time per request through what we generate, next to a minimal
//! file written by hand: interleaved rounds of the same load on the same processors.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use evenkeel_e2e::lab::{Lab, Plan, text};
use evenkeel_haproxy::render::Hardening;
use evenkeel_vault::fixtures::{Authority, Identity};
use serde_json::json;
use tokio::process::Command;

use crate::figures::Row;
use crate::place::configuration;
use crate::proxy::{Proxy, processor_time, until_listening};

/// Client and member are on one processor, the proxy that is measured on the other.
const ELSEWHERE: usize = 0;
const MEASURED: usize = 1;

const ROUNDS: usize = 11;
/// For the cost of a rule, of which there are many.
const RULE_ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 32;

const MEMBER: SocketAddr = at(2);
const BARE: SocketAddr = at(3);
const VARIANT: SocketAddr = at(4);

const fn at(last: u8) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 95, 0, last)), 8080)
}

/// A member that answers as fast as a program can.
fn member() -> String {
    format!(
        "global\n    nbthread 1\ndefaults\n    mode http\n    timeout client 50s\n\
         frontend member\n    bind {MEMBER}\n    \
         http-request return status 200 content-type text/plain string ok\n"
    )
}

/// What somebody would write who only wants requests to reach the member, with as many connections
/// as ours.
fn bare(ours: &str, speech: Speech) -> String {
    let limit = ours.lines().map(str::trim).find(|line| line.starts_with("maxconn "));
    let limit = limit.unwrap_or("maxconn 1000");
    let tls = match speech {
        Speech::Http => "",
        Speech::Tls | Speech::Handshakes => " ssl crt own.pem",
    };
    format!(
        "global\n    nbthread 1\n    {limit}\ndefaults\n    mode http\n    \
         timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n\
         frontend listener\n    bind {BARE}{tls}\n    default_backend pool\n\
         backend pool\n    server member {MEMBER}\n"
    )
}

/// What clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Http,
    /// Over TLS, on connections that are kept.
    Tls,
    /// The same, with a connection for each request.
    Handshakes,
}

impl Speech {
    const ALL: [Self; 3] = [Self::Http, Self::Tls, Self::Handshakes];

    const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "HTTPS",
            Self::Handshakes => "HTTPS, a handshake each,",
        }
    }
}

/// Ours against a minimal file.
pub(crate) async fn against_a_minimal_file() -> anyhow::Result<Vec<Row>> {
    let _member = Proxy::start(&member(), ELSEWHERE)?;
    until_listening(MEMBER).await?;
    let mut rows = Vec::new();
    for speech in Speech::ALL {
        let own = Authority::new("bench").server(&["bench.example"]);
        let (lab, id, vip) = ours(speech, &own).await?;
        let [pid] = lab.haproxies()?[..] else { bail!("{id} has not one HAProxy") };
        let file = bare(&configuration(&lab.data(), &id)?, speech);
        let bare = Proxy::beside(&[("own.pem", &own.pem())], &file, MEASURED)?;
        until_listening(BARE).await?;
        let rounds = compare(speech, ROUNDS, [(vip, pid), (BARE, bare.pid()?)]).await?;
        rows.extend(compared(speech, &rounds));
    }
    Ok(rows)
}

fn compared(speech: Speech, rounds: &Rounds) -> [Row; 2] {
    let (rate, cost) = (rounds.median_of(Round::rate_ratio), rounds.median_of(Round::cost_ratio));
    let name = speech.name();
    let rates = Row {
        what: format!("{name} requests/s through our file"),
        aim: "≥ 0.95 ×".to_owned(),
        measured: format!("{rate:.3} × ({:.0}/s)", rounds.median_of(|it| it.ours.rate)),
        compared: format!(
            "a minimal haproxy.cfg: {:.0}/s; {ROUNDS} interleaved rounds of {} s, {CONNECTIONS} \
             connections",
            rounds.median_of(|it| it.theirs.rate),
            SPAN.as_secs()
        ),
        met: rate >= 0.95,
    };
    let costs = Row {
        what: format!("{name} processor time per request"),
        aim: "≤ 1.05 ×".to_owned(),
        measured: format!("{cost:.3} × ({:.1} µs)", rounds.median_of(|it| it.ours.microseconds)),
        compared: format!("the same: {:.1} µs", rounds.median_of(|it| it.theirs.microseconds)),
        met: cost <= 1.05,
    };
    [rates, costs]
}

/// What is paid for each hardening of requests: all of ours, next to the same without it.
pub(crate) async fn of_each_hardening() -> anyhow::Result<Vec<Row>> {
    let _member = Proxy::start(&member(), ELSEWHERE)?;
    until_listening(MEMBER).await?;
    let own = Authority::new("bench").server(&["bench.example"]);
    let (lab, id, vip) = ours(Speech::Http, &own).await?;
    let [pid] = lab.haproxies()?[..] else { bail!("{id} has not one HAProxy") };
    let file = configuration(&lab.data(), &id)?;
    let file = file.replace(&vip.to_string(), &VARIANT.to_string());
    let singles = Hardening::ALL.iter().map(|it| (format!("{it:?}"), vec![*it]));
    let all = ("all of them".to_owned(), Hardening::ALL.to_vec());
    let mut rows = Vec::new();
    for (name, left_out) in singles.chain([all]) {
        let lines: Vec<String> =
            left_out.iter().flat_map(|it| it.lines()).map(|line| line.to_string()).collect();
        let kept = file.lines().filter(|line| !lines.iter().any(|it| it == line.trim()));
        let variant = kept.collect::<Vec<_>>().join("\n");
        ensure!(variant.len() < file.len() - 1, "{name} is not in the file");
        let proxy = Proxy::start(&format!("{variant}\n"), MEASURED)?;
        until_listening(VARIANT).await?;
        let proxies = [(vip, pid), (VARIANT, proxy.pid()?)];
        let rounds = compare(Speech::Http, RULE_ROUNDS, proxies).await?;
        let cost = rounds.median_of(|it| it.ours.microseconds - it.theirs.microseconds);
        rows.push(Row {
            what: format!("cost of hardening: {name}"),
            aim: "(none)".to_owned(),
            measured: format!("{cost:+.2} µs processor time per request"),
            compared: format!(
                "ours without: {:.1} µs",
                rounds.median_of(|it| it.theirs.microseconds)
            ),
            met: true,
        });
    }
    Ok(rows)
}

/// An `evenkeel dev` with a listener in front of the member.
async fn ours(speech: Speech, own: &Identity) -> anyhow::Result<(Lab, String, SocketAddr)> {
    let wrapper = ["taskset", "--cpu-list", &MEASURED.to_string()].map(str::to_owned).to_vec();
    let lab = Lab::with(Plan { keep: true, wrapper, ..Plan::default() }).await?;
    let pool = json!({
        "name": "app", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        "members": [{"address": MEMBER.ip(), "protocol_port": MEMBER.port()}],
    });
    let mut listener = json!({"name": "bench", "protocol_port": 8080, "default_pool": pool});
    match speech {
        Speech::Http => listener["protocol"] = json!("HTTP"),
        Speech::Tls | Speech::Handshakes => {
            listener["protocol"] = json!("TERMINATED_HTTPS");
            listener["default_tls_container_ref"] = json!(lab.certificate(own).await?);
        }
    }
    let tree = json!({"loadbalancer": {
        "name": "bench", "vip_subnet_id": lab.vip_subnet().await?, "listeners": [listener],
    }});
    let load_balancer = lab.create("/loadbalancers", tree).await?;
    let id = text(&load_balancer, "id")?;
    lab.until_active(&id).await?;
    let vip = SocketAddr::new(text(&load_balancer, "vip_address")?.parse()?, 8080);
    until_listening(vip).await?;
    Ok((lab, id, vip))
}

/// What one proxy did in one round.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// Requests a second.
    rate: f64,
    /// Of the proxy's processor time, for each request.
    microseconds: f64,
}

/// A round of each, one right after the other.
#[derive(Clone, Copy, Debug)]
struct Round {
    ours: Measure,
    theirs: Measure,
}

impl Round {
    fn rate_ratio(&self) -> f64 {
        self.ours.rate / self.theirs.rate
    }

    fn cost_ratio(&self) -> f64 {
        self.ours.microseconds / self.theirs.microseconds
    }
}

#[derive(Debug, Default)]
struct Rounds(Vec<Round>);

impl Rounds {
    fn median_of(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Rounds of both, of which the other begins each time; the first warms up and does not count.
async fn compare(
    speech: Speech,
    count: usize,
    proxies: [(SocketAddr, u32); 2],
) -> anyhow::Result<Rounds> {
    let mut rounds = Rounds::default();
    for number in 0..=count {
        let [first, second] = if number % 2 == 0 { [0, 1] } else { [1, 0] };
        let mut measures = [None; 2];
        for which in [first, second] {
            let (socket, pid) = proxies[which];
            measures[which] = Some(measure(speech, socket, pid).await?);
        }
        if let ([Some(ours), Some(theirs)], 1..) = (measures, number) {
            rounds.0.push(Round { ours, theirs });
        }
    }
    Ok(rounds)
}

async fn measure(speech: Speech, socket: SocketAddr, pid: u32) -> anyhow::Result<Measure> {
    let (scheme, connection) = match speech {
        Speech::Http => ("http", "keep-alive"),
        Speech::Tls => ("https", "keep-alive"),
        Speech::Handshakes => ("https", "close"),
    };
    let before = processor_time(pid)?;
    let output = Command::new("taskset")
        .args(["--cpu-list", &ELSEWHERE.to_string(), "wrk", "--threads", "1"])
        .args(["--connections", &CONNECTIONS.to_string()])
        .args(["--header", &format!("Connection: {connection}")])
        .args(["--duration", &format!("{}s", SPAN.as_secs()), &format!("{scheme}://{socket}/")])
        .output()
        .await
        .context("wrk is missing: apt-get install wrk")?;
    let used = processor_time(pid)?.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stdout);
    let bad = said.contains("Non-2xx") || said.contains("Socket errors");
    ensure!(output.status.success() && !bad, "{said}");
    let number = |end: &str| -> anyhow::Result<f64> {
        let line = said.lines().find(|line| line.contains(end)).context(end.to_owned())?;
        let number = line.split_whitespace().find_map(|word| word.parse().ok());
        number.with_context(|| line.to_owned())
    };
    let (requests, rate) = (number(" requests in ")?, number("Requests/sec:")?);
    Ok(Measure { rate, microseconds: used.as_secs_f64() * 1e6 / requests })
}
