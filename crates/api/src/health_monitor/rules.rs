//! What a health monitor must not contradict (contract 2.5, 3.4).

use evenkeel_model::health_monitor::{
    HttpMethod, HttpProbe, HttpVersion, Probe, ProbeKind, StatusCodes,
};
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::text::{DomainName, UrlPath};
use evenkeel_model::{HealthMonitor, Violation};

use crate::Deployment;

/// What is said of requests, whether or not the probe makes any.
#[derive(Default)]
pub(super) struct Http {
    pub(super) method: Option<HttpMethod>,
    pub(super) path: Option<UrlPath>,
    pub(super) expected: Option<StatusCodes>,
    pub(super) version: Option<HttpVersion>,
    pub(super) domain_name: Option<DomainName>,
}

impl Http {
    pub(super) fn of(probe: &Probe) -> Self {
        match probe.http() {
            None => Self::default(),
            Some(http) => Self {
                method: Some(http.method),
                path: Some(http.path.clone()),
                expected: Some(http.expected.clone()),
                version: http.version,
                domain_name: http.domain_name.clone(),
            },
        }
    }

    pub(super) fn probe(self, kind: ProbeKind) -> Result<Probe, Violation> {
        match kind {
            ProbeKind::Http => self.request().map(Probe::Http),
            ProbeKind::Https => self.request().map(Probe::Https),
            ProbeKind::Ping => self.nothing(kind, Probe::Ping),
            ProbeKind::Tcp => self.nothing(kind, Probe::Tcp),
            ProbeKind::TlsHello => self.nothing(kind, Probe::TlsHello),
            ProbeKind::UdpConnect => self.nothing(kind, Probe::UdpConnect),
            ProbeKind::Sctp => self.nothing(kind, Probe::Sctp),
        }
    }

    fn request(self) -> Result<HttpProbe, Violation> {
        match (&self.domain_name, self.version) {
            (Some(_), None) => Err(Violation::rule(
                "'http_version' must be specified when 'domain_name' is provided.",
            )),
            (Some(_), Some(HttpVersion::V1_0)) => Err(Violation::option(
                "http_version 1.0",
                "health monitors HTTP 1.1 domain name health check",
            )),
            (Some(_), Some(HttpVersion::V1_1)) | (None, _) => Ok(HttpProbe {
                method: self.method.unwrap_or(HttpMethod::Get),
                path: self.path.unwrap_or_else(UrlPath::root),
                expected: self.expected.unwrap_or_else(StatusCodes::ok),
                version: self.version,
                domain_name: self.domain_name,
            }),
        }
    }

    fn nothing(self, kind: ProbeKind, probe: Probe) -> Result<Probe, Violation> {
        let said = [
            ("http_method", self.method.is_some()),
            ("url_path", self.path.is_some()),
            ("expected_codes", self.expected.is_some()),
            ("http_version", self.version.is_some()),
            ("domain_name", self.domain_name.is_some()),
        ];
        match said.iter().find(|(_, is_said)| *is_said) {
            None => Ok(probe),
            Some((name, _)) => {
                Err(Violation::option(*name, format!("health monitors of type {kind}")))
            }
        }
    }
}

/// What the deployment says about a monitor by itself.
pub(super) fn check(monitor: &HealthMonitor, deployment: &Deployment) -> Result<(), Violation> {
    let kind = monitor.probe.kind();
    if kind == ProbeKind::Ping && !deployment.allow_ping_health_monitors {
        return Err(Violation::NotAllowedHere { option: "type", value: kind.to_string() });
    }
    let least = deployment.udp_connect_min_interval_health_monitor;
    if kind == ProbeKind::UdpConnect && monitor.delay.get() < least {
        return Err(Violation::rule(format!(
            "The request delay value {} should be larger than {least} for {kind} health monitor \
             type.",
            monitor.delay
        )));
    }
    Ok(())
}

/// Whether a monitor of this kind can probe the members of a pool of this protocol.
///
/// # Errors
///
/// The contract's text for the pair.
pub fn check_pool(kind: ProbeKind, protocol: PoolProtocol) -> Result<(), Violation> {
    match (protocol.is_udp_or_sctp(), kind) {
        (true, ProbeKind::Ping | ProbeKind::Https | ProbeKind::TlsHello) => {
            Err(Violation::rule(format!(
                "The associated pool protocol is {protocol}, so only a \
                 UDP-CONNECT/SCTP/TCP/HTTP health monitor is supported."
            )))
        }
        (false, ProbeKind::UdpConnect | ProbeKind::Sctp) => Err(Violation::rule(format!(
            "The {kind} type is only supported for pools of type UDP/SCTP."
        ))),
        (true, ProbeKind::UdpConnect | ProbeKind::Sctp | ProbeKind::Tcp | ProbeKind::Http)
        | (
            false,
            ProbeKind::Http
            | ProbeKind::Https
            | ProbeKind::Ping
            | ProbeKind::Tcp
            | ProbeKind::TlsHello,
        ) => Ok(()),
    }
}
