//! Leasing the addresses of a load balancer (contract 3.11), within the transaction that creates
//! it.

use std::net::IpAddr;

use evenkeel_model::address::AddressRules;
use evenkeel_model::load_balancer::{AdditionalVip, AdditionalVipRequest, Vip, VipRequest};
use evenkeel_model::network::{FixedAddress, MacAddress, Network, Port, Subnet};
use evenkeel_model::{LoadBalancerId, NetworkId, PortId, ProjectId, SubnetId, Violation};

use super::room::{Room, number};
use super::rows;
use crate::StoreError;
use crate::engine::Session;

/// The `device_owner` of a port that is a VIP.
pub(super) const VIP_OWNER: &str = "Octavia";

/// For whom addresses are leased.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenant<'a> {
    /// The load balancer to be.
    pub(crate) load_balancer: LoadBalancerId,
    /// Who owns it, and may use shared networks and those of his own.
    pub(crate) project: &'a ProjectId,
    /// The id of the port that is made, if the request names none.
    pub(crate) new_port: PortId,
    /// Which addresses can be VIPs.
    pub(crate) rules: &'a AddressRules,
}

/// Leases what `request` asks for: on the port it names, or on a new one.
pub(crate) fn lease(
    session: &mut Session<'_>,
    request: &VipRequest,
    tenant: &Tenant<'_>,
) -> Result<(Vip, Vec<AdditionalVip>), StoreError> {
    let mut lease = Lease { session, request, tenant };
    let vip = if let Some(port) = request.port {
        lease.on_given_port(port)?
    } else if let Some(network) = request.network {
        lease.on_network(network)?
    } else if let Some(subnet) = request.subnet {
        let subnet = lease.subnet(subnet)?;
        lease.on_new_port(&[subnet])?
    } else {
        return refuse("VIP must contain one of: vip_port_id, vip_network_id, vip_subnet_id.");
    };
    let additional = lease.additional(&vip)?;
    Ok((vip, additional))
}

/// Gives back whatever a load balancer leased: its own port goes, a tenant's port is free again.
pub(crate) fn release(
    session: &mut Session<'_>,
    load_balancer: LoadBalancerId,
) -> Result<(), StoreError> {
    rows::release(session, load_balancer, &device(load_balancer))
}

fn device(load_balancer: LoadBalancerId) -> String {
    format!("lb-{load_balancer}")
}

fn refuse<T>(text: impl Into<String>) -> Result<T, StoreError> {
    Err(Violation::rule(text).into())
}

fn missing<T>(kind: &'static str, id: &impl ToString) -> Result<T, StoreError> {
    Err(Violation::MissingReference { kind, id: id.to_string() }.into())
}

struct Lease<'a, 's> {
    session: &'a mut Session<'s>,
    request: &'a VipRequest,
    tenant: &'a Tenant<'a>,
}

impl Lease<'_, '_> {
    fn on_given_port(&mut self, id: PortId) -> Result<Vip, StoreError> {
        let Some(port) = rows::port(self.session, id)? else {
            return missing("Port", &id);
        };
        if port.project != *self.tenant.project {
            return missing("Port", &id);
        }
        if !port.device.is_empty() {
            return refuse(format!("Port {id} is already used by device {} ", port.device));
        }
        let chosen = self.choose_on(&port)?;
        self.check(chosen.address)?;
        let device = device(self.tenant.load_balancer);
        rows::use_port(self.session, id, &device, VIP_OWNER)?;
        Ok(Vip { address: chosen.address, port: id, subnet: chosen.subnet, network: port.network })
    }

    /// Which of a given port's addresses is the VIP.
    fn choose_on(&self, port: &Port) -> Result<FixedAddress, StoreError> {
        let VipRequest { subnet, address, .. } = self.request;
        let of_subnet = |it: &FixedAddress| subnet.is_none_or(|subnet| it.subnet == subnet);
        let is_wanted = |it: &FixedAddress| address.is_none_or(|address| it.address == address);
        let addresses = &port.addresses;
        if subnet.is_some() && !addresses.iter().any(of_subnet) {
            return refuse(
                "No VIP address found on the specified VIP port within the specified subnet.",
            );
        }
        let mut fitting = addresses.iter().filter(|it| of_subnet(it) && is_wanted(it));
        let Some(first) = fitting.next() else {
            return if address.is_some() {
                refuse("Specified VIP address not found on the specified VIP port.")
            } else {
                undetermined()
            };
        };
        if subnet.is_none() && address.is_none() && fitting.next().is_some() {
            return undetermined();
        }
        Ok(*first)
    }

    fn on_network(&mut self, id: NetworkId) -> Result<Vip, StoreError> {
        let network = self.network(id, "Network", &id)?;
        let mut subnets = rows::subnets_of(self.session, network.id)?;
        if let Some(wanted) = self.request.subnet {
            subnets.retain(|subnet| subnet.id == wanted);
            if subnets.is_empty() {
                return missing("Subnet", &wanted);
            }
            return self.on_new_port(&subnets);
        }
        if subnets.is_empty() {
            return refuse("Supplied network does not contain a subnet.");
        }
        if let Some(address) = self.request.address {
            subnets.retain(|subnet| subnet.cidr.contains(&address));
            if subnets.is_empty() {
                return refuse(
                    "Supplied network does not contain a subnet for VIP address specified.",
                );
            }
        }
        // The first IPv4 one is preferred; within a family the oldest.
        subnets.sort_by_key(|subnet| !subnet.cidr.addr().is_ipv4());
        self.on_new_port(&subnets)
    }

    /// Makes a port with an address of the first of `subnets` that has one left.
    fn on_new_port(&mut self, subnets: &[Subnet]) -> Result<Vip, StoreError> {
        let Some(network) = subnets.first().map(|subnet| subnet.network) else {
            return refuse("Supplied network does not contain a subnet.");
        };
        let id = self.tenant.new_port;
        let port = Port {
            id,
            network,
            project: self.tenant.project.clone(),
            name: format!("octavia-lb-{}", self.tenant.load_balancer),
            mac: MacAddress::of(id),
            device: device(self.tenant.load_balancer),
            device_owner: VIP_OWNER.to_owned(),
            addresses: Vec::new(),
        };
        rows::insert_port(self.session, &port, Some(self.tenant.load_balancer))?;
        for subnet in subnets {
            if let Some(address) = self.take(subnet, self.request.address, id)? {
                return Ok(Vip { address, port: id, subnet: subnet.id, network });
            }
        }
        refuse("Subnet(s) in the supplied network do not contain enough available IPs.")
    }

    fn additional(&mut self, vip: &Vip) -> Result<Vec<AdditionalVip>, StoreError> {
        let mut seen = vec![vip.subnet];
        for more in &self.request.additional {
            if seen.contains(&more.subnet) {
                return refuse(
                    "Duplicate VIP subnet(s) specified. Only one IP can be bound per subnet.",
                );
            }
            seen.push(more.subnet);
        }
        let wanted = &self.request.additional;
        wanted.iter().map(|more| self.one_more(vip, more)).collect()
    }

    fn one_more(
        &mut self,
        vip: &Vip,
        more: &AdditionalVipRequest,
    ) -> Result<AdditionalVip, StoreError> {
        let subnet = self.subnet(more.subnet)?;
        if subnet.network != vip.network {
            return refuse("All VIP subnets must belong to the same network.");
        }
        let found = |address| AdditionalVip { address, port: vip.port, subnet: subnet.id };
        // A port that the tenant brought may have the address already.
        let port = rows::port(self.session, vip.port)?;
        let held = port.into_iter().flat_map(|port| port.addresses).find(|it| {
            it.subnet == subnet.id && more.address.is_none_or(|address| it.address == address)
        });
        if let Some(held) = held {
            self.check(held.address)?;
            return Ok(found(held.address));
        }
        match self.take(&subnet, more.address, vip.port)? {
            Some(address) => Ok(found(address)),
            None => {
                refuse("Subnet(s) in the supplied network do not contain enough available IPs.")
            }
        }
    }

    /// The subnet, if the tenant may use its network.
    fn subnet(&mut self, id: SubnetId) -> Result<Subnet, StoreError> {
        let Some(subnet) = rows::subnet(self.session, id)? else {
            return missing("Subnet", &id);
        };
        self.network(subnet.network, "Subnet", &id)?;
        Ok(subnet)
    }

    /// The network, if the tenant may use it; otherwise `kind` and `named` are what is missing.
    fn network(
        &mut self,
        id: NetworkId,
        kind: &'static str,
        named: &impl ToString,
    ) -> Result<Network, StoreError> {
        let network = rows::network(self.session, id)?;
        let is_usable = |it: &Network| it.is_open_to(self.tenant.project);
        match network.filter(is_usable) {
            Some(network) => Ok(network),
            None => missing(kind, named),
        }
    }

    /// Takes `wanted`, or any free address; none if none is left.
    fn take(
        &mut self,
        subnet: &Subnet,
        wanted: Option<IpAddr>,
        port: PortId,
    ) -> Result<Option<IpAddr>, StoreError> {
        let by = Some(self.tenant.load_balancer);
        if let Some(address) = wanted {
            self.check(address)?;
            take_wanted(self.session, subnet, address, port, by)?;
            return Ok(Some(address));
        }
        let taken = take_any(self.session, subnet, self.tenant.rules, port, by)?;
        if let Some(address) = taken {
            self.check(address)?;
        }
        Ok(taken)
    }

    fn check(&self, address: IpAddr) -> Result<(), StoreError> {
        match self.tenant.rules.check(address) {
            Ok(()) => Ok(()),
            Err(forbidden) => refuse(format!("{address} cannot be a VIP address: {forbidden}.")),
        }
    }
}

fn undetermined<T>() -> Result<T, StoreError> {
    refuse(
        "VIP port's subnet could not be determined. Please specify either a VIP subnet or address.",
    )
}

/// Gives a port the address that was asked for.
pub(super) fn take_wanted(
    session: &mut Session<'_>,
    subnet: &Subnet,
    address: IpAddr,
    port: PortId,
    leased_by: Option<LoadBalancerId>,
) -> Result<(), StoreError> {
    if !Room::of(subnet, &AddressRules::default()).holds(address) {
        return refuse(format!("IP address {address} is not a valid IP for the specified subnet."));
    }
    let is_gateway = subnet.gateway.is_some_and(|gateway| number(gateway) == number(address));
    let fixed = FixedAddress { subnet: subnet.id, address };
    if is_gateway || !rows::take(session, subnet.network, fixed, port, leased_by)? {
        return Err(StoreError::AddressInUse { address, subnet: subnet.id });
    }
    Ok(())
}

/// Gives a port any free address of the subnet; none if none is left.
pub(super) fn take_any(
    session: &mut Session<'_>,
    subnet: &Subnet,
    rules: &AddressRules,
    port: PortId,
    leased_by: Option<LoadBalancerId>,
) -> Result<Option<IpAddr>, StoreError> {
    let room = Room::of(subnet, rules);
    // After the highest it costs one look-up, however many are taken; only when the top is
    // reached are the gaps below worth looking for.
    let highest = rows::highest(session, subnet.id)?;
    let free = match room.after(highest) {
        Some(address) => Some(address),
        None => room.first_gap(rows::taken(session, subnet.id)?),
    };
    let Some(address) = free else {
        return Ok(None);
    };
    let fixed = FixedAddress { subnet: subnet.id, address };
    if rows::take(session, subnet.network, fixed, port, leased_by)? {
        Ok(Some(address))
    } else {
        // Another control plane took it at this moment: the whole change is tried again.
        Err(StoreError::Busy)
    }
}
