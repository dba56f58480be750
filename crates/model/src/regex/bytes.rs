//! Sets of bytes.

use std::fmt;

/// A set of bytes: what one place of an expression may match.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes([u64; 4]);

impl Bytes {
    /// No byte.
    pub const NONE: Self = Self([0; 4]);
    /// Every byte.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// One byte.
    pub const fn one(byte: u8) -> Self {
        Self::NONE.with(byte, byte)
    }

    /// With all bytes from `first` to `last`, both included.
    #[must_use]
    pub const fn with(mut self, first: u8, last: u8) -> Self {
        let mut byte = first as usize;
        while byte <= last as usize {
            self.0[byte / 64] |= 1 << (byte % 64);
            byte += 1;
        }
        self
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] | other.0[at]))
    }

    /// Whether some byte is in both.
    pub fn meets(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(one, other)| one & other != 0)
    }

    /// Whether it has this byte.
    pub const fn has(self, byte: u8) -> bool {
        self.0[byte as usize / 64] >> (byte % 64) & 1 == 1
    }

    /// Its runs, first and last byte of each, in ascending order.
    pub fn runs(self) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|byte| self.has(*byte)) {
            match runs.last_mut() {
                Some((_, last)) if byte > 0 && *last == byte - 1 => *last = byte,
                Some(_) | None => runs.push((byte, byte)),
            }
        }
        runs
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (first, last) in self.runs() {
            write!(f, "[{}-{}]", first.escape_ascii(), last.escape_ascii())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_what_was_put_in() {
        let set = Bytes::one(b'a').with(b'b', b'd').with(0, 0).with(250, 255);
        assert_eq!(set.runs(), [(0, 0), (b'a', b'd'), (250, 255)]);
        assert_eq!(Bytes::ALL.runs(), [(0, 255)]);
        assert!(set.meets(Bytes::one(b'c')) && !set.meets(Bytes::one(b'e')));
    }
}
