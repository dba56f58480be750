//! The rows of a port in Open vSwitch's database: what is wanted, what is there, what is asked.

use std::collections::BTreeMap;

use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, LoadBalancerId, PortId};
use evenkeel_plumbing::ovsdb::notation::{elements, map, number, rows, word, words};
use serde_json::{Value, json};

use super::{OvsOptions, Tagging};
use crate::names;
use crate::trouble::unavailable;

/// Whose a port is. It stands on both rows, so that each change of one tells whom it concerns.
pub(super) const OWNER: &str = "evenkeel";
/// Which port it is; by it and the hardware address Neutron's agent knows its own.
const IFACE_ID: &str = "iface-id";

/// Nobody is reached by it: Neutron's agent drops what carries it.
const DEAD: u16 = 4095;

/// A port as an attachment asks for it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) owner: LoadBalancerId,
    words: BTreeMap<String, String>,
    kind: &'static str,
    tag: Tag,
}

/// What keeps it apart from other networks.
#[derive(Clone, Copy, Debug)]
enum Tag {
    Own(u16),
    Neutrons,
}

impl Wanted {
    pub(super) fn new(
        owner: LoadBalancerId,
        attachment: &Attachment,
        options: &OvsOptions,
    ) -> Result<Self, PlugError> {
        let tag = match (options.tagging, attachment.vlan) {
            (Tagging::Neutron, _) => Tag::Neutrons,
            (Tagging::Own, Some(vlan @ 1..=4094)) => Tag::Own(vlan),
            (Tagging::Own, Some(_) | None) => return Err(no_vlan(attachment)),
        };
        let words = [
            (IFACE_ID, attachment.port.to_string()),
            ("iface-status", "active".to_owned()),
            ("attached-mac", attachment.mac.to_string()),
            (OWNER, owner.to_string()),
        ];
        Ok(Self {
            name: names::tap(attachment.port),
            owner,
            words: words.map(|(key, word)| (key.to_owned(), word)).into(),
            kind: if options.veth { "" } else { "internal" },
            tag,
        })
    }

    /// Whether the port is as it is wanted.
    pub(super) fn is(&self, port: &Port) -> bool {
        let is_tagged = match self.tag {
            Tag::Own(vlan) => port.tag == Some(vlan),
            Tag::Neutrons => port.tag.is_some_and(|tag| tag > 0),
        };
        let has_words = self.words.iter().all(|(key, word)| port.words.get(key) == Some(word));
        is_tagged && has_words && port.kind == self.kind && port.is_on_bridge && port.has_mark
    }

    /// Whether frames pass as soon as the switch has made it.
    pub(super) const fn is_live_at_once(&self) -> bool {
        match self.tag {
            Tag::Own(_) => true,
            Tag::Neutrons => false,
        }
    }

    /// All of it in one transaction: it is never there without its tag.
    pub(super) fn insert(&self, bridge: &str) -> [Value; 3] {
        let words = self.words.iter().map(|(key, word)| (key.as_str(), word.clone()));
        let mut port = json!({
            "name": self.name,
            "interfaces": ["named-uuid", "interface"],
            "external_ids": map([(OWNER, self.owner.to_string())]),
        });
        match self.tag {
            Tag::Own(vlan) => port["tag"] = json!(vlan),
            Tag::Neutrons => {
                // As Neutron's own drivers do: it hears only what carries a tag that nothing has.
                port["tag"] = json!(DEAD);
                port["vlan_mode"] = json!("trunk");
                port["trunks"] = json!(DEAD);
            }
        }
        [
            json!({ "op": "insert", "table": "Interface", "uuid-name": "interface",
                "row": { "name": self.name, "type": self.kind, "external_ids": map(words) } }),
            json!({ "op": "insert", "table": "Port", "uuid-name": "port", "row": port }),
            json!({ "op": "mutate", "table": "Bridge", "where": [["name", "==", bridge]],
                "mutations": [["ports", "insert", ["named-uuid", "port"]]] }),
        ]
    }
}

fn no_vlan(attachment: &Attachment) -> PlugError {
    unavailable(
        format!(
            "the network {} has no VLAN, and its ports would hear all others",
            attachment.network
        ),
        "the operator gives the network a VLAN from 1 to 4094",
        None,
    )
}

/// Whether [`Wanted::insert`] found its bridge.
pub(super) fn has_inserted(results: &[Value]) -> bool {
    results.get(2).and_then(|it| it.get("count")?.as_i64()) == Some(1)
}

/// A port that is there.
#[derive(Clone, Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) owner: Option<LoadBalancerId>,
    pub(super) id: Option<PortId>,
    /// Whether the switch has a device for it.
    pub(super) is_made: bool,
    /// Why it has none, in its words.
    pub(super) error: Option<String>,
    row: Value,
    words: BTreeMap<String, String>,
    kind: String,
    /// The only network that it hears; `None` if it hears more.
    tag: Option<u16>,
    is_on_bridge: bool,
    has_mark: bool,
}

impl Port {
    /// What [`select`] gave.
    pub(super) fn read(results: &[Value]) -> Option<Self> {
        let interface = rows(results.first()).first()?;
        let port = rows(results.get(1)).first()?;
        let words = words(&interface["external_ids"]);
        let owner = words.get(OWNER).cloned();
        let on_bridge = rows(results.get(2)).first().map(|it| elements(&it["ports"]));
        let error = word(&interface["error"]).map(str::to_owned);
        Some(Self {
            name: interface["name"].as_str()?.to_owned(),
            owner: owner.as_ref().and_then(|it| it.parse().ok()),
            id: words.get(IFACE_ID).and_then(|it| it.parse().ok()),
            is_made: error.is_none() && number(&interface["ofport"]).is_some_and(|it| it > 0),
            error,
            row: port["_uuid"].clone(),
            kind: interface["type"].as_str()?.to_owned(),
            tag: only_network(port),
            is_on_bridge: on_bridge.is_some_and(|it| it.contains(&&port["_uuid"])),
            has_mark: owner.as_ref() == marked(&port["external_ids"]).as_ref(),
            words,
        })
    }

    /// Whether frames pass.
    pub(super) fn is_live(&self) -> bool {
        self.is_made && matches!(self.tag, Some(1..DEAD))
    }

    pub(super) fn delete(&self) -> [Value; 1] {
        [json!({ "op": "mutate", "table": "Bridge", "where": [["ports", "includes", self.row]],
            "mutations": [["ports", "delete", self.row]] })]
    }
}

/// The tag of what a port hears, if it hears no other.
fn only_network(port: &Value) -> Option<u16> {
    let column = match word(&port["vlan_mode"]) {
        None | Some("access") => "tag",
        Some("trunk") if elements(&port["trunks"]).len() == 1 => "trunks",
        Some(_) => return None,
    };
    number(&port[column]).and_then(|it| it.try_into().ok())
}

fn marked(external_ids: &Value) -> Option<String> {
    words(external_ids).remove(OWNER)
}

/// Asks for the port of a name.
pub(super) fn select(name: &str, bridge: &str) -> [Value; 3] {
    let of = |table: &str, name: &str, columns: &[&str]| {
        json!({ "op": "select", "table": table, "where": [["name", "==", name]],
            "columns": columns })
    };
    [
        of("Interface", name, &["name", "type", "external_ids", "ofport", "error"]),
        of("Port", name, &["_uuid", "tag", "vlan_mode", "trunks", "external_ids"]),
        of("Bridge", bridge, &["ports"]),
    ]
}

/// Whether [`select`] found the bridge.
pub(super) fn has_bridge(results: &[Value]) -> bool {
    !rows(results.get(2)).is_empty()
}

/// Asks for the names of the ports of a load balancer.
pub(super) fn select_of(owner: LoadBalancerId) -> Value {
    json!({ "op": "select", "table": "Interface", "columns": ["name"],
        "where": [["external_ids", "includes", map([(OWNER, owner.to_string())])]] })
}

/// What [`select_of`] gave.
pub(super) fn names(results: &[Value]) -> Vec<String> {
    let rows = rows(results.first()).iter();
    rows.filter_map(|row| row["name"].as_str().map(str::to_owned)).collect()
}

/// Asks whose all ports are.
pub(super) fn select_all() -> Value {
    json!({ "op": "select", "table": "Interface", "where": [], "columns": ["external_ids"] })
}

/// What [`select_all`] gave: the owners that are load balancers.
pub(super) fn owners(results: &[Value]) -> Vec<LoadBalancerId> {
    rows(results.first()).iter().filter_map(owner).collect()
}

/// The load balancer that a row of a port or its interface is marked with.
pub(super) fn owner(row: &Value) -> Option<LoadBalancerId> {
    marked(row.get("external_ids")?)?.parse().ok()
}
