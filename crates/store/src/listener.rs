//! Listeners in their table.

use evenkeel_model::listener::Timeouts;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::record::ListenerRelated;
use evenkeel_model::text::Tags;
use evenkeel_model::tls::{ClientAuthentication, ListenerTls};
use evenkeel_model::{Listener, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Session, Value, json, values};
use crate::related::attach;
use crate::stored::{Listed, Own, Sealed};

impl Listed for Listener {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "description" Text;
        "protocol" Text;
        "protocol_port" Number;
        "connection_limit" Number;
        "default_pool_id" Text;
        "default_tls_container_ref" Text;
        "client_ca_tls_container_ref" Text;
        "client_crl_container_ref" Text;
        "client_authentication" Text;
        "timeout_client_data" Number;
        "timeout_member_connect" Number;
        "timeout_member_data" Number;
        "timeout_tcp_inspect" Number;
        "tls_ciphers" Text;
        "hsts_max_age" Number;
        "hsts_include_subdomains" Truth;
        "hsts_preload" Truth;
        "loadbalancer_id" Text = "r.load_balancer_id", alias;
        "load_balancer_id" Text, alias;
    };
}

impl Sealed for Listener {
    const TABLE: &'static str = "listeners";
    const OWN: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "protocol",
        "protocol_port",
        "connection_limit",
        "default_pool_id",
        "insert_headers",
        "timeout_client_data",
        "timeout_member_connect",
        "timeout_member_data",
        "timeout_tcp_inspect",
        "default_tls_container_ref",
        "sni_container_refs",
        "client_authentication",
        "client_ca_tls_container_ref",
        "client_crl_container_ref",
        "tls_ciphers",
        "tls_versions",
        "alpn_protocols",
        "hsts_max_age",
        "hsts_include_subdomains",
        "hsts_preload",
        "allowed_cidrs",
    ];

    fn values(&self) -> Vec<Value> {
        let tls = &self.tls;
        values![
            self.name.as_str(),
            self.description.as_str(),
            self.admin_state_up,
            self.protocol.word(),
            i64::from(self.protocol_port),
            self.connection_limit.map(i64::from),
            self.default_pool,
            json(&self.insert_headers),
            i64::from(self.timeouts.client_data),
            i64::from(self.timeouts.member_connect),
            i64::from(self.timeouts.member_data),
            i64::from(self.timeouts.tcp_inspect),
            tls.default_container.clone().map(String::from),
            json(&tls.sni_containers),
            tls.client_authentication.word(),
            tls.client_ca.clone().map(String::from),
            tls.client_crl.clone().map(String::from),
            tls.ciphers.clone().map(String::from),
            json(&tls.versions),
            json(&tls.alpn),
            tls.hsts_max_age.map(i64::from),
            tls.hsts_include_subdomains,
            tls.hsts_preload,
            json(&self.allowed_cidrs),
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        Ok(Self {
            id: own.id()?,
            load_balancer: own.load_balancer,
            name: row.made(at(0))?,
            description: row.made(at(1))?,
            admin_state_up: row.bool(at(2))?,
            protocol: row.word(at(3), ListenerProtocol::from_word)?,
            protocol_port: row.bounded(at(4))?,
            connection_limit: row.maybe_bounded(at(5))?,
            default_pool: row.maybe_parse(at(6))?,
            insert_headers: row.json(at(7))?,
            timeouts: Timeouts {
                client_data: row.bounded(at(8))?,
                member_connect: row.bounded(at(9))?,
                member_data: row.bounded(at(10))?,
                tcp_inspect: row.bounded(at(11))?,
            },
            tls: ListenerTls {
                default_container: row.maybe_made(at(12))?,
                sni_containers: row.json(at(13))?,
                client_authentication: row.word(at(14), ClientAuthentication::from_word)?,
                client_ca: row.maybe_made(at(15))?,
                client_crl: row.maybe_made(at(16))?,
                ciphers: row.maybe_made(at(17))?,
                versions: row.json(at(18))?,
                alpn: row.json(at(19))?,
                hsts_max_age: row.maybe_int(at(20)).and_then(|age| u32::try_from(age).ok()),
                hsts_include_subdomains: row.bool(at(21))?,
                hsts_preload: row.bool(at(22))?,
            },
            allowed_cidrs: row.json(at(23))?,
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(session: &mut Session<'_>, records: &mut [Record<Self>]) -> Result<(), StoreError> {
        attach(
            session,
            records,
            "SELECT listener_id, id FROM l7_policies WHERE listener_id IN ({}) \
             ORDER BY position, created_at, id",
            |related: &mut ListenerRelated, id| related.l7_policies.push(id),
        )
    }
}
