//! A listener where TLS ends.

use evenkeel_model::Listener;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::Unsupported;
use evenkeel_model::tls::{ClientAuthentication, ListenerTls, MaterialKind, Slot, TlsVersion};

use super::offer::Offer;
use super::{Keys, named};
use crate::material::{CertificateList, SecretFile};
use crate::render::refused;
use crate::writer::{Line, LogFormat, Section, Word};

/// What a frontend says of TLS.
pub(in crate::render) struct Bind {
    /// What follows the socket on a `bind` line; nothing if TLS does not end there.
    pub(in crate::render) options: Line,
    pub(in crate::render) material: Vec<SecretFile>,
    gaps: Vec<TlsVersion>,
    transport_security: Option<Word>,
}

impl Bind {
    fn clear() -> Self {
        Self {
            options: Line::empty(),
            material: Vec::new(),
            gaps: Vec::new(),
            transport_security: None,
        }
    }

    /// Rules for each connection, and for each answer.
    pub(in crate::render) fn rules(&self, section: &mut Section) {
        for version in &self.gaps {
            // HAProxy knows no gaps, so the handshake is done, and nothing else.
            let line = Line::new("tcp-request session reject if { ssl_fc_protocol");
            section.add(line.words(version.word()).words("}"));
        }
        if let Some(value) = &self.transport_security {
            // After all else, so that refusals and redirects have it too.
            let line = Line::new("http-after-response set-header Strict-Transport-Security");
            section.add(line.word(value.clone()));
        }
    }
}

/// Whether TLS ends at a listener.
pub(in crate::render) fn ends(listener: &Listener) -> bool {
    match listener.protocol {
        ListenerProtocol::TerminatedHttps => true,
        // Metrics are told over TLS if there is a certificate (contract 3.7).
        ListenerProtocol::Prometheus => listener.tls.has_certificate(),
        ListenerProtocol::Tcp
        | ListenerProtocol::Http
        | ListenerProtocol::Https
        | ListenerProtocol::Udp
        | ListenerProtocol::Sctp => false,
    }
}

pub(in crate::render) fn towards_clients(
    listener: &Listener,
    keys: Keys<'_>,
) -> Result<Bind, Unsupported> {
    if !ends(listener) {
        return Ok(Bind::clear());
    }
    let tls = &listener.tls;
    let hopeless = |why: &dyn std::fmt::Display| refused("Listener", listener.id, why);
    let material = keys.files("Listener", listener.id, slots(listener))?;
    let Some(list) = CertificateList::of(&material) else {
        return Err(hopeless(&"there is no certificate"));
    };
    let list = Word::path(&list.path).map_err(|why| hopeless(&why))?;
    let offer = Offer::of(tls.versions.as_deref(), tls.ciphers.as_ref(), tls.alpn.as_deref());
    let offer = offer.map_err(|why| hopeless(&why))?;
    let options = Line::new("ssl crt-list").word(list);
    let options = options.followed_by(&clients(tls, &material)).followed_by(&offer.words());
    let transport_security = transport_security(listener);
    Ok(Bind { options, material, gaps: offer.gaps, transport_security })
}

/// What a listener where TLS ends needs.
pub(super) fn slots(listener: &Listener) -> Vec<Slot> {
    let slots = listener.tls.slots(listener.id).into_iter();
    slots.filter(|slot| is_needed(&listener.tls, slot.kind)).collect()
}

/// Nobody is judged by what nobody asks for.
fn is_needed(tls: &ListenerTls, kind: MaterialKind) -> bool {
    match kind {
        MaterialKind::Certificate => true,
        MaterialKind::Authorities | MaterialKind::Revocations => {
            tls.client_authentication != ClientAuthentication::None
        }
    }
}

/// A bad certificate ends the handshake, even where none is demanded, as with Octavia: who sees one
/// behind the load balancer can trust it.
fn clients(tls: &ListenerTls, material: &[SecretFile]) -> Line {
    let how = match tls.client_authentication {
        ClientAuthentication::None => return Line::empty(),
        ClientAuthentication::Optional => "verify optional",
        ClientAuthentication::Mandatory => "verify required",
    };
    named("ca-file", material, MaterialKind::Authorities)
        .followed_by(&named("crl-file", material, MaterialKind::Revocations))
        .words(how)
        // Who resumes a session is not judged again: one whose certificate was revoked could go on
        // for as long as he likes.
        .words("no-tls-tickets")
}

fn transport_security(listener: &Listener) -> Option<Word> {
    let tls = &listener.tls;
    let seconds = tls.hsts_max_age?;
    // Contract 3.7: a matter of TERMINATED_HTTPS alone.
    if listener.protocol != ListenerProtocol::TerminatedHttps {
        return None;
    }
    let mut text = format!("max-age={seconds}");
    for (wanted, directive) in
        [(tls.hsts_include_subdomains, "; includeSubDomains"), (tls.hsts_preload, "; preload")]
    {
        if wanted {
            text.push_str(directive);
        }
    }
    let value = LogFormat::new().literal(&text).expect("it has no control characters");
    Some(value.into())
}
