//! Text in places where HAProxy evaluates `%`.

use super::{Unwritable, Word};

/// A log-format string: literal text, and samples that HAProxy fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFormat(String);

impl LogFormat {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Goes on with text that stands for itself: every `%` in it is doubled.
    ///
    /// # Errors
    ///
    /// [`Unwritable`]: it has a control character.
    pub fn literal(mut self, text: &str) -> Result<Self, Unwritable> {
        let word = Word::quoted(text)?;
        self.0.push_str(&word.as_str().replace('%', "%%"));
        Ok(self)
    }

    /// Goes on with a number.
    #[must_use]
    pub fn number(mut self, number: u16) -> Self {
        self.0.push_str(&number.to_string());
        self
    }

    /// Goes on with what a sample of ours yields, as `src`.
    #[must_use]
    pub fn sample(mut self, expression: &'static str) -> Self {
        self.0.push_str("%[");
        self.0.push_str(expression);
        self.0.push(']');
        self
    }
}

impl From<LogFormat> for Word {
    fn from(format: LogFormat) -> Word {
        Word::quoted(&format.0).expect("every part was checked when it was added")
    }
}
