//! A pool whose members are spoken to over TLS.

use evenkeel_model::Pool;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::tls::MaterialKind;

use super::offer::{Offer, above_gaps};
use super::{Keys, named};
use crate::material::SecretFile;
use crate::render::refused;
use crate::writer::Line;

/// What a backend says of TLS.
pub(in crate::render) struct ServerTls {
    /// What each server says; nothing without TLS.
    pub(in crate::render) options: Line,
    /// What it says besides if it is probed by requests. They would be written for HTTP/1.1 whatever
    /// is agreed on, unless probes are told the protocols themselves.
    pub(in crate::render) of_requests: Line,
    pub(in crate::render) material: Vec<SecretFile>,
}

pub(in crate::render) fn towards_members(
    pool: &Pool,
    speaks_http: bool,
    keys: Keys<'_>,
) -> Result<ServerTls, Unsupported> {
    let tls = &pool.tls;
    if !tls.enabled {
        let (options, of_requests) = (Line::empty(), Line::empty());
        return Ok(ServerTls { options, of_requests, material: Vec::new() });
    }
    let material = keys.files("Pool", pool.id, tls.slots(pool.id))?;
    let versions = tls.versions.as_deref().map(above_gaps);
    let offer = Offer::of(versions.as_deref(), tls.ciphers.as_ref(), tls.alpn.as_deref());
    let offer = offer.map_err(|why| refused("Pool", pool.id, why))?;
    let mut options = Line::new("ssl");
    options = options.followed_by(&named("crt", &material, MaterialKind::Certificate));
    if tls.ca.is_some() {
        options = options.words("verify required");
        options = options.followed_by(&named("ca-file", &material, MaterialKind::Authorities));
        options = options.followed_by(&named("crl-file", &material, MaterialKind::Revocations));
    } else {
        options = options.words("verify none");
    }
    if speaks_http {
        // The host that the client named in its own handshake, as Octavia does; a client without TLS
        // named none, and the member is not told any.
        options = options.words("sni ssl_fc_sni");
    }
    let alpn = offer.alpn();
    let of_requests = alpn.map_or(Line::empty(), |names| Line::new("check-alpn").word(names));
    Ok(ServerTls { options: options.followed_by(&offer.words()), of_requests, material })
}
