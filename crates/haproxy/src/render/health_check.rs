//! A health monitor as checks of servers.

use std::time::Duration;

use evenkeel_model::health_monitor::{HttpProbe, HttpVersion, Probe};
use evenkeel_model::number::Seconds;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::{HealthMonitor, LoadBalancerGraph, Member};

use super::refused;
use super::tls::ServerTls;
use crate::configuration::Check;
use crate::writer::{Line, LogFormat, Section, Unwritable, Word};

/// The least delay and timeout: HAProxy refuses a delay of 0 and takes a timeout of 0 for none.
const LEAST: Duration = Duration::from_secs(1);

/// What the backend says of probes.
pub(super) fn render(
    graph: &LoadBalancerGraph,
    monitor: &HealthMonitor,
    section: &mut Section,
) -> Result<(), Unsupported> {
    if !by_haproxy(&monitor.probe) {
        return Ok(());
    }
    section.add(Line::new("timeout check").word(at_least(monitor.timeout)));
    if let Some(http) = monitor.probe.http() {
        section.add(Line::new("option httpchk"));
        let request = request(graph, http);
        section.add(request.map_err(|why| unwritable(monitor, why))?);
        section.add(Line::new("http-check expect status").word(&http.expected));
    }
    Ok(())
}

/// Whether HAProxy probes; who answers an echo request is found out by the agent.
const fn by_haproxy(probe: &Probe) -> bool {
    match probe {
        Probe::Http(_) | Probe::Https(_) | Probe::Tcp | Probe::TlsHello => true,
        Probe::Ping | Probe::UdpConnect | Probe::Sctp => false,
    }
}

fn unwritable(monitor: &HealthMonitor, why: Unwritable) -> Unsupported {
    refused("Health Monitor", monitor.id, why)
}

fn at_least(seconds: Seconds) -> Duration {
    seconds.duration().max(LEAST)
}

/// In HTTP/1.0 unless the tenant says otherwise, as members are used to from Octavia.
fn request(graph: &LoadBalancerGraph, probe: &HttpProbe) -> Result<Line, Unwritable> {
    let line = Line::new("http-check send meth").word(probe.method.word());
    let line = line.words("uri").word(Word::quoted(probe.path.as_str())?);
    match probe.version {
        None | Some(HttpVersion::V1_0) => Ok(line.words("ver HTTP/1.0")),
        Some(HttpVersion::V1_1) => {
            // The version demands a host; without a name of its own it is the VIP.
            let host = match &probe.domain_name {
                Some(name) => name.to_string(),
                None => graph.load_balancer.vip.address.to_string(),
            };
            let host = LogFormat::new().literal(&host)?;
            Ok(line.words("ver HTTP/1.1 hdr Host").word(host))
        }
    }
}

/// What a server says of probes besides when. Where members are spoken to over TLS anyway, so are they
/// probed, unless elsewhere, and they are judged as they are there.
///
/// HAProxy would do so by itself, but not with servers that are added while it runs.
pub(super) fn options(
    monitor: &HealthMonitor,
    member: &Member,
    tls: &ServerTls,
) -> Result<Line, Unsupported> {
    let over_tls = !tls.options.is_empty();
    let as_traffic = over_tls && !is_elsewhere(member);
    let forced = Line::new(if over_tls { "check-ssl" } else { "check-ssl verify none" });
    let requests = forced.clone().followed_by(&tls.of_requests);
    match &monitor.probe {
        Probe::Https(http) => named(requests, http),
        Probe::Http(http) if as_traffic => named(requests, http),
        Probe::TlsHello => Ok(forced),
        Probe::Tcp if as_traffic => Ok(forced),
        Probe::Http(_) | Probe::Tcp | Probe::Ping | Probe::UdpConnect | Probe::Sctp => {
            Ok(Line::empty())
        }
    }
    .map_err(|why| unwritable(monitor, why))
}

/// What a server says of probes besides if it gets PROXY headers: probes have them too, where traffic
/// has. The same goes for servers that are added as for TLS.
pub(super) fn after_proxy_header(monitor: &HealthMonitor, member: &Member) -> Line {
    if by_haproxy(&monitor.probe) && !is_elsewhere(member) {
        Line::new("check-send-proxy")
    } else {
        Line::empty()
    }
}

/// Whether it is probed where it is not sent traffic.
const fn is_elsewhere(member: &Member) -> bool {
    member.monitor_address.is_some() || member.monitor_port.is_some()
}

/// With the host that the member may need to know to choose its certificate.
fn named(line: Line, http: &HttpProbe) -> Result<Line, Unwritable> {
    let Some(name) = &http.domain_name else { return Ok(line) };
    let name = Word::quoted(name.as_str())?;
    Ok(line.followed_by(&Line::new("check-sni").word(name)))
}

/// When and where HAProxy probes a server, if it does. `connect` is how long the backend waits
/// for a connection.
pub(super) fn check(monitor: &HealthMonitor, member: &Member, connect: Duration) -> Option<Check> {
    let target = member.probed_at();
    let elsewhere = member.monitor_address.is_some();
    by_haproxy(&monitor.probe).then(|| Check {
        interval: at_least(monitor.delay),
        fast_interval: fast_interval(monitor, connect),
        rise: monitor.rise,
        fall: monitor.fall,
        address: elsewhere.then(|| target.ip()),
        // An address brings its port, lest the kind of address decides which one it is.
        port: is_elsewhere(member).then(|| target.port()),
    })
}

/// The pause between probes while a server is on its way up or down.
///
/// HAProxy counts its interval from the *end* of a probe. With the delay alone, a member that
/// takes connections and never answers would leave rotation only after `fall` delays and `fall`
/// timeouts; we promise `delay × (fall + 1) + timeout`.
fn fast_interval(monitor: &HealthMonitor, connect: Duration) -> Duration {
    let delay = at_least(monitor.delay);
    let timeout = at_least(monitor.timeout);
    // While it connects, a probe has the delay or the time to connect, whichever is shorter.
    let longest = timeout.max(delay.min(connect));
    let fall = u32::from(monitor.fall.get());
    // One delay may pass until the first bad probe begins, then come `fall` of them.
    let pauses = (delay * fall + timeout).checked_sub(longest * fall);
    match pauses {
        Some(all) if fall > 1 && !all.is_zero() => delay.min(all / (fall - 1)),
        // Where the timeout is far above the delay no pause is short enough.
        Some(_) | None => delay,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::HealthMonitor;
    use evenkeel_model::text::{Label, Tags};
    use uuid::Uuid;

    use super::*;

    fn monitor(delay: i64, timeout: i64, fall: i64) -> HealthMonitor {
        HealthMonitor {
            id: Uuid::from_u128(1).into(),
            pool: Uuid::from_u128(2).into(),
            name: Label::empty(),
            admin_state_up: true,
            probe: Probe::Tcp,
            delay: delay.try_into().unwrap(),
            timeout: timeout.try_into().unwrap(),
            rise: 2.try_into().unwrap(),
            fall: fall.try_into().unwrap(),
            tags: Tags::default(),
        }
    }

    #[test]
    fn a_hanging_member_leaves_in_time() {
        let connect = Duration::from_secs(5);
        for delay in 1..30 {
            for timeout in 1..=delay {
                for fall in 1..=10 {
                    let monitor = monitor(delay, timeout, fall);
                    let (delay, timeout) = (monitor.delay.duration(), monitor.timeout.duration());
                    let fall = u32::from(monitor.fall.get());
                    let pause = fast_interval(&monitor, connect);
                    let longest = timeout.max(delay.min(connect));
                    let leaves = delay + longest * fall + pause * (fall - 1);
                    assert!(leaves <= delay * (fall + 1) + timeout, "{monitor:?}");
                    assert!(pause <= delay && pause >= Duration::from_millis(100));
                }
            }
        }
    }

    #[test]
    fn a_timeout_beyond_the_delay_leaves_the_delay_alone() {
        let pause = fast_interval(&monitor(1, 5, 3), Duration::from_secs(5));
        assert_eq!(pause, Duration::from_secs(1));
    }
}
