//! Members in their table.

use evenkeel_model::text::Tags;
use evenkeel_model::{Member, Record};

use crate::StoreError;
use crate::column::{Column, columns};
use crate::engine::{Session, Value, values};
use crate::stored::{Listed, Own, Sealed};

impl Listed for Member {
    const LISTED: &'static [Column] = columns! {
        "name" Text;
        "address" Text;
        "protocol_port" Number;
        "weight" Number;
        "backup" Truth;
        "subnet_id" Text;
        "monitor_address" Text;
        "monitor_port" Number;
        "vnic_type" Text = "'normal'";
    };
}

impl Sealed for Member {
    const TABLE: &'static str = "members";
    const OWN: &'static [&'static str] = &[
        "pool_id",
        "name",
        "admin_state_up",
        "address",
        "protocol_port",
        "weight",
        "backup",
        "subnet_id",
        "monitor_address",
        "monitor_port",
    ];

    fn values(&self) -> Vec<Value> {
        values![
            self.pool,
            self.name.as_str(),
            self.admin_state_up,
            self.address.spelling(),
            i64::from(self.protocol_port),
            i64::from(self.weight),
            self.backup,
            self.subnet,
            self.monitor_address.as_ref().map(|address| address.spelling().to_owned()),
            self.monitor_port.map(i64::from),
        ]
        .into()
    }

    fn read(own: &Own<'_>) -> Result<Self, StoreError> {
        let row = own.row;
        let at = Own::at;
        Ok(Self {
            id: own.id()?,
            pool: row.parse(at(0))?,
            name: row.made(at(1))?,
            admin_state_up: row.bool(at(2))?,
            address: row.made(at(3))?,
            protocol_port: row.bounded(at(4))?,
            weight: row.bounded(at(5))?,
            backup: row.bool(at(6))?,
            subnet: row.maybe_parse(at(7))?,
            monitor_address: row.maybe_made(at(8))?,
            monitor_port: row.maybe_bounded(at(9))?,
            tags: own.tags.clone(),
        })
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn relate(_: &mut Session<'_>, _: &mut [Record<Self>]) -> Result<(), StoreError> {
        Ok(())
    }
}
