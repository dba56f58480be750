//! A word, and how it is quoted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use evenkeel_model::health_monitor::StatusCodes;
use evenkeel_model::{L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::backend_name::BackendName;

/// The text cannot be a word of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is empty, is no UTF-8, or has a control character")]
pub struct Unwritable;

/// One word as HAProxy's parser will see it; quoting happens when it is written.
///
/// It holds no control character, read back from a file or not, so that it can never begin a
/// second line.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

impl Word {
    /// Any text as one word that is taken literally: not for places where HAProxy evaluates
    /// `%`, and not for patterns.
    ///
    /// # Errors
    ///
    /// [`Unwritable`]: it is empty, or has a control character other than a tab.
    pub fn quoted(text: &str) -> Result<Self, Unwritable> {
        // A tab within quotes is harmless, and a header's value may have one.
        let harmful = |c: char| c.is_control() && c != '\t';
        // HAProxy takes an empty word for the end of the line.
        if text.is_empty() || text.chars().any(harmful) {
            Err(Unwritable)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// A path of this node.
    ///
    /// # Errors
    ///
    /// [`Unwritable`]: it is not UTF-8, or has a control character.
    pub fn path(path: &Path) -> Result<Self, Unwritable> {
        path.to_str().ok_or(Unwritable).and_then(Self::quoted)
    }

    /// A word of our own program text.
    pub(super) fn ours(text: &'static str) -> Self {
        Self::quoted(text).expect("our own words are not empty and have no control characters")
    }

    /// What HAProxy's parser will see.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = Unwritable;

    fn try_from(text: String) -> Result<Self, Unwritable> {
        Self::quoted(&text)
    }
}

impl From<Word> for String {
    fn from(word: Word) -> String {
        word.0
    }
}

/// Only text that was there when we were compiled comes in unchecked.
impl From<&'static str> for Word {
    fn from(text: &'static str) -> Self {
        Self::ours(text)
    }
}

/// In the unit that reads best; HAProxy would take a bare number for milliseconds.
impl From<Duration> for Word {
    fn from(duration: Duration) -> Self {
        let milliseconds = duration.as_millis();
        if milliseconds.is_multiple_of(1000) {
            Self(format!("{}s", milliseconds / 1000))
        } else {
            Self(format!("{milliseconds}ms"))
        }
    }
}

/// In brackets if it has colons, of which HAProxy would take the last for a port's.
impl From<IpAddr> for Word {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self(address.to_string()),
            IpAddr::V6(address) => Self(format!("[{address}]")),
        }
    }
}

/// As HAProxy lists them: `200,202-204`.
impl From<&StatusCodes> for Word {
    fn from(codes: &StatusCodes) -> Self {
        let shown = codes.ranges().iter().map(|(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        });
        Self(shown.collect::<Vec<_>>().join(","))
    }
}

macro_rules! shown_without_surprise {
    ($($kind:ty),+) => {$(
        impl From<$kind> for Word {
            fn from(it: $kind) -> Self {
                Self(it.to_string())
            }
        }
    )+};
}

shown_without_surprise!(u8, u16, u32, u64, IpNet, SocketAddr);
shown_without_surprise!(BackendName);
shown_without_surprise!(LoadBalancerId, ListenerId, PoolId, MemberId, L7PolicyId, L7RuleId);

/// Whether a byte means itself outside quotes.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#' | b'$')
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(is_plain) {
            return f.write_str(&self.0);
        }
        // Within single quotes everything means itself but the single quote, which is therefore
        // written between two quoted parts.
        f.write_str("'")?;
        for (at, part) in self.0.split('\'').enumerate() {
            let between = if at == 0 { "" } else { r"'\''" };
            write!(f, "{between}{part}")?;
        }
        f.write_str("'")
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
