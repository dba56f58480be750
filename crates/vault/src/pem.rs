//! PEM (RFC 7468), as people bring it: with comments, carriage returns and attributes around it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::unusable::{MOST, Unusable, within_bounds};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// How long a line of base64 is.
const LINE: usize = 64;

/// What a section says that it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Certificate,
    /// Certificates in an envelope.
    Pkcs7,
    Key,
    EncryptedKey,
    Revocations,
    /// Of a key or of an exchange of keys. Nobody needs them: a key names its curve.
    Parameters,
    Other,
}

/// One section, decoded.
pub(crate) struct Section {
    pub(crate) label: Label,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Whether a text has a section.
pub(crate) fn is_pem(text: &[u8]) -> bool {
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// All sections of a text; what stands between them does not matter.
pub(crate) fn sections(text: &[u8]) -> Result<Vec<Section>, Unusable> {
    within_bounds(text)?;
    let mut sections = Vec::new();
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        if line.starts_with(END) {
            return Err(Unusable::Pem);
        }
        let Some(name) = line.strip_prefix(BEGIN) else { continue };
        let name = name.strip_suffix(DASHES).ok_or(Unusable::Pem)?;
        // A chain, its key, and parameters beside it.
        if sections.len() == MOST + 2 {
            return Err(Unusable::TooMany);
        }
        sections.push(section(name, &mut lines)?);
    }
    Ok(sections)
}

fn section<'a>(
    name: &[u8],
    lines: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Section, Unusable> {
    let label = label(name);
    // As long as it can become, so that no part of a key is left behind by growing.
    let mut base64 = Zeroizing::new(Vec::with_capacity(crate::unusable::LONGEST));
    for line in lines {
        if let Some(end) = line.strip_prefix(END) {
            let closes = end.strip_suffix(DASHES) == Some(name);
            let der = closes.then(|| STANDARD.decode(&*base64).ok()).flatten();
            let der = Zeroizing::new(der.ok_or(Unusable::Pem)?);
            return Ok(Section { label, der });
        }
        if line.starts_with(b"Proc-Type: 4,ENCRYPTED") {
            return Err(Unusable::OldEncryption);
        }
        if !line.contains(&b':') {
            base64.extend_from_slice(line);
        }
    }
    Err(Unusable::Pem)
}

fn label(name: &[u8]) -> Label {
    match name {
        b"CERTIFICATE" | b"X509 CERTIFICATE" => Label::Certificate,
        b"PKCS7" | b"CMS" => Label::Pkcs7,
        b"PRIVATE KEY" | b"RSA PRIVATE KEY" | b"EC PRIVATE KEY" => Label::Key,
        b"ENCRYPTED PRIVATE KEY" => Label::EncryptedKey,
        b"X509 CRL" => Label::Revocations,
        b"EC PARAMETERS" | b"DH PARAMETERS" => Label::Parameters,
        _ => Label::Other,
    }
}

/// Adds a section to a text, in lines of 64 characters and with a newline at its end.
pub(crate) fn write(text: &mut Vec<u8>, name: &str, der: &[u8]) {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    text.extend_from_slice(format!("-----BEGIN {name}-----\n").as_bytes());
    for line in base64.as_bytes().chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {name}-----\n").as_bytes());
}

/// How long a section becomes at most.
pub(crate) const fn length(der: &[u8]) -> usize {
    // Four characters for three bytes, a newline for 64 of them, and two lines around.
    der.len().div_ceil(3) * 4 + der.len() / 48 + 1 + 80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Result<Option<Vec<u8>>, Unusable> {
        sections(text.as_bytes()).map(|all| all.first().map(|one| one.der.to_vec()))
    }

    #[test]
    fn what_is_written_is_read() {
        for length_of in [0, 1, 47, 48, 49, 96, 500] {
            let der = vec![7; length_of];
            let mut text = Vec::new();
            write(&mut text, "CERTIFICATE", &der);
            assert!(text.len() <= length(&der), "{length_of}");
            let read = sections(&text).unwrap();
            assert_eq!(*read[0].der, der);
            assert!(read[0].label == Label::Certificate);
        }
    }

    #[test]
    fn comments_attributes_and_carriage_returns_do_not_matter() {
        let text = "Bag Attributes\r\n  friendlyName: x\r\n-----BEGIN PKCS7-----\r\nAAAA\r\n\
                    -----END PKCS7-----\r\nand so on";
        assert_eq!(first(text), Ok(Some(vec![0; 3])));
        assert_eq!(first("nothing"), Ok(None));
    }

    #[test]
    fn what_is_not_closed_or_no_base64_is_refused() {
        for text in [
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END PKCS7-----\n",
            "-----BEGIN CERTIFICATE\nAAAA\n-----END CERTIFICATE\n",
            "-----BEGIN CERTIFICATE-----\nAA*A\n-----END CERTIFICATE-----\n",
            "-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n\
             -----END CERTIFICATE-----\n",
        ] {
            assert_eq!(first(text), Err(Unusable::Pem), "{text}");
        }
    }

    #[test]
    fn texts_and_their_sections_are_bounded() {
        let section = "-----BEGIN X-----\n-----END X-----\n";
        assert_eq!(first(&section.repeat(MOST + 3)), Err(Unusable::TooMany));
        assert_eq!(first(&"x".repeat(crate::unusable::LONGEST + 1)), Err(Unusable::TooLong));
    }
}
