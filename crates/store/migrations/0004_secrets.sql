-- What is secret, sealed: with keys that are in no database.

-- What listeners and pools use, as it was when it was named.
CREATE TABLE tls_material (
    id TEXT PRIMARY KEY,
    load_balancer_id TEXT NOT NULL,
    owner_kind TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    project_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    UNIQUE (owner_id, kind, reference)
);
CREATE INDEX tls_material_by_load_balancer ON tls_material (load_balancer_id);

-- Secrets and containers of a deployment that has no key manager.
CREATE TABLE secrets (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    -- What may be shown of it, as JSON.
    about TEXT NOT NULL,
    sealed TEXT
);
CREATE INDEX secrets_by_project ON secrets (project_id, kind, created_at, id);
