//! How load balancers are attached to networks, and what changes that.

use std::collections::BTreeSet;

use evenkeel_model::load_balancer::{AdditionalVipRequest, VipRequest};
use evenkeel_model::network::{MacAddress, Network, Port, Subnet};
use evenkeel_model::{Attachment, Generation, LoadBalancerGraph, LoadBalancerId, ProjectId, Route};
use evenkeel_store::{FloatingRequest, StoreError};

use crate::node::{NETWORK, SUBNET, World, draft, id, network, new, on_subnet, project, subnet};
use crate::scenario::{Home, scenarios};

scenarios! {
    a_graph_tells_how_its_vip_is_attached,
    additional_vips_bring_their_ways_along,
    a_changed_network_is_a_new_generation,
    a_changed_subnet_is_a_new_generation_if_its_ways_change,
    ports_of_a_network_differ_in_their_hardware_addresses,
    vlans_are_given_once,
    what_is_in_use_is_not_deleted,
    subnets_of_a_network_do_not_overlap,
    a_floating_address_stands_for_a_vip_until_it_is_taken_away,
    a_floating_address_is_free_when_its_vip_goes,
    floating_addresses_are_leased_once_and_from_outside,
    a_floating_address_that_cannot_be_bound_is_not_made,
    an_address_has_one_floating_address,
    an_allow_list_says_who_may_use_a_network,
    a_network_with_floating_addresses_stays_external,
    leases_in_parallel_are_of_different_addresses,
    a_configured_network_is_made_once_and_follows_its_configuration,
    a_floating_address_is_free_when_its_port_goes,
}

const OUTSIDE: u128 = 850;
const OUTER_SUBNET: u128 = 851;

fn route(destination: &str, next_hop: &str) -> Route {
    Route { destination: destination.parse().unwrap(), next_hop: next_hop.parse().unwrap() }
}

async fn graph(world: &World, load_balancer: LoadBalancerId) -> LoadBalancerGraph {
    let (_, graph) = world.store.graph(world.agent, load_balancer).await.unwrap();
    graph.expect("it is placed")
}

async fn attachment(world: &World, load_balancer: LoadBalancerId) -> Attachment {
    graph(world, load_balancer).await.attachment.expect("its port is there")
}

async fn generation(world: &World, load_balancer: LoadBalancerId) -> Generation {
    world.store.generation(load_balancer).await.unwrap()
}

async fn update_network(world: &World, wanted: Network) -> Result<Network, StoreError> {
    world.store.update_network(wanted.id, move |_| Ok(wanted.clone())).await
}

async fn update_subnet(world: &World, wanted: Subnet) -> Result<Subnet, StoreError> {
    world.store.update_subnet(wanted.id, move |_| Ok(wanted.clone())).await
}

fn with_ways() -> Subnet {
    Subnet {
        gateway: Some("127.86.0.1".parse().unwrap()),
        host_routes: vec![route("10.9.0.0/16", "127.86.0.2"), route("0.0.0.0/0", "127.86.0.3")],
        ..subnet(SUBNET, "127.86.0.0/16")
    }
}

async fn a_graph_tells_how_its_vip_is_attached(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    update_subnet(&world, with_ways()).await.unwrap_err();
    let moved = Subnet { gateway: Some("127.86.255.1".parse().unwrap()), ..with_ways() };
    update_subnet(&world, moved).await.unwrap();
    let attachment = attachment(&world, load_balancer).await;
    let vip = graph(&world, load_balancer).await.load_balancer.vip;
    assert_eq!(attachment.port, vip.port);
    assert_eq!(attachment.network, id(NETWORK));
    assert_eq!(attachment.mac, MacAddress::of(vip.port));
    assert_eq!(attachment.mtu, 1500);
    assert_eq!(attachment.addresses, [format!("{}/16", vip.address).parse().unwrap()]);
    let ways = [route("10.9.0.0/16", "127.86.0.2"), route("0.0.0.0/0", "127.86.255.1")];
    assert_eq!(attachment.routes, ways);
}

async fn additional_vips_bring_their_ways_along(home: Home) {
    let world = World::open(&home).await;
    let mut v6 = subnet(860, "2001:db8::/64");
    v6.gateway = Some("2001:db8::1".parse().unwrap());
    world.store.create_subnet(v6).await.unwrap();
    let more = AdditionalVipRequest { subnet: id(860), address: None };
    let request = VipRequest { additional: vec![more], ..on_subnet() };
    let made = world.create(draft(), request).await.unwrap();
    assert!(world.store.place(made.id, world.agent, None).await.unwrap());
    let attachment = attachment(&world, made.id).await;
    assert_eq!(attachment.addresses[1], "2001:db8::2/64".parse().unwrap());
    assert_eq!(attachment.routes, [route("::/0", "2001:db8::1")]);
}

async fn a_changed_network_is_a_new_generation(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    let before = generation(&world, load_balancer).await;
    let renamed = Network { name: "renamed".to_owned(), ..network(NETWORK) };
    update_network(&world, renamed.clone()).await.unwrap();
    assert_eq!(generation(&world, load_balancer).await, before, "a name changes nothing");
    update_network(&world, Network { mtu: 1400, ..renamed }).await.unwrap();
    assert!(generation(&world, load_balancer).await > before);
    assert_eq!(attachment(&world, load_balancer).await.mtu, 1400);
}

async fn a_changed_subnet_is_a_new_generation_if_its_ways_change(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.load_balancer().await;
    let before = generation(&world, load_balancer).await;
    let renamed = Subnet { name: "renamed".to_owned(), ..subnet(SUBNET, "127.86.0.0/16") };
    update_subnet(&world, renamed.clone()).await.unwrap();
    assert_eq!(generation(&world, load_balancer).await, before);
    let host_routes = vec![route("10.0.0.0/8", "127.86.0.9")];
    update_subnet(&world, Subnet { host_routes, ..renamed }).await.unwrap();
    assert!(generation(&world, load_balancer).await > before);
}

async fn ports_of_a_network_differ_in_their_hardware_addresses(home: Home) {
    let world = World::open(&home).await;
    let mac = MacAddress([0xfa, 0x16, 0x3e, 0, 0, 0xff]);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let port = Port {
            id: new(),
            network: id(NETWORK),
            project: project(),
            name: String::new(),
            mac,
            device: String::new(),
            device_owner: String::new(),
            addresses: Vec::new(),
        };
        seen.push(world.store.create_port(port).await.unwrap().mac.to_string());
    }
    assert_eq!(seen, ["fa:16:3e:00:00:ff", "fa:16:3e:00:01:00", "fa:16:3e:00:01:01"]);
}

async fn vlans_are_given_once(home: Home) {
    let world = World::open(&home).await;
    let named = |number, vlan| Network { vlan, ..network(number) };
    let create = |network| world.store.create_network(network);
    assert_eq!(create(named(861, None)).await.unwrap().vlan, Some(2));
    assert_eq!(create(named(862, Some(4))).await.unwrap().vlan, Some(4));
    assert_eq!(create(named(863, None)).await.unwrap().vlan, Some(3));
    assert_eq!(create(named(864, None)).await.unwrap().vlan, Some(5));
    let taken = create(named(865, Some(4))).await.unwrap_err().to_string();
    assert!(taken.contains("VLAN 4 is that of network"), "{taken}");
    let moved = update_network(&world, named(861, Some(4))).await;
    assert!(matches!(moved, Err(StoreError::Violation(_))), "{moved:?}");
}

async fn what_is_in_use_is_not_deleted(home: Home) {
    let world = World::open(&home).await;
    let load_balancer = world.unplaced().await;
    let store = &world.store;
    let refused = store.delete_subnet(id(SUBNET)).await;
    assert!(matches!(refused, Err(StoreError::NetworkObjectInUse { .. })), "{refused:?}");
    let refused = store.delete_network(id(NETWORK)).await;
    assert!(matches!(refused, Err(StoreError::NetworkObjectInUse { .. })), "{refused:?}");
    store.delete_load_balancer(load_balancer, true).await.unwrap();
    store.delete_network(id(NETWORK)).await.unwrap();
    assert_eq!(store.subnets().await.unwrap(), []);
    let missing = store.delete_network(id(NETWORK)).await;
    assert!(matches!(missing, Err(StoreError::NoNetworkObject { .. })), "{missing:?}");
}

async fn subnets_of_a_network_do_not_overlap(home: Home) {
    let world = World::open(&home).await;
    let refused = world.store.create_subnet(subnet(870, "127.86.4.0/24")).await.unwrap_err();
    assert!(refused.to_string().contains("overlaps"), "{refused}");
    world.store.create_subnet(subnet(871, "127.87.4.0/24")).await.unwrap();
}

/// An outer network, `203.0.113.0/29`.
async fn with_outside(home: &Home) -> World {
    let world = World::open(home).await;
    let outer = Network { is_external: true, ..network(OUTSIDE) };
    let mut subnet = subnet(OUTER_SUBNET, "203.0.113.0/29");
    subnet.network = id(OUTSIDE);
    subnet.gateway = Some("203.0.113.1".parse().unwrap());
    world.store.create_network(outer).await.unwrap();
    world.store.create_subnet(subnet).await.unwrap();
    world
}

fn floating() -> FloatingRequest {
    FloatingRequest {
        id: new(),
        outside: new(),
        project: project(),
        description: String::new(),
        network: id(OUTSIDE),
        subnet: None,
        address: None,
        to: None,
    }
}

async fn a_floating_address_stands_for_a_vip_until_it_is_taken_away(home: Home) {
    let world = with_outside(&home).await;
    let load_balancer = world.load_balancer().await;
    let vip = graph(&world, load_balancer).await.load_balancer.vip;
    let floating = world.store.create_floating(floating()).await.unwrap();
    assert_eq!(floating.address.to_string(), "203.0.113.2");
    let before = generation(&world, load_balancer).await;
    let bound = world.store.bind_floating(floating.id, Some((vip.port, None))).await.unwrap();
    assert_eq!(bound.inside, Some((vip.port, vip.address)));
    assert!(generation(&world, load_balancer).await > before);
    let told = graph(&world, load_balancer).await.floating;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].inside, vip.address);
    assert_eq!(told[0].outside.addresses, ["203.0.113.2/29".parse().unwrap()]);
    assert_eq!(told[0].outside.routes, [route("0.0.0.0/0", "203.0.113.1")]);
    assert_eq!(world.store.floating_addresses().await.unwrap(), [bound]);
    let bound_at = generation(&world, load_balancer).await;
    world.store.delete_floating(floating.id).await.unwrap();
    assert!(generation(&world, load_balancer).await > bound_at);
    assert_eq!(graph(&world, load_balancer).await.floating, []);
    let missing = world.store.delete_floating(floating.id).await;
    assert!(matches!(missing, Err(StoreError::NoNetworkObject { .. })), "{missing:?}");
}

async fn a_floating_address_is_free_when_its_vip_goes(home: Home) {
    let world = with_outside(&home).await;
    let made = world.create(draft(), on_subnet()).await.unwrap();
    let floating = world.store.create_floating(floating()).await.unwrap();
    world.store.bind_floating(floating.id, Some((made.vip.port, None))).await.unwrap();
    world.store.delete_load_balancer(made.id, true).await.unwrap();
    assert_eq!(world.store.floating_addresses().await.unwrap()[0].inside, None);
}

async fn floating_addresses_are_leased_once_and_from_outside(home: Home) {
    let world = with_outside(&home).await;
    let store = &world.store;
    let inner = FloatingRequest { network: id(NETWORK), ..floating() };
    let refused = store.create_floating(inner).await.unwrap_err().to_string();
    assert!(refused.contains("is not an external network"), "{refused}");
    let wanted = Some("203.0.113.4".parse().unwrap());
    store.create_floating(FloatingRequest { address: wanted, ..floating() }).await.unwrap();
    let again = store.create_floating(FloatingRequest { address: wanted, ..floating() }).await;
    assert!(matches!(again, Err(StoreError::AddressInUse { .. })), "{again:?}");
    let free = store.create_floating(floating()).await.unwrap();
    let nowhere = store.bind_floating(free.id, Some((new(), None))).await;
    assert!(matches!(nowhere, Err(StoreError::Violation(_))), "{nowhere:?}");
}

async fn a_floating_address_that_cannot_be_bound_is_not_made(home: Home) {
    let world = with_outside(&home).await;
    let made = world.create(draft(), on_subnet()).await.unwrap();
    let others = ProjectId::new("others").unwrap();
    let theirs = FloatingRequest { project: others, to: Some((made.vip.port, None)), ..floating() };
    let refused = world.store.create_floating(theirs).await.unwrap_err().to_string();
    assert_eq!(refused, format!("Port {} not found.", made.vip.port));
    assert_eq!(world.store.floating_addresses().await.unwrap(), []);
    assert_eq!(world.store.ports().await.unwrap().len(), 1, "only the VIP's");
    let mine = FloatingRequest { to: Some((made.vip.port, None)), ..floating() };
    let bound = world.store.create_floating(mine).await.unwrap();
    assert_eq!(bound.inside, Some((made.vip.port, made.vip.address)));
}

async fn an_address_has_one_floating_address(home: Home) {
    let world = with_outside(&home).await;
    let made = world.create(draft(), on_subnet()).await.unwrap();
    let to = Some((made.vip.port, None));
    let first = world.store.create_floating(FloatingRequest { to, ..floating() }).await.unwrap();
    let second = world.store.create_floating(FloatingRequest { to, ..floating() }).await;
    assert!(matches!(second, Err(StoreError::FloatingTaken { .. })), "{second:?}");
    assert_eq!(world.store.bind_floating(first.id, to).await.unwrap(), first, "it has it already");
    world.store.bind_floating(first.id, None).await.unwrap();
    world.store.create_floating(FloatingRequest { to, ..floating() }).await.unwrap();
}

async fn an_allow_list_says_who_may_use_a_network(home: Home) {
    let world = World::open(&home).await;
    let others = ProjectId::new("others").unwrap();
    let theirs =
        Network { project: others.clone(), shared: false, is_external: true, ..network(OUTSIDE) };
    world.store.create_network(theirs.clone()).await.unwrap();
    let inside = Subnet { network: id(OUTSIDE), ..subnet(OUTER_SUBNET, "203.0.113.0/29") };
    world.store.create_subnet(inside).await.unwrap();
    let on = VipRequest { subnet: Some(id(OUTER_SUBNET)), ..VipRequest::default() };
    let refused = world.create(draft(), on.clone()).await.unwrap_err().to_string();
    assert_eq!(refused, format!("Subnet {} not found.", uuid::Uuid::from_u128(OUTER_SUBNET)));
    world.store.create_floating(floating()).await.expect("nobody is listed: it is for all");

    let listed = Network { allowed: vec![ProjectId::new("third").unwrap()], ..theirs.clone() };
    update_network(&world, listed).await.unwrap();
    let refused = world.store.create_floating(floating()).await.unwrap_err().to_string();
    assert!(refused.contains("gives project tenant no floating addresses"), "{refused}");

    let listed = Network { allowed: vec![project()], ..theirs };
    update_network(&world, listed).await.unwrap();
    world.store.create_floating(floating()).await.unwrap();
    world.create(draft(), on).await.unwrap();
}

async fn a_network_with_floating_addresses_stays_external(home: Home) {
    let world = with_outside(&home).await;
    let taken = world.store.create_floating(floating()).await.unwrap();
    let inner = network(OUTSIDE);
    let refused = update_network(&world, inner.clone()).await;
    assert!(matches!(refused, Err(StoreError::NetworkObjectInUse { .. })), "{refused:?}");
    world.store.delete_floating(taken.id).await.unwrap();
    update_network(&world, inner).await.unwrap();
}

async fn leases_in_parallel_are_of_different_addresses(home: Home) {
    let world = with_outside(&home).await;
    let asked = (0..8).map(|_| {
        let store = world.store.clone();
        tokio::spawn(async move { store.create_floating(floating()).await })
    });
    let mut leased = BTreeSet::new();
    let mut refused = 0;
    for asked in asked.collect::<Vec<_>>() {
        match asked.await.unwrap() {
            Ok(floating) => assert!(leased.insert(floating.address), "{floating:?} is twice"),
            Err(error) => {
                assert!(error.to_string().contains("no such address left"), "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!((leased.len(), refused), (5, 3), "six addresses, one of them the gateway's");
}

async fn a_configured_network_is_made_once_and_follows_its_configuration(home: Home) {
    let world = World::open(&home).await;
    let store = &world.store;
    let named = |number| Network { name: "configured".to_owned(), ..network(number) };
    let inside = |number| Subnet { network: id(1), ..subnet(number, "10.7.0.0/24") };
    let made = store.configure_network(named(880), vec![inside(881)]).await.unwrap();
    assert_eq!((made.id, made.vlan), (id(880), Some(2)));
    let again = store.configure_network(named(882), vec![inside(883)]).await.unwrap();
    assert_eq!(again, made, "other ids are no other network");
    assert_eq!(store.subnet(id(881)).await.unwrap().network, id(880));
    store.subnet(id(883)).await.unwrap_err();
    let gateway = Some("10.7.0.1".parse().unwrap());
    let wanted = Network { mtu: 9000, ..named(884) };
    let subnets = vec![Subnet { gateway, ..inside(885) }, subnet(886, "10.8.0.0/24")];
    let changed = store.configure_network(wanted, subnets).await.unwrap();
    assert_eq!((changed.id, changed.mtu, changed.vlan), (id(880), 9000, Some(2)));
    assert_eq!(store.subnet(id(881)).await.unwrap().gateway, gateway);
    assert_eq!(store.subnet(id(886)).await.unwrap().network, id(880));
    let wrong =
        Subnet { gateway: Some("10.10.0.1".parse().unwrap()), ..subnet(887, "10.9.0.0/24") };
    let wanted = Network { mtu: 1400, ..named(884) };
    store.configure_network(wanted, vec![wrong]).await.unwrap_err();
    assert_eq!(store.network(id(880)).await.unwrap().mtu, 9000, "all of it or nothing");
    assert_eq!(store.subnets().await.unwrap().len(), 3);
    let elsewhere = Subnet { network: id(1), ..subnet(881, "10.11.0.0/24") };
    let refused = store.configure_network(named(880), vec![elsewhere]).await.unwrap_err();
    assert!(refused.to_string().contains("it cannot become 10.11.0.0/24"), "{refused}");
    let renamed = Network { name: "renamed".to_owned(), ..named(880) };
    assert_eq!(store.configure_network(renamed, vec![]).await.unwrap().name, "renamed");
}

async fn a_floating_address_is_free_when_its_port_goes(home: Home) {
    let world = with_outside(&home).await;
    let port = Port {
        id: new(),
        network: id(NETWORK),
        project: project(),
        name: String::new(),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 1]),
        device: String::new(),
        device_owner: String::new(),
        addresses: Vec::new(),
    };
    let port = world.store.create_port(port).await.unwrap();
    let request = FloatingRequest { to: Some((port.id, None)), ..floating() };
    let bound = world.store.create_floating(request).await.unwrap();
    assert_eq!(bound.inside, Some((port.id, port.addresses[0].address)));
    world.store.delete_port(port.id).await.unwrap();
    assert_eq!(world.store.floating_address(bound.id).await.unwrap().inside, None);
    let outer = world.store.delete_port(bound.outside).await;
    assert!(matches!(outer, Err(StoreError::Violation(_))), "{outer:?}");
}
