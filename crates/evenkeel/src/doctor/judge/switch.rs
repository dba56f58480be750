//! Open vSwitch, and whether Neutron's agent is beside us.

use crate::doctor::facts::{Bridge, Switch};
use crate::doctor::finding::{Finding, Thing, Trial};

pub(super) fn findings(switch: &Switch) -> Vec<Finding> {
    let mut all = vec![database(switch), forwards(switch)];
    if let Some(bridge) = &switch.found {
        all.extend(bridge_of(switch, bridge));
    }
    all.push(neutron(switch));
    all
}

fn database(switch: &Switch) -> Finding {
    let thing = Thing("EK040", "Open vSwitch's database");
    let socket = switch.database.display();
    match &switch.reachable {
        Trial::Works => thing.ok(format!("answers at {socket}")),
        Trial::Fails(why) => thing.missing(
            format!("{socket}: {why}"),
            "apt-get install openvswitch-switch && systemctl start openvswitch-switch",
        ),
        Trial::Untried(why) => thing.unseen(format!("{socket}: {why}")),
    }
}

fn forwards(switch: &Switch) -> Finding {
    let thing = Thing("EK041", "ovs-vswitchd");
    if switch.forwards {
        return thing.ok("runs");
    }
    let cure = "systemctl restart openvswitch-switch; with the database alone, no frame passes";
    thing.missing("does not run", cure)
}

fn bridge_of(switch: &Switch, bridge: &Bridge) -> Vec<Finding> {
    let name = &switch.bridge;
    let thing = Thing("EK042", "integration bridge");
    if !bridge.exists {
        let cure = if switch.by_neutron {
            format!("start neutron-openvswitch-agent, which makes {name}")
        } else {
            format!("ovs-vsctl add-br {name}")
        };
        return vec![thing.missing(format!("there is no {name}"), cure)];
    }
    let kind = if bridge.datapath == "netdev" { "userspace datapath" } else { "kernel datapath" };
    vec![thing.ok(format!("{name}, {kind}")), fail_mode(switch, bridge)]
}

/// A bridge in mode secure forwards nothing without flows, which only a controller or Neutron sets.
fn fail_mode(switch: &Switch, bridge: &Bridge) -> Finding {
    let thing = Thing("EK043", "fail mode of the bridge");
    let is_secure = bridge.fail_mode == "secure";
    if is_secure && !switch.by_neutron {
        let cure = format!("ovs-vsctl del-fail-mode {}", switch.bridge);
        return thing.warning("secure, and nobody here sets flows", cure);
    }
    thing.ok(if is_secure { "secure" } else { "standalone" })
}

fn neutron(switch: &Switch) -> Finding {
    let thing = Thing("EK044", "Neutron's Open vSwitch agent");
    match (switch.by_neutron, switch.neutron_runs) {
        (true, true) => thing.ok("runs, and sets the tags"),
        (false, false) => thing.ok("none, and the tags are ours to set"),
        (true, false) => thing.missing(
            "does not run, and without it ports stay in the dead VLAN 4095",
            "systemctl start neutron-openvswitch-agent, or set tagging = \"own\"",
        ),
        (false, true) => thing.missing(
            "runs, and would take away the tags that we set",
            "set tagging = \"neutron\" in agent.toml, or give evenkeel a bridge of its own",
        ),
    }
}
