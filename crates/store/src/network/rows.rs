//! Networks, subnets and ports in their tables.

use std::net::IpAddr;

use evenkeel_model::network::{FixedAddress, MacAddress, Network, Port, Subnet};
use evenkeel_model::{LoadBalancerId, NetworkId, PortId, ProjectId, SubnetId};

use super::room::{number_of_key, sort_key};
use crate::StoreError;
use crate::engine::{Row, Session, Value, json, values};

const NETWORK: &str =
    "SELECT id, name, project_id, shared, mtu, vlan, is_external, allowed FROM networks";
const SUBNET: &str = "SELECT id, network_id, name, cidr, gateway, host_routes, pools FROM subnets";
const PORT: &str = "SELECT id, network_id, project_id, name, device, device_owner, mac FROM ports";

fn project(row: &Row, at: usize) -> Result<ProjectId, StoreError> {
    let text = row.text(at)?;
    ProjectId::new(text).ok_or_else(|| StoreError::corrupt("project", text))
}

fn read_network(row: &Row) -> Result<Network, StoreError> {
    Ok(Network {
        id: row.parse(0)?,
        name: row.text(1)?.to_owned(),
        project: project(row, 2)?,
        shared: row.bool(3)?,
        mtu: u16::try_from(row.int(4)?).unwrap_or(u16::MAX),
        vlan: row.maybe_int(5).and_then(|vlan| u16::try_from(vlan).ok()),
        is_external: row.bool(6)?,
        allowed: row.json(7)?,
    })
}

fn read_subnet(row: &Row) -> Result<Subnet, StoreError> {
    Ok(Subnet {
        id: row.parse(0)?,
        network: row.parse(1)?,
        name: row.text(2)?.to_owned(),
        cidr: row.parse(3)?,
        gateway: row.maybe_parse(4)?,
        host_routes: row.json(5)?,
        pools: row.json(6)?,
    })
}

fn read_port(session: &mut Session<'_>, row: &Row) -> Result<Port, StoreError> {
    let id: PortId = row.parse(0)?;
    let addresses = session.query(
        "SELECT subnet_id, address FROM port_addresses WHERE port_id = ?1 ORDER BY sort_key",
        &values![id],
    )?;
    let held = |row: &Row| Ok(FixedAddress { subnet: row.parse(0)?, address: row.parse(1)? });
    Ok(Port {
        id,
        network: row.parse(1)?,
        project: project(row, 2)?,
        name: row.text(3)?.to_owned(),
        mac: row.maybe_parse(6)?.unwrap_or(MacAddress::of(id)),
        device: row.text(4)?.to_owned(),
        device_owner: row.text(5)?.to_owned(),
        addresses: addresses.iter().map(held).collect::<Result<_, StoreError>>()?,
    })
}

pub(super) fn network(
    session: &mut Session<'_>,
    id: NetworkId,
) -> Result<Option<Network>, StoreError> {
    let row = session.first(&format!("{NETWORK} WHERE id = ?1"), &values![id])?;
    row.as_ref().map(read_network).transpose()
}

pub(super) fn networks(session: &mut Session<'_>) -> Result<Vec<Network>, StoreError> {
    session.query(&format!("{NETWORK} ORDER BY name, id"), &[])?.iter().map(read_network).collect()
}

pub(super) fn insert_network(
    session: &mut Session<'_>,
    network: &Network,
) -> Result<(), StoreError> {
    session
        .execute(
            "INSERT INTO networks \
             (id, name, project_id, shared, mtu, vlan, is_external, allowed) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &values![
                network.id,
                network.name.as_str(),
                &network.project,
                network.shared,
                i64::from(network.mtu),
                network.vlan.map(i64::from),
                network.is_external,
                json(&network.allowed)
            ],
        )
        .map(drop)
}

pub(super) fn update_network(
    session: &mut Session<'_>,
    network: &Network,
) -> Result<(), StoreError> {
    session
        .execute(
            "UPDATE networks SET name = ?2, shared = ?3, mtu = ?4, vlan = ?5, is_external = ?6, \
             allowed = ?7 WHERE id = ?1",
            &values![
                network.id,
                network.name.as_str(),
                network.shared,
                i64::from(network.mtu),
                network.vlan.map(i64::from),
                network.is_external,
                json(&network.allowed)
            ],
        )
        .map(drop)
}

pub(super) fn update_subnet(session: &mut Session<'_>, subnet: &Subnet) -> Result<(), StoreError> {
    session
        .execute(
            "UPDATE subnets SET name = ?2, gateway = ?3, host_routes = ?4, pools = ?5 \
             WHERE id = ?1",
            &values![
                subnet.id,
                subnet.name.as_str(),
                subnet.gateway.map(|gateway| gateway.to_string()),
                json(&subnet.host_routes),
                json(&subnet.pools)
            ],
        )
        .map(drop)
}

/// Whether a port of a network has this address.
pub(super) fn is_taken(
    session: &mut Session<'_>,
    network: NetworkId,
    address: IpAddr,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM port_addresses WHERE network_id = ?1 AND sort_key = ?2";
    Ok(session.first(sql, &values![network, sort_key(address)])?.is_some())
}

pub(super) fn subnet(
    session: &mut Session<'_>,
    id: SubnetId,
) -> Result<Option<Subnet>, StoreError> {
    let row = session.first(&format!("{SUBNET} WHERE id = ?1"), &values![id])?;
    row.as_ref().map(read_subnet).transpose()
}

pub(super) fn subnets(session: &mut Session<'_>) -> Result<Vec<Subnet>, StoreError> {
    let sql = format!("{SUBNET} ORDER BY created_at, id");
    session.query(&sql, &[])?.iter().map(read_subnet).collect()
}

pub(super) fn subnets_of(
    session: &mut Session<'_>,
    network: NetworkId,
) -> Result<Vec<Subnet>, StoreError> {
    let sql = format!("{SUBNET} WHERE network_id = ?1 ORDER BY created_at, id");
    session.query(&sql, &values![network])?.iter().map(read_subnet).collect()
}

pub(super) fn insert_subnet(session: &mut Session<'_>, subnet: &Subnet) -> Result<(), StoreError> {
    let now = session.moment();
    session
        .execute(
            "INSERT INTO subnets \
             (id, network_id, name, cidr, gateway, created_at, host_routes, pools) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &values![
                subnet.id,
                subnet.network,
                subnet.name.as_str(),
                subnet.cidr.to_string(),
                subnet.gateway.map(|gateway| gateway.to_string()),
                now,
                json(&subnet.host_routes),
                json(&subnet.pools)
            ],
        )
        .map(drop)
}

pub(super) fn port(session: &mut Session<'_>, id: PortId) -> Result<Option<Port>, StoreError> {
    let row = session.first(&format!("{PORT} WHERE id = ?1"), &values![id])?;
    row.as_ref().map(|row| read_port(session, row)).transpose()
}

pub(super) fn ports(session: &mut Session<'_>) -> Result<Vec<Port>, StoreError> {
    let rows = session.query(&format!("{PORT} ORDER BY name, id"), &[])?;
    rows.iter().map(|row| read_port(session, row)).collect()
}

pub(super) fn insert_port(
    session: &mut Session<'_>,
    port: &Port,
    owned_by: Option<LoadBalancerId>,
) -> Result<(), StoreError> {
    let mac = free_mac(session, port)?;
    session
        .execute(
            "INSERT INTO ports \
             (id, network_id, project_id, name, device, device_owner, owned_by, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &values![
                port.id,
                port.network,
                &port.project,
                port.name.as_str(),
                port.device.as_str(),
                port.device_owner.as_str(),
                owned_by,
                mac.to_string()
            ],
        )
        .map(drop)
}

/// The hardware address of a port to be, or the next one that no port of its network has.
fn free_mac(session: &mut Session<'_>, port: &Port) -> Result<MacAddress, StoreError> {
    let sql = "SELECT 1 FROM ports WHERE network_id = ?1 AND mac = ?2";
    let mut mac = port.mac;
    while session.first(sql, &values![port.network, mac.to_string()])?.is_some() {
        mac = mac.next();
    }
    Ok(mac)
}

pub(super) fn delete_port(session: &mut Session<'_>, id: PortId) -> Result<(), StoreError> {
    session.execute(
        "UPDATE floating_addresses SET inside_port_id = NULL, inside_address = NULL \
         WHERE inside_port_id = ?1",
        &values![id],
    )?;
    session.execute("DELETE FROM port_addresses WHERE port_id = ?1", &values![id])?;
    session.execute("DELETE FROM ports WHERE id = ?1", &values![id]).map(drop)
}

/// Notes what uses a port that somebody brought.
pub(super) fn use_port(
    session: &mut Session<'_>,
    id: PortId,
    device: &str,
    owner: &str,
) -> Result<(), StoreError> {
    session
        .execute(
            "UPDATE ports SET device = ?2, device_owner = ?3 WHERE id = ?1",
            &values![id, device, owner],
        )
        .map(drop)
}

/// Gives a port an address; false if somebody has it.
pub(super) fn take(
    session: &mut Session<'_>,
    network: NetworkId,
    fixed: FixedAddress,
    port: PortId,
    leased_by: Option<LoadBalancerId>,
) -> Result<bool, StoreError> {
    let key = sort_key(fixed.address);
    let taken = session.execute(
        "INSERT INTO port_addresses (network_id, sort_key, address, subnet_id, port_id, leased_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (network_id, sort_key) DO NOTHING",
        &values![network, key, fixed.address.to_string(), fixed.subnet, port, leased_by],
    )?;
    Ok(taken > 0)
}

/// The highest address of a subnet that is taken.
pub(super) fn highest(
    session: &mut Session<'_>,
    subnet: SubnetId,
) -> Result<Option<u128>, StoreError> {
    let row = session.first(
        "SELECT sort_key FROM port_addresses WHERE subnet_id = ?1 ORDER BY sort_key DESC LIMIT 1",
        &values![subnet],
    )?;
    row.map(|row| key(&row)).transpose()
}

/// The addresses of a subnet that are taken, from low to high.
pub(super) fn taken(session: &mut Session<'_>, subnet: SubnetId) -> Result<Vec<u128>, StoreError> {
    let sql = "SELECT sort_key FROM port_addresses WHERE subnet_id = ?1 ORDER BY sort_key";
    session.query(sql, &values![subnet])?.iter().map(key).collect()
}

fn key(row: &Row) -> Result<u128, StoreError> {
    let text = row.text(0)?;
    number_of_key(text).ok_or_else(|| StoreError::corrupt("address", text))
}

/// Gives back what a load balancer leased: its own port goes, a port that was brought is free.
pub(super) fn release(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
    device: &str,
) -> Result<(), StoreError> {
    let values: [Value; 1] = values![load_balancer];
    session.execute(
        "UPDATE floating_addresses SET inside_port_id = NULL, inside_address = NULL \
         WHERE inside_port_id IN (SELECT id FROM ports WHERE owned_by = ?1)",
        &values,
    )?;
    session.execute("DELETE FROM port_addresses WHERE leased_by = ?1", &values)?;
    session.execute(
        "DELETE FROM port_addresses WHERE port_id IN (SELECT id FROM ports WHERE owned_by = ?1)",
        &values,
    )?;
    session.execute("DELETE FROM ports WHERE owned_by = ?1", &values)?;
    session
        .execute(
            "UPDATE ports SET device = '', device_owner = '' WHERE device = ?1",
            &values![device],
        )
        .map(drop)
}
