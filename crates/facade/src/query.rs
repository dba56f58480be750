//! The query of a request.

/// The parameters of a query string, percent-decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let split = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(split).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digits = ahead.next().zip(ahead.next());
                let hex = |digit: u8| char::from(digit).to_digit(16);
                let value = digits.and_then(|(high, low)| Some(hex(high)? * 16 + hex(low)?));
                if let Some(value) = value.and_then(|value| u8::try_from(value).ok()) {
                    bytes.push(value);
                    rest = ahead;
                } else {
                    bytes.push(b'%');
                }
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let expected = [("name", "my net"), ("id", "a b"), ("odd", "%zz%4"), ("bare", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs("name=my+net&id=a%20b&odd=%zz%4&bare"), expected);
    }
}
