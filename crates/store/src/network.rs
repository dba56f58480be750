//! Networks of our own: where VIPs are leased from, and what the network façade shows.

mod attachment;
mod change;
mod configured;
mod floating;
mod room;
mod rows;
mod vip;

use evenkeel_model::network::{Network, Port, Subnet};
use evenkeel_model::{NetworkId, PortId, SubnetId, Violation};

use crate::engine::Session;
use crate::{Store, StoreError};

pub(crate) use attachment::attach;
pub use floating::FloatingRequest;
pub(crate) use vip::{Tenant, lease, release};

impl Store {
    /// All networks, by name.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn networks(&self) -> Result<Vec<Network>, StoreError> {
        self.read(rows::networks).await
    }

    /// The network with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`].
    pub async fn network(&self, id: NetworkId) -> Result<Network, StoreError> {
        self.read(move |session| change::found_network(session, id)).await
    }

    /// The subnet with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`].
    pub async fn subnet(&self, id: SubnetId) -> Result<Subnet, StoreError> {
        self.read(move |session| change::found_subnet(session, id)).await
    }

    /// All subnets, oldest first.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn subnets(&self) -> Result<Vec<Subnet>, StoreError> {
        self.read(rows::subnets).await
    }

    /// All ports, by name.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn ports(&self) -> Result<Vec<Port>, StoreError> {
        self.read(rows::ports).await
    }

    /// Makes a network and its subnets, unless they are there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if there can be no such network, or no such subnet.
    pub async fn seed_network(
        &self,
        network: Network,
        subnets: Vec<Subnet>,
    ) -> Result<(), StoreError> {
        self.write(move |session| {
            if rows::network(session, network.id)?.is_none() {
                network.check(&subnets)?;
                rows::insert_network(session, &network)?;
            }
            for subnet in &subnets {
                if rows::subnet(session, subnet.id)?.is_none() {
                    change::insert_subnet(session, subnet)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Makes a port with the addresses it names; with one of any subnet, if it names none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if the network or a subnet is not there;
    /// [`StoreError::AddressInUse`].
    pub async fn create_port(&self, port: Port) -> Result<Port, StoreError> {
        self.write(move |session| create_port(session, &port)).await
    }

    /// Deletes a port.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::Violation`] if it is the VIP of a load
    /// balancer, or that of a floating address.
    pub async fn delete_port(&self, id: PortId) -> Result<(), StoreError> {
        self.write(move |session| {
            let port = rows::port(session, id)?;
            let missing = StoreError::NoNetworkObject { kind: "Port", id: id.into() };
            let whose = match port.ok_or(missing)?.device_owner.as_str() {
                vip::VIP_OWNER => Some("load balancer"),
                floating::OWNER => Some("floating address"),
                _ => None,
            };
            if let Some(whose) = whose {
                let text = format!("Port {id} belongs to a {whose}; delete that instead.");
                return Err(Violation::rule(text).into());
            }
            rows::delete_port(session, id)
        })
        .await
    }

    /// Whether there is such a subnet.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn has_subnet(&self, id: SubnetId) -> Result<bool, StoreError> {
        self.read(move |session| Ok(rows::subnet(session, id)?.is_some())).await
    }
}

fn create_port(session: &mut Session<'_>, port: &Port) -> Result<Port, StoreError> {
    if rows::network(session, port.network)?.is_none() {
        let id = port.network.to_string();
        return Err(Violation::MissingReference { kind: "Network", id }.into());
    }
    rows::insert_port(session, port, None)?;
    let subnets = rows::subnets_of(session, port.network)?;
    for wanted in &port.addresses {
        let Some(subnet) = subnets.iter().find(|subnet| subnet.id == wanted.subnet) else {
            let id = wanted.subnet.to_string();
            return Err(Violation::MissingReference { kind: "Subnet", id }.into());
        };
        vip::take_wanted(session, subnet, wanted.address, port.id, None)?;
    }
    if port.addresses.is_empty() {
        let rules = session.config.address_rules.clone();
        for subnet in &subnets {
            if vip::take_any(session, subnet, &rules, port.id, None)?.is_some() {
                break;
            }
        }
    }
    let made = rows::port(session, port.id)?;
    made.ok_or(StoreError::NoNetworkObject { kind: "Port", id: port.id.into() })
}
