//! Load balancers in their table.

use evenkeel_model::flavor::Allowance;
use evenkeel_model::load_balancer::Vip;
use evenkeel_model::provider::ProviderName;
use evenkeel_model::record::LoadBalancerRelated;
use evenkeel_model::text::Tags;
use evenkeel_model::{LoadBalancer, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Session, Value, values};
use crate::related::attach;
use crate::stored::{Listed, Own, Sealed};

impl Listed for LoadBalancer {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "description" Text;
        "provider" Text;
        "flavor_id" Text;
        "availability_zone" Text;
        "vip_address" Text;
        "vip_port_id" Text;
        "vip_subnet_id" Text;
        "vip_network_id" Text;
        "vip_qos_policy_id" Text;
        "vip_vnic_type" Text = "'normal'";
        "topology" Text = "'SINGLE'";
        "server_group_id" Text = "NULL";
    };
}

impl Sealed for LoadBalancer {
    const TABLE: &'static str = "load_balancers";
    const OWN: &'static [&'static str] = &[
        "name",
        "description",
        "admin_state_up",
        "vip_address",
        "vip_port_id",
        "vip_subnet_id",
        "vip_network_id",
        "additional_vips",
        "vip_qos_policy_id",
        "vip_sg_ids",
        "provider",
        "flavor_id",
        "availability_zone",
        "threads",
        "most_connections",
    ];

    fn values(&self) -> Vec<Value> {
        values![
            self.name.as_str(),
            self.description.as_str(),
            self.admin_state_up,
            self.vip.address.to_string(),
            self.vip.port,
            self.vip.subnet,
            self.vip.network,
            crate::engine::json(&self.additional_vips),
            self.vip_qos_policy,
            crate::engine::json(&self.vip_security_groups),
            self.provider.as_str(),
            self.flavor,
            self.availability_zone.as_ref().map(|zone| zone.as_str().to_owned()),
            i64::from(self.allowance.threads),
            self.allowance.connections.map(i64::from),
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        Ok(Self {
            id: own.id()?,
            name: row.made(at(0))?,
            description: row.made(at(1))?,
            admin_state_up: row.bool(at(2))?,
            vip: Vip {
                address: row.parse(at(3))?,
                port: row.parse(at(4))?,
                subnet: row.parse(at(5))?,
                network: row.parse(at(6))?,
            },
            additional_vips: row.json(at(7))?,
            vip_qos_policy: row.maybe_parse(at(8))?,
            vip_security_groups: row.json(at(9))?,
            provider: ProviderName::new(row.text(at(10))?),
            flavor: row.maybe_parse(at(11))?,
            availability_zone: row.maybe_made(at(12))?,
            allowance: Allowance {
                threads: row.bounded(at(13))?,
                connections: row.maybe_bounded(at(14))?,
            },
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
            "SELECT load_balancer_id, id FROM listeners WHERE load_balancer_id IN ({}) \
             ORDER BY created_at, id",
            |related: &mut LoadBalancerRelated, id| related.listeners.push(id),
        )?;
        attach(
            session,
            records,
            "SELECT load_balancer_id, id FROM pools WHERE load_balancer_id IN ({}) \
             ORDER BY created_at, id",
            |related, id| related.pools.push(id),
        )
    }
}
