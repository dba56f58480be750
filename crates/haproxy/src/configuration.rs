//! What one HAProxy process shall do, as values that can be compared: what differs between two of
//! them says which action is the cheapest.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use evenkeel_model::number::{Threshold, Weight};
use evenkeel_model::{Generation, ListenerId, MemberId};
use serde::{Deserialize, Serialize};

use crate::backend_name::BackendName;
use crate::material::{CertificateList, SecretFile};
use crate::writer::{Fetch, Line, Section};

/// A whole `haproxy.cfg`. Its [`Display`](fmt::Display) is the file.
///
/// It can be read back, so that who adopts a running process knows what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Which graph it was made of; alone of all parts it may differ with nothing to do but to
    /// note it.
    pub generation: Generation,
    /// What concerns the process as a whole.
    pub global: Section,
    /// What frontends and backends share.
    pub shared: Vec<Section>,
    /// Whether a listener tells metrics, for which HAProxy reads a program of ours at its start.
    #[serde(default)]
    pub tells_metrics: bool,
    /// What listens, in the order of the graph.
    pub frontends: Vec<Frontend>,
    /// Where traffic goes, in the order of the graph; only pools that a listener uses, and those that
    /// are spoken to in two ways twice.
    pub backends: Vec<Backend>,
}

/// A listener that is open. Any difference needs another process, but `max_connections` and most
/// in `material`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontend {
    /// Its name.
    pub id: ListenerId,
    /// At most so many connections at once; always written.
    pub max_connections: u32,
    /// All else.
    pub section: Section,
    /// Its certificates, the one for whoever names no host first, and what it judges those of
    /// clients by; nothing where TLS does not end.
    #[serde(default)]
    pub material: Vec<SecretFile>,
}

/// A pool that is used, in one way of speaking to it. What differs in the section needs another process, what differs in the
/// servers mostly does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Its name.
    pub id: BackendName,
    /// All but the servers.
    pub section: Section,
    /// Whether it keeps a table of who was where.
    pub remembers_clients: bool,
    /// Whether servers can be added and deleted while it runs: not where a cookie names them.
    pub takes_servers: bool,
    /// Members, in the order of the graph.
    pub servers: Vec<Server>,
    /// Our certificate for them, and what theirs are judged by; nothing without TLS, and nothing
    /// beside the backend that has it already.
    #[serde(default)]
    pub material: Vec<SecretFile>,
}

/// A member in a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its name.
    pub id: MemberId,
    /// Its number, which its place among hashes depends on: made of its id, so that it is the same
    /// in every process, whoever else comes and goes.
    pub number: u32,
    /// Where traffic goes.
    pub address: SocketAddr,
    /// Its share; 0 drains it.
    pub weight: Weight,
    /// Used only when all others are down.
    pub backup: bool,
    /// Starts in maintenance: disabled by the tenant, or found dead by a probe of ours.
    pub disabled: bool,
    /// How HAProxy probes it, if it does.
    pub check: Option<Check>,
    /// What else is said of it, as `send-proxy` or `check-ssl verify none`.
    pub options: Line,
}

/// How HAProxy probes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// From the end of a probe to the next, while nothing changes.
    pub interval: Duration,
    /// The same while a server is on its way up or down.
    pub fast_interval: Duration,
    /// Good probes in a row until it is up.
    pub rise: Threshold,
    /// Bad ones until it is down.
    pub fall: Threshold,
    /// Where it is probed, if not at its address.
    pub address: Option<IpAddr>,
    /// On which port, if not its own.
    pub port: Option<u16>,
}

impl Server {
    /// What follows its name, in the file and in `add server`; without `disabled`, which the
    /// latter implies.
    pub fn arguments(&self) -> Line {
        let line = Line::empty().word(self.address);
        let line = line.words("id").word(self.number);
        let mut line = line.words("weight").word(self.weight.get());
        if self.backup {
            line = line.words("backup");
        }
        if let Some(check) = &self.check {
            line = check.appended_to(line);
        }
        line.followed_by(&self.options)
    }

    fn line(&self) -> Line {
        let line = Line::new("server").word(self.id);
        let line = line.followed_by(&self.arguments());
        if self.disabled { line.words("disabled") } else { line }
    }
}

impl Check {
    fn appended_to(&self, line: Line) -> Line {
        let mut line = line.words("check inter").word(self.interval);
        if self.fast_interval != self.interval {
            line = line.words("fastinter").word(self.fast_interval);
        }
        line = line.words("rise").word(self.rise.get());
        line = line.words("fall").word(self.fall.get());
        if let Some(address) = self.address {
            line = line.words("addr").word(address);
        }
        if let Some(port) = self.port {
            line = line.words("port").word(port);
        }
        line
    }
}

/// What the file begins with, for whoever opens it.
const HEADING: &str =
    "# evenkeel writes this file anew with every change: what is edited here is lost.";

impl Configuration {
    /// All that HAProxy reads from memory.
    pub fn material(&self) -> impl Iterator<Item = &SecretFile> {
        let frontends = self.frontends.iter().flat_map(|frontend| &frontend.material);
        frontends.chain(self.backends.iter().flat_map(|backend| &backend.material))
    }

    /// The lists of certificates.
    pub(crate) fn certificate_lists(&self) -> impl Iterator<Item = CertificateList<'_>> {
        self.frontends.iter().filter_map(|frontend| CertificateList::of(&frontend.material))
    }

    /// All sections, complete, in the order of the file.
    fn sections(&self) -> Vec<Section> {
        let generation = Line::new("set-var proc.generation");
        let generation = generation.word(Fetch::integer(self.generation.get()));
        let mut sections = vec![self.global.clone().with(generation)];
        sections.extend_from_slice(&self.shared);
        sections.extend(self.frontends.iter().map(|frontend| {
            let limit = Line::new("maxconn").word(frontend.max_connections);
            frontend.section.clone().with(limit)
        }));
        sections.extend(self.backends.iter().map(|backend| {
            let servers = backend.servers.iter().map(Server::line);
            servers.fold(backend.section.clone(), Section::with)
        }));
        sections
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}")?;
        self.sections().iter().try_for_each(|section| write!(f, "\n{section}"))
    }
}
