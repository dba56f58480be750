//! What a listener must not contradict (contract 3.7, 3.8).

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_model::listener::InsertHeader;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::tls::ClientAuthentication;
use evenkeel_model::{Listener, LoadBalancer, Violation};
use ipnet::IpNet;

use crate::Deployment;

/// When the rules are asked: some of them have two wordings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Create,
    Update,
}

pub(super) fn check(
    listener: &Listener,
    deployment: &Deployment,
    moment: Moment,
) -> Result<(), Violation> {
    check_protocol(listener.protocol, deployment)?;
    check_certificates(listener, moment)?;
    check_clients(listener)?;
    check_hsts(listener, moment)?;
    let ends_tls = listener.protocol == ListenerProtocol::TerminatedHttps
        || listener.protocol == ListenerProtocol::Prometheus && listener.tls.has_certificate();
    if ends_tls && moment == Moment::Create {
        if let Some(ciphers) = &listener.tls.ciphers {
            deployment.check_ciphers(ciphers)?;
        }
        if let Some(versions) = &listener.tls.versions {
            deployment.check_versions(versions)?;
        }
        if let Some(alpn) = &listener.tls.alpn {
            deployment.check_alpn(alpn)?;
        }
    }
    Ok(())
}

fn check_protocol(protocol: ListenerProtocol, deployment: &Deployment) -> Result<(), Violation> {
    let allowed = match protocol {
        ListenerProtocol::TerminatedHttps => deployment.allow_tls_terminated_listeners,
        ListenerProtocol::Prometheus => deployment.allow_prometheus_listeners,
        ListenerProtocol::Tcp
        | ListenerProtocol::Http
        | ListenerProtocol::Https
        | ListenerProtocol::Udp
        | ListenerProtocol::Sctp => true,
    };
    if allowed {
        Ok(())
    } else {
        Err(Violation::NotAllowedHere { option: "protocol", value: protocol.to_string() })
    }
}

fn check_certificates(listener: &Listener, moment: Moment) -> Result<(), Violation> {
    let protocol = listener.protocol;
    let tls = &listener.tls;
    let names_others = tls.client_ca.is_some() || tls.client_crl.is_some();
    let lacks = |what: &str| {
        Err(Violation::rule(format!(
            "An SNI or default certificate container reference must be provided for {what} \
             protocol listeners."
        )))
    };
    match protocol {
        ListenerProtocol::TerminatedHttps if tls.has_certificate() => Ok(()),
        ListenerProtocol::TerminatedHttps => lacks(protocol.word()),
        ListenerProtocol::Prometheus if names_others && !tls.has_certificate() => {
            lacks("PROMETHEUS with TLS")
        }
        ListenerProtocol::Prometheus => Ok(()),
        ListenerProtocol::Udp | ListenerProtocol::Sctp => {
            let asks = tls.has_certificate()
                || names_others
                || tls.client_authentication != ClientAuthentication::None;
            if asks { Err(no_tls(protocol, moment)) } else { Ok(()) }
        }
        ListenerProtocol::Tcp | ListenerProtocol::Http | ListenerProtocol::Https => {
            if tls.has_certificate() || names_others {
                Err(Violation::rule(format!(
                    "Certificate container references are not allowed on {protocol} protocol \
                     listeners."
                )))
            } else {
                Ok(())
            }
        }
    }
}

fn no_tls(protocol: ListenerProtocol, moment: Moment) -> Violation {
    let what = match moment {
        Moment::Create => "TLS",
        Moment::Update => "TLS or header insertion",
    };
    Violation::rule(format!("{protocol} protocol listener does not support {what}."))
}

fn check_clients(listener: &Listener) -> Result<(), Violation> {
    let tls = &listener.tls;
    if tls.client_ca.is_some() && !tls.has_certificate() {
        return Err(Violation::rule(
            "An SNI or default certificate container reference must be provided with a client CA \
             container reference.",
        ));
    }
    if tls.client_authentication != ClientAuthentication::None && tls.client_ca.is_none() {
        return Err(Violation::rule(format!(
            "Client authentication setting {} requires a client CA container reference.",
            tls.client_authentication
        )));
    }
    if tls.client_crl.is_some() && tls.client_ca.is_none() {
        return Err(Violation::rule(
            "A client authentication CA reference is required to specify a client authentication \
             revocation list.",
        ));
    }
    Ok(())
}

fn check_hsts(listener: &Listener, moment: Moment) -> Result<(), Violation> {
    let tls = &listener.tls;
    if (tls.hsts_include_subdomains || tls.hsts_preload) && tls.hsts_max_age.is_none() {
        return Err(Violation::rule(match moment {
            Moment::Create => {
                "HSTS configuration options hsts_include_subdomains and hsts_preload only make \
                 sense if hsts_max_age is set as well."
            }
            Moment::Update => {
                "Cannot enable hsts_include_subdomains or hsts_preload if hsts_max_age was not \
                 set as well."
            }
        }));
    }
    if tls.hsts_max_age.is_some() && listener.protocol != ListenerProtocol::TerminatedHttps {
        return Err(Violation::rule(
            "The HSTS feature can only be used for listeners using the TERMINATED_HTTPS protocol.",
        ));
    }
    Ok(())
}

/// The headers that a listener of this protocol sets, all of them known.
pub(super) fn headers(
    given: &BTreeMap<String, String>,
    protocol: ListenerProtocol,
    moment: Moment,
) -> Result<BTreeMap<InsertHeader, String>, Violation> {
    if given.is_empty() {
        return Ok(BTreeMap::new());
    }
    let datagrams = matches!(protocol, ListenerProtocol::Udp | ListenerProtocol::Sctp);
    if datagrams && moment == Moment::Update {
        return Err(no_tls(protocol, moment));
    }
    if !protocol.is_http() {
        return Err(Violation::option(
            "insert-headers",
            format!("a {protocol} protocol listener."),
        ));
    }
    let unknown: Vec<&str> = given
        .keys()
        .map(String::as_str)
        .filter(|key| InsertHeader::from_word(key).is_none())
        .collect();
    if !unknown.is_empty() {
        return Err(Violation::option(&quoted(&unknown), "insert_headers"));
    }
    let known: BTreeMap<InsertHeader, String> = given
        .iter()
        .filter_map(|(key, value)| Some((InsertHeader::from_word(key)?, value.clone())))
        .collect();
    let of_tls: Vec<&str> =
        known.keys().filter(|header| header.needs_tls()).map(|header| header.word()).collect();
    if protocol == ListenerProtocol::TerminatedHttps || of_tls.is_empty() {
        Ok(known)
    } else {
        Err(Violation::option(&quoted(&of_tls), format!("{protocol} protocol listener.")))
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}

/// The list without repetitions.
pub(super) fn each_once(cidrs: Vec<IpNet>) -> Vec<IpNet> {
    let mut once: Vec<IpNet> = Vec::with_capacity(cidrs.len());
    let mut seen = std::collections::BTreeSet::new();
    once.extend(cidrs.into_iter().filter(|cidr| seen.insert(*cidr)));
    once
}

/// Whether those who may connect can: each CIDR is of the family of a VIP, and the port of the VIP
/// is not guarded by somebody else's rules (contract 3.7).
///
/// # Errors
///
/// The first CIDR that fits no VIP.
pub fn check_cidrs(listener: &Listener, load_balancer: &LoadBalancer) -> Result<(), Violation> {
    if listener.allowed_cidrs.is_empty() {
        return Ok(());
    }
    if !load_balancer.vip_security_groups.is_empty() {
        return Err(Violation::rule(
            "Allowed CIDRs are not allowed when using custom VIP Security Groups.",
        ));
    }
    let additional = load_balancer.additional_vips.iter().map(|vip| vip.address);
    let vips: Vec<IpAddr> = std::iter::once(load_balancer.vip.address).chain(additional).collect();
    let reaches = |cidr: &IpNet| vips.iter().any(|vip| vip.is_ipv4() == cidr.network().is_ipv4());
    match listener.allowed_cidrs.iter().find(|cidr| !reaches(cidr)) {
        None => Ok(()),
        Some(cidr) => {
            let vips: Vec<String> = vips.iter().map(ToString::to_string).collect();
            let vips: Vec<&str> = vips.iter().map(String::as_str).collect();
            Err(Violation::rule(format!(
                "CIDR {cidr} IP version incompatible with all VIPs {} IP version.",
                quoted(&vips)
            )))
        }
    }
}
