//! The tree of an expression: what is left of its syntax when only "does it match" is asked.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{Bytes, Refused};

/// Part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// The empty text.
    Empty,
    /// One byte of these; of none, nothing matches.
    Byte(Bytes),
    /// A place that takes no byte.
    Edge(Edge),
    /// All, one after the other.
    Then(Vec<Node>),
    /// One of these.
    Either(Vec<Node>),
    /// The same several times.
    Repeat(Box<Repeat>),
}

/// A place between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The beginning of the text.
    Start,
    /// Its end.
    End,
    /// The beginning or end of a word of ASCII letters, digits and underscores.
    Word,
    /// Anywhere else.
    NoWord,
}

/// How often something comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// What comes.
    pub body: Node,
    /// At least so often.
    pub min: u32,
    /// At most so often; without, there is no end.
    pub max: Option<u32>,
    /// Whether it never has to give back what it took: as much as it can take is right, or
    /// nothing is.
    pub keeps: bool,
}

impl Repeat {
    /// Whether it can come more than once.
    pub fn is_many(&self) -> bool {
        self.max.is_none_or(|max| max > 1)
    }

    /// Whether it can go on for as long as a text is.
    pub fn is_far(&self) -> bool {
        self.max.is_none_or(|max| max > SMALL)
    }
}

/// A repetition with a bound above this is priced as one without.
pub(super) const SMALL: u32 = 16;

/// As many repetitions as an engine takes, with a bound of their own.
const MOST: u32 = 1_000;

impl Node {
    /// Any text at all, the empty one included.
    pub(super) fn is_anything(&self) -> bool {
        match self {
            Self::Repeat(it) => {
                it.min == 0 && it.max.is_none() && it.body == Self::Byte(Bytes::ALL)
            }
            Self::Empty | Self::Byte(_) | Self::Edge(_) | Self::Then(_) | Self::Either(_) => false,
        }
    }

    /// Parts one after the other.
    fn then(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            0 => Self::Empty,
            1 => parts.remove(0),
            _ => Self::Then(parts),
        }
    }

    pub(super) fn repeat(body: Self, min: u32, max: Option<u32>) -> Self {
        Self::Repeat(Box::new(Repeat { body, min, max, keeps: false }))
    }

    /// The length of all that it matches, if there is only one.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Empty | Self::Edge(_) => Some(0),
            Self::Byte(_) => Some(1),
            Self::Then(parts) => parts.iter().map(Self::length).sum(),
            Self::Either(parts) => {
                let first = parts.first().map_or(Some(0), Self::length);
                first.filter(|_| parts.iter().all(|part| part.length() == first))
            }
            Self::Repeat(it) if it.max == Some(it.min) => {
                it.body.length().map(|length| length * u64::from(it.min))
            }
            Self::Repeat(_) => None,
        }
    }

    /// The length of the shortest that it matches.
    pub(super) fn least(&self) -> u64 {
        match self {
            Self::Empty | Self::Edge(_) => 0,
            Self::Byte(_) => 1,
            Self::Then(parts) => parts.iter().map(Self::least).sum(),
            Self::Either(parts) => parts.iter().map(Self::least).min().unwrap_or(0),
            Self::Repeat(it) => it.body.least() * u64::from(it.min),
        }
    }

    /// How many places it has if all groups are written as often as they may come.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Byte(_) | Self::Edge(_) => 1,
            Self::Then(parts) | Self::Either(parts) => {
                parts.iter().map(|part| part.size() + 1).fold(0, u64::saturating_add)
            }
            Self::Repeat(it) if matches!(it.body, Self::Byte(_)) => 1,
            Self::Repeat(it) => {
                let times = it.max.unwrap_or(it.min).max(1);
                (it.body.size() + 1).saturating_mul(u64::from(times))
            }
        }
    }

    /// Every byte that may be anywhere in it.
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::Empty | Self::Edge(_) => Bytes::NONE,
            Self::Byte(bytes) => *bytes,
            Self::Then(parts) | Self::Either(parts) => {
                parts.iter().map(Self::bytes).fold(Bytes::NONE, Bytes::or)
            }
            Self::Repeat(it) => it.body.bytes(),
        }
    }
}

/// Without groups, names, and who is greedy: none of these changes whether there is a match.
pub(super) fn lower(hir: &Hir) -> Result<Node, Refused> {
    match hir.kind() {
        HirKind::Empty => Ok(Node::Empty),
        HirKind::Literal(literal) => {
            Ok(Node::then(literal.0.iter().map(|byte| Node::Byte(Bytes::one(*byte))).collect()))
        }
        HirKind::Class(class) => class_of(class).map(Node::Byte),
        HirKind::Look(look) => edge(*look).map(Node::Edge),
        HirKind::Capture(capture) => lower(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = Vec::new();
            for part in parts {
                match lower(part)? {
                    Node::Then(inner) => all.extend(inner),
                    Node::Empty => {}
                    other @ (Node::Byte(_) | Node::Edge(_) | Node::Either(_) | Node::Repeat(_)) => {
                        all.push(other);
                    }
                }
            }
            Ok(Node::then(all))
        }
        HirKind::Alternation(parts) => {
            Ok(Node::Either(parts.iter().map(lower).collect::<Result<_, _>>()?))
        }
        HirKind::Repetition(it) => {
            if it.min.max(it.max.unwrap_or(0)) > MOST {
                return Err(Refused::TooLarge);
            }
            Ok(Node::repeat(lower(&it.sub)?, it.min, it.max))
        }
    }
}

fn class_of(class: &Class) -> Result<Bytes, Refused> {
    let class = match class {
        Class::Bytes(class) => class.clone(),
        Class::Unicode(class) => class.to_byte_class().ok_or(Refused::Unicode)?,
    };
    let set = class.iter().fold(Bytes::NONE, |set, run| set.with(run.start(), run.end()));
    // What is looked at has no line breaks, so that a dot is any byte; and a repeated dot is worth
    // knowing.
    let is_dot = set.with(b'\n', b'\n') == Bytes::ALL;
    Ok(if is_dot { Bytes::ALL } else { set })
}

fn edge(look: Look) -> Result<Edge, Refused> {
    match look {
        Look::Start => Ok(Edge::Start),
        Look::End => Ok(Edge::End),
        Look::WordAscii => Ok(Edge::Word),
        Look::WordAsciiNegate => Ok(Edge::NoWord),
        Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => Err(Refused::Lines),
        Look::WordUnicode
        | Look::WordUnicodeNegate
        | Look::WordStartUnicode
        | Look::WordEndUnicode
        | Look::WordStartHalfUnicode
        | Look::WordEndHalfUnicode => Err(Refused::Unicode),
        Look::WordStartAscii
        | Look::WordEndAscii
        | Look::WordStartHalfAscii
        | Look::WordEndHalfAscii => Err(Refused::HalfWords),
    }
}
