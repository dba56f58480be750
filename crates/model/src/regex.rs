//! Regular expressions of L7 rules: judged before anybody has to match them.
//!
//! An engine that goes back and tries again, as HAProxy's does, can be made to take for ever. So an
//! expression is parsed here, what it may cost at worst is told from its tree, and the tree is kept:
//! a driver writes what was priced, in its engine's syntax, and never the tenant's own text.
//!
//! Only whether there is a match is ever asked, not where. Texts are bytes without line breaks.

mod bytes;
mod node;
mod price;
mod segment;
mod shape;

use regex_syntax::ParserBuilder;

pub use bytes::Bytes;
pub use node::{Edge, Node, Repeat};
pub use segment::{Segment, Segments};

/// How deep groups may nest.
const MAX_GROUPS: u32 = 32;

/// How many places an expression may have, its groups written as often as they may come.
const MAX_SIZE: u64 = 1_000;

/// A regular expression that is cheap enough to be matched with what strangers send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regex {
    segments: Segments,
    longest: Option<u64>,
}

/// Whether `A` is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It is not.
    Matters,
    /// It is.
    Ignored,
}

/// Why a text is no regular expression for us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is none, or one that looks around or back.
    #[error("{0}")]
    Syntax(String),
    /// It is about characters, and what is looked at are bytes.
    #[error("Unicode classes are not supported")]
    Unicode,
    /// It is about lines, and what is looked at has none.
    #[error("the flag m is not supported")]
    Lines,
    /// An assertion that other engines do not have.
    #[error("the beginning or end alone of a word is not supported, \\b is")]
    HalfWords,
    /// Its parts, written as often as they may come, are too many.
    #[error("it is too large")]
    TooLarge,
    /// Within a repetition there is more than one way to match the same text, and the ways
    /// multiply.
    #[error(
        "a repetition within a repetition, or of alternatives that begin alike, is too expensive"
    )]
    Nested,
    /// The same, because of repetitions or alternatives side by side.
    #[error("too many repetitions or alternatives that can match the same text are too expensive")]
    TooExpensive,
}

impl Regex {
    /// Judges a text. Look-around and references are refused, as are expressions whose price grows
    /// with more than the square of the length of what they are matched with.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn parse(text: &str, case: Case) -> Result<Self, Refused> {
        let mut parser = ParserBuilder::new()
            .nest_limit(MAX_GROUPS)
            .unicode(false)
            .utf8(false)
            .case_insensitive(case == Case::Ignored)
            .build();
        let hir = parser.parse(text).map_err(|error| Refused::Syntax(kind(&error)))?;
        let node = node::lower(&hir)?;
        if node.size() > MAX_SIZE {
            return Err(Refused::TooLarge);
        }
        let mut segments = Segments::of(node);
        let longest = price::judge(&mut segments)?;
        Ok(Self { segments, longest })
    }

    /// What is to be matched.
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// How many bytes a text may have at most that it is matched with; `None` if its price grows
    /// no faster than the text, and any length will do.
    pub const fn longest(&self) -> Option<u64> {
        self.longest
    }
}

/// What is wrong, in a sentence and without a drawing of where.
fn kind(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "it is no regular expression".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(text: &str) -> Result<Option<u64>, Refused> {
        Regex::parse(text, Case::Matters).map(|regex| regex.longest())
    }

    #[test]
    fn ordinary_expressions_cost_no_more_for_a_longer_text() {
        for text in [
            "^/api/v[0-9]+/.*$",
            r"\.(png|jpe?g|gif|svg|webp)$",
            "(?i)admin",
            "^[^/]{1,64}/x",
            "(ab?c)+",
            "([^,]*,)+",
            "^/api(/.*)?$",
            "^/api(/|$)",
            r"(^|\.)example\.com$",
            r"^/api/.*/v\d+/.*\.json$",
            "/api/.*/edit$",
            r"^/(\w+)/(\w+)/?$",
            r"^/(?:[^/]+/)*edit$",
            r"^(www|api|app)\.example\.(com|org)(:\d+)?$",
            r"^/users/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$",
            r"(?i)mozilla/\d+\.\d+",
            "^.*$",
            "",
            r"session=[a-z]+;",
            r"^Bearer .+$",
            r"^/a*?b+?c",
            r"\bfoo\b",
            "[a-z]+$",
            r"^/static/.*\.(css|js)$",
            r"<script>.*</script>",
            r"^/.*a.*a.*bc$",
        ] {
            assert_eq!(longest(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn some_are_for_texts_of_a_certain_length() {
        for text in ["<script[^>]*>", r"^/.*-[a-z]+[0-9a-z]*\.html$", "^/(?:[^/]+/)*edit/"] {
            assert!(matches!(longest(text), Ok(Some(256..=4096))), "{text} {:?}", longest(text));
        }
    }

    #[test]
    fn what_may_explode_is_refused() {
        for text in [
            "^/(a+)+$",
            "^/(a|aa)+$",
            "^/(a?a)+$",
            "^/(a{1,2})+$",
            "^(a*)*b",
            "(.+,){5}x",
            "^((a{2,}b?)a)*c",
            "xa++y",
            "(.*,){2,15}x",
            r"^(\w+\s?)*$",
            "^(([a-z])+.)+[A-Z]([a-z])+$",
            "^(ab|a|abc)(ab|a|abc)(ab|a|abc)(ab|a|abc)$",
            "^a?a?a?a?a?a?a?a?a?a?aaaaaaaaaa$",
            "^/a*a*a*b$",
            r"([^/]*x{1,3}[^/]+/|y)$",
            "a[^b]*c.*[cd]+e.*f[^g]*g$",
        ] {
            let refused = longest(text);
            let expensive = matches!(refused, Err(Refused::Nested | Refused::TooExpensive));
            assert!(expensive, "{text} {refused:?}");
        }
    }

    #[test]
    fn what_bytes_do_not_have_is_refused() {
        for text in [r"(?u)\p{Greek}", r"(?u:\w)", "[ü]", r"\p{L}"] {
            assert!(longest(text).is_err(), "{text}");
        }
        assert_eq!(longest("(?m)^a$"), Err(Refused::Lines));
        assert_eq!(longest(r"\b{start}a"), Err(Refused::HalfWords));
        assert_eq!(longest("(a{1000}b){16}"), Ok(None), "a byte's repetition is one place");
        assert_eq!(longest("((abc){100}d){16}"), Err(Refused::TooLarge));
        assert_eq!(longest("a{1001}"), Err(Refused::TooLarge));
    }

    #[test]
    fn only_regular_languages_are_taken() {
        for text in ["(", "[a", r"(a)\1", "(?=a)b", "*", "(?<!a)b"] {
            assert!(matches!(longest(text), Err(Refused::Syntax(_))), "{text}");
        }
    }
}
