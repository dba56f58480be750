//! The two numbers that decide every race: older loses.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// The number as a counter of this kind.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The bare number, for storage and for the wire.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
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

counters! {
    /// The number of a load balancer's whole graph: raised by every accepted change of anything in
    /// it. The first is 1; 0 means "none yet".
    Generation;
    /// The number of a load balancer's placement: raised when it is placed on a node again. The
    /// first is 1.
    Epoch;
}
