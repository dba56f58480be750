//! The rules for packets to floating addresses: what they are, and whether they are there.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;

use evenkeel_model::FloatingAddress;
use evenkeel_plumbing::{Namespace, nft};

use super::join::{MARK, TO_ROUTER, TO_VIP};

/// The table that has them, in both namespaces.
pub(super) const TABLE: &str = "evenkeel";

/// In the router: what is for a floating address goes to its VIP, and nothing else goes inward; the
/// router itself talks to nobody but its neighbours.
pub(super) fn of_router(floating: &[FloatingAddress]) -> String {
    let mut rules = "chain to_vips { type nat hook prerouting priority dstnat; ".to_owned();
    for address in floating {
        let Some(outside) = address.outside.addresses.first() else { continue };
        let family = match address.inside {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ip6",
        };
        let (outside, inside) = (outside.addr(), address.inside);
        let _ = write!(rules, "{family} daddr {outside} dnat {family} to {inside}; ");
    }
    let _ = write!(
        rules,
        "}}; chain passing {{ type filter hook forward priority filter; policy drop; \
         ct state established,related accept; \
         iifname != \"{TO_VIP}\" oifname \"{TO_VIP}\" ct status dnat accept; }}; \
         chain staying {{ type filter hook input priority filter; policy drop; \
         ct state established,related accept; \
         icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept; }};"
    );
    rules
}

/// Beside the VIP: what came from the router is marked, so that the answers go back to it.
pub(super) fn of_vip() -> String {
    format!(
        "chain from_router {{ type filter hook prerouting priority mangle; \
         iifname \"{TO_ROUTER}\" meta mark set {MARK}; }};"
    )
}

/// The beginning of the seal of rules that were wanted.
fn wanted(rules: &str) -> String {
    format!("evenkeel:{:016x}:", digest(rules))
}

/// With what the kernel made of them. The words of its listing differ from those that it was told,
/// and from version to version; so they are compared with what it listed just afterwards.
fn made(rules: &str, listing: &str) -> String {
    format!("{}{:016x}:", wanted(rules), digest(listing))
}

/// FNV-1a: nobody is kept out by it, and it is the same in every version of ours.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether a namespace has the rules, if `sealed` was left with them.
pub(super) async fn are(namespace: &Namespace, rules: &str, sealed: &str) -> io::Result<bool> {
    if !sealed.starts_with(&wanted(rules)) {
        return Ok(false);
    }
    // As long as nobody changed any rules there, these need not be listed, which takes a process.
    if sealed.ends_with(&format!(":{}", generation(namespace).await?)) {
        return Ok(true);
    }
    let listing = nft::listing(namespace, TABLE).await?;
    Ok(listing.is_some_and(|listing| sealed.starts_with(&made(rules, &listing))))
}

/// Gives a namespace the rules; the seal to leave with them.
pub(super) async fn set(namespace: &Namespace, rules: &str) -> io::Result<String> {
    nft::replace(namespace, TABLE, rules).await?;
    // Before they are listed: who changes them in between has raised it.
    let generation = generation(namespace).await?;
    let listing = nft::listing(namespace, TABLE).await?.ok_or(io::ErrorKind::NotFound)?;
    Ok(format!("{}{generation}", made(rules, &listing)))
}

async fn generation(namespace: &Namespace) -> io::Result<u32> {
    let namespace = namespace.clone();
    tokio::task::spawn_blocking(move || nft::generation(&namespace))
        .await
        .map_err(io::Error::other)?
}
