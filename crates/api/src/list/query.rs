//! Query strings: pairs of names and values, percent-encoded.

use std::fmt::Write as _;

/// The names and values of a query, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads the part of an address behind `?`.
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The values of one name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(it, _)| *it == name).map(|(_, value)| value)
    }
}

/// The text that was encoded so. What is no text is replaced, and what is no code stands for
/// itself.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |at: usize| bytes.get(at).and_then(|it| char::from(*it).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits are one byte.
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            (b'+', ..) => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    // A database keeps no NUL.
    String::from_utf8_lossy(&out).replace('\0', "\u{fffd}")
}

/// The pairs as a query.
pub(super) fn write(pairs: &[(String, String)]) -> String {
    let mut query = String::new();
    for (at, (name, value)) in pairs.iter().enumerate() {
        query.push_str(if at == 0 { "" } else { "&" });
        encode(&mut query, name);
        query.push('=');
        encode(&mut query, value);
    }
    query
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b',' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_come_back() {
        let pairs = Pairs::parse("name=a%20b+c&tags=x%2Cy&flag&=v&%zz=%C3%BC%ff%00");
        let read: Vec<(&str, &str)> = pairs.iter().collect();
        assert_eq!(
            read,
            [
                ("name", "a b c"),
                ("tags", "x,y"),
                ("flag", ""),
                ("", "v"),
                ("%zz", "ü\u{fffd}\u{fffd}"),
            ]
        );
        assert_eq!(Pairs::parse(&write(&pairs.0)), pairs);
    }
}
