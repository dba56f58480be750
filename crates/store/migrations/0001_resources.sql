-- Load balancers and what is in them. Written once for SQLite and PostgreSQL: ids and words are
-- text, truths are 0 and 1, times are microseconds since 1970, lists and maps are JSON.

CREATE TABLE load_balancers (
    id TEXT PRIMARY KEY,
    -- Its own id: all tables have this column.
    load_balancer_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    vip_address TEXT NOT NULL,
    vip_port_id TEXT NOT NULL,
    vip_subnet_id TEXT NOT NULL,
    vip_network_id TEXT NOT NULL,
    additional_vips TEXT NOT NULL,
    vip_qos_policy_id TEXT,
    vip_sg_ids TEXT NOT NULL,
    provider TEXT NOT NULL,
    flavor_id TEXT,
    availability_zone TEXT,
    -- The latest graph; the one that serves; the latest that was refused, or is late, and why.
    generation BIGINT NOT NULL DEFAULT 0,
    served_generation BIGINT NOT NULL DEFAULT 0,
    failed_generation BIGINT NOT NULL DEFAULT 0,
    failed_reason TEXT,
    -- Why a later generation does not serve yet; becomes the reason when it is late.
    trouble TEXT,
    -- Since when something is not served as it was asked for.
    pending_since BIGINT
);
CREATE INDEX load_balancers_by_project ON load_balancers (project_id, created_at, id);
CREATE INDEX load_balancers_by_age ON load_balancers (created_at, id);
CREATE INDEX load_balancers_by_name ON load_balancers (name);
CREATE INDEX load_balancers_pending ON load_balancers (pending_since);

CREATE TABLE listeners (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    protocol TEXT NOT NULL,
    protocol_port BIGINT NOT NULL,
    connection_limit BIGINT,
    default_pool_id TEXT,
    insert_headers TEXT NOT NULL,
    timeout_client_data BIGINT NOT NULL,
    timeout_member_connect BIGINT NOT NULL,
    timeout_member_data BIGINT NOT NULL,
    timeout_tcp_inspect BIGINT NOT NULL,
    default_tls_container_ref TEXT,
    sni_container_refs TEXT NOT NULL,
    client_authentication TEXT NOT NULL,
    client_ca_tls_container_ref TEXT,
    client_crl_container_ref TEXT,
    tls_ciphers TEXT,
    tls_versions TEXT NOT NULL,
    alpn_protocols TEXT NOT NULL,
    hsts_max_age BIGINT,
    hsts_include_subdomains BIGINT NOT NULL,
    hsts_preload BIGINT NOT NULL,
    allowed_cidrs TEXT NOT NULL
);
CREATE INDEX listeners_by_load_balancer ON listeners (load_balancer_id);
CREATE INDEX listeners_by_pool ON listeners (default_pool_id);
CREATE INDEX listeners_by_project ON listeners (project_id, created_at, id);
CREATE INDEX listeners_by_age ON listeners (created_at, id);

CREATE TABLE pools (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    protocol TEXT NOT NULL,
    lb_algorithm TEXT NOT NULL,
    session_persistence TEXT NOT NULL,
    tls_enabled BIGINT NOT NULL,
    tls_container_ref TEXT,
    ca_tls_container_ref TEXT,
    crl_container_ref TEXT,
    tls_ciphers TEXT,
    tls_versions TEXT NOT NULL,
    alpn_protocols TEXT NOT NULL
);
CREATE INDEX pools_by_load_balancer ON pools (load_balancer_id);
CREATE INDEX pools_by_project ON pools (project_id, created_at, id);
CREATE INDEX pools_by_age ON pools (created_at, id);

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    name TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    address TEXT NOT NULL,
    protocol_port BIGINT NOT NULL,
    weight BIGINT NOT NULL,
    backup BIGINT NOT NULL,
    subnet_id TEXT,
    monitor_address TEXT,
    monitor_port BIGINT
);
CREATE INDEX members_by_load_balancer ON members (load_balancer_id);
CREATE INDEX members_by_pool ON members (pool_id, created_at, id);
CREATE INDEX members_by_address ON members (pool_id, address, protocol_port);
CREATE INDEX members_by_project ON members (project_id);

CREATE TABLE health_monitors (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    pool_id TEXT NOT NULL REFERENCES pools (id),
    name TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    type TEXT NOT NULL,
    delay BIGINT NOT NULL,
    timeout BIGINT NOT NULL,
    max_retries BIGINT NOT NULL,
    max_retries_down BIGINT NOT NULL,
    http_method TEXT,
    url_path TEXT,
    expected_codes TEXT,
    http_version TEXT,
    domain_name TEXT
);
CREATE INDEX health_monitors_by_load_balancer ON health_monitors (load_balancer_id);
CREATE INDEX health_monitors_by_pool ON health_monitors (pool_id);
CREATE INDEX health_monitors_by_project ON health_monitors (project_id, created_at, id);
CREATE INDEX health_monitors_by_age ON health_monitors (created_at, id);

CREATE TABLE l7_policies (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    listener_id TEXT NOT NULL REFERENCES listeners (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    admin_state_up BIGINT NOT NULL,
    action TEXT NOT NULL,
    redirect_pool_id TEXT,
    redirect_url TEXT,
    redirect_prefix TEXT,
    redirect_http_code BIGINT,
    position BIGINT NOT NULL
);
CREATE INDEX l7_policies_by_load_balancer ON l7_policies (load_balancer_id);
CREATE INDEX l7_policies_by_listener ON l7_policies (listener_id, position);
CREATE INDEX l7_policies_by_pool ON l7_policies (redirect_pool_id);
CREATE INDEX l7_policies_by_project ON l7_policies (project_id, created_at, id);
CREATE INDEX l7_policies_by_age ON l7_policies (created_at, id);

CREATE TABLE l7_rules (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id),
    project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    changed_generation BIGINT NOT NULL,
    change TEXT NOT NULL,
    operating_status TEXT NOT NULL,
    tags TEXT NOT NULL,
    l7_policy_id TEXT NOT NULL REFERENCES l7_policies (id),
    admin_state_up BIGINT NOT NULL,
    type TEXT NOT NULL,
    compare_type TEXT NOT NULL,
    key TEXT,
    value TEXT NOT NULL,
    invert BIGINT NOT NULL
);
CREATE INDEX l7_rules_by_load_balancer ON l7_rules (load_balancer_id);
CREATE INDEX l7_rules_by_policy ON l7_rules (l7_policy_id, created_at, id);
CREATE INDEX l7_rules_by_project ON l7_rules (project_id);

-- One row for each tag of each object, for the filters; the objects keep their own list.
CREATE TABLE tags (
    object_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (object_id, tag)
);
CREATE INDEX tags_by_tag ON tags (tag);
