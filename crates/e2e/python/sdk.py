"""openstacksdk against a running evenkeel: the main job, start to end."""

import sys
import time
import urllib.request

import openstack

members = [argument.rsplit(":", 1) for argument in sys.argv[1:]]
cloud = openstack.connect()
lbaas = cloud.load_balancer


def until(what, look, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


def active(load_balancer):
    lbaas.wait_for_load_balancer(load_balancer.id, interval=0.2, wait=30)


subnet = cloud.network.find_subnet("vips", ignore_missing=False)
network = cloud.network.find_network(subnet.network_id, ignore_missing=False)
assert subnet.network_id == network.id

lb = lbaas.create_load_balancer(name="sdk", vip_subnet_id=subnet.id, tags=["blue"])
assert lb.provisioning_status == "PENDING_CREATE", lb
assert lb.vip_address and lb.vip_port_id, lb
active(lb)

listener = lbaas.create_listener(
    name="http", load_balancer_id=lb.id, protocol="HTTP", protocol_port=80
)
pool = lbaas.create_pool(
    name="app", listener_id=listener.id, protocol="HTTP", lb_algorithm="ROUND_ROBIN"
)
for number, (address, port) in enumerate(members):
    lbaas.create_member(
        pool, name=f"m{number}", address=address, protocol_port=int(port)
    )
monitor = lbaas.create_health_monitor(
    pool_id=pool.id, type="HTTP", delay=1, timeout=1, max_retries=1, url_path="/"
)
active(lb)

url = f"http://{lb.vip_address}:8080/"
seen = until(
    "both members answer",
    lambda: len({urllib.request.urlopen(url).read() for _ in range(4)}) == len(members),
)
until(
    "both members are online",
    lambda: all(m.operating_status == "ONLINE" for m in lbaas.members(pool)),
)

assert [found.id for found in lbaas.load_balancers(name="sdk")] == [lb.id]
assert [found.id for found in lbaas.load_balancers(tags=["blue"])] == [lb.id]
assert list(lbaas.load_balancers(name="other")) == []
assert [found.id for found in lbaas.listeners(load_balancer_id=lb.id)] == [listener.id]
assert lbaas.find_pool("app").id == pool.id
assert lbaas.get_health_monitor(monitor.id).type == "HTTP"
assert lbaas.get_load_balancer_statistics(lb.id).total_connections is not None
assert any(provider.name == "haproxy" for provider in lbaas.providers())

lbaas.update_load_balancer(lb, description="changed")
lbaas.update_pool(pool, lb_algorithm="LEAST_CONNECTIONS")
active(lb)
assert lbaas.get_load_balancer(lb.id).description == "changed"
assert lbaas.get_pool(pool.id).lb_algorithm == "LEAST_CONNECTIONS"

try:
    lbaas.create_listener(load_balancer_id=lb.id, protocol="TCP", protocol_port=80)
except openstack.exceptions.ConflictException as refusal:
    assert "already using" in str(refusal), refusal
else:
    raise AssertionError("a taken port was accepted")

lbaas.delete_load_balancer(lb, cascade=True)
until("the load balancer is gone", lambda: lbaas.find_load_balancer(lb.id) is None)
print("sdk: all good")
