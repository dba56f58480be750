"""The stock `openstack` command line against a running evenkeel, in one process."""

import contextlib
import io
import json
import sys
import time
import urllib.request

from openstackclient import shell

members = [argument.rsplit(":", 1) for argument in sys.argv[1:]]


def run(*words, fails=False):
    """Runs one command as a shell would, and gives what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(list(words))
        except SystemExit as end:
            code = end.code
    printed = out.getvalue()
    assert bool(code) == fails, (words, code, printed, err.getvalue())
    return err.getvalue() if fails else printed


def lb(*words, **keywords):
    return run("loadbalancer", *words, **keywords)


def as_json(*words):
    return json.loads(lb(*words, "-f", "json"))


assert "vips" in run("subnet", "list")
assert "demo" in run("project", "list")
as_json("provider", "list")

web = as_json("create", "--name", "web", "--vip-subnet-id", "vips", "--wait")
assert web["provisioning_status"] == "ACTIVE", web
lb("listener", "create", "--name", "http", "--protocol", "HTTP", "--protocol-port", "80",
   "--insert-headers", "X-Forwarded-For=true", "--wait", "web")
lb("pool", "create", "--name", "app", "--listener", "http", "--protocol", "HTTP",
   "--lb-algorithm", "ROUND_ROBIN", "--wait")
for number, (address, port) in enumerate(members):
    lb("member", "create", "--name", f"m{number}", "--address", address,
       "--protocol-port", port, "--wait", "app")
lb("healthmonitor", "create", "--name", "check", "--type", "HTTP", "--delay", "1",
   "--timeout", "1", "--max-retries", "1", "--wait", "app")

url = f"http://{web['vip_address']}:8080/"
deadline = time.monotonic() + 30
while len({urllib.request.urlopen(url).read() for _ in range(4)}) < len(members):
    assert time.monotonic() < deadline, "the members do not take turns"
    time.sleep(0.1)

assert len(as_json("list")) == 1
assert [row["name"] for row in as_json("listener", "list")] == ["http"]
assert len(as_json("member", "list", "app")) == len(members)
assert as_json("healthmonitor", "show", "check")["type"] == "HTTP"
status = json.loads(lb("status", "show", "web"))
assert status["loadbalancer"]["listeners"][0]["name"] == "http", status
assert int(as_json("stats", "show", "web")["total_connections"]) >= 0

lb("set", "--name", "www", "--tag", "blue", "--wait", "web")
lb("member", "set", "--weight", "0", "--wait", "app", "m0")
assert as_json("member", "show", "app", "m0")["weight"] == 0
lb("pool", "set", "--lb-algorithm", "LEAST_CONNECTIONS", "--wait", "app")
lb("listener", "set", "--connection-limit", "100", "--wait", "http")
lb("listener", "unset", "--connection-limit", "--wait", "http")
assert int(as_json("listener", "show", "http")["connection_limit"]) == -1
lb("healthmonitor", "set", "--max-retries", "2", "--wait", "check")
lb("quota", "show", "demo")
lb("failover", "--wait", "www")

told = lb("listener", "create", "--protocol", "HTTP", "--protocol-port", "80", "www", fails=True)
assert "already using" in told, told
told = lb("delete", "www", fails=True)
assert "has children" in told, told

lb("healthmonitor", "delete", "--wait", "check")
lb("member", "delete", "--wait", "app", "m0")
lb("delete", "--cascade", "--wait", "www")
assert as_json("list") == []
print("command line: all good")
