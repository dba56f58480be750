//! What flavors and availability zones can ask for.

use serde::{Deserialize, Serialize};

use crate::number::{Connections, Threads};

/// How much of its node one load balancer may take. Its flavor says so, and it stays so: it is
/// settled when the load balancer is created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowance {
    /// On how many processors its traffic may be handled at once.
    pub threads: Threads,
    /// How many connections all its listeners take together; `None` is what the node has.
    pub connections: Option<Connections>,
}

macro_rules! keys {
    ($(#[doc = $doc:literal])+ $name:ident {
        $($(#[doc = $about:literal])+ $key:ident $word:literal: $description:literal,)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[doc = $about])+ $key,)+
        }

        impl $name {
            /// All of them, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$key),+];

            /// The key in a profile's data.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$key => $word),+ }
            }

            /// What it does, for operators.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$key => $description),+ }
            }

            /// The key with this name.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.word() == word)
            }
        }
    };
}

keys! {
    /// What a flavor can ask for.
    FlavorKey {
        /// How many instances serve.
        Topology "loadbalancer_topology": "The load balancer topology. One of: SINGLE.",
        /// [`Allowance::threads`].
        Threads "nbthread": "The number of threads that handle the load balancer's traffic.",
        /// [`Allowance::connections`].
        Connections "connection_limit":
            "The most connections that all listeners of the load balancer take together.",
    }
}

keys! {
    /// What an availability zone can ask for.
    ZoneKey {
        /// The only networks that VIPs may be on.
        ValidVipNetworks "valid_vip_networks":
            "List of network IDs that are allowed for VIP use. This overrides the list of allowed \
             networks in the configuration.",
        /// The one zone that all nodes are in.
        ComputeZone "compute_zone": "The zone of the nodes: nova, which all of them are in.",
    }
}
