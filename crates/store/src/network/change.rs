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
    /// [`StoreError::Violation`] if there can be no such network, or another one has its VLAN.
    pub async fn create_network(&self, network: Network) -> Result<Network, StoreError> {
        self.write(move |session| insert_network(session, network.clone())).await
    }

    /// Changes a network to what `edit` makes of it; the load balancers on it follow. Who owns it
    /// does not change.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::Violation`] if there can be no such network,
    /// or another one has the VLAN; [`StoreError::NetworkObjectInUse`] if it shall no longer lead
    /// outside while floating addresses are taken from it; and those of `edit`.
    pub async fn update_network(
        &self,
        id: NetworkId,
        edit: impl Fn(&Network) -> Result<Network, Violation> + Send + Sync + 'static,
    ) -> Result<Network, StoreError> {
        self.write(move |session| {
            let earlier = found_network(session, id)?;
            replace_network(session, &earlier, &edit(&earlier)?)
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
    /// [`StoreError::Violation`] if its network is not there, there can be no such subnet, or it
    /// overlaps another one of the network.
    pub async fn create_subnet(&self, subnet: Subnet) -> Result<Subnet, StoreError> {
        self.write(move |session| insert_subnet(session, &subnet)).await
    }

    /// Changes a subnet to what `edit` makes of it, but for its network and its addresses; the load
    /// balancers on it follow.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`]; [`StoreError::Violation`] if there can be no such subnet,
    /// or a port has the new gateway's address; and those of `edit`.
    pub async fn update_subnet(
        &self,
        id: SubnetId,
        edit: impl Fn(&Subnet) -> Result<Subnet, Violation> + Send + Sync + 'static,
    ) -> Result<Subnet, StoreError> {
        self.write(move |session| {
            let earlier = found_subnet(session, id)?;
            replace_subnet(session, &earlier, &edit(&earlier)?)
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

pub(super) fn found_network(
    session: &mut Session<'_>,
    id: NetworkId,
) -> Result<Network, StoreError> {
    let missing = StoreError::NoNetworkObject { kind: "Network", id: id.into() };
    rows::network(session, id)?.ok_or(missing)
}

pub(super) fn found_subnet(session: &mut Session<'_>, id: SubnetId) -> Result<Subnet, StoreError> {
    let missing = StoreError::NoNetworkObject { kind: "Subnet", id: id.into() };
    rows::subnet(session, id)?.ok_or(missing)
}

/// A new network, with a VLAN.
pub(super) fn insert_network(
    session: &mut Session<'_>,
    mut network: Network,
) -> Result<Network, StoreError> {
    network.check(&[])?;
    match network.vlan {
        Some(vlan) => check_vlan(session, network.id, vlan)?,
        None => network.vlan = free_vlan(session)?,
    }
    rows::insert_network(session, &network)?;
    Ok(network)
}

/// A network as `wanted`; what is attached to it follows.
pub(super) fn replace_network(
    session: &mut Session<'_>,
    earlier: &Network,
    wanted: &Network,
) -> Result<Network, StoreError> {
    let id = earlier.id;
    wanted.check(&rows::subnets_of(session, id)?)?;
    if let Some(vlan) = wanted.vlan {
        check_vlan(session, id, vlan)?;
    }
    if earlier.is_external && !wanted.is_external {
        let sql = "SELECT 1 FROM floating_addresses f JOIN ports p ON p.id = f.outside_port_id \
                   WHERE p.network_id = ?1 LIMIT 1";
        if session.first(sql, &values![id])?.is_some() {
            let by = "floating addresses are taken from it; delete them first";
            return Err(StoreError::NetworkObjectInUse { kind: "Network", id: id.into(), by });
        }
    }
    rows::update_network(session, wanted)?;
    if (earlier.mtu, earlier.vlan) != (wanted.mtu, wanted.vlan) {
        raise_on(session, id)?;
    }
    found_network(session, id)
}

/// A subnet within its network.
pub(super) fn insert_subnet(
    session: &mut Session<'_>,
    subnet: &Subnet,
) -> Result<Subnet, StoreError> {
    let Some(network) = rows::network(session, subnet.network)? else {
        let id = subnet.network.to_string();
        return Err(Violation::MissingReference { kind: "Network", id }.into());
    };
    let mut subnets = rows::subnets_of(session, subnet.network)?;
    subnet.check(&subnets, &session.config.address_rules)?;
    subnets.push(subnet.clone());
    network.check(&subnets)?;
    rows::insert_subnet(session, subnet)?;
    Ok(subnet.clone())
}

/// A subnet as `wanted`; what is attached to its network follows.
pub(super) fn replace_subnet(
    session: &mut Session<'_>,
    earlier: &Subnet,
    wanted: &Subnet,
) -> Result<Subnet, StoreError> {
    wanted.check(&rows::subnets_of(session, earlier.network)?, &session.config.address_rules)?;
    if let Some(gateway) = wanted.gateway
        && wanted.gateway != earlier.gateway
        && rows::is_taken(session, earlier.network, gateway)?
    {
        let text = format!("{gateway} is the address of a port; choose another gateway.");
        return Err(Violation::rule(text).into());
    }
    rows::update_subnet(session, wanted)?;
    let changed = found_subnet(session, earlier.id)?;
    if earlier.routes() != changed.routes() {
        raise_on(session, earlier.network)?;
    }
    Ok(changed)
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
