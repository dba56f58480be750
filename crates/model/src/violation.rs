//! What a rule of load balancing says when it is broken.

/// A request contradicts itself, or the graph it wants to become part of.
///
/// The text of each variant is what the client reads: it follows the contract (1.9) word by word.
/// All of them are the client's fault: HTTP 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A rule between fields or objects.
    #[error("Validation failure: {0}")]
    Rule(String),
    /// A value that this field cannot have here.
    #[error("{value} is not a valid option for {option}")]
    Option {
        /// What was given, as the client wrote it.
        value: String,
        /// The field, or what the value was meant for.
        option: String,
    },
    /// Something that the operator has switched off.
    #[error("The selected {option} is not allowed in this deployment: {value}")]
    NotAllowedHere {
        /// The kind of thing: `protocol`, `type`.
        option: &'static str,
        /// What was asked for.
        value: String,
    },
    /// The action of an L7 policy and its arguments do not fit.
    #[error("Invalid L7 Policy arguments: {0}")]
    PolicyArguments(String),
    /// An L7 rule outside the grammar of contract 3.9.
    #[error("Error parsing L7Rule: {0}")]
    L7Rule(String),
    /// A network object that the request refers to does not exist: `Subnet <id> not found.`
    #[error("{kind} {id} not found.")]
    MissingReference {
        /// `Subnet`, `Port`, `Network`.
        kind: &'static str,
        /// As the client wrote it.
        id: String,
    },
    /// A listener for metrics has no children.
    #[error("Protocol PROMETHEUS listeners cannot have child objects.")]
    PrometheusChildren,
    /// A definition within a single-call create lacks something.
    #[error("Missing details for {kind} object: {name}")]
    MissingDetails {
        /// The kind of object.
        kind: &'static str,
        /// Its name, as the client wrote it.
        name: String,
    },
}

impl Violation {
    /// The rule that reads `detail`.
    pub fn rule(detail: impl Into<String>) -> Self {
        Self::Rule(detail.into())
    }

    /// `value` cannot stand for `option`.
    pub fn option(value: &(impl ToString + ?Sized), option: impl Into<String>) -> Self {
        Self::Option { value: value.to_string(), option: option.into() }
    }
}
