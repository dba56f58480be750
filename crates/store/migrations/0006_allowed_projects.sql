-- Projects that may use a network besides its owner.
ALTER TABLE networks ADD COLUMN allowed TEXT NOT NULL DEFAULT '[]';
-- What somebody said a network or a subnet is for changes nothing; how a floating address is bound
-- does: an address of a port has at most one.
CREATE UNIQUE INDEX floating_addresses_by_target
    ON floating_addresses (inside_port_id, inside_address);
