//! What is between the places where anything may come.
//!
//! `^/api/.*/v[0-9]+/.*\.json$` has three segments. When only "does it match" is asked, each of
//! them may be looked for once, from the left, and never again: if the earliest match of one does
//! not lead to a match of all, no later one does. This is what makes most expressions linear.

use super::shape::{Shape, Way};
use super::{Bytes, Edge, Node, Repeat};

/// An expression, cut where anything may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Whether the first stands at the beginning of the text, and not just anywhere.
    pub at_start: bool,
    /// From left to right; none if everything matches.
    pub all: Vec<Segment>,
    /// Whether the last ends where the text does.
    pub at_end: bool,
}

/// Part of an expression in which nothing may just come in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its parts, one after the other.
    pub parts: Vec<Node>,
    /// Whether its first match from the left is as good as any other.
    pub settles: bool,
}

impl Segments {
    pub(super) fn of(node: Node) -> Self {
        let mut parts = flat(node);
        let at_start = strip(&mut parts, <[Node]>::first, Edge::Start, |parts| parts.remove(0));
        let at_end = strip(&mut parts, <[Node]>::last, Edge::End, |parts| {
            parts.pop().expect("it has a last part")
        });
        let mut cut: Vec<Vec<Node>> = vec![Vec::new()];
        for part in parts.into_iter().flat_map(without_end) {
            if part.is_anything() {
                cut.push(Vec::new());
            } else {
                cut.last_mut().expect("there is always one").push(part);
            }
        }
        Self::trimmed(at_start, cut, at_end)
    }

    fn trimmed(at_start: bool, mut cut: Vec<Vec<Node>>, at_end: bool) -> Self {
        let last = cut.len() - 1;
        for (at, parts) in cut.iter_mut().enumerate() {
            if at > 0 || !at_start {
                trim(parts, 0);
            }
            if at < last || !at_end {
                trim_end(parts);
            }
        }
        let at_start = at_start && (last == 0 && at_end || !cut[0].is_empty());
        let at_end = at_end && (last == 0 && at_start || !cut[last].is_empty());
        let alone = last == 0 && at_start && at_end;
        let all = cut
            .into_iter()
            .filter(|parts| alone || !parts.is_empty())
            .map(|parts| Segment { parts, settles: false })
            .collect();
        Self { at_start, all, at_end }
    }
}

/// The parts of a sequence.
fn flat(node: Node) -> Vec<Node> {
    match node {
        Node::Then(parts) => parts.into_iter().flat_map(flat).collect(),
        Node::Empty => Vec::new(),
        Node::Byte(_) | Node::Edge(_) | Node::Either(_) | Node::Repeat(_) => vec![node],
    }
}

/// Takes all such edges away from one end; whether there were any.
fn strip(
    parts: &mut Vec<Node>,
    end: fn(&[Node]) -> Option<&Node>,
    edge: Edge,
    take: fn(&mut Vec<Node>) -> Node,
) -> bool {
    let mut found = false;
    while end(parts) == Some(&Node::Edge(edge)) {
        take(parts);
        found = true;
    }
    found
}

/// `.{3,}` as three bytes and anything.
fn without_end(part: Node) -> Vec<Node> {
    let Node::Repeat(it) = &part else { return vec![part] };
    if it.max.is_some() || it.min == 0 || it.body != Node::Byte(Bytes::ALL) {
        return vec![part];
    }
    let counted = Node::repeat(it.body.clone(), it.min, Some(it.min));
    vec![counted, Node::repeat(it.body.clone(), 0, None)]
}

/// Where anything may come before, a repetition need not come more often than it must.
fn trim(parts: &mut Vec<Node>, at: usize) {
    while let Some(Node::Repeat(it)) = parts.get(at) {
        if it.max == Some(it.min) && it.min != 1 && it.min != 0 {
            return;
        }
        let least = least(it);
        parts.splice(at..=at, least);
    }
}

fn trim_end(parts: &mut Vec<Node>) {
    while let Some(Node::Repeat(it)) = parts.last() {
        if it.max == Some(it.min) && it.min != 1 && it.min != 0 {
            return;
        }
        let least = least(it);
        parts.pop();
        parts.extend(least);
    }
}

fn least(it: &Repeat) -> Vec<Node> {
    match it.min {
        0 => Vec::new(),
        1 => flat(it.body.clone()),
        min => vec![Node::repeat(it.body.clone(), min, Some(min))],
    }
}

impl Segment {
    /// The length of all its matches, if there is only one.
    fn length(&self) -> Option<u64> {
        self.parts.iter().map(Node::length).sum()
    }

    /// Whether no match of it can begin within another, but at its last byte.
    pub(super) fn is_contained(&self) -> bool {
        let [Node::Byte(first), inner @ .., Node::Byte(_)] = &self.parts[..] else {
            return false;
        };
        !inner.iter().any(|part| part.bytes().meets(*first))
    }

    /// Whether attempts to match it from every place of a text read each byte but a few times.
    pub(super) fn reads_once(&self) -> bool {
        let back = Shape::of_all(&self.parts, Way::Backward);
        // From any place within, one way leads back to one beginning.
        let one_origin = back.sure && back.follow == Bytes::NONE;
        self.length().is_some() || one_origin || self.is_contained()
    }

    /// Whether the leftmost match is the one that ends first. `starts` says that it can begin at
    /// one place only.
    pub(super) fn may_settle(&self, starts: bool) -> bool {
        let shape = Shape::of_all(&self.parts, Way::Forward);
        let one_end = shape.sure && shape.follow == Bytes::NONE;
        self.length().is_some() || (one_end && (starts || self.is_contained()))
    }
}
