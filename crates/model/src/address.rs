//! Which addresses a tenant may name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An address as the tenant spelt it, together with what it means.
///
/// The API echoes the spelling, and the members of a batch are matched by it (contract 1.10, 2.4);
/// everything else uses the meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpeltAddress {
    spelling: String,
    address: IpAddr,
}

impl SpeltAddress {
    /// The text as it was typed.
    pub fn spelling(&self) -> &str {
        &self.spelling
    }

    /// What the text means.
    pub const fn address(&self) -> IpAddr {
        self.address
    }
}

impl TryFrom<String> for SpeltAddress {
    type Error = std::net::AddrParseError;

    fn try_from(spelling: String) -> Result<Self, Self::Error> {
        let address = spelling.parse()?;
        Ok(Self { spelling, address })
    }
}

impl From<SpeltAddress> for String {
    fn from(address: SpeltAddress) -> String {
        address.spelling
    }
}

impl From<IpAddr> for SpeltAddress {
    fn from(address: IpAddr) -> Self {
        Self { spelling: address.to_string(), address }
    }
}

/// Why an address may not be a member, a probe's target or a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The whole of 127.0.0.0/8, or `::1`.
    #[error("loopback addresses belong to the node itself")]
    Loopback,
    /// 169.254.0.0/16 with the metadata service, or `fe80::/10`.
    #[error("link-local addresses, the metadata service among them, are not reachable targets")]
    LinkLocal,
    /// The whole of 0.0.0.0/8, or `::`.
    #[error("the unspecified address names nobody")]
    Unspecified,
    /// A group or everybody, or the reserved space above.
    #[error("multicast, broadcast and reserved addresses name nobody in particular")]
    Many,
    /// In a range that the operator keeps for himself.
    #[error("the operator of this deployment reserves the address")]
    Reserved,
}

/// Which addresses a tenant may not name, whatever their spelling.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    /// Whether 127.0.0.0/8 is allowed, as on a laptop.
    pub loopback_allowed: bool,
    /// Ranges of the operator: management networks, agents, databases.
    pub reserved: Vec<IpNet>,
}

impl AddressRules {
    /// Whether a member or a probe may point at `address`, or a VIP be it.
    ///
    /// Addresses hidden in IPv6 ones (mapped, compatible, `NAT64`, 6to4) are judged as the
    /// IPv4 address they stand for; a spelling buys nothing.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] says which rule the address breaks.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        if self.reserved.iter().any(|net| net.contains(&address)) {
            return Err(Forbidden::Reserved);
        }
        match address {
            IpAddr::V4(v4) => self.check_v4(v4),
            IpAddr::V6(v6) => {
                // A hidden IPv4 address never enjoys the loopback of a laptop: nothing listens
                // there under that spelling.
                if let Some(v4) = hidden_v4(v6) {
                    let strict = Self { loopback_allowed: false, reserved: self.reserved.clone() };
                    return strict.check(IpAddr::V4(v4));
                }
                self.check_v6(v6)
            }
        }
    }

    fn check_v4(&self, address: Ipv4Addr) -> Result<(), Forbidden> {
        if address.octets()[0] == 0 {
            Err(Forbidden::Unspecified)
        } else if address.is_loopback() && !self.loopback_allowed {
            Err(Forbidden::Loopback)
        } else if address.is_link_local() {
            Err(Forbidden::LinkLocal)
        } else if address.octets()[0] >= 224 {
            // 224/4 is multicast, 240/4 reserved, and the last of it is broadcast.
            Err(Forbidden::Many)
        } else {
            Ok(())
        }
    }

    fn check_v6(&self, address: Ipv6Addr) -> Result<(), Forbidden> {
        if address.is_unspecified() {
            Err(Forbidden::Unspecified)
        } else if address.is_loopback() && !self.loopback_allowed {
            Err(Forbidden::Loopback)
        } else if address.is_unicast_link_local() {
            Err(Forbidden::LinkLocal)
        } else if address.is_multicast() {
            Err(Forbidden::Many)
        } else {
            Ok(())
        }
    }
}

/// The IPv4 address that an IPv6 one carries, in any of the known ways.
fn hidden_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let pair =
        |at: usize| Ipv4Addr::from((u32::from(segments[at]) << 16) | u32::from(segments[at + 1]));
    match segments {
        // ::ffff:0:0/96 (mapped), ::ffff:0:0:0/96 (translated, RFC 2765), 64:ff9b::/96 and
        // 64:ff9b:1::/48 (NAT64, RFC 6052 and 8215) end with it.
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 1, ..] => Some(pair(6)),
        // ::/96 (compatible, deprecated) too, but :: and ::1 are themselves.
        [0, 0, 0, 0, 0, 0, ..] if u32::from(pair(6)) > 1 => Some(pair(6)),
        // 2002::/16 (6to4) carries it in front.
        [0x2002, ..] => Some(pair(1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), Forbidden> {
        AddressRules::default().check(text.parse().unwrap())
    }

    #[test]
    fn ordinary_addresses_may_be_named() {
        for text in ["10.0.0.5", "192.0.2.1", "2001:db8::1", "fd00::20", "::ffff:10.0.0.1"] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_node_and_the_metadata_service_may_not() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(verdict(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_laptop_may_use_its_loopback_but_not_under_another_spelling() {
        let laptop = AddressRules { loopback_allowed: true, reserved: Vec::new() };
        assert_eq!(laptop.check("127.0.0.9".parse().unwrap()), Ok(()));
        assert_eq!(laptop.check("::1".parse().unwrap()), Ok(()));
        assert!(laptop.check("::ffff:127.0.0.9".parse().unwrap()).is_err());
        assert!(laptop.check("169.254.169.254".parse().unwrap()).is_err());
    }

    #[test]
    fn the_operator_keeps_his_ranges() {
        let rules = AddressRules {
            loopback_allowed: false,
            reserved: vec!["10.9.0.0/16".parse().unwrap()],
        };
        assert_eq!(rules.check("10.9.3.1".parse().unwrap()), Err(Forbidden::Reserved));
        assert_eq!(rules.check("::ffff:10.9.3.1".parse().unwrap()), Err(Forbidden::Reserved));
        assert_eq!(rules.check("10.8.3.1".parse().unwrap()), Ok(()));
    }
}
