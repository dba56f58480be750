//! Pools in their table.

use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::record::PoolRelated;
use evenkeel_model::text::Tags;
use evenkeel_model::tls::PoolTls;
use evenkeel_model::{Pool, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Session, Value, json, values};
use crate::related::attach;
use crate::stored::{Listed, Own, Sealed};

/// The listeners that use a pool (contract 3.6), as pairs of pool and listener: by default, and by
/// policies that are enabled and have a rule. `{}` is the list of pools, said to both halves so
/// that each finds its rows by index.
pub(crate) const USERS: &str = "SELECT pool, listener FROM ( \
        SELECT default_pool_id AS pool, id AS listener, created_at AS age FROM listeners \
        WHERE default_pool_id IN ({}) \
        UNION \
        SELECT p.redirect_pool_id, s.id, s.created_at FROM l7_policies p \
        JOIN listeners s ON s.id = p.listener_id \
        WHERE p.redirect_pool_id IN ({}) AND p.admin_state_up = 1 AND p.change <> 'DELETE' \
        AND EXISTS (SELECT 1 FROM l7_rules u WHERE u.l7_policy_id = p.id AND u.change <> 'DELETE') \
    ) used ORDER BY age, listener";

/// The monitor of pool `r`. For a moment there are two: one that goes, and the one after it.
const NEWEST_MONITOR: &str = "(SELECT h.id FROM health_monitors h WHERE h.pool_id = r.id \
    ORDER BY h.created_at DESC LIMIT 1)";

impl Listed for Pool {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "description" Text;
        "protocol" Text;
        "lb_algorithm" Text;
        "tls_enabled" Truth;
        "tls_ciphers" Text;
        "tls_container_ref" Text;
        "ca_tls_container_ref" Text;
        "crl_container_ref" Text;
        "healthmonitor_id" Text = NEWEST_MONITOR, alias;
        "health_monitor_id" Text = NEWEST_MONITOR, alias;
        "loadbalancer_id" Text = "r.load_balancer_id", alias;
        "load_balancer_id" Text, alias;
    };
}

impl Sealed for Pool {
    const TABLE: &'static str = "pools";
    const OWN: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "protocol",
        "lb_algorithm",
        "session_persistence",
        "tls_enabled",
        "tls_container_ref",
        "ca_tls_container_ref",
        "crl_container_ref",
        "tls_ciphers",
        "tls_versions",
        "alpn_protocols",
    ];

    fn values(&self) -> Vec<Value> {
        values![
            self.name.as_str(),
            self.description.as_str(),
            self.admin_state_up,
            self.protocol.word(),
            self.algorithm.word(),
            json(&self.persistence),
            self.tls.enabled,
            self.tls.container.clone().map(String::from),
            self.tls.ca.clone().map(String::from),
            self.tls.crl.clone().map(String::from),
            self.tls.ciphers.clone().map(String::from),
            json(&self.tls.versions),
            json(&self.tls.alpn),
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
            protocol: row.word(at(3), PoolProtocol::from_word)?,
            algorithm: row.word(at(4), Algorithm::from_word)?,
            persistence: row.json(at(5))?,
            tls: PoolTls {
                enabled: row.bool(at(6))?,
                container: row.maybe_made(at(7))?,
                ca: row.maybe_made(at(8))?,
                crl: row.maybe_made(at(9))?,
                ciphers: row.maybe_made(at(10))?,
                versions: row.json(at(11))?,
                alpn: row.json(at(12))?,
            },
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(session: &mut Session<'_>, records: &mut [Record<Self>]) -> Result<(), StoreError> {
        attach(session, records, USERS, |related: &mut PoolRelated, id| {
            related.listeners.push(id);
        })?;
        attach(
            session,
            records,
            "SELECT pool_id, id FROM members WHERE pool_id IN ({}) ORDER BY created_at, id",
            |related, id| related.members.push(id),
        )?;
        attach(
            session,
            records,
            "SELECT pool_id, id FROM health_monitors WHERE pool_id IN ({}) ORDER BY created_at",
            |related, id| related.health_monitor = Some(id),
        )
    }
}
