//! How the namespace of a load balancer is furnished.

use std::net::Ipv6Addr;

use anyhow::ensure;
use evenkeel_e2e::api::text;
use evenkeel_e2e::net::stage::namespace;
use evenkeel_e2e::net::{Place, Stage, Switch};
use evenkeel_model::network::MacAddress;
use serde_json::Value;

/// Exactly one address beside the loopback's, with prefix and broadcast; MAC, MTU, default and host
/// route, the link-local address, `promote_secondaries`, everything up.
pub(crate) async fn is_as_neutron_would_have_it(
    stage: &Stage,
    load_balancer: &Value,
) -> anyhow::Result<()> {
    let place = Place::named(&namespace(load_balancer)?)?;
    let vip = text(load_balancer, "vip_address")?;
    let port = text(load_balancer, "vip_port_id")?;
    let device = match &stage.switch {
        Switch::Bridge => format!("ns-{}", &port[..11]),
        Switch::OpenVswitch(_) => format!("tap{}", &port[..11]),
    };
    let global = place.ip("-o -4 addr show scope global").await?;
    ensure!(global.lines().count() == 1, "{global}");
    let others = place.ip("-o -6 addr show scope global").await?;
    ensure!(others.is_empty(), "{others}");
    let network = &vip[..vip.rfind('.').unwrap_or_default()];
    for part in [format!("inet {vip}/24 brd {network}.255"), device.clone()] {
        ensure!(global.contains(&part), "no {part} in {global}");
    }
    let link = place.ip(&format!("-o link show {device}")).await?;
    ensure!(link.contains("mtu 1450") && link.contains("LOWER_UP"), "{link}");
    let mac = MacAddress::of(port.parse()?);
    ensure!(link.contains(&format!("link/ether {mac} ")), "no {mac} in {link}");
    let own = place.ip(&format!("-o -6 addr show dev {device} scope link")).await?;
    let own: Vec<_> = own.split_whitespace().filter(|word| word.contains("/64")).collect();
    ensure!(own == [format!("{}/64", link_local(mac))], "{own:?} of {mac}");
    ensure!(place.ip("-o link show lo").await?.contains("LOOPBACK,UP"), "the loopback is down");
    let routes = place.ip("route show").await?;
    for way in ["default via 2.2.2.1", "9.9.9.0/24 via 2.2.2.9"] {
        ensure!(routes.contains(&format!("{way} dev {device}")), "no {way} in {routes}");
    }
    let setting = place.run("sysctl -n net.ipv4.conf.all.promote_secondaries").await?;
    ensure!(setting.trim() == "1", "promote_secondaries is {setting}");
    if let Switch::OpenVswitch(switch) = &stage.switch {
        let ids = switch.column("interface", &device, "external_ids").await?;
        for part in [
            format!("iface-id=\"{port}\""),
            format!("attached-mac=\"{mac}\""),
            "iface-status=active".to_owned(),
        ] {
            ensure!(ids.contains(&part), "no {part} in {ids}");
        }
        let tag = switch.column("port", &device, "tag").await?;
        ensure!(tag == "102", "the tag is {tag}");
    }
    Ok(())
}

/// The address that an interface gives itself, made of its MAC (RFC 4291, appendix A).
fn link_local(mac: MacAddress) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..11].copy_from_slice(&mac.0[..3]);
    octets[11..13].copy_from_slice(&[0xff, 0xfe]);
    octets[13..].copy_from_slice(&mac.0[3..]);
    octets[8] ^= 2;
    octets.into()
}
