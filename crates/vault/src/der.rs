//! Walking DER without trusting it: one value after the other, never deeper than asked.
//!
//! Java and Firefox write the envelopes around certificates and keys in BER, where a value may end
//! with a mark instead of beginning with its length, and bytes may come in pieces (X.690, 8).

use std::borrow::Cow;
use std::ops::Deref;

use zeroize::Zeroize;

/// The tags that are met here (X.690).
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    /// Octets in pieces.
    pub(crate) const PIECES: u8 = 0x24;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, with values inside; or pieces of bytes, which look the same.
    pub(crate) const FIRST: u8 = 0xa0;
    /// `[0]`, with bytes inside.
    pub(crate) const FIRST_OCTETS: u8 = 0x80;
}

/// One value as it stands in the input.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// The content with its tag and length.
    pub(crate) whole: &'a [u8],
}

/// Bytes of the input, put together if they came in pieces; then they are wiped when dropped, for
/// there may be a key in them.
pub(crate) struct Octets<'a>(Cow<'a, [u8]>);

impl Deref for Octets<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Octets<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(bytes) = &mut self.0 {
            bytes.zeroize();
        }
    }
}

/// What is left of some values that follow each other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next value; `None` where none is, or it is cut off.
    pub(crate) fn value(&mut self) -> Option<Value<'a>> {
        let head = Head::of(self.0)?;
        let (content, rest) = match head.length {
            Some(length) => head.rest.split_at_checked(length)?,
            None => until_mark(head.rest)?,
        };
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Value { tag: head.tag, content, whole })
    }

    /// The content of the next value, if it has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let value = ahead.value().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value.content)
    }

    /// What is inside the next value, if it has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self)
    }

    /// The bytes of the next value, if it is some: under their own tag, or under `[0]`.
    pub(crate) fn octets(&mut self) -> Option<Octets<'a>> {
        let value = self.value()?;
        match value.tag {
            tag::OCTETS | tag::FIRST_OCTETS => Some(Octets(Cow::Borrowed(value.content))),
            tag::PIECES | tag::FIRST => {
                let mut pieces = Self(value.content);
                // With room for all, so that nothing is left behind by growing.
                let mut all = Vec::with_capacity(value.content.len());
                while !pieces.is_empty() {
                    all.extend_from_slice(pieces.expect(tag::OCTETS)?);
                }
                Some(Octets(Cow::Owned(all)))
            }
            _ => None,
        }
    }

    /// The next value, if it is a whole number from 0 to `u32::MAX`.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let content = self.expect(tag::INTEGER)?;
        let digits = content.strip_prefix(&[0]).unwrap_or(content);
        let negative = content.first().is_none_or(|first| first & 0x80 != 0);
        let fits = !negative && digits.len() <= 4;
        fits.then(|| digits.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    }
}

/// How a value begins.
struct Head<'a> {
    tag: u8,
    /// `None` if a mark is at its end.
    length: Option<usize>,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (&[tag, first], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (Some(usize::from(first)), rest),
            0x80 => (None, rest),
            // What takes more than four bytes to say is longer than any input.
            0x81..=0x84 => {
                let (said, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (Some(said.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte))), rest)
            }
            0x85.. => return None,
        };
        Some(Self { tag, length, rest })
    }
}

/// What stands before the mark that belongs here, and what stands after it.
///
/// It counts the marks that are still to come, instead of calling itself: nothing is too deep.
fn until_mark(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = bytes;
    let mut open = 1_usize;
    loop {
        let before = rest;
        let head = Head::of(rest)?;
        rest = match head.length {
            Some(length) => head.rest.get(length..)?,
            None => head.rest,
        };
        match (head.tag, head.length) {
            (0, Some(0)) => open -= 1,
            (_, None) => open += 1,
            (_, Some(_)) => {}
        }
        if open == 0 {
            return Some((&bytes[..bytes.len() - before.len()], rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_one_after_the_other() {
        let mut reader = Reader::new(&[0x02, 1, 5, 0x04, 0x81, 2, 8, 9]);
        assert_eq!(reader.expect(tag::OCTETS), None);
        assert_eq!(reader.number(), Some(5));
        assert_eq!(reader.expect(tag::OCTETS), Some(&[8, 9][..]));
        assert!(reader.is_empty());
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_no_value() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x80, 0],
            &[0x30, 0x80, 0x30, 0x80, 0, 0],
            &[0x30, 0x80, 2, 5, 0, 0],
            &[0x30, 2, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
            &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        ] {
            assert!(Reader::new(bytes).value().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn values_may_end_with_a_mark() {
        let mut reader = Reader::new(&[0x30, 0x80, 0x31, 0x80, 2, 1, 5, 0, 0, 0, 0, 2, 1, 6]);
        let mut inside = reader.enter(tag::SEQUENCE).unwrap();
        assert_eq!(inside.enter(tag::SET).unwrap().number(), Some(5));
        assert!(inside.is_empty());
        assert_eq!(reader.number(), Some(6));
    }

    #[test]
    fn bytes_may_come_in_pieces() {
        let octets = |bytes: &[u8]| Reader::new(bytes).octets().map(|octets| octets.to_vec());
        assert_eq!(octets(&[4, 2, 7, 8]), Some(vec![7, 8]));
        assert_eq!(octets(&[0x24, 0x80, 4, 1, 7, 4, 1, 8, 0, 0]), Some(vec![7, 8]));
        assert_eq!(octets(&[0xa0, 6, 4, 1, 7, 4, 1, 8]), Some(vec![7, 8]));
        assert_eq!(octets(&[0x24, 2, 0x24, 0]), None);
        assert_eq!(octets(&[0x30, 0]), None);
    }

    #[test]
    fn numbers_have_an_end() {
        let number = |bytes: &[u8]| Reader::new(bytes).number();
        assert_eq!(number(&[2, 5, 0, 0xff, 0xff, 0xff, 0xff]), Some(u32::MAX));
        assert_eq!(number(&[2, 5, 1, 0, 0, 0, 0]), None);
        assert_eq!(number(&[2, 1, 0xff]), None);
        assert_eq!(number(&[2, 0]), None);
    }
}
