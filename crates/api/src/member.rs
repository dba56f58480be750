//! Members in JSON (contract 2.4).

mod batch;

use std::net::IpAddr;

use evenkeel_model::address::{AddressRules, SpeltAddress};
use evenkeel_model::number::{PortNumber, Weight};
use evenkeel_model::text::{Label, Tags};
use evenkeel_model::{Member, MemberId, PoolId, ProjectId, Record, SubnetId, Violation};
use serde_json::{Value, json};

use crate::Deployment;
use crate::decode::{Patch, body};
use crate::view::{shown, text, texts};

pub use batch::Batch;

body! {
    /// `POST /pools/{id}/members`, one of a batch, and one within a single-call create.
    pub struct Create in "member_", "member" {
        /// For people.
        name: Patch<Label>,
        /// Where it is.
        address: SpeltAddress,
        /// On which port.
        protocol_port: PortNumber,
        /// Whether it is in rotation. Default true; null is false.
        admin_state_up: Patch<bool>,
        /// Its share of the traffic; 0 drains it. Default 1.
        weight: Option<Weight>,
        /// Whether it is used only when all the others are down. Default false.
        backup: Option<bool>,
        /// The subnet it is reached by.
        subnet_id: Patch<SubnetId>,
        /// Where it is probed, if not at its address.
        monitor_address: Option<SpeltAddress>,
        /// On which port it is probed, if not on its own.
        monitor_port: Option<PortNumber>,
        /// Whether its port shall be an SR-IOV one; no deployment of ours has them.
        request_sriov: Option<bool>,
        /// For people and their tools.
        tags: Option<Tags>,
        /// Ignored: a member belongs to the project of its load balancer.
        project_id: Option<ProjectId>,
        /// Ignored as well.
        tenant_id: Option<ProjectId>,
    }
}

body! {
    /// `PUT /pools/{id}/members/{id}`.
    #[derive(Default)]
    pub struct Update in "member_", "member" {
        /// For people.
        name: Patch<Label>,
        /// Whether it is in rotation; null is false.
        admin_state_up: Patch<bool>,
        /// Its share of the traffic; 0 drains it, null is 1.
        weight: Patch<Weight>,
        /// Whether it is used only when all the others are down; null is false.
        backup: Patch<bool>,
        /// Where it is probed, if not at its address.
        monitor_address: Patch<SpeltAddress>,
        /// On which port it is probed, if not on its own.
        monitor_port: Patch<PortNumber>,
        /// For people and their tools; replaces them all, null leaves them.
        tags: Patch<Tags>,
    }
}

impl Create {
    /// The member that is asked for.
    ///
    /// # Errors
    ///
    /// An address that nobody may name, or a port that does not exist here.
    pub fn into_member(
        self,
        id: MemberId,
        pool: PoolId,
        deployment: &Deployment,
    ) -> Result<Member, Violation> {
        self.check(deployment)?;
        Ok(Member {
            id,
            pool,
            name: self.name.value().unwrap_or_default(),
            admin_state_up: self.admin_state_up.or(true, false),
            address: self.address,
            protocol_port: self.protocol_port,
            weight: self.weight.unwrap_or_default(),
            backup: self.backup.unwrap_or(false),
            subnet: self.subnet_id.value(),
            monitor_address: self.monitor_address,
            monitor_port: self.monitor_port,
            tags: self.tags.unwrap_or_default(),
        })
    }

    fn check(&self, deployment: &Deployment) -> Result<(), Violation> {
        if self.request_sriov == Some(true) {
            return Err(Violation::rule(
                "The load balancer flavor does not allow SR-IOV member ports.",
            ));
        }
        let named = [Some(&self.address), self.monitor_address.as_ref()];
        named.into_iter().flatten().try_for_each(|it| check_address(it, &deployment.address_rules))
    }
}

/// Whether a member or its probe may be there.
fn check_address(address: &SpeltAddress, rules: &AddressRules) -> Result<(), Violation> {
    let meant: IpAddr = address.address();
    rules.check(meant).map_err(|_| Violation::option(address.spelling(), "member address"))
}

impl Update {
    /// The member as it shall be. Can be asked again of a member that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// A probe's address that nobody may name.
    pub fn apply(&self, stored: &Member, deployment: &Deployment) -> Result<Member, Violation> {
        let mut member = stored.clone();
        self.name.onto(&mut member.name, Label::empty());
        self.admin_state_up.onto(&mut member.admin_state_up, false);
        self.weight.onto(&mut member.weight, Weight::default());
        self.backup.onto(&mut member.backup, false);
        if let Patch::Value(address) = &self.monitor_address {
            check_address(address, &deployment.address_rules)?;
        }
        self.monitor_address.onto_option(&mut member.monitor_address);
        self.monitor_port.onto_option(&mut member.monitor_port);
        self.tags.onto_unless_null(&mut member.tags);
        Ok(member)
    }
}

/// A member as clients see it. It does not say whose it is.
pub fn view(record: &Record<Member>) -> Value {
    let it = &record.value;
    let own = json!({
        "name": it.name.as_str(),
        "admin_state_up": it.admin_state_up,
        "address": it.address.spelling(),
        "protocol_port": it.protocol_port.get(),
        "weight": it.weight.get(),
        "backup": it.backup,
        "subnet_id": text(it.subnet),
        "monitor_address": it.monitor_address.as_ref().map(SpeltAddress::spelling),
        "monitor_port": it.monitor_port.map(PortNumber::get),
        "vnic_type": "normal",
        "tags": texts(it.tags.iter()),
    });
    shown(record, own)
}
