-- What a node must know to attach a port, and addresses of outer networks that stand for VIPs.

-- What keeps a network apart from others on a shared switch.
ALTER TABLE networks ADD COLUMN vlan BIGINT;
-- Whether it leads outside: floating addresses are taken from it.
ALTER TABLE networks ADD COLUMN is_external BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX networks_by_vlan ON networks (vlan);

-- The ways to others, and the ranges that addresses are handed out from.
ALTER TABLE subnets ADD COLUMN host_routes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE subnets ADD COLUMN pools TEXT NOT NULL DEFAULT '[]';

-- None: made of the port's id, as all were before.
ALTER TABLE ports ADD COLUMN mac TEXT;
CREATE UNIQUE INDEX ports_by_mac ON ports (network_id, mac);

-- A floating address is that of a port of its own on an outer network.
CREATE TABLE floating_addresses (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    description TEXT NOT NULL,
    outside_port_id TEXT NOT NULL REFERENCES ports (id),
    -- What it stands for; none while it is free.
    inside_port_id TEXT,
    inside_address TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX floating_addresses_by_inside ON floating_addresses (inside_port_id);
