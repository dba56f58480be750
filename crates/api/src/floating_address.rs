//! Floating addresses in JSON: addresses of external networks that stand for VIPs.

use std::net::IpAddr;

use evenkeel_model::network::Floating;
use evenkeel_model::text::Label;
use evenkeel_model::{NetworkId, PortId, ProjectId, SubnetId};
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

body! {
    /// `POST /v2/evenkeel/floating-addresses`.
    pub struct Create in "floating_address_", "floating_address" {
        /// The external network that the address is taken from.
        network_id: NetworkId,
        /// The subnet of it that the address is of; by default any.
        subnet_id: Option<SubnetId>,
        /// The address; by default any that is free.
        address: Option<IpAddr>,
        /// Who owns it; by default who owns the port, or else the project of whoever asks.
        project_id: Option<ProjectId>,
        /// For people.
        description: Patch<Label>,
        /// The port that it stands for, such as that of a VIP; by default none.
        port_id: Option<PortId>,
        /// Which of the port's addresses it stands for; by default the first of its family.
        fixed_address: Option<IpAddr>,
    }
}

body! {
    /// `PUT /v2/evenkeel/floating-addresses/{id}`.
    #[derive(Default)]
    pub struct Update in "floating_address_", "floating_address" {
        /// The port that it shall stand for; null for none.
        port_id: Patch<PortId>,
        /// Which of the port's addresses it stands for; by default the first of its family.
        fixed_address: Option<IpAddr>,
    }
}

impl Create {
    /// What it shall stand for.
    pub fn target(&self) -> Option<(PortId, Option<IpAddr>)> {
        self.port_id.map(|port| (port, self.fixed_address))
    }
}

impl Update {
    /// What `stored` shall stand for.
    pub fn target(&self, stored: &Floating) -> Option<(PortId, Option<IpAddr>)> {
        match &self.port_id {
            Patch::Absent => stored
                .inside
                .map(|(port, address)| (port, Some(self.fixed_address.unwrap_or(address)))),
            Patch::Null => None,
            Patch::Value(port) => Some((*port, self.fixed_address)),
        }
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["id", "address", "network_id", "port_id", "fixed_address"],
    aliases: &[],
    key: "id",
    order: &["network_id", "address", "id"],
    has_projects: false,
};

/// A floating address as operators see it.
pub fn view(floating: &Floating) -> Value {
    json!({
        "id": floating.id,
        "project_id": floating.project,
        "description": floating.description,
        "network_id": floating.network,
        "address": floating.address,
        "outside_port_id": floating.outside,
        "port_id": floating.inside.map(|(port, _)| port),
        "fixed_address": floating.inside.map(|(_, address)| address),
    })
}
