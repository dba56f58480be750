//! The content of a secret, as it comes and as it is asked for.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use evenkeel_vault::Secret;
use serde::{Deserialize, Serialize};

use crate::refusal::KeyManagerRefusal;

/// How long a content may be, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// How long a body may be: a content in base64, and what is said of it.
pub(super) const LONGEST_BODY: usize = 2 * LONGEST;

/// Base64 as clients write it: with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ContentType {
    #[serde(rename = "text/plain")]
    Text,
    #[serde(rename = "application/octet-stream")]
    Bytes,
}

impl ContentType {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Bytes => "application/octet-stream",
        }
    }

    /// The type that this names, whatever its parameters.
    pub(super) fn named(text: &str) -> Option<Self> {
        let word = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match word.as_str() {
            "text/plain" => Some(Self::Text),
            // Clients send PEM under this name as well; only the bytes count.
            "application/octet-stream" | "application/pkix-cert" | "application/pkcs8" => {
                Some(Self::Bytes)
            }
            _ => None,
        }
    }

    /// Whether a client that accepts this takes it.
    pub(super) fn satisfies(self, headers: &HeaderMap) -> bool {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let accept = accept.unwrap_or("*/*");
        accept.split(',').any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            range == "*/*" || Self::named(range) == Some(self)
        })
    }
}

/// The bytes that were sent.
pub(super) fn decoded(
    payload: &[u8],
    kind: ContentType,
    encoding: Option<&str>,
) -> Result<Secret, KeyManagerRefusal> {
    let bytes = match (kind, encoding) {
        (_, None) => payload.to_vec(),
        (ContentType::Bytes, Some("base64")) => {
            let text: Vec<u8> =
                payload.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(text).map_err(|_| refused("The payload is not base64."))?
        }
        (ContentType::Text, Some(_)) => {
            return Err(refused("A payload of text/plain has no encoding."));
        }
        (ContentType::Bytes, Some(_)) => {
            return Err(refused("A payload_content_encoding other than base64 is not known."));
        }
    };
    let secret = Secret::new(bytes);
    if secret.expose().is_empty() {
        return Err(refused("The payload is empty."));
    }
    if secret.expose().len() > LONGEST {
        return Err(KeyManagerRefusal::TooLarge);
    }
    if kind == ContentType::Text && std::str::from_utf8(secret.expose()).is_err() {
        return Err(refused("A payload of text/plain is UTF-8."));
    }
    Ok(secret)
}

fn refused(text: &str) -> KeyManagerRefusal {
    KeyManagerRefusal::BadRequest(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(payload: &str, kind: ContentType, encoding: Option<&str>) -> Option<Vec<u8>> {
        decoded(payload.as_bytes(), kind, encoding).ok().map(|it| it.expose().to_vec())
    }

    #[test]
    fn a_content_comes_as_text_or_as_base64() {
        assert_eq!(bytes("abc", ContentType::Text, None), Some(b"abc".to_vec()));
        assert_eq!(bytes("YW\nJj\n", ContentType::Bytes, Some("base64")), Some(b"abc".to_vec()));
        assert_eq!(bytes("YWI", ContentType::Bytes, Some("base64")), Some(b"ab".to_vec()));
        assert_eq!(bytes("YWJj", ContentType::Text, Some("base64")), None);
        assert_eq!(bytes("?", ContentType::Bytes, Some("base64")), None);
        assert_eq!(bytes("YWJj", ContentType::Bytes, Some("gzip")), None);
        assert_eq!(bytes("", ContentType::Text, None), None);
    }

    #[test]
    fn a_content_has_a_longest() {
        assert!(bytes(&"x".repeat(LONGEST), ContentType::Text, None).is_some());
        assert!(bytes(&"x".repeat(LONGEST + 1), ContentType::Text, None).is_none());
    }
}
