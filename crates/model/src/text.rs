//! Texts with a grammar, so that what reaches a configuration file is known.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A text does not fit the grammar of what it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident: $check:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                let check: fn(&str) -> Result<(), Malformed> = $check;
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )+};
}

texts! {
    /// A name or a description: any text of at most 255 characters, which never reaches a
    /// configuration file.
    Label: |text| at_most(text, 255);
    /// A path that a probe asks for: starts with `/`, has no white space, no control character,
    /// no scheme and no host (contract 2.5).
    UrlPath: |text| url_path(text);
    /// A host name for a probe's `Host` header (contract 2.5).
    DomainName: |text| domain_name(text);
    /// An `http` or `https` URL with a host and neither space nor control character
    /// (contract 3.9).
    Url: |text| url(text);
    /// A cookie's name: an RFC 6265 token, at most 255 characters.
    CookieName: |text| token(text);
    /// A header's or cookie's name in an L7 rule: an RFC 9110 token, at most 255 characters.
    Token: |text| token(text);
    /// A list of cipher names as OpenSSL writes it (contract 3.7).
    Ciphers: |text| ciphers(text);
    /// A reference to a secret or a container in the key manager: opaque, at most 255 characters.
    SecretRef: |text| at_most(text, 255);
    /// What a flavor or an availability zone asks for: JSON, as the operator wrote it, at most
    /// 4096 characters.
    ProfileData: |text| at_most(text, 4096);
}

impl Label {
    /// No name, no description.
    pub const fn empty() -> Self {
        Self(String::new())
    }
}

impl Default for Label {
    fn default() -> Self {
        Self::empty()
    }
}

impl UrlPath {
    /// `/`
    pub fn root() -> Self {
        Self("/".to_owned())
    }
}

fn at_most(text: &str, max: usize) -> Result<(), Malformed> {
    if text.chars().count() <= max { Ok(()) } else { Err(Malformed("the text is too long")) }
}

/// Whether `byte` may stand in a token (RFC 9110, 5.6.2).
pub const fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
        | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

fn token(text: &str) -> Result<(), Malformed> {
    if !text.is_empty() && text.len() <= 255 && text.bytes().all(is_token_byte) {
        Ok(())
    } else {
        Err(Malformed("a token has only letters, digits and !#$%&'*+-.^_`|~"))
    }
}

fn url_path(text: &str) -> Result<(), Malformed> {
    let refused = Err(Malformed("a path starts with one slash and has no spaces"));
    if text.len() > 255 || !text.starts_with('/') || text.starts_with("//") {
        return refused;
    }
    // Printable ASCII only: a path is written percent-encoded, and what HAProxy sends is then
    // exactly what the tenant typed.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { refused }
}

fn domain_name(text: &str) -> Result<(), Malformed> {
    let refused = Err(Malformed("not a host name"));
    let bare = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.len() > 255 || bare.len() > 253 {
        return refused;
    }
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // An underscore may only start a label that is followed by others, as in `_http._tcp.example`.
    let underscores_are_good = |label: &str| !label.get(1..).unwrap_or("").contains('_');
    if bare.split('.').all(|label| label_is_good(label) && underscores_are_good(label)) {
        Ok(())
    } else {
        refused
    }
}

fn url(text: &str) -> Result<(), Malformed> {
    let refused = Err(Malformed("not an http or https URL"));
    if text.len() > 255 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refused;
    }
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"))
    else {
        return refused;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    let named = host.split(':').next().is_some_and(|name| !name.is_empty());
    if named && !host.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        Ok(())
    } else {
        refused
    }
}

fn ciphers(text: &str) -> Result<(), Malformed> {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'+' | b'!' | b':' | b'@' | b'=' | b'_' | b'.')
    };
    if text.len() <= 2048 && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Malformed(
            "Invalid characters in cipher string. Only alphanumeric, -, +, !, :, @, =, _, and . \
             are allowed.",
        ))
    }
}

/// The tags of an object: a set, shown in order, each of at most 255 characters (contract 2.0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeSet<String>);

impl Tags {
    /// The tags, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for Tags {
    /// Said twice, a tag is there once.
    fn from_iter<I: IntoIterator<Item = String>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good<T: TryFrom<String>>(text: &str) -> bool {
        T::try_from(text.to_owned()).is_ok()
    }

    #[test]
    fn a_path_cannot_carry_a_line_or_a_host() {
        assert!(good::<UrlPath>("/health?deep=1#x"));
        for text in ["", "health", "//evil", "http://h/", "/a b", "/a\nb", "/a\u{0}", "/ü"] {
            assert!(!good::<UrlPath>(text), "{text:?}");
        }
    }

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        assert!(good::<Url>("https://example.com/path?x=%[env(HOME)]"));
        assert!(good::<Url>("http://[2001:db8::1]:8080/"));
        for text in ["ftp://h", "http://", "http:///x", "//h", "http://h/a b", "http://h/\r\n"] {
            assert!(!good::<Url>(text), "{text:?}");
        }
    }

    #[test]
    fn a_domain_name_is_made_of_labels() {
        assert!(good::<DomainName>("example.com"));
        assert!(good::<DomainName>("example.com."));
        assert!(good::<DomainName>("_http.example.com"));
        for text in ["", ".", "-a.com", "a-.com", "a..b", "a b", "a/b", "exa_mple.com"] {
            assert!(!good::<DomainName>(text), "{text:?}");
        }
    }

    #[test]
    fn tags_are_a_set() {
        let tags: Tags = ["b", "a", "b"].map(str::to_owned).into_iter().collect();
        assert_eq!(tags.iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
