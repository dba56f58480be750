//! A line that the operator of the node has written, taken as it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest line that HAProxy reads is a little longer.
const LONGEST: usize = 2_000;

/// What begins a section, and would part what follows from its own.
const SECTIONS: [&str; 15] = [
    "backend",
    "cache",
    "defaults",
    "fcgi-app",
    "frontend",
    "global",
    "http-errors",
    "listen",
    "log-forward",
    "mailers",
    "peers",
    "program",
    "resolvers",
    "ring",
    "userlist",
];

/// One line of a section, which HAProxy alone judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorLine(String);

/// Why a text is no line of a section.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is empty, too long, or has control characters.
    #[error("a line has 1 to {LONGEST} bytes and no control characters but tabs")]
    NoLine,
    /// It begins another section.
    #[error("`{0}` begins a section; a template only adds lines to those that are there")]
    Section(String),
}

impl TryFrom<String> for OperatorLine {
    type Error = Unfit;

    fn try_from(text: String) -> Result<Self, Unfit> {
        let harmful = |c: char| c.is_control() && c != '\t';
        let first = text.split_whitespace().next().unwrap_or_default();
        if first.is_empty() || text.len() > LONGEST || text.chars().any(harmful) {
            return Err(Unfit::NoLine);
        }
        if SECTIONS.contains(&first) {
            return Err(Unfit::Section(first.to_owned()));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

impl From<OperatorLine> for String {
    fn from(line: OperatorLine) -> Self {
        line.0
    }
}

impl fmt::Display for OperatorLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
