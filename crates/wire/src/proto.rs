//! The encoded form of the messages; `link.proto` says the same for people.
//!
//! What one side knows and the other does not yet is passed over: unknown fields, unknown kinds of
//! messages. Graphs and observations travel as JSON documents, as in the agent's ledger.

mod decode;
mod encode;
#[cfg(test)]
pub(crate) mod tests;

use prost::{Enumeration, Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ToAgent {
    #[prost(oneof = "AgentWord", tags = "1, 2")]
    pub(crate) word: Option<AgentWord>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum AgentWord {
    #[prost(message, tag = "1")]
    Index(Index),
    #[prost(message, tag = "2")]
    Graph(Graph),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FromAgent {
    #[prost(oneof = "ControlWord", tags = "1, 2, 3, 4")]
    pub(crate) word: Option<ControlWord>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum ControlWord {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    Fetch(Fetch),
    #[prost(message, tag = "3")]
    Inventory(Inventory),
    #[prost(message, tag = "4")]
    Observed(Observed),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) agent: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) host: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) providers: Vec<String>,
    #[prost(uint32, tag = "4")]
    pub(crate) capacity: u32,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) key: Vec<u8>,
    #[prost(string, repeated, tag = "6")]
    pub(crate) probes: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Index {
    #[prost(uint64, tag = "1")]
    pub(crate) serial: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) entries: Vec<IndexEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct IndexEntry {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) load_balancer: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) generation: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Fetch {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) load_balancer: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Graph {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) load_balancer: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) generation: u64,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(crate) document: Option<Vec<u8>>,
    #[prost(string, tag = "5")]
    pub(crate) withheld: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Inventory {
    #[prost(uint64, tag = "1")]
    pub(crate) answers: u64,
    #[prost(message, repeated, tag = "2")]
    pub(crate) entries: Vec<InventoryEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InventoryEntry {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) load_balancer: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) epoch: u64,
    #[prost(enumeration = "Outcome", tag = "3")]
    pub(crate) outcome: i32,
    #[prost(uint64, tag = "4")]
    pub(crate) generation: u64,
    #[prost(string, tag = "5")]
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub(crate) enum Outcome {
    Unspecified = 0,
    Converged = 1,
    Refused = 2,
    Retrying = 3,
    Leaving = 4,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Observed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) load_balancer: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) epoch: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) document: Vec<u8>,
}
