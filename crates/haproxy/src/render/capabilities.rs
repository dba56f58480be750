//! What this driver can do; what is not in here is answered before it gets here.

use evenkeel_model::flavor::{FlavorKey, ZoneKey};
use evenkeel_model::health_monitor::ProbeKind;
use evenkeel_model::pool::{Algorithm, PersistenceKind};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::Capabilities;

/// What [`render`](super::render) renders.
pub const CAPABILITIES: Capabilities = Capabilities {
    listeners: &[
        ListenerProtocol::Tcp,
        ListenerProtocol::Http,
        ListenerProtocol::Https,
        ListenerProtocol::TerminatedHttps,
        ListenerProtocol::Prometheus,
    ],
    pools: &[
        PoolProtocol::Tcp,
        PoolProtocol::Http,
        PoolProtocol::Https,
        PoolProtocol::Proxy,
        PoolProtocol::ProxyV2,
    ],
    algorithms: Algorithm::ALL,
    probes: &[
        ProbeKind::Http,
        ProbeKind::Https,
        ProbeKind::Ping,
        ProbeKind::Tcp,
        ProbeKind::TlsHello,
    ],
    persistence: PersistenceKind::ALL,
    l7: &[ListenerProtocol::Http, ListenerProtocol::TerminatedHttps],
    pool_tls: true,
    allowed_cidrs: true,
    additional_vips: true,
    probe_host: true,
    flavor: FlavorKey::ALL,
    availability_zone: ZoneKey::ALL,
};

/// The same where the node has no right to send echo requests.
pub const fn without_ping() -> Capabilities {
    Capabilities {
        probes: &[ProbeKind::Http, ProbeKind::Https, ProbeKind::Tcp, ProbeKind::TlsHello],
        ..CAPABILITIES
    }
}
