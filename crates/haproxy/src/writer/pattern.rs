//! What an ACL compares with.

use evenkeel_model::regex::{self, Bytes, Edge, Node, Regex, Repeat, Segment};

use super::{Unwritable, Word};

/// Any byte at all.
const ANY: &str = r"[\x00-\xff]";

/// A pattern: text to compare with, or a regular expression that is cheap enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Word);

/// Why a rule cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has a control character.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// It shall be the name of a header or cookie and is none.
    #[error("the key is not the name of a header or cookie")]
    NotAToken,
    /// It is no regular expression, or one that is too expensive.
    #[error(transparent)]
    Regex(#[from] regex::Refused),
}

impl Pattern {
    /// Text that is compared as it is, for `-m str`, `beg`, `end` and `sub`.
    ///
    /// # Errors
    ///
    /// [`Unwritable`]: it has a control character.
    pub fn literal(text: &str) -> Result<Self, Unwritable> {
        Word::quoted(text).map(Self)
    }

    /// A regular expression, for `-m reg`, in the syntax of PCRE.
    ///
    /// It is written from its tree and not as it was said, so that the engine runs what was priced:
    /// nothing of the tenant's is read by PCRE, only bytes, groups, repetitions and edges of ours.
    pub fn regex(regex: &Regex) -> Self {
        let mut text = String::new();
        whole(regex, &mut text);
        Self(Word::quoted(&text).expect("it is not empty, and all bytes in it are printable"))
    }
}

impl From<Pattern> for Word {
    fn from(pattern: Pattern) -> Word {
        pattern.0
    }
}

fn whole(regex: &Regex, text: &mut String) {
    let segments = regex.segments();
    // The engine looks for an only segment everywhere by itself, and does it well. With several it
    // would start from everywhere with all of them.
    if segments.at_start || segments.all.len() != 1 {
        text.push_str(r"\A");
    } else {
        // Keeps PCRE2 up to 10.42 from remembering where an attempt failed, which it does wrongly:
        // of `(1|)b*1` its compiled code says that it does not match `1` (PCRE2 issue 336).
        text.push_str("(?=)");
    }
    for (at, segment) in segments.all.iter().enumerate() {
        let anything_before = at > 0 || (!segments.at_start && segments.all.len() > 1);
        one(segment, anything_before, text);
    }
    if segments.at_end {
        text.push_str(r"\z");
    }
}

fn one(segment: &Segment, anything_before: bool, text: &mut String) {
    text.push_str(if segment.settles { "(?>" } else { "(?:" });
    if anything_before {
        text.push_str(ANY);
        text.push_str("*?");
    }
    for part in &segment.parts {
        node(part, text);
    }
    text.push(')');
}

fn node(it: &Node, text: &mut String) {
    match it {
        Node::Empty => text.push_str("(?:)"),
        Node::Byte(bytes) => class(*bytes, text),
        Node::Edge(edge) => text.push_str(match edge {
            Edge::Start => r"\A",
            Edge::End => r"\z",
            Edge::Word => r"\b",
            Edge::NoWord => r"\B",
        }),
        Node::Then(parts) => group(parts, "", text),
        Node::Either(parts) => group(parts, "|", text),
        Node::Repeat(it) => repeat(it, text),
    }
}

fn group(parts: &[Node], between: &str, text: &mut String) {
    text.push_str("(?:");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        node(part, text);
    }
    text.push(')');
}

fn repeat(it: &Repeat, text: &mut String) {
    match &it.body {
        // Of an edge, as of what is repeated already, PCRE takes a repetition for something else.
        Node::Empty | Node::Edge(_) | Node::Repeat(_) => {
            group(std::slice::from_ref(&it.body), "", text);
        }
        body @ (Node::Byte(_) | Node::Then(_) | Node::Either(_)) => node(body, text),
    }
    let times = match (it.min, it.max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) if min == max => format!("{{{min}}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    };
    text.push_str(&times);
    if it.keeps {
        text.push('+');
    }
}

fn class(bytes: Bytes, text: &mut String) {
    match bytes.runs()[..] {
        [] => text.push_str("(?!)"),
        [(first, last)] if first == last => byte(first, text),
        ref runs => {
            text.push('[');
            for (first, last) in runs {
                byte(*first, text);
                if first != last {
                    text.push('-');
                    byte(*last, text);
                }
            }
            text.push(']');
        }
    }
}

/// As itself if it never means anything else, otherwise by its number.
fn byte(byte: u8, text: &mut String) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b',' | b';' | b'=' | b'&' => {
            text.push(char::from(byte));
        }
        _ => text.extend(["\\x".to_owned(), format!("{byte:02x}")]),
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::regex::Case;

    use super::*;

    fn written(text: &str) -> String {
        let regex = Regex::parse(text, Case::Matters).unwrap();
        Word::from(Pattern::regex(&regex)).as_str().to_owned()
    }

    #[test]
    fn an_expression_is_written_from_its_tree() {
        for (said, written_so) in [
            (r"\.(png|jpe?g)$", r"(?=)(?:\x2e(?:(?:png)|(?:jpe{0,1}+g)))\z"),
            ("^/api/.*", r"\A(?:/api/)"),
            ("(?i)ab", "(?=)(?:[Aa][Bb])"),
            ("[ab]c+d", "(?=)(?:[a-b]c++d)"),
            ("a.b", r"(?=)(?:a[\x00-\xff]b)"),
            ("/a.*b.*c$", r"\A(?>[\x00-\xff]*?/a)(?>[\x00-\xff]*?b)(?:[\x00-\xff]*?c)\z"),
            ("ü", r"(?=)(?:\xc3\xbc)"),
            ("^$", r"\A(?:)\z"),
            (".*", r"\A"),
            (r"[^\s\S]", "(?=)(?:(?!))"),
            ("^(?:[^,]*,)+$", r"\A(?:(?:[\x00-\x2b\x2d-\xff]*+,)++)\z"),
        ] {
            assert_eq!(written(said), written_so, "{said}");
        }
    }
}
