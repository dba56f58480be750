//! Numbers with bounds, so that a value out of range cannot travel.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number is outside the range of the quantity it was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not between {min} and {max}")]
pub struct OutOfRange {
    /// What was given.
    pub value: i64,
    /// The least allowed value.
    pub min: i64,
    /// The greatest allowed value.
    pub max: i64,
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $name:ident($inner:ty): $min:literal ..= $max:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name($inner);

        impl $name {
            /// The least value.
            pub const MIN: i64 = $min;
            /// The greatest value.
            pub const MAX: i64 = $max;

            /// The bare number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = OutOfRange;

            fn try_from(value: i64) -> Result<Self, OutOfRange> {
                let refused = OutOfRange { value, min: $min, max: $max };
                if ($min..=$max).contains(&value) {
                    <$inner>::try_from(value).map(Self).map_err(|_| refused)
                } else {
                    Err(refused)
                }
            }
        }

        impl From<$name> for i64 {
            fn from(number: $name) -> i64 {
                i64::from(number.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

numbers! {
    /// A TCP, UDP or SCTP port.
    PortNumber(u16): 1..=65_535;
    /// A member's share of its pool's traffic; 0 drains it.
    Weight(u16): 0..=256;
    /// A count of probes in a row that turn a member up or down.
    Threshold(u8): 1..=10;
    /// Milliseconds that a connection may wait: at most 24 days (contract 2.2).
    Milliseconds(u32): 0..=2_073_600_000;
    /// Seconds between probes, or within which one must end. The contract names no upper bound;
    /// a day is ours, because HAProxy keeps times in 32 bits of milliseconds.
    Seconds(u32): 0..=86_400;
    /// On how many processors one load balancer may work at once; 64 is the most of HAProxy.
    Threads(u8): 1..=64;
    /// How many connections there may be at once.
    Connections(u32): 1..=2_147_483_647;
    /// A place among the policies of a listener, from 1.
    Position(u32): 1..=2_147_483_647;
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for Threads {
    fn default() -> Self {
        Self(1)
    }
}

impl Weight {
    /// Whether this member only finishes what it has.
    pub const fn drains(self) -> bool {
        self.0 == 0
    }
}

impl Threads {
    /// A constant, checked when it is compiled.
    ///
    /// # Panics
    ///
    /// If `value` is 0 or above [`Self::MAX`].
    pub const fn literal(value: u8) -> Self {
        assert!(value >= 1 && value <= 64, "from 1 to 64");
        Self(value)
    }
}

impl Milliseconds {
    /// A constant, checked when it is compiled.
    ///
    /// # Panics
    ///
    /// If `value` is above [`Self::MAX`].
    pub const fn literal(value: u32) -> Self {
        assert!(value <= 2_073_600_000, "at most 24 days");
        Self(value)
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

impl Seconds {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Threshold {
    /// What `max_retries_down` is when nobody says (contract 2.5).
    pub const DEFAULT_FALL: Self = Self(3);
}

/// How many connections a listener takes at once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "i64", into = "i64")]
pub enum ConnectionLimit {
    /// As many as the node can; -1 in the API.
    #[default]
    Unlimited,
    /// At most this many.
    AtMost(u32),
}

impl ConnectionLimit {
    /// The greatest limit that can be asked for: what a database integer holds.
    pub const MAX: i64 = 2_147_483_647;
}

impl TryFrom<i64> for ConnectionLimit {
    type Error = OutOfRange;

    fn try_from(value: i64) -> Result<Self, OutOfRange> {
        match value {
            -1 => Ok(Self::Unlimited),
            0..=Self::MAX => u32::try_from(value).map(Self::AtMost).map_err(|_| OutOfRange {
                value,
                min: -1,
                max: Self::MAX,
            }),
            _ => Err(OutOfRange { value, min: -1, max: Self::MAX }),
        }
    }
}

impl From<ConnectionLimit> for i64 {
    fn from(limit: ConnectionLimit) -> i64 {
        match limit {
            ConnectionLimit::Unlimited => -1,
            ConnectionLimit::AtMost(count) => i64::from(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_bounds() {
        assert!(PortNumber::try_from(0).is_err());
        assert_eq!(PortNumber::try_from(65_535).unwrap().get(), 65_535);
        assert!(PortNumber::try_from(65_536).is_err());
        assert!(Weight::try_from(257).is_err());
        assert!(Weight::try_from(0).unwrap().drains());
        assert!(Threshold::try_from(11).is_err());
        assert!(ConnectionLimit::try_from(-2).is_err());
        assert_eq!(i64::from(ConnectionLimit::try_from(-1).unwrap()), -1);
    }
}
