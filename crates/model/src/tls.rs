//! What can be said about TLS, towards clients and towards members.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::protocol::words;
use crate::text::{Ciphers, SecretRef};
use crate::{ListenerId, PoolId, ProjectId};

pub use crate::id::MaterialId;

words! {
    /// A version of TLS, oldest first; the order is that of age.
    TlsVersion {
        /// SSL 3.0.
        SslV3 = "SSLv3",
        /// TLS 1.0.
        V1 = "TLSv1",
        /// TLS 1.1.
        V1_1 = "TLSv1.1",
        /// TLS 1.2.
        V1_2 = "TLSv1.2",
        /// TLS 1.3.
        V1_3 = "TLSv1.3",
    }

    /// What ALPN can agree on.
    Alpn {
        /// HTTP/2.
        H2 = "h2",
        /// HTTP/1.1.
        Http11 = "http/1.1",
        /// HTTP/1.0.
        Http10 = "http/1.0",
    }

    /// Whether a client must show a certificate.
    ClientAuthentication {
        /// It is not asked for.
        None = "NONE",
        /// It is asked for, and checked if given.
        Optional = "OPTIONAL",
        /// Without it there is no connection.
        Mandatory = "MANDATORY",
    }

    /// What a secret is used as.
    MaterialKind {
        /// A certificate with its intermediates and its private key.
        Certificate = "CERTIFICATE",
        /// Certificates of those who sign others.
        Authorities = "AUTHORITIES",
        /// Lists of certificates that are revoked.
        Revocations = "REVOCATIONS",
    }
}

/// Whose TLS it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsOwner {
    /// A listener's, towards clients.
    Listener(ListenerId),
    /// A pool's, towards members.
    Pool(PoolId),
}

impl TlsOwner {
    /// The id without its kind.
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::Listener(id) => id.uuid(),
            Self::Pool(id) => id.uuid(),
        }
    }
}

/// A place in a load balancer where a secret is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Who uses it.
    pub owner: TlsOwner,
    /// What as.
    pub kind: MaterialKind,
    /// What its user calls it.
    pub reference: SecretRef,
}

/// Something that only the holder of a key can open, as text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// What the vault has made.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// For the database, a message or the vault.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} characters)", self.0.len())
    }
}

/// What a slot holds, sealed for the node that it is sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedMaterial {
    /// The place where it is used.
    pub slot: Slot,
    /// Whose it is.
    pub project: ProjectId,
    /// Which content it is: another content has another id.
    pub id: MaterialId,
    /// The content, as PEM.
    pub sealed: Sealed,
}

/// TLS settings of a listener, stored as they were given; they mean something only where TLS ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerTls {
    /// The certificate for clients that name no host, or an unknown one.
    pub default_container: Option<SecretRef>,
    /// Certificates chosen by server name.
    pub sni_containers: Vec<SecretRef>,
    /// Whether clients show certificates.
    pub client_authentication: ClientAuthentication,
    /// Who signs the clients' certificates.
    pub client_ca: Option<SecretRef>,
    /// Which of those are revoked.
    pub client_crl: Option<SecretRef>,
    /// Cipher list; `None` where the protocol has no TLS.
    pub ciphers: Option<Ciphers>,
    /// Versions; `None` where the protocol has no TLS.
    pub versions: Option<Vec<TlsVersion>>,
    /// ALPN; `None` where the protocol has no TLS.
    pub alpn: Option<Vec<Alpn>>,
    /// HSTS `max-age` in seconds; `None` sends no HSTS header.
    pub hsts_max_age: Option<u32>,
    /// HSTS `includeSubDomains`.
    pub hsts_include_subdomains: bool,
    /// HSTS `preload`.
    pub hsts_preload: bool,
}

impl Default for ListenerTls {
    fn default() -> Self {
        Self {
            default_container: None,
            sni_containers: Vec::new(),
            client_authentication: ClientAuthentication::None,
            client_ca: None,
            client_crl: None,
            ciphers: None,
            versions: None,
            alpn: None,
            hsts_max_age: None,
            hsts_include_subdomains: false,
            hsts_preload: false,
        }
    }
}

impl ListenerTls {
    /// Whether a certificate of our own is named.
    pub fn has_certificate(&self) -> bool {
        self.default_container.is_some() || !self.sni_containers.is_empty()
    }

    /// The secrets that the listener `id` uses, and what as; the certificate for clients that name
    /// no host first. None twice.
    pub fn slots(&self, id: ListenerId) -> Vec<Slot> {
        let certificates = self.default_container.iter().chain(&self.sni_containers);
        let all = certificates
            .map(|reference| (MaterialKind::Certificate, reference))
            .chain(self.client_ca.iter().map(|it| (MaterialKind::Authorities, it)))
            .chain(self.client_crl.iter().map(|it| (MaterialKind::Revocations, it)));
        slots(TlsOwner::Listener(id), all)
    }
}

/// TLS settings of a pool, towards its members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTls {
    /// Whether members are spoken to over TLS.
    pub enabled: bool,
    /// Our certificate, for members that ask for one.
    pub container: Option<SecretRef>,
    /// Who signs the members' certificates; `None` trusts any.
    pub ca: Option<SecretRef>,
    /// Which of those are revoked.
    pub crl: Option<SecretRef>,
    /// Cipher list.
    pub ciphers: Option<Ciphers>,
    /// Versions.
    pub versions: Option<Vec<TlsVersion>>,
    /// ALPN.
    pub alpn: Option<Vec<Alpn>>,
}

impl PoolTls {
    /// The secrets that the pool `id` uses, and what as. They are kept while TLS is switched off.
    pub fn slots(&self, id: PoolId) -> Vec<Slot> {
        let all = self.container.iter().map(|it| (MaterialKind::Certificate, it));
        let all = all
            .chain(self.ca.iter().map(|it| (MaterialKind::Authorities, it)))
            .chain(self.crl.iter().map(|it| (MaterialKind::Revocations, it)));
        slots(TlsOwner::Pool(id), all)
    }
}

fn slots<'a>(
    owner: TlsOwner,
    all: impl Iterator<Item = (MaterialKind, &'a SecretRef)>,
) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for (kind, reference) in all {
        let slot = Slot { owner, kind, reference: reference.clone() };
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    }
    slots
}
