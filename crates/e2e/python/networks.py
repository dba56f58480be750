"""Networks, subnets, ports and floating IPs of a running evenkeel, by the stock command line."""

import json
import os
import subprocess
import sys


def run(*words, fails=False, user="admin", project="demo"):
    """Runs one command, and gives what it printed.

    A process each: within one, the client keeps whoever asked first.
    """
    who = dict(os.environ, OS_USERNAME=user, OS_PROJECT_NAME=project)
    command = [sys.executable, "-m", "openstackclient.shell", *words]
    done = subprocess.run(command, env=who, capture_output=True, text=True, timeout=60)
    assert bool(done.returncode) == fails, (words, done)
    return done.stderr if fails else done.stdout


def as_json(*words, **keywords):
    return json.loads(run(*words, "-f", "json", **keywords))


demo = {"user": "demo"}
alt = {"user": "alt", "project": "alt"}

outside = as_json("network", "create", "--external", "--provider-network-type", "vlan",
                  "--provider-segment", "77", "outside")
assert outside["router:external"] is True, outside
assert outside["provider:segmentation_id"] == 77, outside
as_json("subnet", "create", "--network", "outside", "--subnet-range", "203.0.113.0/28",
        "--allocation-pool", "start=203.0.113.5,end=203.0.113.6", "--no-dhcp", "outside4")

web = as_json("network", "create", "web", **demo)
assert web["shared"] is False and web["mtu"] == 1500, web
web4 = as_json("subnet", "create", "--network", "web", "--subnet-range", "10.7.0.0/24",
               "--gateway", "none", "--host-route", "destination=10.8.0.0/16,gateway=10.7.0.2",
               "web4", **demo)
assert web4["gateway_ip"] is None, web4
assert web4["host_routes"] == [{"destination": "10.8.0.0/16", "nexthop": "10.7.0.2"}], web4
run("subnet", "set", "--gateway", "10.7.0.1", "web4", **demo)
assert as_json("subnet", "show", "web4", **demo)["gateway_ip"] == "10.7.0.1"

own = as_json("port", "create", "--network", "web", "--mac-address", "fa:16:3e:01:02:03",
              "--fixed-ip", "subnet=web4,ip-address=10.7.0.9", "own", **demo)
assert own["mac_address"] == "fa:16:3e:01:02:03", own
assert own["status"] == "DOWN", own

balancer = as_json("loadbalancer", "create", "--name", "lb", "--vip-subnet-id", "vips", "--wait",
                   **demo)
device = f"lb-{balancer['id']}"
listed = as_json("port", "list", "--device-id", device, **demo)
assert [row["ID"] for row in listed] == [balancer["vip_port_id"]], listed

floating = as_json("floating", "ip", "create", "--port", balancer["vip_port_id"], "outside", **demo)
assert floating["floating_ip_address"] == "203.0.113.5", floating
assert floating["fixed_ip_address"] == balancer["vip_address"], floating
assert floating["status"] == "ACTIVE", floating
address = floating["floating_ip_address"]
assert len(as_json("floating", "ip", "list", **demo)) == 1
assert as_json("floating", "ip", "list", **alt) == []
run("floating", "ip", "set", "--port", balancer["vip_port_id"], address, fails=True, **alt)
run("floating", "ip", "unset", "--port", address, **demo)
assert as_json("floating", "ip", "show", address, **demo)["port_id"] is None
run("floating", "ip", "set", "--port", "own", address, **demo)
assert as_json("floating", "ip", "show", address, **demo)["fixed_ip_address"] == "10.7.0.9"

assert "web" not in run("network", "list", **alt)
assert "outside" in run("network", "list", "--external", **alt)
assert "web4" not in run("subnet", "list", **alt)
run("network", "create", "--share", "mine", fails=True, **alt)
assert as_json("security", "group", "list", **demo) == []

assert "outside" in run("network", "delete", "outside", fails=True)
run("floating", "ip", "delete", address, **demo)
run("network", "delete", "outside")
run("port", "delete", "own", **demo)
run("network", "delete", "web", **demo)
print("networks: all good")
