//! How text reaches HAProxy's configuration file: word by word, each of a kind that is written
//! so that HAProxy's parser reads back exactly that word.
//!
//! A [`Section`] has [`Line`]s, a line has [`Word`]s, and a word comes from our own program text,
//! from a number, an address or an id, or from a constructor that knows what a tenant's text is
//! meant for: [`Word::quoted`], [`LogFormat`], [`Pattern`], [`Fetch`]. There is no other way in
//! for a tenant; the operator, who may write what he likes, has [`OperatorLine`].

mod fetch;
mod log_format;
mod operator_line;
mod pattern;
mod word;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use fetch::{Fetch, Holds};
pub use log_format::LogFormat;
pub use operator_line::{OperatorLine, Unfit};
pub use pattern::{Pattern, Refused};
pub use word::{Unwritable, Word};

/// How many words HAProxy reads from a line; it refuses the file if there are more.
pub const MAX_WORDS: usize = 64;

/// One section of the file: its heading, and the lines below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    heading: Line,
    lines: Vec<Line>,
    /// Lines of the operator's own, which end the section.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    operator: Vec<OperatorLine>,
}

impl Section {
    /// A section without lines, as `defaults`, or `backend` followed by its name.
    pub const fn new(heading: Line) -> Self {
        Self { heading, lines: Vec::new(), operator: Vec::new() }
    }

    /// Puts a line at the end.
    pub fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// What kind of section it is: the first word of its heading.
    pub fn kind(&self) -> &str {
        self.heading.0.first().map_or("", Word::as_str)
    }

    /// Ends it with these lines of the operator's, whatever else is put into it.
    pub fn end_with(&mut self, lines: Vec<OperatorLine>) {
        self.operator = lines;
    }

    /// With a line more at the end.
    #[must_use]
    pub fn with(mut self, line: Line) -> Self {
        self.add(line);
        self
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.heading)?;
        for line in &self.lines {
            writeln!(f, "    {line}")?;
        }
        self.operator.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}

/// One line: a keyword and what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(Vec<Word>);

impl Line {
    /// A line that begins with these words of ours, separated by single spaces: `option httpchk`.
    pub fn new(keywords: &'static str) -> Self {
        Self::empty().words(keywords)
    }

    /// A line without words, to go on with.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Goes on with words of ours, separated by single spaces.
    #[must_use]
    pub fn words(mut self, words: &'static str) -> Self {
        self.0.extend(words.split(' ').map(Word::ours));
        self
    }

    /// Goes on with one word.
    #[must_use]
    pub fn word(mut self, word: impl Into<Word>) -> Self {
        self.0.push(word.into());
        self
    }

    /// Goes on with the words of another line.
    #[must_use]
    pub fn followed_by(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// How many words it has.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_assert!(self.len() <= MAX_WORDS, "HAProxy refuses so long a line");
        for (at, word) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{word}")?;
        }
        Ok(())
    }
}
