//! The few frames that are sent and understood: ARP (RFC 826, used as RFC 5227 says) and neighbour
//! advertisements (RFC 4861).

use std::net::{Ipv4Addr, Ipv6Addr};

use evenkeel_model::network::MacAddress;

/// The kinds of what an Ethernet frame carries.
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;

const EVERYBODY: MacAddress = MacAddress([0xff; 6]);
const NOBODY: MacAddress = MacAddress([0; 6]);

/// All nodes of a link, and the hardware address that this group has.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: MacAddress = MacAddress([0x33, 0x33, 0, 0, 0, 1]);

/// Ethernet, IPv4, and the lengths of their addresses.
const ETHERNET_AND_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];

const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Replace what is known.
const OVERRIDE: u8 = 0x20;
/// One link-layer address follows, in one unit of eight bytes.
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// Asks whether anybody has `address`, without touching anybody's cache.
pub(super) fn probe(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    request(mac, Ipv4Addr::UNSPECIFIED, address)
}

/// Says that `address` is at `mac`: a gratuitous ARP, in the form of a request.
pub(super) fn gratuitous(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    request(mac, address, address)
}

fn request(mac: MacAddress, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(EVERYBODY, mac, ARP);
    frame.extend(ETHERNET_AND_IPV4);
    frame.extend(REQUEST);
    frame.extend(mac.0);
    frame.extend(sender.octets());
    frame.extend(NOBODY.0);
    frame.extend(target.octets());
    frame
}

/// Who but `mac` says in an ARP frame that he has `address`, or is about to take it.
pub(super) fn rival(frame: &[u8], mac: MacAddress, address: Ipv4Addr) -> Option<MacAddress> {
    let packet = frame.get(12..42)?.strip_prefix(&ARP.to_be_bytes())?;
    let (sender, rest) = packet.strip_prefix(&ETHERNET_AND_IPV4)?.get(2..)?.split_at_checked(6)?;
    let sender = MacAddress(sender.try_into().ok()?);
    let (says, target) = (rest.get(..4)?, rest.get(10..14)?);
    let has = says == address.octets();
    let probes = says == [0; 4] && target == address.octets();
    (sender != mac && (has || probes)).then_some(sender)
}

/// Says that `address` is at `mac`: an unsolicited neighbour advertisement.
pub(super) fn advertisement(mac: MacAddress, address: Ipv6Addr) -> Vec<u8> {
    let mut message = vec![NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
    message.extend(address.octets());
    message.extend(TARGET_LINK_LAYER_ADDRESS);
    message.extend(mac.0);
    let sum = checksum(address, ALL_NODES, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = ethernet(ALL_NODES_MAC, mac, IPV6);
    // Version, class and label; length; next header; and the hop limit that shows that no router
    // was on the way.
    frame.extend([0x60, 0, 0, 0, 0, 32, ICMPV6, 255]);
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(message);
    frame
}

fn ethernet(to: MacAddress, from: MacAddress, kind: u16) -> Vec<u8> {
    [&to.0[..], &from.0, &kind.to_be_bytes()].concat()
}

/// The checksum of an `ICMPv6` message of an even number of bytes (RFC 4443, 2.3).
fn checksum(from: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> u16 {
    let length = u8::try_from(message.len()).expect("our messages are short");
    let pseudo_header = [&from.octets()[..], &to.octets(), &[0, 0, 0, length, 0, 0, 0, ICMPV6]];
    let words = pseudo_header.into_iter().chain([message]).flat_map(|part| part.chunks_exact(2));
    let sum: u32 = words.map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).expect("two foldings leave sixteen bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: MacAddress = MacAddress([0xfa, 0x16, 0x3e, 1, 2, 3]);
    const THEIRS: MacAddress = MacAddress([0xfa, 0x16, 0x3e, 9, 9, 9]);
    const VIP: Ipv4Addr = Ipv4Addr::new(2, 2, 2, 20);

    #[test]
    fn a_gratuitous_arp_is_as_on_the_wire() {
        let frame = gratuitous(OURS, VIP);
        assert_eq!(frame.len(), 42);
        assert_eq!(frame[..6], [0xff; 6]);
        assert_eq!(frame[6..12], OURS.0);
        assert_eq!(frame[12..22], [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!(frame[28..32], VIP.octets());
        assert_eq!(frame[38..42], VIP.octets());
    }

    #[test]
    fn whoever_has_or_wants_the_address_is_a_rival() {
        assert_eq!(rival(&gratuitous(THEIRS, VIP), OURS, VIP), Some(THEIRS));
        assert_eq!(rival(&probe(THEIRS, VIP), OURS, VIP), Some(THEIRS));
        let mut reply = gratuitous(THEIRS, VIP);
        (reply[21], reply[41]) = (2, 1);
        assert_eq!(rival(&reply, OURS, VIP), Some(THEIRS));
        // Frames are padded to the least that Ethernet carries.
        reply.resize(60, 0);
        assert_eq!(rival(&reply, OURS, VIP), Some(THEIRS));
    }

    #[test]
    fn nobody_else_is_a_rival() {
        let other = Ipv4Addr::new(2, 2, 2, 21);
        assert_eq!(rival(&gratuitous(OURS, VIP), OURS, VIP), None, "ourselves");
        assert_eq!(rival(&gratuitous(THEIRS, other), OURS, VIP), None, "another address");
        assert_eq!(rival(&request(THEIRS, other, VIP), OURS, VIP), None, "who only asks");
        let whole = gratuitous(THEIRS, VIP);
        for length in 0..whole.len() {
            assert_eq!(rival(&whole[..length], OURS, VIP), None, "{length} bytes");
        }
        for at in 12..20 {
            let mut strange = whole.clone();
            strange[at] ^= 0x40;
            assert_eq!(rival(&strange, OURS, VIP), None, "byte {at}");
        }
    }

    #[test]
    fn an_advertisement_sums_up_to_nothing() {
        let vip: Ipv6Addr = "2001:db8::20".parse().unwrap();
        let frame = advertisement(OURS, vip);
        assert_eq!(frame.len(), 14 + 40 + 32);
        assert_eq!(checksum(vip, ALL_NODES, &frame[54..]), 0);
        assert_eq!(frame[62..78], vip.octets());
        assert_eq!(frame[80..], OURS.0);
    }
}
