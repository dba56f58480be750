//! How an expression begins, and whether one byte ahead always says where in it one is.

use super::{Bytes, Node};

/// From which side an expression is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Backward,
}

/// What the next byte tells, as Glushkov's automaton would: its sets, without its states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Whether it matches the empty text.
    pub(super) nullable: bool,
    /// What a match can begin with.
    pub(super) first: Bytes,
    /// What can come, still within it, after it has matched something.
    pub(super) follow: Bytes,
    /// Whether the next byte alone always says which place of the expression it belongs to.
    pub(super) sure: bool,
}

impl Shape {
    const EMPTY: Self =
        Self { nullable: true, first: Bytes::NONE, follow: Bytes::NONE, sure: true };

    pub(super) fn of(node: &Node, way: Way) -> Self {
        match node {
            Node::Empty | Node::Edge(_) => Self::EMPTY,
            Node::Byte(bytes) => Self { nullable: false, first: *bytes, ..Self::EMPTY },
            Node::Then(parts) => Self::of_all(parts, way),
            Node::Either(parts) => {
                let parts = parts.iter().map(|part| Self::of(part, way));
                parts.reduce(Self::or).unwrap_or(Self::EMPTY)
            }
            Node::Repeat(it) => {
                let body = Self::of(&it.body, way);
                if it.max == Some(0) {
                    return Self::EMPTY;
                }
                let varies = it.max != Some(it.min);
                let again = if it.is_many() && varies { body.first } else { Bytes::NONE };
                let parts = !body.nullable && !body.follow.meets(body.first);
                Self {
                    nullable: body.nullable || it.min == 0,
                    first: body.first,
                    follow: body.follow.or(again),
                    sure: body.sure && (parts || !it.is_many()),
                }
            }
        }
    }

    /// Several, one after the other.
    pub(super) fn of_all(parts: &[Node], way: Way) -> Self {
        let shapes = parts.iter().map(|part| Self::of(part, way));
        match way {
            Way::Forward => shapes.fold(Self::EMPTY, Self::then),
            Way::Backward => shapes.rev().fold(Self::EMPTY, Self::then),
        }
    }

    fn then(self, next: Self) -> Self {
        let doubtful =
            self.follow.meets(next.first) || (self.nullable && self.first.meets(next.first));
        let passed = if self.nullable { next.first } else { Bytes::NONE };
        let left = if next.nullable { next.first.or(self.follow) } else { Bytes::NONE };
        Self {
            nullable: self.nullable && next.nullable,
            first: self.first.or(passed),
            follow: next.follow.or(left),
            sure: self.sure && next.sure && !doubtful,
        }
    }

    fn or(self, other: Self) -> Self {
        let doubtful = self.first.meets(other.first) || (self.nullable && other.nullable);
        Self {
            nullable: self.nullable || other.nullable,
            first: self.first.or(other.first),
            follow: self.follow.or(other.follow),
            sure: self.sure && other.sure && !doubtful,
        }
    }
}
