//! Leasing VIPs, and what is shown of networks.

use std::net::IpAddr;

use evenkeel_model::address::AddressRules;
use evenkeel_model::load_balancer::{AdditionalVipRequest, VipRequest};
use evenkeel_model::network::{FixedAddress, MacAddress, Port};
use evenkeel_model::{LoadBalancer, PortId};
use evenkeel_store::StoreError;

use crate::node::{NETWORK, SUBNET, World, draft, id, network, new, on_subnet, project, subnet};
use crate::scenario::{Home, scenarios};

scenarios! {
    the_first_free_address_is_leased_on_a_port_of_its_own,
    an_address_can_be_asked_for_once,
    addresses_outside_the_subnet_are_refused,
    a_network_chooses_among_its_subnets,
    a_brought_port_is_used_once_and_never_deleted,
    a_brought_port_must_have_the_address,
    what_does_not_exist_is_named,
    additional_vips_are_of_other_subnets_of_the_network,
    a_subnet_that_is_full_says_so_and_gaps_are_used_again,
    the_operators_ranges_are_never_vips,
    seeding_twice_changes_nothing,
    a_refused_load_balancer_leaves_no_port,
    another_projects_network_is_not_there,
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn wanted(text: &str) -> VipRequest {
    VipRequest { address: Some(address(text)), ..on_subnet() }
}

async fn refusal(world: &World, request: VipRequest) -> String {
    let refused = world.create(draft(), request).await;
    refused.expect_err("it cannot be leased").to_string()
}

async fn port_of(world: &World, load_balancer: &LoadBalancer) -> Port {
    let ports = world.store.ports().await.unwrap();
    let port = ports.into_iter().find(|port| port.id == load_balancer.vip.port);
    port.expect("the port is there")
}

fn brought(addresses: &[(u128, &str)]) -> Port {
    let port: PortId = new();
    Port {
        id: port,
        network: id(NETWORK),
        project: project(),
        name: "mine".to_owned(),
        mac: MacAddress::of(port),
        device: String::new(),
        device_owner: String::new(),
        addresses: addresses
            .iter()
            .map(|(subnet, text)| FixedAddress { subnet: id(*subnet), address: address(text) })
            .collect(),
    }
}

fn on_port(port: &Port) -> VipRequest {
    VipRequest { port: Some(port.id), ..VipRequest::default() }
}

async fn delete(world: &World, load_balancer: &LoadBalancer) {
    world.store.delete_load_balancer(load_balancer.id, true).await.unwrap();
    assert!(!world.has::<LoadBalancer>(load_balancer.id).await, "nobody holds it");
}

async fn the_first_free_address_is_leased_on_a_port_of_its_own(home: Home) {
    let world = World::open(&home).await;
    let first = world.create(draft(), on_subnet()).await.unwrap();
    assert_eq!(first.vip.address, address("127.86.0.1"));
    assert_eq!((first.vip.subnet, first.vip.network), (id(SUBNET), id(NETWORK)));

    let port = port_of(&world, &first).await;
    assert_eq!(port.name, format!("octavia-lb-{}", first.id));
    assert_eq!(port.device, format!("lb-{}", first.id));
    assert_eq!(port.device_owner, "Octavia");
    let held = FixedAddress { subnet: id(SUBNET), address: first.vip.address };
    assert_eq!(port.addresses, [held]);

    let second = world.create(draft(), on_subnet()).await.unwrap();
    assert_eq!(second.vip.address, address("127.86.0.2"));

    delete(&world, &first).await;
    let ports = world.store.ports().await.unwrap();
    assert_eq!(ports.iter().map(|port| port.id).collect::<Vec<_>>(), [second.vip.port]);
}

async fn an_address_can_be_asked_for_once(home: Home) {
    let world = World::open(&home).await;
    let first = world.create(draft(), wanted("127.86.3.4")).await.unwrap();
    assert_eq!(first.vip.address, address("127.86.3.4"));
    let refused = world.create(draft(), wanted("127.86.3.4")).await;
    assert!(matches!(refused, Err(StoreError::AddressInUse { .. })));
    assert!(
        refusal(&world, wanted("127.86.3.4"))
            .await
            .starts_with("The VIP IP address is already in use: ")
    );
    delete(&world, &first).await;
    world.create(draft(), wanted("127.86.3.4")).await.unwrap();
}

async fn addresses_outside_the_subnet_are_refused(home: Home) {
    let world = World::open(&home).await;
    for text in ["127.87.0.1", "127.86.0.0", "127.86.255.255", "fd00::1"] {
        let refused = world.create(draft(), wanted(text)).await;
        assert!(matches!(refused, Err(StoreError::Violation(_))), "{text}: {refused:?}");
    }
    assert_eq!(world.store.ports().await.unwrap(), []);
}

async fn a_network_chooses_among_its_subnets(home: Home) {
    let world = World::open(&home).await;
    let on = |number| VipRequest { network: Some(id(number)), ..VipRequest::default() };
    let mut v6 = subnet(811, "fd00::/64");
    let mut tiny = subnet(812, "192.0.2.0/30");
    (v6.network, tiny.network) = (id(810), id(810));
    world.store.seed_network(network(810), vec![v6, tiny]).await.unwrap();

    let first = world.create(draft(), on(810)).await.unwrap();
    assert_eq!(first.vip.address, address("192.0.2.1"), "IPv4 is preferred");
    world.create(draft(), on(810)).await.unwrap();
    let third = world.create(draft(), on(810)).await.unwrap();
    assert_eq!(third.vip.address, address("fd00::1"), "and when it is full, the other");

    let by_address = VipRequest { address: Some(address("fd00::20")), ..on(810) };
    let fourth = world.create(draft(), by_address).await.unwrap();
    assert_eq!(fourth.vip.subnet, id(811));

    let nowhere = VipRequest { address: Some(address("198.51.100.1")), ..on(810) };
    assert_eq!(
        refusal(&world, nowhere).await,
        "Validation failure: Supplied network does not contain a subnet for VIP address specified."
    );
    let elsewhere = VipRequest { subnet: Some(id(SUBNET)), ..on(810) };
    let text = format!("Subnet {} not found.", uuid::Uuid::from_u128(SUBNET));
    assert_eq!(refusal(&world, elsewhere).await, text);
    world.store.seed_network(network(820), Vec::new()).await.unwrap();
    assert_eq!(
        refusal(&world, on(820)).await,
        "Validation failure: Supplied network does not contain a subnet."
    );
}

async fn a_brought_port_is_used_once_and_never_deleted(home: Home) {
    let world = World::open(&home).await;
    let port = world.store.create_port(brought(&[(SUBNET, "127.86.0.9")])).await.unwrap();
    let load_balancer = world.create(draft(), on_port(&port)).await.unwrap();
    assert_eq!(load_balancer.vip.address, address("127.86.0.9"));
    assert_eq!(load_balancer.vip.port, port.id);

    let device = format!("lb-{}", load_balancer.id);
    assert_eq!(
        refusal(&world, on_port(&port)).await,
        format!("Validation failure: Port {} is already used by device {device} ", port.id)
    );
    delete(&world, &load_balancer).await;
    assert_eq!(world.store.ports().await.unwrap(), std::slice::from_ref(&port), "as it was before");
    world.create(draft(), on_port(&port)).await.unwrap();
}

async fn a_brought_port_must_have_the_address(home: Home) {
    let world = World::open(&home).await;
    let more = subnet(802, "127.87.0.0/16");
    world.store.seed_network(network(NETWORK), vec![more]).await.unwrap();
    let both = brought(&[(SUBNET, "127.86.0.9"), (802, "127.87.0.9")]);
    let port = world.store.create_port(both).await.unwrap();

    let undetermined = "Validation failure: VIP port's subnet could not be determined. Please \
                        specify either a VIP subnet or address.";
    assert_eq!(refusal(&world, on_port(&port)).await, undetermined);
    let elsewhere = VipRequest { address: Some(address("127.86.0.8")), ..on_port(&port) };
    assert_eq!(
        refusal(&world, elsewhere).await,
        "Validation failure: Specified VIP address not found on the specified VIP port."
    );
    let other = VipRequest { subnet: Some(id(899)), ..on_port(&port) };
    assert_eq!(
        refusal(&world, other).await,
        "Validation failure: No VIP address found on the specified VIP port within the specified \
         subnet."
    );
    let second = VipRequest { subnet: Some(id(802)), ..on_port(&port) };
    let load_balancer = world.create(draft(), second).await.unwrap();
    assert_eq!(load_balancer.vip.address, address("127.87.0.9"));
}

async fn what_does_not_exist_is_named(home: Home) {
    let world = World::open(&home).await;
    let none = VipRequest::default();
    let nothing = uuid::Uuid::from_u128(1);
    for (request, text) in [
        (VipRequest { port: Some(id(1)), ..none.clone() }, format!("Port {nothing} not found.")),
        (
            VipRequest { network: Some(id(1)), ..none.clone() },
            format!("Network {nothing} not found."),
        ),
        (
            VipRequest { subnet: Some(id(1)), ..none.clone() },
            format!("Subnet {nothing} not found."),
        ),
    ] {
        assert_eq!(refusal(&world, request).await, text);
    }
}

async fn additional_vips_are_of_other_subnets_of_the_network(home: Home) {
    let world = World::open(&home).await;
    let mut foreign = subnet(821, "10.0.0.0/24");
    foreign.network = id(820);
    world.store.seed_network(network(820), vec![foreign]).await.unwrap();
    let second = subnet(802, "127.87.0.0/16");
    world.store.seed_network(network(NETWORK), vec![second]).await.unwrap();
    let with = |subnets: &[u128]| VipRequest {
        additional: subnets
            .iter()
            .map(|subnet| AdditionalVipRequest { subnet: id(*subnet), address: None })
            .collect(),
        ..on_subnet()
    };

    let load_balancer = world.create(draft(), with(&[802])).await.unwrap();
    let additional = &load_balancer.additional_vips;
    assert_eq!(additional.len(), 1);
    assert_eq!(additional[0].address, address("127.87.0.1"));
    assert_eq!(additional[0].port, load_balancer.vip.port);
    assert_eq!(port_of(&world, &load_balancer).await.addresses.len(), 2);

    let twice = "Validation failure: Duplicate VIP subnet(s) specified. Only one IP can be bound \
                 per subnet.";
    assert_eq!(refusal(&world, with(&[SUBNET])).await, twice);
    assert_eq!(refusal(&world, with(&[802, 802])).await, twice);
    assert_eq!(
        refusal(&world, with(&[821])).await,
        "Validation failure: All VIP subnets must belong to the same network."
    );

    let port = world.store.create_port(brought(&[(SUBNET, "127.86.9.9")])).await.unwrap();
    let request = VipRequest { port: Some(port.id), ..with(&[802]) };
    let on_brought = world.create(draft(), VipRequest { subnet: None, ..request }).await.unwrap();
    assert_eq!(on_brought.additional_vips[0].address, address("127.87.0.2"));
    delete(&world, &on_brought).await;
    assert_eq!(world.store.ports().await.unwrap()[0].addresses, port.addresses, "no more, no less");
}

async fn a_subnet_that_is_full_says_so_and_gaps_are_used_again(home: Home) {
    let world = World::open(&home).await;
    let tiny = subnet(803, "192.0.2.0/29");
    world.store.seed_network(network(NETWORK), vec![tiny]).await.unwrap();
    let on_tiny = VipRequest { subnet: Some(id(803)), ..VipRequest::default() };
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(world.create(draft(), on_tiny.clone()).await.unwrap());
    }
    assert_eq!(
        refusal(&world, on_tiny.clone()).await,
        "Validation failure: Subnet(s) in the supplied network do not contain enough available IPs."
    );
    delete(&world, &all[2]).await;
    let again = world.create(draft(), on_tiny).await.unwrap();
    assert_eq!(again.vip.address, all[2].vip.address);
}

async fn the_operators_ranges_are_never_vips(home: Home) {
    let reserved = vec!["127.86.0.0/24".parse().expect("a range")];
    let world = World::open_with(&home, |config| {
        config.address_rules = AddressRules { loopback_allowed: true, reserved };
    })
    .await;
    let load_balancer = world.create(draft(), on_subnet()).await.unwrap();
    assert_eq!(load_balancer.vip.address, address("127.86.1.0"));
    let refused = world.create(draft(), wanted("127.86.0.7")).await;
    assert!(matches!(refused, Err(StoreError::Violation(_))), "{refused:?}");
}

async fn seeding_twice_changes_nothing(home: Home) {
    let world = World::open(&home).await;
    let again = vec![subnet(SUBNET, "127.86.0.0/16")];
    world.store.seed_network(network(NETWORK), again).await.unwrap();
    assert_eq!(world.store.networks().await.unwrap(), [network(NETWORK)]);
    assert_eq!(world.store.subnets().await.unwrap(), [subnet(SUBNET, "127.86.0.0/16")]);
}

async fn a_refused_load_balancer_leaves_no_port(home: Home) {
    let world = World::open(&home).await;
    let mut twice = draft();
    let load_balancer = twice.load_balancer.id;
    twice.listeners =
        vec![crate::node::listener(load_balancer, 80), crate::node::listener(load_balancer, 80)];
    let refused = world.create(twice, on_subnet()).await;
    assert!(matches!(refused, Err(StoreError::PortTaken { .. })), "{refused:?}");
    assert_eq!(world.store.ports().await.unwrap(), []);
    assert!(!world.has::<LoadBalancer>(load_balancer).await);
}

async fn another_projects_network_is_not_there(home: Home) {
    let world = World::open(&home).await;
    let mut theirs = network(830);
    theirs.shared = false;
    theirs.project = evenkeel_model::ProjectId::new("others").expect("a short name");
    let mut inside = subnet(831, "10.0.0.0/24");
    inside.network = theirs.id;
    world.store.seed_network(theirs, vec![inside]).await.unwrap();
    let on = VipRequest { subnet: Some(id(831)), ..VipRequest::default() };
    let text = format!("Subnet {} not found.", uuid::Uuid::from_u128(831));
    assert_eq!(refusal(&world, on).await, text);

    let mut port = brought(&[]);
    port.project = evenkeel_model::ProjectId::new("others").expect("a short name");
    let port = world.store.create_port(port).await.unwrap();
    assert_eq!(port.addresses.len(), 1, "any address will do");
    assert_eq!(refusal(&world, on_port(&port)).await, format!("Port {} not found.", port.id));
}
