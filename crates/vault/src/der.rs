//! Walking DER without trusting it: one value after the other, never deeper than asked.

/// The tags that are met here (X.690).
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, with values inside.
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

    /// The next value; `None` where none is, it is cut off, or its length is not DER's.
    pub(crate) fn value(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // What takes more than four bytes to say is longer than any input.
            0x81..=0x84 => {
                let (said, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (said.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
            }
            0x80 | 0x85.. => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Value { tag, content, whole })
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

    /// The next value, if it is a whole number from 0 to `u32::MAX`.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let content = self.expect(tag::INTEGER)?;
        let digits = content.strip_prefix(&[0]).unwrap_or(content);
        let negative = content.first().is_none_or(|first| first & 0x80 != 0);
        let fits = !negative && digits.len() <= 4;
        fits.then(|| digits.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
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
            &[0x30, 0x80, 0, 0],
            &[0x30, 2, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
            &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        ] {
            assert!(Reader::new(bytes).value().is_none(), "{bytes:?}");
        }
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
