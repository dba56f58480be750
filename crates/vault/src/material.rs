//! The key material of one load balancer in clear, as a driver needs it.

use std::collections::BTreeMap;

use evenkeel_model::tls::{MaterialId, Slot};

use crate::Secret;

/// What one slot holds.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct Piece {
    /// Which content it is: another content has another id.
    pub id: MaterialId,
    /// PEM, in the order in which it is used: a certificate's own first, then the intermediates,
    /// then its private key; or certificates of authorities; or lists of revocations. Without
    /// blank lines, and ending with a newline.
    pub pem: Secret,
}

/// All that a load balancer's listeners and pools need, by slot.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "what is secret cannot be printed")]
pub struct Material(BTreeMap<Slot, Piece>);

impl Material {
    /// Nothing: enough for a load balancer without TLS.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// What a slot holds.
    pub fn get(&self, slot: &Slot) -> Option<&Piece> {
        self.0.get(slot)
    }
}

impl FromIterator<(Slot, Piece)> for Material {
    fn from_iter<I: IntoIterator<Item = (Slot, Piece)>>(pieces: I) -> Self {
        Self(pieces.into_iter().collect())
    }
}
