//! L7 rules: what must hold of a request. Their grammar is contract 3.9.

use serde::{Deserialize, Serialize};

use crate::protocol::words;
use crate::regex::{Case, Refused, Regex};
use crate::text::{Tags, is_token_byte};
use crate::{L7PolicyId, L7RuleId, Violation};

/// How many rules one policy can have.
pub const MAX_RULES: usize = 50;

/// How many rules with a regular expression all policies of a listener can have together: each may
/// have to be matched with every request.
pub const MAX_REGEXES: usize = 50;

/// One condition of a policy; all of them must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct L7Rule {
    /// Its own id.
    pub id: L7RuleId,
    /// Whose condition it is.
    pub policy: L7PolicyId,
    /// Disabled, it is passed over.
    pub admin_state_up: bool,
    /// What must hold.
    pub condition: Condition,
    /// Whether it must *not* hold.
    pub invert: bool,
    /// For people and their tools.
    pub tags: Tags,
}

words! {
    /// What a rule looks at.
    RuleKind {
        /// The `Host` header.
        HostName = "HOST_NAME",
        /// The path.
        Path = "PATH",
        /// What follows the last dot of the path.
        FileType = "FILE_TYPE",
        /// A header.
        Header = "HEADER",
        /// A cookie.
        Cookie = "COOKIE",
        /// Whether the client showed a certificate.
        SslConnHasCert = "SSL_CONN_HAS_CERT",
        /// What the verification of it said.
        SslVerifyResult = "SSL_VERIFY_RESULT",
        /// A field of its distinguished name.
        SslDnField = "SSL_DN_FIELD",
    }

    /// How a rule compares.
    Comparison {
        /// A regular expression matches.
        Regex = "REGEX",
        /// It begins so.
        StartsWith = "STARTS_WITH",
        /// It ends so.
        EndsWith = "ENDS_WITH",
        /// It holds this somewhere.
        Contains = "CONTAINS",
        /// It is this.
        EqualTo = "EQUAL_TO",
    }
}

/// A comparison that is within the grammar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Condition {
    kind: RuleKind,
    comparison: Comparison,
    key: Option<String>,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    kind: RuleKind,
    comparison: Comparison,
    key: Option<String>,
    value: String,
}

impl TryFrom<Unchecked> for Condition {
    type Error = Violation;

    fn try_from(it: Unchecked) -> Result<Self, Violation> {
        Self::new(it.kind, it.comparison, it.key, it.value)
    }
}

impl From<Condition> for Unchecked {
    fn from(it: Condition) -> Self {
        Self { kind: it.kind, comparison: it.comparison, key: it.key, value: it.value }
    }
}

impl Condition {
    /// The condition, if it is within the grammar of contract 3.9.
    ///
    /// What a regular expression is worth is another question: [`regex`](Self::regex).
    ///
    /// # Errors
    ///
    /// The contract's text for the part that does not fit.
    pub fn new(
        kind: RuleKind,
        comparison: Comparison,
        key: Option<String>,
        value: String,
    ) -> Result<Self, Violation> {
        let condition = Self { kind, comparison, key, value };
        condition.check()?;
        Ok(condition)
    }

    /// What is looked at.
    pub const fn kind(&self) -> RuleKind {
        self.kind
    }

    /// How it is compared.
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// The name of the header, cookie or field.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What it is compared with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The regular expression that it compares with, if it does; whoever lets a rule in asks, and
    /// so does whoever writes it down, because what is too expensive may once have been let in.
    ///
    /// # Errors
    ///
    /// It is none, or is too expensive.
    pub fn regex(&self) -> Result<Option<Regex>, Refused> {
        match self.comparison {
            // Hosts are the same in capitals.
            Comparison::Regex if self.kind == RuleKind::HostName => {
                Regex::parse(&self.value, Case::Ignored).map(Some)
            }
            Comparison::Regex => Regex::parse(&self.value, Case::Matters).map(Some),
            Comparison::StartsWith
            | Comparison::EndsWith
            | Comparison::Contains
            | Comparison::EqualTo => Ok(None),
        }
    }

    fn check(&self) -> Result<(), Violation> {
        if self.value.is_empty() {
            return refuse("Invalid L7 Rule: L7 rule type requires a value");
        }
        for text in self.key.iter().chain([&self.value]) {
            if text.chars().count() > 255 || text.contains(['\r', '\n', '\0']) {
                return refuse("Invalid characters in comparison value");
            }
        }
        match self.kind {
            RuleKind::HostName | RuleKind::Path => self.check_text(is_header_value, "header value"),
            RuleKind::FileType => match self.comparison {
                Comparison::Regex | Comparison::EqualTo => {
                    self.check_text(is_header_value, "header value")
                }
                Comparison::StartsWith | Comparison::EndsWith | Comparison::Contains => {
                    refuse("Invalid L7 Rule: invalid comparison type for rule type")
                }
            },
            RuleKind::Header => {
                self.check_key()?;
                self.check_text(is_header_value, "header value")
            }
            RuleKind::Cookie => {
                self.check_key()?;
                self.check_text(is_cookie_value, "cookie value")
            }
            RuleKind::SslConnHasCert => {
                self.check_ssl_without_key()?;
                if self.value.eq_ignore_ascii_case("true") {
                    Ok(())
                } else {
                    refuse(format!(
                        "Invalid L7 Rule: L7rule value {} is not a boolean True string.",
                        self.value
                    ))
                }
            }
            RuleKind::SslVerifyResult => {
                self.check_ssl_without_key()?;
                if self.value.len() <= 9 && self.value.bytes().all(|byte| byte.is_ascii_digit()) {
                    Ok(())
                } else {
                    refuse(format!(
                        "Invalid L7 Rule: L7rule type {} needs a int value, which is >= 0",
                        self.kind
                    ))
                }
            }
            RuleKind::SslDnField => self.check_dn_field(),
        }
    }

    fn check_key(&self) -> Result<(), Violation> {
        match self.key() {
            None | Some("") => refuse("Invalid L7 Rule: L7 rule type requires a key"),
            Some(key) if key.bytes().all(is_token_byte) => Ok(()),
            Some(_) => refuse("Invalid characters in key"),
        }
    }

    fn check_text(&self, is_good: fn(&str) -> bool, what: &str) -> Result<(), Violation> {
        match self.comparison {
            Comparison::Regex => Ok(()),
            Comparison::StartsWith
            | Comparison::EndsWith
            | Comparison::Contains
            | Comparison::EqualTo => {
                if is_good(&self.value) {
                    Ok(())
                } else {
                    refuse(format!("Invalid characters in {what}"))
                }
            }
        }
    }

    fn check_ssl_without_key(&self) -> Result<(), Violation> {
        if self.key.is_some() {
            return refuse(format!(
                "Invalid L7 Rule: L7rule type {} does not use the \"key\" field.",
                self.kind
            ));
        }
        match self.comparison {
            Comparison::EqualTo => Ok(()),
            Comparison::Regex
            | Comparison::StartsWith
            | Comparison::EndsWith
            | Comparison::Contains => refuse(format!(
                "Invalid L7 Rule: L7rule type {} only supports the EQUAL_TO compare type.",
                self.kind
            )),
        }
    }

    fn check_dn_field(&self) -> Result<(), Violation> {
        let Some(key) = self.key().filter(|key| !key.is_empty()) else {
            return refuse("Invalid L7 Rule: L7 rule type requires a key");
        };
        let starts_well = key.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if starts_well && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            Ok(())
        } else {
            refuse("Invalid L7 Rule: Invalid L7rule distinguished name field.")
        }
    }
}

fn refuse<T>(text: impl Into<String>) -> Result<T, Violation> {
    Err(Violation::L7Rule(text.into()))
}

/// Printable ASCII without space, or a double-quoted string in which space and tab may stand.
fn is_header_value(text: &str) -> bool {
    let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
    if quoted {
        let inner = &text[1..text.len() - 1];
        inner.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
    } else {
        text.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

fn is_cookie_value(text: &str) -> bool {
    text.bytes().all(|byte| {
        is_token_byte(byte)
            || matches!(
                byte,
                b'(' | b')'
                    | b'/'
                    | b':'
                    | b'<'
                    | b'='
                    | b'>'
                    | b'?'
                    | b'@'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(
        kind: RuleKind,
        comparison: Comparison,
        key: Option<&str>,
        value: &str,
    ) -> Option<String> {
        Condition::new(kind, comparison, key.map(str::to_owned), value.to_owned())
            .err()
            .map(|violation| violation.to_string())
    }

    #[test]
    fn a_header_rule_needs_a_token_for_a_key() {
        use Comparison::EqualTo;
        assert_eq!(says(RuleKind::Header, EqualTo, Some("X-Tier"), "gold"), None);
        assert_eq!(
            says(RuleKind::Header, EqualTo, None, "gold").unwrap(),
            "Error parsing L7Rule: Invalid L7 Rule: L7 rule type requires a key"
        );
        assert_eq!(
            says(RuleKind::Header, EqualTo, Some("X Tier"), "gold").unwrap(),
            "Error parsing L7Rule: Invalid characters in key"
        );
        assert_eq!(
            says(RuleKind::Header, EqualTo, Some("X-Tier"), "go ld").unwrap(),
            "Error parsing L7Rule: Invalid characters in header value"
        );
        assert_eq!(says(RuleKind::Header, EqualTo, Some("X-Tier"), "\"go ld\""), None);
    }

    #[test]
    fn a_file_type_is_equal_or_a_regular_expression() {
        assert_eq!(
            says(RuleKind::FileType, Comparison::Contains, None, "jpg").unwrap(),
            "Error parsing L7Rule: Invalid L7 Rule: invalid comparison type for rule type"
        );
        assert_eq!(says(RuleKind::FileType, Comparison::Regex, None, "jpe?g"), None);
    }

    #[test]
    fn a_line_break_is_never_part_of_a_rule() {
        assert!(says(RuleKind::Path, Comparison::Regex, None, "/a\nb").is_some());
        assert!(says(RuleKind::Path, Comparison::EqualTo, None, "/a\r").is_some());
    }

    #[test]
    fn ssl_rules_have_their_own_texts() {
        use Comparison::EqualTo;
        assert_eq!(says(RuleKind::SslConnHasCert, EqualTo, None, "True"), None);
        assert!(says(RuleKind::SslConnHasCert, EqualTo, Some("k"), "true").is_some());
        assert!(says(RuleKind::SslVerifyResult, EqualTo, None, "-1").is_some());
        assert!(says(RuleKind::SslDnField, EqualTo, Some("9CN"), "x").is_some());
        assert_eq!(says(RuleKind::SslDnField, EqualTo, Some("CN"), "any thing"), None);
    }
}
