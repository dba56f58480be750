//! What can be said about TLS, towards clients and towards members.

use serde::{Deserialize, Serialize};

use crate::protocol::words;
use crate::text::{Ciphers, SecretRef};

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
