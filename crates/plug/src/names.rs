//! What things on a node are called: after the ids of what they are for (contract of the original
//! system, so that its operators find what they know).

use evenkeel_model::{LoadBalancerId, NetworkId, PortId};

/// What the names of namespaces of load balancers begin with.
pub const NAMESPACE: &str = "qlbaas-";

/// What the names of namespaces begin with that floating addresses are in.
pub const ROUTER: &str = "qrouter-";

/// What the names of devices in a namespace begin with that are one end of a pair.
pub(crate) const INNER: &str = "ns-";

/// What the names of devices begin with that are plugged in.
pub(crate) const TAP: &str = "tap";

/// What the mark of everything of ours begins with.
const MARK: &str = "evenkeel:";

/// How much of an id fits into the name of a device, of which the kernel knows 15 characters.
const SHORT: usize = 11;

/// The namespace of a load balancer.
pub fn namespace(load_balancer: LoadBalancerId) -> String {
    format!("{NAMESPACE}{load_balancer}")
}

/// The namespace of a load balancer's floating addresses.
pub fn router(load_balancer: LoadBalancerId) -> String {
    format!("{ROUTER}{load_balancer}")
}

/// The mark of what was made for a load balancer.
pub fn mark(load_balancer: LoadBalancerId) -> String {
    format!("{MARK}{load_balancer}")
}

/// The mark of what was made for a network.
pub(crate) fn mark_of_network(network: NetworkId) -> String {
    format!("{MARK}{network}")
}

/// Whom a mark names.
pub(crate) fn owner_of(mark: &str) -> Option<LoadBalancerId> {
    mark.strip_prefix(MARK)?.parse().ok()
}

/// Whether a mark is one of ours.
pub fn is_mark(alias: &str) -> bool {
    alias.starts_with(MARK)
}

/// The device that is plugged in for a port.
pub fn tap(port: PortId) -> String {
    format!("{TAP}{}", short(&port.to_string()))
}

/// Its other end, in the namespace.
pub(crate) fn inner(port: PortId) -> String {
    format!("{INNER}{}", short(&port.to_string()))
}

/// The bridge of a network.
pub fn bridge(network: NetworkId) -> String {
    format!("brq{}", short(&network.to_string()))
}

/// The same, as long as it is being made.
pub(crate) fn unfinished_bridge(network: NetworkId) -> String {
    format!("{UNFINISHED}{}", short(&network.to_string()))
}

/// What the names of bridges begin with that are being made.
const UNFINISHED: &str = "ekn-";

/// Whether a name is that of a bridge that is being made.
pub(crate) fn is_unfinished_bridge(name: &str) -> bool {
    let is_hex = |id: &str| id.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
    name.strip_prefix(UNFINISHED).is_some_and(|id| id.len() == SHORT && is_hex(id))
}

fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// The load balancer that a namespace is of, by its name.
pub(crate) fn load_balancer_of(namespace: &str) -> Option<LoadBalancerId> {
    let id = namespace.strip_prefix(NAMESPACE).or_else(|| namespace.strip_prefix(ROUTER))?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_are_those_of_the_original() {
        let id: Uuid = "83f82fcf-d141-4774-87a0-ace79196bc88".parse().unwrap();
        assert_eq!(tap(PortId::new(id)), "tap83f82fcf-d1");
        assert_eq!(inner(PortId::new(id)), "ns-83f82fcf-d1");
        assert_eq!(bridge(NetworkId::new(id)), "brq83f82fcf-d1");
        let name = namespace(LoadBalancerId::new(id));
        assert_eq!(name, "qlbaas-83f82fcf-d141-4774-87a0-ace79196bc88");
        assert_eq!(load_balancer_of(&name), Some(LoadBalancerId::new(id)));
        assert_eq!(load_balancer_of("qlbaas-other"), None);
    }
}
