//! What an ACL compares with.

use std::convert::Infallible;

use regex_syntax::ast::{self, Ast, Flag};
use regex_syntax::hir::{Hir, HirKind};

use super::{Unwritable, Word};

/// How many repetitions without an end one regular expression may have. Each multiplies what a
/// hostile request can cost.
const MAX_REPETITIONS: usize = 8;

/// A repetition with a bound above this is priced as one without.
const SMALL_BOUND: u32 = 16;

/// A pattern: text to compare with, or a regular expression that is cheap enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Word);

/// Why a text cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has a control character.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// It shall be the name of a header or cookie and is none.
    #[error("the key is not the name of a header or cookie")]
    NotAToken,
    /// It is no regular expression, or one that cannot be matched without looking around.
    #[error("{0}")]
    NotARegex(String),
    /// HAProxy's engine would take it for another expression than the one that was priced.
    #[error("classes within classes and the flag R are not supported")]
    Ambiguous,
    /// Matching it may take time that grows with a power of the length of what is matched.
    #[error("a repetition within a repetition is too expensive")]
    Nested,
    /// The same, because of many repetitions side by side.
    #[error("it has more than {MAX_REPETITIONS} repetitions without an end")]
    TooMany,
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

    /// A regular expression, for `-m reg`.
    ///
    /// HAProxy's engine backtracks, so a pattern is priced before it gets there: it must be one
    /// that a linear engine would take, and repetitions may not be nested.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub fn regex(text: &str) -> Result<Self, Refused> {
        let word = Word::quoted(text)?;
        let tree = ast::parse::ParserBuilder::new().nest_limit(32).build().parse(text);
        let tree = tree.map_err(|error| Refused::NotARegex(error.kind().to_string()))?;
        if is_ambiguous(&tree) {
            return Err(Refused::Ambiguous);
        }
        let parsed = regex_syntax::hir::translate::Translator::new().translate(text, &tree);
        let parsed = parsed.map_err(|error| Refused::NotARegex(error.kind().to_string()))?;
        let mut repetitions = 0;
        price(&parsed, false, &mut repetitions)?;
        if repetitions > MAX_REPETITIONS {
            return Err(Refused::TooMany);
        }
        Ok(Self(word))
    }
}

impl From<Pattern> for Word {
    fn from(pattern: Pattern) -> Word {
        pattern.0
    }
}

/// Whether HAProxy's engine reads it differently: there a class ends with the first `]`, so that
/// what we take for the inside of one would be repetitions nobody has priced, and `(?R)` is the
/// whole expression once more.
fn is_ambiguous(tree: &Ast) -> bool {
    let found = ast::visit(tree, Ambiguity::default());
    found.is_ok_and(|found| found)
}

#[derive(Default)]
struct Ambiguity {
    found: bool,
}

impl ast::Visitor for Ambiguity {
    type Output = bool;
    type Err = Infallible;

    fn finish(self) -> Result<bool, Infallible> {
        Ok(self.found)
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Infallible> {
        if let Ast::Flags(set) = tree {
            self.found |= set.flags.flag_state(Flag::CRLF).is_some();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Infallible> {
        self.found |= matches!(item, ast::ClassSetItem::Bracketed(_));
        Ok(())
    }

    fn visit_class_set_binary_op_pre(
        &mut self,
        _: &ast::ClassSetBinaryOp,
    ) -> Result<(), Infallible> {
        self.found = true;
        Ok(())
    }
}

/// Counts repetitions without an end, and refuses one inside another.
fn price(hir: &Hir, within: bool, repetitions: &mut usize) -> Result<(), Refused> {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => Ok(()),
        HirKind::Capture(capture) => price(&capture.sub, within, repetitions),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().try_for_each(|part| price(part, within, repetitions))
        }
        HirKind::Repetition(repetition) => {
            let endless = repetition.max.is_none_or(|max| max > SMALL_BOUND);
            if endless && within {
                return Err(Refused::Nested);
            }
            *repetitions += usize::from(endless);
            // Even `(a?){16}` has many ways to match: inside a repetition that is not optional
            // alone, nothing repeats without an end.
            let repeats = repetition.max.is_none_or(|max| max > 1);
            price(&repetition.sub, within || repeats, repetitions)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_expressions_are_cheap() {
        for text in
            ["^/api/v[0-9]+/.*$", r"\.(png|jpe?g)$", "(?i)admin", "^[^/]{1,64}/x", "(ab?c)+"]
        {
            assert!(Pattern::regex(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_may_explode_is_refused() {
        for text in ["^/(a+)+$", "(a*)*", "(.+,){5}x", "((a{2,}b)c)*", "a++"] {
            assert_eq!(Pattern::regex(text), Err(Refused::Nested), "{text}");
        }
        assert_eq!(Pattern::regex(&".*a".repeat(9)), Err(Refused::TooMany));
    }

    #[test]
    fn what_the_engine_would_read_differently_is_refused() {
        // With PCRE the second is a class, a nested repetition, and another class.
        for text in ["[a&&b]", "[[x](a+)+[y]]", "[a--b]", "(?R)", "a(?iR)b"] {
            assert_eq!(Pattern::regex(text), Err(Refused::Ambiguous), "{text}");
        }
        for text in ["[a&b]", "[]a]", r"[\[x]", "[[:alpha:]_-]+", "(?i)a", r"[^\D\d]"] {
            assert!(Pattern::regex(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn only_regular_languages_are_taken() {
        for text in ["(", "[a", r"(a)\1", "(?=a)b", "*"] {
            assert!(matches!(Pattern::regex(text), Err(Refused::NotARegex(_))), "{text}");
        }
        assert!(Pattern::regex("a\nb").is_err());
    }
}
