//! Networks and subnets made, changed and deleted by those who run the network.

use evenkeel_model::network::{Network, Subnet};
use evenkeel_model::{LoadBalancerId, NetworkId, SubnetId, Violation};

use super::rows;
use crate::change::raise;
use crate::engine::{Session, values};
use crate::{Store, StoreError};

/// The VLANs that are given to networks that ask for none. The first is what many switches send
/// untagged.
const VLANS: std::ops::RangeInclusive<u16> = 2..=4094;

impl Store {
    /// Makes a network; one that names no VLAN gets the lowest that is free, and none if none is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if another network has its VLAN.
    pub async fn create_network(&self, network: Network) -> Result<Network, StoreError> {
        self.write(move |session| {
            let mut network = network.clone();
            match network.vlan {
                Some(vlan) => check_vlan(session, network.id, vlan)?,
                None => network.vlan = free_vlan(session)?,
            }
            rows::insert_network(session, &network)?;
            Ok(network)
        })
        .await
    }

    /// Makes a network as this one is, under its id; the load balancers on it follow. Who owns it
    /// does not change.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::Violation`] if another network has the VLAN.
    pub async fn update_network(&self, network: Network) -> Result<Network, StoreError> {
        self.write(move |session| {
            let earlier = found_network(session, network.id)?;
            if let Some(vlan) = network.vlan {
                check_vlan(session, network.id, vlan)?;
            }
            rows::update_network(session, &network)?;
            if (earlier.mtu, earlier.vlan) != (network.mtu, network.vlan) {
                raise_on(session, network.id)?;
            }
            found_network(session, network.id)
        })
        .await
    }

    /// Deletes a network with its subnets.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::NetworkObjectInUse`] if it has ports.
    pub async fn delete_network(&self, id: NetworkId) -> Result<(), StoreError> {
        self.write(move |session| {
            found_network(session, id)?;
            let sql = "SELECT 1 FROM ports WHERE network_id = ?1 LIMIT 1";
            if session.first(sql, &values![id])?.is_some() {
                let by = "it has ports; delete the load balancers and floating addresses on it";
                return Err(StoreError::NetworkObjectInUse { kind: "Network", id: id.into(), by });
            }
            session.execute("DELETE FROM subnets WHERE network_id = ?1", &values![id])?;
            session.execute("DELETE FROM networks WHERE id = ?1", &values![id]).map(drop)
        })
        .await
    }

    /// Makes a subnet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if its network is not there, or it overlaps another subnet of it.
    pub async fn create_subnet(&self, subnet: Subnet) -> Result<Subnet, StoreError> {
        self.write(move |session| {
            if rows::network(session, subnet.network)?.is_none() {
                let id = subnet.network.to_string();
                return Err(Violation::MissingReference { kind: "Network", id }.into());
            }
            let others = rows::subnets_of(session, subnet.network)?;
            let overlaps =
                |it: &&Subnet| it.cidr.contains(&subnet.cidr) || subnet.cidr.contains(&it.cidr);
            if let Some(other) = others.iter().find(overlaps) {
                return Err(Violation::rule(format!(
                    "{} overlaps {} of subnet {}; choose another CIDR.",
                    subnet.cidr, other.cidr, other.id
                ))
                .into());
            }
            rows::insert_subnet(session, &subnet)?;
            Ok(subnet.clone())
        })
        .await
    }

    /// Makes a subnet as this one is, under its id, but for its network and its addresses; the load
    /// balancers on it follow.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::Violation`] if a port has the new gateway's
    /// address.
    pub async fn update_subnet(&self, subnet: Subnet) -> Result<Subnet, StoreError> {
        self.write(move |session| {
            let earlier = found_subnet(session, subnet.id)?;
            if let Some(gateway) = subnet.gateway
                && rows::is_taken(session, earlier.network, gateway)?
            {
                return Err(Violation::rule(format!(
                    "{gateway} is the address of a port; choose another gateway."
                ))
                .into());
            }
            rows::update_subnet(session, &subnet)?;
            let changed = found_subnet(session, subnet.id)?;
            if earlier.routes() != changed.routes() {
                raise_on(session, earlier.network)?;
            }
            Ok(changed)
        })
        .await
    }

    /// Deletes a subnet.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::NetworkObjectInUse`] if a port has an address
    /// of it.
    pub async fn delete_subnet(&self, id: SubnetId) -> Result<(), StoreError> {
        self.write(move |session| {
            found_subnet(session, id)?;
            let sql = "SELECT 1 FROM port_addresses WHERE subnet_id = ?1 LIMIT 1";
            if session.first(sql, &values![id])?.is_some() {
                let by = "ports have addresses of it; delete the load balancers on it";
                return Err(StoreError::NetworkObjectInUse { kind: "Subnet", id: id.into(), by });
            }
            session.execute("DELETE FROM subnets WHERE id = ?1", &values![id]).map(drop)
        })
        .await
    }
}

fn found_network(session: &mut Session<'_>, id: NetworkId) -> Result<Network, StoreError> {
    let missing = StoreError::NoNetworkObject { kind: "Network", id: id.into() };
    rows::network(session, id)?.ok_or(missing)
}

fn found_subnet(session: &mut Session<'_>, id: SubnetId) -> Result<Subnet, StoreError> {
    let missing = StoreError::NoNetworkObject { kind: "Subnet", id: id.into() };
    rows::subnet(session, id)?.ok_or(missing)
}

fn check_vlan(session: &mut Session<'_>, id: NetworkId, vlan: u16) -> Result<(), StoreError> {
    let sql = "SELECT id FROM networks WHERE vlan = ?1 AND id <> ?2";
    match session.first(sql, &values![i64::from(vlan), id])? {
        None => Ok(()),
        Some(other) => Err(Violation::rule(format!(
            "VLAN {vlan} is that of network {}; choose another, or leave it out.",
            other.text(0)?
        ))
        .into()),
    }
}

fn free_vlan(session: &mut Session<'_>) -> Result<Option<u16>, StoreError> {
    let sql = "SELECT vlan FROM networks WHERE vlan IS NOT NULL ORDER BY vlan";
    let taken = session.query(sql, &[])?;
    let taken: Vec<i64> = taken.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
    Ok(VLANS.into_iter().find(|vlan| taken.binary_search(&i64::from(*vlan)).is_err()))
}

/// The load balancers on a network are attached to it in another way.
fn raise_on(session: &mut Session<'_>, network: NetworkId) -> Result<(), StoreError> {
    let sql = "SELECT id FROM load_balancers WHERE vip_network_id = ?1 AND change <> 'DELETE' \
               UNION SELECT l.id FROM load_balancers l \
               JOIN floating_addresses f ON f.inside_port_id = l.vip_port_id \
               JOIN ports p ON p.id = f.outside_port_id \
               WHERE p.network_id = ?1 AND l.change <> 'DELETE'";
    for row in session.query(sql, &values![network])? {
        let id: LoadBalancerId = row.parse(0)?;
        raise(session, id)?;
    }
    Ok(())
}
