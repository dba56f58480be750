//! Keys from pass phrases as PKCS#12 makes them (RFC 7292, appendix B).

use aws_lc_rs::digest::{Algorithm, Context, digest};
use zeroize::Zeroizing;

use crate::encryption::Budget;
use crate::unusable::Unusable;

/// What the key is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Key = 1,
    Initial = 2,
    Authentication = 3,
}

/// What somebody must know.
#[derive(Clone, Copy)]
pub(crate) enum Passphrase<'a> {
    /// Nothing, not even that it is empty.
    None,
    /// A text, perhaps an empty one.
    Text(&'a [u8]),
}

impl<'a> Passphrase<'a> {
    /// As everybody but PKCS#12 takes it.
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self {
            Self::None => &[],
            Self::Text(text) => text,
        }
    }

    /// As PKCS#12 takes it: in UTF-16, with a zero at its end.
    fn wide(self) -> Result<Zeroizing<Vec<u8>>, Unusable> {
        let Self::Text(text) = self else { return Ok(Zeroizing::default()) };
        let text = str::from_utf8(text).map_err(|_| Unusable::Passphrase)?;
        Ok(Zeroizing::new(text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()))
    }
}

/// How keys are made from a pass phrase.
pub(crate) struct Stretching<'a> {
    pub(crate) hash: &'static Algorithm,
    pub(crate) passphrase: Passphrase<'a>,
    pub(crate) salt: &'a [u8],
    pub(crate) iterations: u32,
}

impl Stretching<'_> {
    /// A key of `length` bytes.
    pub(crate) fn key(
        &self,
        purpose: Purpose,
        length: usize,
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, Unusable> {
        let block = self.hash.block_len();
        let diversifier = vec![purpose as u8; block];
        let mut input = Zeroizing::new(fill(self.salt, block));
        input.extend(fill(&self.passphrase.wide()?, block));
        let mut key = Zeroizing::new(Vec::with_capacity(length));
        loop {
            budget.spend(self.iterations)?;
            let part = self.iterate(&diversifier, &input);
            let missing = length - key.len();
            if missing <= part.len() {
                key.extend_from_slice(&part[..missing]);
                return Ok(key);
            }
            key.extend_from_slice(&part);
            let addend = repeated(&part, block);
            input.chunks_mut(block).for_each(|chunk| add_and_one(chunk, &addend));
        }
    }

    fn iterate(&self, diversifier: &[u8], input: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut first = Context::new(self.hash);
        first.update(diversifier);
        first.update(input);
        let mut part = first.finish();
        for _ in 1..self.iterations {
            part = digest(self.hash, part.as_ref());
        }
        Zeroizing::new(part.as_ref().to_vec())
    }
}

/// Repeated to whole blocks.
fn fill(bytes: &[u8], block: usize) -> Vec<u8> {
    repeated(bytes, bytes.len().next_multiple_of(block))
}

fn repeated(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// `chunk + addend + 1`, as numbers with the highest byte first; what does not fit is lost.
fn add_and_one(chunk: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (byte, added) in chunk.iter_mut().zip(addend).rev() {
        let sum = u16::from(*byte) + u16::from(*added) + carry;
        *byte = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
}
