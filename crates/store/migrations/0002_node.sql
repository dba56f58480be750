-- Who makes load balancers so, where they are placed, what was seen there; and the networks and
-- quotas of a deployment that has no services for them.

CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    providers TEXT NOT NULL,
    capacity BIGINT NOT NULL,
    last_heard BIGINT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    alive BIGINT NOT NULL
);

CREATE TABLE placements (
    load_balancer_id TEXT PRIMARY KEY,
    agent_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    placed_at BIGINT NOT NULL
);
CREATE INDEX placements_by_agent ON placements (agent_id, load_balancer_id);

CREATE TABLE listener_traffic (
    listener_id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    active_connections BIGINT NOT NULL,
    total_connections BIGINT NOT NULL,
    request_errors BIGINT NOT NULL,
    -- Where its socket really is, where that is not VIP and port.
    socket TEXT
);
CREATE INDEX listener_traffic_by_load_balancer ON listener_traffic (load_balancer_id);

CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    project_id TEXT NOT NULL,
    shared BIGINT NOT NULL,
    mtu BIGINT NOT NULL
);

CREATE TABLE subnets (
    id TEXT PRIMARY KEY,
    network_id TEXT NOT NULL,
    name TEXT NOT NULL,
    cidr TEXT NOT NULL,
    gateway TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX subnets_by_network ON subnets (network_id, created_at, id);

CREATE TABLE ports (
    id TEXT PRIMARY KEY,
    network_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    device TEXT NOT NULL,
    device_owner TEXT NOT NULL,
    -- The load balancer that made the port, and takes it along when it goes.
    owned_by TEXT
);
CREATE INDEX ports_by_device ON ports (device);

-- An address is held once in a network.
CREATE TABLE port_addresses (
    network_id TEXT NOT NULL,
    -- The address as text that sorts as the address does.
    sort_key TEXT NOT NULL,
    address TEXT NOT NULL,
    subnet_id TEXT NOT NULL,
    port_id TEXT NOT NULL,
    -- The load balancer that took the address on somebody else's port.
    leased_by TEXT,
    PRIMARY KEY (network_id, sort_key)
);
CREATE INDEX port_addresses_by_port ON port_addresses (port_id);
CREATE INDEX port_addresses_by_subnet ON port_addresses (subnet_id, sort_key);
CREATE INDEX port_addresses_by_lease ON port_addresses (leased_by);

CREATE TABLE quotas (
    project_id TEXT PRIMARY KEY,
    load_balancer BIGINT,
    listener BIGINT,
    pool BIGINT,
    member BIGINT,
    health_monitor BIGINT,
    l7_policy BIGINT,
    l7_rule BIGINT
);
