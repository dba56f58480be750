//! What members are told of clients' certificates.

use evenkeel_model::listener::InsertHeader;

use crate::writer::LogFormat;

/// A header's name, what matches all its spellings, and its value, as Octavia's members are used to:
/// the result of the verification as OpenSSL's number (0 is good, or there is no certificate), 0 or
/// 1, names as `/O=…/CN=…`, the fingerprint in hexadecimal, times as `YYMMDDhhmmssZ`. HAProxy writes
/// control characters as `%0D`. `None` for a header that says nothing of certificates.
///
/// Without a certificate the value is empty.
pub(in crate::render) fn insertion(
    header: InsertHeader,
) -> Option<(&'static str, &'static str, LogFormat)> {
    let (name, copies, sample) = match header {
        InsertHeader::SslClientVerify => {
            ("X-SSL-Client-Verify", "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]verify$", "ssl_c_verify")
        }
        InsertHeader::SslClientHasCert => (
            "X-SSL-Client-Has-Cert",
            "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]has[^a-z0-9]cert$",
            "ssl_c_used",
        ),
        InsertHeader::SslClientDn => {
            ("X-SSL-Client-DN", "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]dn$", "ssl_c_s_dn")
        }
        InsertHeader::SslClientCn => {
            ("X-SSL-Client-CN", "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]cn$", "ssl_c_s_dn(CN)")
        }
        InsertHeader::SslIssuer => ("X-SSL-Issuer", "^x[^a-z0-9]ssl[^a-z0-9]issuer$", "ssl_c_i_dn"),
        InsertHeader::SslClientSha1 => {
            ("X-SSL-Client-SHA1", "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]sha1$", "ssl_c_sha1,hex")
        }
        InsertHeader::SslClientNotBefore => (
            "X-SSL-Client-Not-Before",
            "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]not[^a-z0-9]before$",
            "ssl_c_notbefore",
        ),
        InsertHeader::SslClientNotAfter => (
            "X-SSL-Client-Not-After",
            "^x[^a-z0-9]ssl[^a-z0-9]client[^a-z0-9]not[^a-z0-9]after$",
            "ssl_c_notafter",
        ),
        InsertHeader::ForwardedFor
        | InsertHeader::ForwardedPort
        | InsertHeader::ForwardedProto
        | InsertHeader::ForwardedIp
        | InsertHeader::ClientIp
        | InsertHeader::RealIp => return None,
    };
    Some((name, copies, LogFormat::new().sample(sample)))
}
