//! Members: who answers in the end.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::address::SpeltAddress;
use crate::number::{PortNumber, Weight};
use crate::text::{Label, Tags};
use crate::{MemberId, PoolId, SubnetId};

/// One address and port behind a pool. The same address and port may be a member of many pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Names its server.
    pub id: MemberId,
    /// Whose member it is.
    pub pool: PoolId,
    /// For people.
    pub name: Label,
    /// Disabled, it is out of rotation.
    pub admin_state_up: bool,
    /// Where it is.
    pub address: SpeltAddress,
    /// On which port.
    pub protocol_port: PortNumber,
    /// Its share of the traffic; 0 drains it.
    pub weight: Weight,
    /// Used only when all the others are down.
    pub backup: bool,
    /// The subnet it is reached by; kept, and used by nobody but the tenant.
    pub subnet: Option<SubnetId>,
    /// Where it is probed, if not at `address`.
    pub monitor_address: Option<SpeltAddress>,
    /// On which port it is probed, if not `protocol_port`.
    pub monitor_port: Option<PortNumber>,
    /// For people and their tools.
    pub tags: Tags,
}

impl Member {
    /// Where traffic goes.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address.address(), self.protocol_port.get())
    }

    /// Where probes go.
    pub fn probed_at(&self) -> SocketAddr {
        let address = self.monitor_address.as_ref().unwrap_or(&self.address);
        let port = self.monitor_port.unwrap_or(self.protocol_port);
        SocketAddr::new(address.address(), port.get())
    }
}
