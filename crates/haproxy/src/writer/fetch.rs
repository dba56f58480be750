//! Sample fetches whose argument is a tenant's: `req.hdr(X-Tier)`.

use evenkeel_model::text::{CookieName, Token};
use evenkeel_model::{L7RuleId, PoolId};

use super::Word;

/// A sample fetch with a name as its only argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch(String);

impl Fetch {
    /// A pool's name as a text.
    pub fn pool(pool: PoolId) -> Self {
        Self(format!("str({pool})"))
    }

    /// A number.
    pub fn integer(number: u64) -> Self {
        Self(format!("int({number})"))
    }

    /// A header or cookie by name, as `req.hdr` or `req.cook`.
    pub fn named(fetch: &'static str, name: &Token) -> Self {
        Self::of(fetch, name.as_str())
    }

    /// A cookie by name.
    pub fn cookie(fetch: &'static str, name: &CookieName) -> Self {
        Self::of(fetch, name.as_str())
    }

    /// The value of a cookie out of the whole header, where [`has_cookie`](Self::has_cookie) holds:
    /// HAProxy's own reader passes over names that begin with a dollar sign.
    pub fn cookie_of_header(name: &Token) -> Self {
        let before = before(name, r"\\x");
        Self(format!(r#"req.fhdr(cookie),regsub("{before}([^;]*).*$","\\2")"#))
    }

    /// A regular expression that matches a whole header with this cookie.
    pub fn has_cookie(name: &Token) -> Self {
        Self(before(name, r"\x"))
    }

    /// The variable that a rule keeps its text in, and what reads it.
    pub fn variable(rule: L7RuleId) -> Self {
        Self(format!("var(txn.rule_{})", rule.uuid().simple()))
    }

    /// What sets it.
    pub fn set_variable(rule: L7RuleId) -> Self {
        Self(format!("set-var(txn.rule_{})", rule.uuid().simple()))
    }

    /// Below words, arguments have quoting rules of their own. Of the characters that mean
    /// something there (parentheses, comma, backslash, both quotes) a token can have only the
    /// single quote.
    fn of(fetch: &'static str, token: &str) -> Self {
        Self(format!("{fetch}({})", token.replace('\'', r"\'")))
    }
}

/// What comes before the value of a cookie, as a regular expression: each byte of the name by its
/// number, so that none of them means anything, after `number`.
fn before(name: &Token, number: &str) -> String {
    let name: Vec<_> = name.as_str().bytes().map(|byte| format!("{number}{byte:02x}")).collect();
    format!("^(.*;)?[ ]*{}=", name.concat())
}

/// A condition: that the ACL named after a rule holds, or that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It holds.
    Yes(L7RuleId),
    /// It does not.
    No(L7RuleId),
}

impl From<Holds> for Word {
    fn from(holds: Holds) -> Word {
        let text = match holds {
            Holds::Yes(rule) => rule.to_string(),
            // As one word: a condition may have 50 of them, and a line has room for 64.
            Holds::No(rule) => format!("!{rule}"),
        };
        Word::quoted(&text).expect("an id has no control characters")
    }
}

impl From<Fetch> for Word {
    fn from(fetch: Fetch) -> Word {
        Word::quoted(&fetch.0).expect("a token has no control characters")
    }
}
