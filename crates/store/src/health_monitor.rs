//! Health monitors in their table: flat there, as in the API, and not so in the model.

use evenkeel_model::health_monitor::{HttpMethod, HttpProbe, HttpVersion, Probe, ProbeKind};
use evenkeel_model::text::{DomainName, Tags};
use evenkeel_model::{HealthMonitor, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Row, Session, Value, values};
use crate::stored::{Listed, Own, Sealed};

impl Listed for HealthMonitor {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "type" Text;
        "delay" Number;
        "timeout" Number;
        "max_retries" Number;
        "max_retries_down" Number;
        "http_method" Text;
        "url_path" Text;
        "expected_codes" Text;
        "http_version" Text;
        "domain_name" Text;
        "pool_id" Text, alias;
    };
}

impl Sealed for HealthMonitor {
    const TABLE: &'static str = "health_monitors";
    const OWN: &'static [&'static str] = &[
        "pool_id",
        "name",
        "admin_state_up",
        "type",
        "delay",
        "timeout",
        "max_retries",
        "max_retries_down",
        "http_method",
        "url_path",
        "expected_codes",
        "http_version",
        "domain_name",
    ];

    fn values(&self) -> Vec<Value> {
        let http = self.probe.http();
        values![
            self.pool,
            self.name.as_str(),
            self.admin_state_up,
            self.probe.kind().word(),
            i64::from(self.delay),
            i64::from(self.timeout),
            i64::from(self.rise),
            i64::from(self.fall),
            http.map(|http| http.method.word()),
            http.map(|http| http.path.as_str()),
            http.map(|http| http.expected.spelling()),
            http.and_then(|http| http.version).map(HttpVersion::word),
            http.and_then(|http| http.domain_name.as_ref()).map(DomainName::as_str),
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        Ok(Self {
            id: own.id()?,
            pool: row.parse(at(0))?,
            name: row.made(at(1))?,
            admin_state_up: row.bool(at(2))?,
            probe: probe(row)?,
            delay: row.bounded(at(4))?,
            timeout: row.bounded(at(5))?,
            rise: row.bounded(at(6))?,
            fall: row.bounded(at(7))?,
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(_: &mut Session<'_>, _: &mut [Record<Self>]) -> Result<(), StoreError> {
        Ok(())
    }
}

fn probe(row: &Row) -> Result<Probe, StoreError> {
    let at = Own::at;
    Ok(match row.word(at(3), ProbeKind::from_word)? {
        ProbeKind::Http => Probe::Http(request(row)?),
        ProbeKind::Https => Probe::Https(request(row)?),
        ProbeKind::Ping => Probe::Ping,
        ProbeKind::Tcp => Probe::Tcp,
        ProbeKind::TlsHello => Probe::TlsHello,
        ProbeKind::UdpConnect => Probe::UdpConnect,
        ProbeKind::Sctp => Probe::Sctp,
    })
}

fn request(row: &Row) -> Result<HttpProbe, StoreError> {
    let at = Own::at;
    let version = match row.maybe_text(at(11)) {
        Some(_) => Some(row.word(at(11), HttpVersion::from_word)?),
        None => None,
    };
    Ok(HttpProbe {
        method: row.word(at(8), HttpMethod::from_word)?,
        path: row.made(at(9))?,
        expected: row.made(at(10))?,
        version,
        domain_name: row.maybe_made(at(12))?,
    })
}
