//! One load balancer with one of everything, from which the document takes what is shown.

use std::net::IpAddr;

use evenkeel_model::network::{Floating, Network, Subnet};
use evenkeel_model::offering::{Offering, OfferingKind, Profile};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::record::{L7PolicyRelated, ListenerRelated, LoadBalancerRelated, PoolRelated};
use evenkeel_model::status::{OperatingStatus, ProvisioningStatus};
use evenkeel_model::text::{Label, ProfileData};
use evenkeel_model::{
    Epoch, LoadBalancerId, PlacementId, ProjectId, Record, Resource, Route, Timestamp,
};
use ipnet::IpNet;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amphora::Amphora;
use crate::decode::{Field, from_value};
use crate::load_balancer::{Create, Tree};
use crate::whole::Whole;
use crate::{
    Deployment, availability_zone, availability_zone_profile, flavor, flavor_profile,
    floating_address, network, subnet,
};

/// A node, as the control plane shows it to operators.
pub(super) fn node() -> Value {
    json!({
        "id": "", "host": "", "providers": [""], "capacity": 0, "placed": 0,
        "alive": true, "admin_state_up": true, "last_heard": "",
    })
}

/// A placement, likewise. Its sockets are those of listeners that are not at VIP and port.
pub(super) fn placement() -> Value {
    json!({
        "loadbalancer_id": "", "node_id": "", "host": "",
        "epoch": 0, "generation": 0, "served_generation": 0, "sockets": {},
    })
}

/// One of all that operators offer: the name of its schema, what is shown, and what can be said.
pub(super) fn offered() -> [(&'static str, Value, Value); 4] {
    let offering = |kind| Offering {
        id: Uuid::nil().into(),
        kind,
        name: Label::empty(),
        description: Label::empty(),
        enabled: true,
        profile: Uuid::nil().into(),
    };
    let profile = |kind| Profile {
        id: Uuid::nil().into(),
        kind,
        name: Label::empty(),
        provider: ProviderName::new("haproxy"),
        data: ProfileData::try_from("{}".to_owned()).expect("it is short"),
    };
    let (flavor, zone) = (OfferingKind::Flavor, OfferingKind::AvailabilityZone);
    [
        ("Flavor", flavor::view(&offering(flavor)), flavor::Create::schema()),
        ("FlavorProfile", flavor_profile::view(&profile(flavor)), flavor_profile::Create::schema()),
        (
            "AvailabilityZone",
            availability_zone::view(&offering(zone)),
            availability_zone::Create::schema(),
        ),
        (
            "AvailabilityZoneProfile",
            availability_zone_profile::view(&profile(zone)),
            availability_zone_profile::Create::schema(),
        ),
    ]
}

/// One of all that networks of our own consist of, likewise.
pub(super) fn networks() -> [(&'static str, Value, Value); 3] {
    let nobody = ProjectId::new("-").expect("it is short");
    let net = IpNet::from(IpAddr::from([192, 0, 2, 0]));
    let network = Network {
        id: Uuid::nil().into(),
        name: String::new(),
        project: nobody.clone(),
        shared: false,
        mtu: 0,
        vlan: None,
        is_external: false,
        allowed: vec![nobody.clone()],
    };
    let subnet = Subnet {
        id: Uuid::nil().into(),
        network: network.id,
        name: String::new(),
        cidr: net,
        gateway: None,
        host_routes: vec![Route { destination: net, next_hop: net.addr() }],
        pools: vec![(net.addr(), net.addr())],
    };
    let floating = Floating {
        id: Uuid::nil().into(),
        project: nobody,
        description: String::new(),
        network: network.id,
        outside: Uuid::nil().into(),
        address: net.addr(),
        inside: None,
    };
    [
        ("Network", network::view(&network, &[subnet.id]), network::Create::schema()),
        ("Subnet", subnet::view(&subnet), subnet::Create::schema()),
        ("FloatingAddress", floating_address::view(&floating), floating_address::Create::schema()),
    ]
}

/// The place of a load balancer, in Octavia's words.
pub(super) fn amphora(whole: &Whole) -> Amphora {
    let record = &whole.load_balancer;
    Amphora {
        id: PlacementId::of(record.value.id, Epoch::new(1)),
        load_balancer: record.value.id,
        status: record.provisioning_status,
        agent: Uuid::nil().into(),
        address: record.value.vip.address,
        port: record.value.vip.port,
        created_at: record.created_at,
        updated_at: Some(record.created_at),
    }
}

/// The sample.
pub(super) fn whole() -> Whole {
    let tree = tree();
    let mut load_balancer = record(&tree, tree.load_balancer.clone());
    load_balancer.related =
        LoadBalancerRelated { listeners: ids(&tree.listeners), pools: ids(&tree.pools) };
    let mut listeners = records(&tree, &tree.listeners);
    listeners[0].related = ListenerRelated { l7_policies: ids(&tree.l7_policies) };
    let mut pools = records(&tree, &tree.pools);
    pools[0].related = PoolRelated {
        listeners: ids(&tree.listeners),
        members: ids(&tree.members),
        health_monitor: tree.health_monitors.first().map(Resource::id),
    };
    let mut l7_policies = records(&tree, &tree.l7_policies);
    l7_policies[0].related = L7PolicyRelated { rules: ids(&tree.l7_rules) };
    Whole {
        load_balancer,
        listeners,
        l7_policies,
        l7_rules: records(&tree, &tree.l7_rules),
        pools,
        members: records(&tree, &tree.members),
        health_monitors: records(&tree, &tree.health_monitors),
    }
}

fn tree() -> Tree {
    let body = json!({"loadbalancer": {
        "vip_subnet_id": Uuid::from_u128(1),
        "additional_vips": [],
        "tags": ["tag"],
        "listeners": [{
            "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "pool"},
            "insert_headers": {"X-Forwarded-For": "true"},
            "allowed_cidrs": ["192.0.2.0/24"],
            "l7policies": [{
                "action": "REDIRECT_TO_URL", "redirect_url": "https://example.org/",
                "rules": [{"type": "HEADER", "compare_type": "EQUAL_TO", "key": "k", "value": "v"}],
            }],
        }],
        "pools": [{
            "name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "session_persistence": {"type": "SOURCE_IP"},
            "members": [{"address": "192.0.2.1", "protocol_port": 8080}],
            "healthmonitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 3},
        }],
    }});
    let mut next = 0_u128;
    let mut new_id = || {
        next += 1;
        Uuid::from_u128(next)
    };
    let id = LoadBalancerId::new(new_id());
    let provider = ProviderName::new("haproxy");
    from_value::<Create>(&body)
        .and_then(|it| it.into_tree(id, provider, &Deployment::default(), &mut new_id))
        .expect("the sample breaks no rule")
}

fn ids<T: Resource>(values: &[T]) -> Vec<T::Id> {
    values.iter().map(Resource::id).collect()
}

fn records<T: Resource>(tree: &Tree, values: &[T]) -> Vec<Record<T>> {
    values.iter().map(|value| record(tree, value.clone())).collect()
}

fn record<T: Resource>(tree: &Tree, value: T) -> Record<T> {
    Record {
        value,
        load_balancer: tree.load_balancer.id,
        project: ProjectId::new("project").expect("the name is short"),
        created_at: Timestamp::from_micros(0),
        updated_at: None,
        provisioning_status: ProvisioningStatus::Active,
        operating_status: OperatingStatus::Online,
        status_reason: None,
        related: T::Related::default(),
    }
}
