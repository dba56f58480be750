//! Certificates in the order in which TLS sends them (RFC 8446, 4.4.2).

use crate::certificate::Certificate;
use crate::unusable::{MOST, Unusable};

/// Those of `others` that lead from `leaf` to a root, each after one that it has signed.
///
/// Whatever has signed nothing here is left out, a client would not look at it, and so is a root,
/// which a client must have already; each comes once. Where a certificate has more than one
/// signer (a cross-signed one), all of them stay: which one a client trusts is not known here.
pub(crate) fn in_order(
    leaf: &Certificate,
    others: &[Certificate],
) -> Result<Vec<Certificate>, Unusable> {
    if others.len() > MOST {
        return Err(Unusable::TooMany);
    }
    let mut chain: Vec<Certificate> = Vec::new();
    let mut at = 0;
    let mut current = leaf.clone();
    loop {
        let signers = others.iter().filter(|other| !other.is_root() && *other != leaf);
        for signer in signers {
            if !chain.contains(signer) && current.is_signed_by(signer) {
                chain.push(signer.clone());
            }
        }
        let Some(next) = chain.get(at) else { return Ok(chain) };
        current = next.clone();
        at += 1;
    }
}
