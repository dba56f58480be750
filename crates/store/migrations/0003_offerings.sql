-- What operators offer to tenants; and counters that go on when whoever counts begins at 0 again.

-- What a flavor or an availability zone stands for, as the operator wrote it.
CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    -- FLAVOR or AVAILABILITY_ZONE: whose profile it is.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    provider_name TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE offerings (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    profile_id TEXT NOT NULL REFERENCES profiles (id),
    UNIQUE (kind, name)
);
CREATE INDEX offerings_by_profile ON offerings (profile_id);

-- What its flavor gave a load balancer when it was created.
ALTER TABLE load_balancers ADD COLUMN threads BIGINT NOT NULL DEFAULT 1;
ALTER TABLE load_balancers ADD COLUMN most_connections BIGINT;
CREATE INDEX load_balancers_by_flavor ON load_balancers (flavor_id);
CREATE INDEX load_balancers_by_zone ON load_balancers (availability_zone);

-- Which series the counters are of, and what all series before it came to.
ALTER TABLE listener_traffic ADD COLUMN series TEXT;
ALTER TABLE listener_traffic ADD COLUMN bytes_in_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE listener_traffic ADD COLUMN bytes_out_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE listener_traffic ADD COLUMN total_connections_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE listener_traffic ADD COLUMN request_errors_before BIGINT NOT NULL DEFAULT 0;
