//! What the data of profiles ask of a provider (contract 2.11): JSON objects of few known keys.
//!
//! A key that the provider does nothing for is refused rather than ignored: whoever offers a flavor
//! offers what it does.

use evenkeel_model::NetworkId;
use evenkeel_model::Violation;
use evenkeel_model::flavor::{Allowance, FlavorKey, ZoneKey};
use evenkeel_model::number::{Connections, Threads};
use evenkeel_model::offering::Profile;
use evenkeel_model::provider::{Capabilities, Unsupported};
use serde_json::{Map, Value};

use crate::decode::{shortened, spoken};
use crate::{Deployment, Fault};

/// Why keys that Octavia knows are refused here.
const REFUSED: &[(&str, &str)] = &[
    ("compute_flavor", NO_MACHINE),
    ("amp_image_tag", NO_MACHINE),
    ("sriov_vip", NO_SRIOV),
    ("allow_member_sriov", NO_SRIOV),
    ("volume_zone", "a load balancer has no volume"),
    ("management_network", "agents call the control plane, and need no network for it"),
];

const NO_MACHINE: &str = "a load balancer has no machine of its own here; nbthread and \
                          connection_limit say what it may take of a node";
const NO_SRIOV: &str = "there are no SR-IOV ports here";

/// OpenStack's name for the zone of whatever was put into no other.
const EVERYWHERE: &str = "nova";

/// The object that a profile's data are.
fn object(profile: &Profile) -> Result<Map<String, Value>, Fault> {
    serde_json::from_str(profile.data.as_str()).map_err(|_| {
        let data = shortened(profile.data.as_str());
        Violation::option(&data, profile.kind.data_field()).into()
    })
}

fn unknown(key: &str) -> Unsupported {
    let reason = REFUSED.iter().find(|(known, _)| *known == key).map(|(_, reason)| reason);
    let key = shortened(key);
    Unsupported(match reason {
        Some(reason) => format!("{key} is not supported by this driver: {reason}."),
        None => format!("{key} is not supported by this driver."),
    })
}

/// What a flavor with this profile lets a load balancer take.
///
/// # Errors
///
/// 400 if the data are no JSON object; 501 for a key, or a value of it, that the provider does not
/// know.
pub fn flavor(
    profile: &Profile,
    capabilities: &Capabilities,
    deployment: &Deployment,
) -> Result<Allowance, Fault> {
    let mut allowance = Allowance::default();
    for (key, value) in object(profile)? {
        let known = FlavorKey::from_word(&key).filter(|it| capabilities.flavor.contains(it));
        let read = match known {
            Some(FlavorKey::Topology) => topology(&value),
            Some(FlavorKey::Threads) => {
                number(&value, Threads::MIN..=i64::from(deployment.most_threads))
                    .map(|threads| allowance.threads = threads)
            }
            Some(FlavorKey::Connections) => number(&value, Connections::MIN..=Connections::MAX)
                .map(|connections| allowance.connections = Some(connections)),
            None => return Err(unsupported(profile, unknown(&key))),
        };
        read.map_err(|reason| unsupported(profile, Unsupported(format!("{key} {reason}"))))?;
    }
    Ok(allowance)
}

/// The only networks on which an availability zone with this profile lets VIPs be; none if it does
/// not say so.
///
/// # Errors
///
/// As [`flavor`].
pub fn availability_zone(
    profile: &Profile,
    capabilities: &Capabilities,
) -> Result<Vec<NetworkId>, Fault> {
    let mut networks = Vec::new();
    for (key, value) in object(profile)? {
        let known = ZoneKey::from_word(&key);
        match known.filter(|it| capabilities.availability_zone.contains(it)) {
            Some(ZoneKey::ValidVipNetworks) => {
                networks = ids(&value).ok_or_else(|| {
                    let reason = format!("{key} {}: it is a list of network IDs.", said(&value));
                    unsupported(profile, Unsupported(reason))
                })?;
            }
            Some(ZoneKey::ComputeZone) if value == EVERYWHERE => {}
            Some(ZoneKey::ComputeZone) => {
                let reason =
                    format!("{key} {}: all nodes are in the zone {EVERYWHERE}.", said(&value));
                return Err(unsupported(profile, Unsupported(reason)));
            }
            None => return Err(unsupported(profile, unknown(&key))),
        }
    }
    Ok(networks)
}

fn unsupported(profile: &Profile, what: Unsupported) -> Fault {
    Fault::unsupported(&profile.provider, what)
}

fn said(value: &Value) -> String {
    format!("{} is not supported by this driver", spoken(value))
}

fn topology(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some("SINGLE") => Ok(()),
        Some("ACTIVE_STANDBY") => {
            Err(format!("{}: one instance serves each load balancer; use SINGLE.", said(value)))
        }
        _ => Err(format!("{}: it is SINGLE.", said(value))),
    }
}

fn number<T: TryFrom<i64>>(
    value: &Value,
    range: std::ops::RangeInclusive<i64>,
) -> Result<T, String> {
    let number = value.as_i64().filter(|it| range.contains(it)).and_then(|it| T::try_from(it).ok());
    let (least, most) = (range.start(), range.end());
    number.ok_or_else(|| format!("{}: it is a number from {least} to {most}.", said(value)))
}

fn ids(value: &Value) -> Option<Vec<NetworkId>> {
    let id = |it: &Value| uuid::Uuid::try_parse(it.as_str()?).ok().map(NetworkId::new);
    value.as_array()?.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_model::offering::OfferingKind;
    use evenkeel_model::provider::ProviderName;
    use evenkeel_model::text::{Label, ProfileData};
    use uuid::Uuid;

    use super::*;

    fn profile(kind: OfferingKind, data: &str) -> Profile {
        Profile {
            id: Uuid::from_u128(1).into(),
            kind,
            name: Label::empty(),
            provider: ProviderName::new("haproxy"),
            data: ProfileData::try_from(data.to_owned()).unwrap(),
        }
    }

    fn read(data: &str) -> Result<Allowance, (u16, String)> {
        let profile = profile(OfferingKind::Flavor, data);
        let deployment =
            Deployment { most_threads: 4.try_into().unwrap(), ..Deployment::default() };
        flavor(&profile, &Capabilities::ALL, &deployment)
            .map_err(|fault| (fault.status(), fault.message().to_owned()))
    }

    fn zone(data: &str) -> Result<Vec<NetworkId>, u16> {
        let profile = profile(OfferingKind::AvailabilityZone, data);
        availability_zone(&profile, &Capabilities::ALL).map_err(|fault| fault.status())
    }

    #[test]
    fn a_flavor_says_what_a_load_balancer_may_take() {
        assert_eq!(read("{}"), Ok(Allowance::default()));
        let asked = r#"{"loadbalancer_topology": "SINGLE", "nbthread": 4, "connection_limit": 9}"#;
        let allowance =
            Allowance { threads: 4.try_into().unwrap(), connections: 9.try_into().ok() };
        assert_eq!(read(asked), Ok(allowance));
    }

    #[test]
    fn what_is_no_json_object_is_no_option() {
        for data in ["", "{", "x", "1", "[]", "null", r#""{}""#, "{}{}", "{'a': 1}"] {
            let text = format!("{data} is not a valid option for flavor_data");
            assert_eq!(read(data), Err((400, text)), "{data}");
            assert_eq!(zone(data), Err(400), "{data}");
        }
        let deep = format!("{}{}", r#"{"a":"#.repeat(600), "}".repeat(600));
        assert_eq!(read(&deep).unwrap_err().0, 400);
    }

    #[test]
    fn what_the_provider_does_nothing_for_is_refused_with_the_reason() {
        let refused = |data: &str| {
            let (status, text) = read(data).unwrap_err();
            let start = "Provider 'haproxy' does not support a requested option: ";
            assert!(status == 501 && text.starts_with(start), "{status} {text}");
            text[start.len()..].to_owned()
        };
        assert_eq!(refused(r#"{"x": 1}"#), "x is not supported by this driver.");
        assert_eq!(
            refused(r#"{"sriov_vip": false}"#),
            "sriov_vip is not supported by this driver: there are no SR-IOV ports here."
        );
        assert_eq!(
            refused(r#"{"loadbalancer_topology": "ACTIVE_STANDBY"}"#),
            "loadbalancer_topology ACTIVE_STANDBY is not supported by this driver: one instance \
             serves each load balancer; use SINGLE."
        );
        for value in ["0", "5", "-1", "1.5", "true", "null", r#""2""#, "99999999999999999999"] {
            let text = refused(&format!(r#"{{"nbthread": {value}}}"#));
            assert!(text.ends_with("it is a number from 1 to 4."), "{text}");
        }
        for key in ["compute_flavor", "amp_image_tag", "allow_member_sriov", "nbthread "] {
            refused(&format!(r#"{{"{key}": "1"}}"#));
        }
        let profile = profile(OfferingKind::Flavor, r#"{"nbthread": 1}"#);
        let little = Capabilities { flavor: &[], ..Capabilities::ALL };
        assert!(flavor(&profile, &little, &Deployment::default()).is_err());
    }

    #[test]
    fn a_zone_names_networks() {
        let id = "6f0c5f5e-2c5c-4a3e-9d83-0a4a3b9e2f10";
        let data = format!(r#"{{"valid_vip_networks": ["{id}"]}}"#);
        assert_eq!(zone(&data), Ok(vec![id.parse().unwrap()]));
        assert_eq!(zone("{}"), Ok(Vec::new()));
        assert_eq!(zone(r#"{"compute_zone": "nova"}"#), Ok(Vec::new()));
        for data in [
            r#"{"valid_vip_networks": "x"}"#,
            r#"{"valid_vip_networks": ["x"]}"#,
            r#"{"compute_zone": "moon"}"#,
            r#"{"compute_zone": null}"#,
            r#"{"volume_zone": "nova"}"#,
            r#"{"management_network": "x"}"#,
        ] {
            assert_eq!(zone(data), Err(501), "{data}");
        }
    }
}
