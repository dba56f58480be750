//! Networks that a configuration asks for, each time that the service starts.

use evenkeel_model::Violation;
use evenkeel_model::network::{Network, Subnet};

use super::{change, rows};
use crate::engine::Session;
use crate::{Store, StoreError};

impl Store {
    /// Makes a network and its subnets, or changes those that are there to be so: the network with
    /// this id, or else that of this owner with this name, and in it the subnets with these ids, or
    /// else these addresses. What nobody names stays as it is; nothing is deleted. A network that
    /// names no VLAN keeps the one that it has. Asked twice, the second time changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if there can be no such network or subnet;
    /// [`StoreError::NetworkObjectInUse`] if it cannot become so now. Then nothing has changed.
    pub async fn configure_network(
        &self,
        network: Network,
        subnets: Vec<Subnet>,
    ) -> Result<Network, StoreError> {
        self.write(move |session| {
            let made = configure(session, network.clone())?;
            for subnet in &subnets {
                configure_subnet(session, Subnet { network: made.id, ..subnet.clone() })?;
            }
            Ok(made)
        })
        .await
    }
}

fn configure(session: &mut Session<'_>, wanted: Network) -> Result<Network, StoreError> {
    let networks = rows::networks(session)?;
    let named = |it: &&Network| it.name == wanted.name && it.project == wanted.project;
    let known = networks.iter().find(|it| it.id == wanted.id).or(networks.iter().find(named));
    match known.cloned() {
        None => change::insert_network(session, wanted),
        Some(earlier) => {
            let vlan = wanted.vlan.or(earlier.vlan);
            let wanted = Network { id: earlier.id, vlan, ..wanted };
            change::replace_network(session, &earlier, &wanted)
        }
    }
}

fn configure_subnet(session: &mut Session<'_>, wanted: Subnet) -> Result<Subnet, StoreError> {
    let subnets = rows::subnets_of(session, wanted.network)?;
    let known = subnets.iter().find(|it| it.id == wanted.id);
    match known.or(subnets.iter().find(|it| it.cidr == wanted.cidr)).cloned() {
        Some(earlier) if earlier.cidr != wanted.cidr => Err(Violation::rule(format!(
            "Subnet {} is {}; it cannot become {}. Give the new one another id.",
            earlier.id, earlier.cidr, wanted.cidr
        ))
        .into()),
        None => change::insert_subnet(session, &wanted),
        Some(earlier) => {
            let wanted = Subnet { id: earlier.id, ..wanted };
            change::replace_subnet(session, &earlier, &wanted)
        }
    }
}
