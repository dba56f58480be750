//! What a backend is called. A pool mostly has one, under its own id. A PROXY pool may serve both
//! listeners that see requests and listeners that only see bytes, and HAProxy has no backend for
//! both: then there is another one beside the first.

use std::fmt;
use std::str::FromStr;

use evenkeel_model::PoolId;
use evenkeel_model::id::NotAnId;
use serde::{Deserialize, Serialize};

/// What the name of a backend for bytes ends with. No id has a dot.
const BYTES: &str = ".tcp";

/// A pool, in one of the ways in which it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BackendName {
    /// All of the pool; where it is spoken to in two ways, its requests. What is observed of a pool
    /// and its members is what this backend says.
    Own(PoolId),
    /// The bytes of a pool whose requests go elsewhere.
    Bytes(PoolId),
}

impl BackendName {
    /// All that a pool may have, the first one first.
    pub const fn all_of(pool: PoolId) -> [Self; 2] {
        [Self::Own(pool), Self::Bytes(pool)]
    }

    /// Whose it is.
    pub const fn pool(self) -> PoolId {
        match self {
            Self::Own(pool) | Self::Bytes(pool) => pool,
        }
    }

    /// Whether it speaks for its pool.
    pub const fn is_own(self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::Bytes(_) => false,
        }
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(pool) => pool.fmt(f),
            Self::Bytes(pool) => write!(f, "{pool}{BYTES}"),
        }
    }
}

impl FromStr for BackendName {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.strip_suffix(BYTES) {
            Some(pool) => pool.parse().map(Self::Bytes),
            None => text.parse().map(Self::Own),
        }
    }
}

impl From<BackendName> for String {
    fn from(name: BackendName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for BackendName {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}
