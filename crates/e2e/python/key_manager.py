"""The stock clients of the key manager against a running evenkeel: certificates on their way to a
listener."""

import contextlib
import io
import json
import subprocess
import sys
import tempfile

import openstack
from barbicanclient import client as barbican
from barbicanclient import exceptions
from openstackclient import shell

cloud = openstack.connect()
keys = barbican.Client(session=cloud.session, region_name="local")


def certificate():
    """A certificate and its key, as openssl makes them."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=www.example.test",
             "-keyout", f"{place}/key", "-out", f"{place}/certificate"],
            check=True, capture_output=True,
        )
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-inkey", f"{place}/key", "-in",
             f"{place}/certificate", "-passout", "pass:", "-out", f"{place}/bundle"],
            check=True, capture_output=True,
        )
        files = [open(f"{place}/{name}", "rb").read() for name in ("certificate", "key", "bundle")]
        return files[0].decode(), files[1].decode(), files[2]


pem, key, bundle = certificate()

# python-barbicanclient.
kept = keys.secrets.create(name="certificate", payload=pem)
kept.store()
assert "/key-manager/v1/secrets/" in kept.secret_ref, kept.secret_ref
private = keys.secrets.create(name="key", payload=key, secret_type="private")
private.store()
octets = keys.secrets.create(name="bundle", payload=bundle)
octets.store()
assert keys.secrets.get(kept.secret_ref).payload == pem
assert keys.secrets.get(octets.secret_ref).payload == bundle
assert {found.name for found in keys.secrets.list()} == {"certificate", "key", "bundle"}
assert [found.name for found in keys.secrets.list(name="key")] == ["key"]
pair = keys.containers.create_certificate(name="web", certificate=kept, private_key=private)
pair.store()
shown = keys.containers.get(pair.container_ref)
assert shown.certificate.payload == pem and shown.private_key.payload == key
assert [found.name for found in keys.containers.list()] == ["web"]
noted = keys.containers.register_consumer(pair.container_ref, name="lb", url="http://lb")
assert len(noted.consumers) == 1, noted.consumers
keys.containers.remove_consumer(pair.container_ref, name="lb", url="http://lb")
acl = keys.acls.create(entity_ref=kept.secret_ref, users=[cloud.current_user_id])
acl.submit()
assert keys.acls.get(kept.secret_ref).read.users == [cloud.current_user_id]
acl.remove()

# openstacksdk.
made = cloud.key_manager.create_secret(
    name="sdk", payload=pem, payload_content_type="text/plain"
)
assert cloud.key_manager.get_secret(made.secret_id).payload == pem
assert {found.name for found in cloud.key_manager.secrets()} >= {"sdk", "key"}
boxed = cloud.key_manager.create_container(
    name="box", type="generic", secret_refs=[{"name": "one", "secret_ref": made.secret_ref}]
)
assert cloud.key_manager.get_container(boxed.container_id).type == "generic"
cloud.key_manager.delete_container(boxed.container_id)
cloud.key_manager.delete_secret(made.secret_id)


def run(*words):
    """Runs one command as a shell would, and gives what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(list(words))
        except SystemExit as end:
            code = end.code
    assert not code, (words[:3], code, err.getvalue())
    return out.getvalue()


def as_json(*words):
    return json.loads(run(*words, "-f", "json"))


# The command line, as the chapter "TLS in five minutes" has it.
one = as_json("secret", "store", "--name", "c", "--payload-content-type", "text/plain",
              "--payload", pem)["Secret href"]
two = as_json("secret", "store", "--name", "k", "--payload-content-type", "text/plain",
              "--payload", key)["Secret href"]
assert run("secret", "get", one, "--payload").strip().count("BEGIN CERTIFICATE") == 1
assert len(as_json("secret", "list", "--name", "k")) == 1
container = as_json("secret", "container", "create", "--name", "tls", "--type", "certificate",
                    "--secret", f"certificate={one}", "--secret", f"private_key={two}")
container = container["Container href"]
kind = run("secret", "container", "get", container, "-f", "value", "-c", "Type")
assert kind.strip() == "certificate", kind
listed = run("secret", "container", "list", "-f", "value", "-c", "Name")
assert set(listed.split()) == {"web", "tls"}, listed

print("references:", json.dumps([container, pair.container_ref, octets.secret_ref]))

# What is gone is gone.
gone = keys.secrets.create(name="gone", payload="x")
gone.store()
reference = gone.secret_ref
gone.delete()
try:
    keys.secrets.get(reference).payload
    raise AssertionError("a deleted secret was read")
except exceptions.HTTPClientError as error:
    assert error.status_code == 404, error

print("key manager: all good")
