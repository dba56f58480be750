//! Addresses of outer networks that stand for VIPs.

use std::net::IpAddr;

use evenkeel_model::network::{Floating, MacAddress, Network, Port};
use evenkeel_model::{
    FloatingId, LoadBalancerId, NetworkId, PortId, ProjectId, SubnetId, Violation,
};

use super::{rows, vip};
use crate::change::raise;
use crate::engine::{Row, Session, values};
use crate::{Store, StoreError};

/// The `device_owner` of the port of a floating address.
pub(super) const OWNER: &str = "network:floatingip";

const FLOATING: &str = "SELECT f.id, f.project_id, f.description, p.network_id, \
     f.outside_port_id, a.address, f.inside_port_id, f.inside_address FROM floating_addresses f \
     JOIN ports p ON p.id = f.outside_port_id \
     JOIN port_addresses a ON a.port_id = f.outside_port_id";

/// What is asked for of a floating address to be.
#[derive(Clone, Debug)]
pub struct FloatingRequest {
    /// Its id.
    pub id: FloatingId,
    /// The id of its port on the outer network.
    pub outside: PortId,
    /// Who owns it.
    pub project: ProjectId,
    /// For people.
    pub description: String,
    /// The outer network.
    pub network: NetworkId,
    /// The subnet of it to take the address from; any otherwise.
    pub subnet: Option<SubnetId>,
    /// The address wanted; any free one otherwise.
    pub address: Option<IpAddr>,
    /// What it shall stand for: a port, and an address of it unless its first will do.
    pub to: Option<(PortId, Option<IpAddr>)>,
}

impl Store {
    /// All floating addresses, oldest first.
    ///
    /// # Errors
    ///
    /// Only the database's.
    pub async fn floating_addresses(&self) -> Result<Vec<Floating>, StoreError> {
        self.read(|session| {
            let rows = session.query(&format!("{FLOATING} ORDER BY f.created_at, f.id"), &[])?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// Takes an address of an outer network.
    ///
    /// # Errors
    ///
    /// [`StoreError::Violation`] if the network is not there, leads nowhere, or has no address
    /// left; [`StoreError::AddressInUse`]; and those of [`Store::bind_floating`].
    pub async fn create_floating(&self, request: FloatingRequest) -> Result<Floating, StoreError> {
        self.write(move |session| {
            let network = outer_network(session, &request)?;
            make_port(session, &request, network.id)?;
            let now = session.moment();
            session.execute(
                "INSERT INTO floating_addresses \
                 (id, project_id, description, outside_port_id, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                &values![
                    request.id,
                    &request.project,
                    request.description.as_str(),
                    request.outside,
                    now
                ],
            )?;
            bind(session, request.id, request.to)
        })
        .await
    }

    /// Lets a floating address stand for an address of a port (its first, if none is named), or for
    /// none; the load balancers concerned follow.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`] if there is no such floating address;
    /// [`StoreError::Violation`] if the port, or the address on it, is not there or another
    /// project's, or is of the outer network itself; [`StoreError::FloatingTaken`].
    pub async fn bind_floating(
        &self,
        id: FloatingId,
        to: Option<(PortId, Option<IpAddr>)>,
    ) -> Result<Floating, StoreError> {
        self.write(move |session| bind(session, id, to)).await
    }

    /// The floating address with this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`].
    pub async fn floating_address(&self, id: FloatingId) -> Result<Floating, StoreError> {
        self.read(move |session| found(session, id)).await
    }

    /// Gives a floating address back.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNetworkObject`].
    pub async fn delete_floating(&self, id: FloatingId) -> Result<(), StoreError> {
        self.write(move |session| {
            let earlier = found(session, id)?;
            session.execute("DELETE FROM floating_addresses WHERE id = ?1", &values![id])?;
            rows::delete_port(session, earlier.outside)?;
            earlier.inside.map_or(Ok(()), |(port, _)| raise_at(session, port))
        })
        .await
    }
}

fn outer_network(
    session: &mut Session<'_>,
    request: &FloatingRequest,
) -> Result<Network, StoreError> {
    let id = request.network;
    let network = rows::network(session, id)?;
    // A network that the project does not see is not there.
    let is_seen = |it: &Network| it.is_external || it.is_open_to(&request.project);
    let Some(network) = network.filter(is_seen) else {
        return Err(Violation::MissingReference { kind: "Network", id: id.to_string() }.into());
    };
    if network.floats_for(&request.project) {
        return Ok(network);
    }
    let text = if network.is_external {
        format!("Network {id} gives project {} no floating addresses.", request.project)
    } else {
        format!("Network {id} is not an external network; choose one that is.")
    };
    Err(Violation::rule(text).into())
}

fn bind(
    session: &mut Session<'_>,
    id: FloatingId,
    to: Option<(PortId, Option<IpAddr>)>,
) -> Result<Floating, StoreError> {
    let earlier = found(session, id)?;
    let inside = to.map(|(port, address)| inside(session, &earlier, port, address));
    let inside = inside.transpose()?;
    if inside == earlier.inside {
        return Ok(earlier);
    }
    session.execute(
        "UPDATE floating_addresses SET inside_port_id = ?2, inside_address = ?3 WHERE id = ?1",
        &values![id, inside.map(|(port, _)| port), inside.map(|(_, address)| address.to_string())],
    )?;
    for port in [earlier.inside, inside].into_iter().flatten().map(|(port, _)| port) {
        raise_at(session, port)?;
    }
    found(session, id)
}

fn make_port(
    session: &mut Session<'_>,
    request: &FloatingRequest,
    network: NetworkId,
) -> Result<(), StoreError> {
    let id = request.outside;
    let port = Port {
        id,
        network,
        project: request.project.clone(),
        name: String::new(),
        mac: MacAddress::of(id),
        device: request.id.to_string(),
        device_owner: OWNER.to_owned(),
        addresses: Vec::new(),
    };
    rows::insert_port(session, &port, None)?;
    let mut subnets = rows::subnets_of(session, network)?;
    subnets.retain(|subnet| {
        request.subnet.is_none_or(|wanted| wanted == subnet.id)
            && request.address.is_none_or(|address| subnet.cidr.contains(&address))
    });
    let rules = session.config.address_rules.clone();
    for subnet in &subnets {
        let taken = match request.address {
            Some(address) => {
                vip::take_wanted(session, subnet, address, id, None)?;
                Some(address)
            }
            None => vip::take_any(session, subnet, &rules, id, None)?,
        };
        if taken.is_some() {
            return Ok(());
        }
    }
    Err(Violation::rule(format!("Network {network} has no such address left.")).into())
}

/// What a floating address shall stand for.
fn inside(
    session: &mut Session<'_>,
    floating: &Floating,
    port: PortId,
    address: Option<IpAddr>,
) -> Result<(PortId, IpAddr), StoreError> {
    let missing = || Violation::MissingReference { kind: "Port", id: port.to_string() };
    let found = rows::port(session, port)?;
    // Another project's port is not there.
    let found = found.filter(|it| it.project == floating.project).ok_or_else(missing)?;
    if found.network == floating.network {
        return Err(
            Violation::rule("A floating address stands for ports of other networks.").into()
        );
    }
    let is_v4 = floating.address.is_ipv4();
    let mut fitting = found
        .addresses
        .iter()
        .map(|it| it.address)
        .filter(|it| it.is_ipv4() == is_v4 && address.is_none_or(|wanted| wanted == *it));
    let chosen = fitting.next().ok_or_else(|| {
        Violation::rule(format!("Port {port} has no such address; name one that it has."))
    })?;
    let sql = "SELECT id FROM floating_addresses \
               WHERE inside_port_id = ?1 AND inside_address = ?2 AND id <> ?3";
    if let Some(other) = session.first(sql, &values![port, chosen.to_string(), floating.id])? {
        let text = other.text(0)?;
        return Err(StoreError::FloatingTaken { address: chosen, by: text.to_owned() });
    }
    Ok((port, chosen))
}

fn raise_at(session: &mut Session<'_>, port: PortId) -> Result<(), StoreError> {
    let sql = "SELECT id FROM load_balancers WHERE vip_port_id = ?1 AND change <> 'DELETE'";
    for row in session.query(sql, &values![port])? {
        let id: LoadBalancerId = row.parse(0)?;
        raise(session, id)?;
    }
    Ok(())
}

fn found(session: &mut Session<'_>, id: FloatingId) -> Result<Floating, StoreError> {
    let row = session.first(&format!("{FLOATING} WHERE f.id = ?1"), &values![id])?;
    let missing = StoreError::NoNetworkObject { kind: "Floating IP", id: id.into() };
    read(&row.ok_or(missing)?)
}

fn read(row: &Row) -> Result<Floating, StoreError> {
    let project = row.text(1)?;
    let inside: Option<PortId> = row.maybe_parse(6)?;
    Ok(Floating {
        id: row.parse(0)?,
        project: ProjectId::new(project).ok_or_else(|| StoreError::corrupt("project", project))?,
        description: row.text(2)?.to_owned(),
        network: row.parse(3)?,
        outside: row.parse(4)?,
        address: row.parse(5)?,
        inside: inside.zip(row.maybe_parse(7)?),
    })
}
