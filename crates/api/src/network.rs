//! Networks of our own in JSON: for operators, and for the commands that they type.

use evenkeel_model::network::Network;
use evenkeel_model::text::Label;
use evenkeel_model::{NetworkId, ProjectId, SubnetId, Violation};
use serde_json::{Value, json};

use crate::decode::{Patch, body};
use crate::list::Shelf;

/// The largest packet of a network that names none, in bytes.
const MTU: u16 = 1500;

body! {
    /// `POST /v2/evenkeel/networks`.
    pub struct Create in "network_", "network" {
        /// For people; several may have the same.
        name: Patch<Label>,
        /// Who owns it; by default the project of whoever asks.
        project_id: Option<ProjectId>,
        /// Whether all projects may use it.
        shared: Option<bool>,
        /// Whether it leads outside, so that floating addresses are taken from it.
        external: Option<bool>,
        /// The largest packet, in bytes; by default 1500.
        mtu: Option<u32>,
        /// 1 to 4094, of no other network; by default the lowest that is free.
        vlan: Option<u32>,
        /// Projects that may use it besides its owner.
        allowed_projects: Option<Vec<ProjectId>>,
    }
}

body! {
    /// `PUT /v2/evenkeel/networks/{id}`.
    #[derive(Default)]
    pub struct Update in "network_", "network" {
        /// For people; several may have the same.
        name: Patch<Label>,
        /// Whether all projects may use it.
        shared: Patch<bool>,
        /// Whether it leads outside, so that floating addresses are taken from it.
        external: Patch<bool>,
        /// The largest packet, in bytes.
        mtu: Patch<u32>,
        /// 1 to 4094, of no other network; null for none.
        vlan: Patch<u32>,
        /// Projects that may use it besides its owner.
        allowed_projects: Patch<Vec<ProjectId>>,
    }
}

/// A number that has to fit into 16 bits before the rules of networks can judge it.
fn narrow(number: u32, what: &str) -> Result<u16, Violation> {
    u16::try_from(number).map_err(|_| Violation::option(&number, what))
}

impl Create {
    /// The network that is asked for, of `caller` unless it says whose it is.
    ///
    /// # Errors
    ///
    /// A number that is beyond all bounds.
    pub fn into_network(self, id: NetworkId, caller: ProjectId) -> Result<Network, Violation> {
        Ok(Network {
            id,
            name: String::from(self.name.or(Label::empty(), Label::empty())),
            project: self.project_id.unwrap_or(caller),
            shared: self.shared.unwrap_or(false),
            mtu: self.mtu.map_or(Ok(MTU), |mtu| narrow(mtu, "mtu"))?,
            vlan: self.vlan.map(|vlan| narrow(vlan, "vlan")).transpose()?,
            is_external: self.external.unwrap_or(false),
            allowed: self.allowed_projects.unwrap_or_default(),
        })
    }
}

impl Update {
    /// The network as it shall be. Can be asked again of one that has changed meanwhile.
    ///
    /// # Errors
    ///
    /// A null where there can be none, or a number that is beyond all bounds.
    pub fn apply(&self, stored: &Network) -> Result<Network, Violation> {
        let mut network = stored.clone();
        let mut name = Label::empty();
        if self.name.is_present() {
            self.name.onto(&mut name, Label::empty());
            network.name = name.into();
        }
        self.shared.onto_never_null(&mut network.shared, "shared")?;
        self.external.onto_never_null(&mut network.is_external, "external")?;
        let mut mtu = u32::from(network.mtu);
        self.mtu.onto_never_null(&mut mtu, "mtu")?;
        network.mtu = narrow(mtu, "mtu")?;
        let mut vlan = network.vlan.map(u32::from);
        self.vlan.onto_option(&mut vlan);
        network.vlan = vlan.map(|vlan| narrow(vlan, "vlan")).transpose()?;
        self.allowed_projects.onto(&mut network.allowed, Vec::new());
        Ok(network)
    }
}

/// What can be asked of the list.
pub const SHELF: Shelf = Shelf {
    columns: &["id", "name", "shared", "external", "mtu", "vlan"],
    aliases: &[],
    key: "id",
    order: &["name", "id"],
    has_projects: false,
};

/// A network as operators see it, with the ids of its subnets.
pub fn view(network: &Network, subnets: &[SubnetId]) -> Value {
    json!({
        "id": network.id,
        "name": network.name,
        "project_id": network.project,
        "shared": network.shared,
        "external": network.is_external,
        "mtu": network.mtu,
        "vlan": network.vlan,
        "allowed_projects": network.allowed,
        "subnets": subnets,
    })
}
