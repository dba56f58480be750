//! Network devices.

use std::io;
use std::os::fd::AsRawFd;

use evenkeel_model::network::MacAddress;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::{Netlink, or_absent};
use crate::namespace::Namespace;

/// A network device of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in the namespace.
    pub index: u32,
    /// Its name, of 15 characters at most.
    pub name: String,
    /// Its hardware address, if it is that of an Ethernet.
    pub mac: Option<MacAddress>,
    /// The largest packet, in bytes.
    pub mtu: u32,
    /// Whether it was switched on.
    pub is_up: bool,
    /// Whether there is somebody at the other end.
    pub has_carrier: bool,
    /// A word that its maker left; empty if there is none.
    pub alias: String,
    /// The bridge that it is a port of, by number.
    pub bridge: Option<u32>,
    /// The number of a veth's other end, in the namespace of that.
    pub peer: Option<u32>,
    /// Whether it is a bridge.
    pub is_bridge: bool,
}

impl Netlink {
    /// All devices of the namespace.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn links(&self) -> io::Result<Vec<Link>> {
        let found = self.list(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        Ok(found.into_iter().filter_map(read).collect())
    }

    /// The device of this name.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn link(&self, name: &str) -> io::Result<Option<Link>> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        Ok(self.get(RouteNetlinkMessage::GetLink(message))?.and_then(read))
    }

    /// Makes a pair of devices that are each other's far end: `name` here, with `mac`, and `peer`
    /// in another namespace. Either both are there afterwards, or none.
    ///
    /// # Errors
    ///
    /// The kernel's; [`io::ErrorKind::AlreadyExists`] if one of the names is taken.
    pub fn add_veth(
        &self,
        name: &str,
        mac: MacAddress,
        peer: &str,
        elsewhere: &Namespace,
    ) -> io::Result<()> {
        let mut far = LinkMessage::default();
        far.attributes.push(LinkAttribute::IfName(peer.to_owned()));
        far.attributes.push(LinkAttribute::NetNsFd(elsewhere.as_raw_fd()));
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
        ]));
        self.change("add veth", RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Makes a bridge.
    ///
    /// # Errors
    ///
    /// The kernel's; [`io::ErrorKind::AlreadyExists`] if the name is taken.
    pub fn add_bridge(&self, name: &str) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        self.change("add bridge", RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Deletes the device of this number, with its far end; also if it is gone.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn delete_link(&self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        or_absent(self.change("delete link", RouteNetlinkMessage::DelLink(message), 0))
    }

    /// Switches a device on.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_up(&self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.change("set link up", RouteNetlinkMessage::SetLink(message), 0)
    }

    /// Sets a device's hardware address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_mac(&self, index: u32, mac: MacAddress) -> io::Result<()> {
        self.set(index, "set mac", LinkAttribute::Address(mac.0.to_vec()))
    }

    /// Sets the largest packet of a device, in bytes.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_mtu(&self, index: u32, mtu: u16) -> io::Result<()> {
        self.set(index, "set mtu", LinkAttribute::Mtu(mtu.into()))
    }

    /// Leaves a word on a device.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn set_alias(&self, index: u32, alias: &str) -> io::Result<()> {
        self.set(index, "set alias", LinkAttribute::IfAlias(alias.to_owned()))
    }

    /// Gives a device that is switched off another name.
    ///
    /// # Errors
    ///
    /// The kernel's; [`io::ErrorKind::AlreadyExists`] if it is taken.
    pub fn rename(&self, index: u32, name: &str) -> io::Result<()> {
        self.set(index, "rename link", LinkAttribute::IfName(name.to_owned()))
    }

    /// Makes a device a port of a bridge.
    ///
    /// # Errors
    ///
    /// The kernel's; a bridge takes 1,024 ports.
    pub fn set_bridge(&self, index: u32, bridge: u32) -> io::Result<()> {
        self.set(index, "set bridge", LinkAttribute::Controller(bridge))
    }

    /// Moves a device into another namespace.
    ///
    /// # Errors
    ///
    /// The kernel's; [`io::ErrorKind::AlreadyExists`] if the name is taken there.
    pub fn move_link(&self, index: u32, into: &Namespace) -> io::Result<()> {
        self.set(index, "move link", LinkAttribute::NetNsFd(into.as_raw_fd()))
    }

    fn set(&self, index: u32, what: &str, attribute: LinkAttribute) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.attributes.push(attribute);
        self.change(what, RouteNetlinkMessage::SetLink(message), 0)
    }
}

fn read(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        is_up: flags.contains(LinkFlags::Up),
        has_carrier: flags.contains(LinkFlags::LowerUp),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::IfAlias(alias) => link.alias = alias,
            LinkAttribute::Controller(bridge) => link.bridge = Some(bridge),
            LinkAttribute::Link(peer) => link.peer = Some(peer),
            LinkAttribute::Address(bytes) => {
                link.mac = <[u8; 6]>::try_from(bytes).ok().map(MacAddress);
            }
            LinkAttribute::LinkInfo(infos) => {
                link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
            }
            _ => {}
        }
    }
    Some(link)
}
