"""What operators do with the stock clients against a running evenkeel: flavors, availability
zones, amphorae."""

import contextlib
import io
import json
import sys
import time
import urllib.request

import openstack
from openstackclient import shell

(address, port) = sys.argv[1].rsplit(":", 1)
cloud = openstack.connect()
lbaas = cloud.load_balancer


def lb(*words, fails=False):
    """Runs one command as a shell would, and gives what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(["loadbalancer", *words])
        except SystemExit as end:
            code = end.code
    assert bool(code) == fails, (words, code, out.getvalue(), err.getvalue())
    return err.getvalue() if fails else out.getvalue()


def as_json(*words):
    return json.loads(lb(*words, "-f", "json"))


def until(what, look, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


# What can be offered.
capabilities = {row["name"] for row in as_json("provider", "capability", "list", "haproxy")}
assert {"nbthread", "connection_limit", "valid_vip_networks"} <= capabilities, capabilities
subnet = cloud.network.find_subnet("vips", ignore_missing=False)

# The command line: flavors.
as_json("flavorprofile", "create", "--name", "fast", "--provider", "haproxy",
        "--flavor-data", '{"nbthread": 2, "connection_limit": 500}')
told = lb("flavorprofile", "create", "--name", "big", "--provider", "haproxy",
          "--flavor-data", '{"compute_flavor": "m1"}', fails=True)
assert "no machine of its own" in told and "501" in told, told
told = lb("flavorprofile", "create", "--name", "bad", "--provider", "haproxy",
          "--flavor-data", "{bad", fails=True)
assert "is not a valid option for flavor_data" in told, told
gold = as_json("flavor", "create", "--name", "gold", "--flavorprofile", "fast",
               "--description", "best", "--enable")
assert gold["enabled"] is True, gold
lb("flavor", "set", "--name", "silver", "--disable", "gold")
assert as_json("flavor", "show", "silver")["enabled"] is False
lb("flavor", "unset", "--description", "silver")
lb("flavor", "set", "--enable", "silver")
assert [row["name"] for row in as_json("flavor", "list", "--name", "silver")] == ["silver"]
assert as_json("flavor", "list", "--disable") == []
lb("flavorprofile", "set", "--name", "faster", "fast")
assert as_json("flavorprofile", "show", "faster")["provider_name"] == "haproxy"
assert "in use" in lb("flavorprofile", "delete", "faster", fails=True)

# Availability zones.
networks = json.dumps({"valid_vip_networks": [subnet.network_id]})
as_json("availabilityzoneprofile", "create", "--name", "near", "--provider", "haproxy",
        "--availability-zone-data", networks)
as_json("availabilityzone", "create", "--name", "here", "--availabilityzoneprofile", "near",
        "--enable")
lb("availabilityzone", "set", "--description", "close by", "here")
assert as_json("availabilityzone", "show", "here")["description"] == "close by"
lb("availabilityzone", "unset", "--description", "here")
assert [row["name"] for row in as_json("availabilityzone", "list")] == ["here"]
assert len(as_json("availabilityzoneprofile", "list")) == 1
lb("availabilityzoneprofile", "set", "--name", "nearer", "near")

# A load balancer with both.
web = as_json("create", "--name", "web", "--vip-subnet-id", "vips", "--flavor", "silver",
              "--availability-zone", "here", "--wait")
assert web["flavor_id"] == gold["id"] and web["availability_zone"] == "here", web
lb("listener", "create", "--name", "http", "--protocol", "HTTP", "--protocol-port", "80",
   "--wait", "web")
lb("pool", "create", "--name", "app", "--listener", "http", "--protocol", "HTTP",
   "--lb-algorithm", "ROUND_ROBIN", "--wait")
lb("member", "create", "--address", address, "--protocol-port", port, "--wait", "app")
assert [row["name"] for row in as_json("list", "--flavor", "silver")] == ["web"]
for thing in (("flavor", "delete", "silver"), ("availabilityzone", "delete", "here")):
    assert "in use" in lb(*thing, fails=True)

# Its place, and what passed it.
url = f"http://{web['vip_address']}:8080/"
until("it answers", lambda: urllib.request.urlopen(url).read())


def passed():
    return int(as_json("stats", "show", "web")["total_connections"])


until("the request is counted", passed)
[amphora] = as_json("amphora", "list", "--loadbalancer", "web")
assert amphora["status"] == "ALLOCATED" and amphora["role"] == "STANDALONE", amphora
assert as_json("amphora", "show", amphora["id"])["loadbalancer_id"] == web["id"]
counted = as_json("amphora", "stats", "show", amphora["id"])
assert int(counted["total_connections"]) >= 1, counted
lb("amphora", "configure", amphora["id"])
assert "immutable" in lb("amphora", "delete", amphora["id"], fails=True)
lb("amphora", "failover", "--wait", amphora["id"])

# Off and on: what was counted stays.
before = passed()
lb("set", "--disable", "--wait", "web")
lb("set", "--enable", "--wait", "web")
until("it answers again", lambda: urllib.request.urlopen(url).read())
until("the totals have gone on", lambda: passed() > before)

# openstacksdk: the same things.
profile = lbaas.create_flavor_profile(
    name="sdk", provider_name="haproxy", flavor_data='{"nbthread": 1}'
)
flavor = lbaas.create_flavor(name="sdk", flavor_profile_id=profile.id, is_enabled=True)
assert lbaas.find_flavor("sdk").id == flavor.id
lbaas.update_flavor(flavor, description="changed")
assert lbaas.get_flavor(flavor.id).description == "changed"
lbaas.update_flavor_profile(profile, name="renamed")
assert lbaas.find_flavor_profile("renamed").id == profile.id
zone_profile = lbaas.create_availability_zone_profile(
    name="sdk", provider_name="haproxy", availability_zone_data="{}"
)
lbaas.create_availability_zone(
    name="there", availability_zone_profile_id=zone_profile.id, is_enabled=False
)
assert {zone.name for zone in lbaas.availability_zones()} == {"here", "there"}
assert lbaas.get_availability_zone("there").is_enabled is False
try:
    lbaas.create_load_balancer(vip_subnet_id=subnet.id, availability_zone="there")
except openstack.exceptions.BadRequestException as refusal:
    assert "not allowed in this deployment: there" in str(refusal), refusal
else:
    raise AssertionError("a disabled zone was accepted")
names = {it.name for it in lbaas.provider_flavor_capabilities("haproxy")}
assert "nbthread" in names, names
assert [it.loadbalancer_id for it in lbaas.amphorae()] == [web["id"]]
lbaas.delete_availability_zone("there")
lbaas.delete_availability_zone_profile(zone_profile)
lbaas.delete_flavor(flavor)
lbaas.delete_flavor_profile(profile)

lb("delete", "--cascade", "--wait", "web")
lb("flavor", "delete", "silver")
lb("flavorprofile", "delete", "faster")
lb("availabilityzone", "delete", "here")
lb("availabilityzoneprofile", "delete", "nearer")
for what in ("flavor", "flavorprofile", "availabilityzone", "availabilityzoneprofile"):
    assert as_json(what, "list") == [], what
print("operators: all good")
