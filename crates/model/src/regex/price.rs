//! What matching an expression may cost at worst, by an engine that goes back to try again.

use super::segment::Segments;
use super::shape::{Shape, Way};
use super::{Bytes, Edge, Node, Refused, Repeat};

/// How many ways there may be, besides where repetitions end, to match the same text.
const MOST_WAYS: u64 = 64;

/// About how many steps of the engine one match may cost where its price grows with the square of
/// the text's length. HAProxy's does 10 million in some 20 ms, and then says that nothing matches.
const STEPS: u64 = 8_000_000;

/// The longest text that any expression with a price like that is matched with.
const LONGEST: u64 = 4_096;

/// The longest text must be at least this, or the expression is of no use.
const USEFUL: u64 = 256;

/// How often the engine can note where to go back to: it has 32 kB and takes 8 bytes for each.
const NOTES: u64 = 3_000;

/// What part of an expression costs.
#[derive(Clone, Copy, Debug)]
struct Price {
    /// In how many ways it may match one text, repetitions without an end apart.
    ways: u64,
    /// With what power of the text's length the number of ways grows.
    degree: u32,
    /// With what power of it the work grows.
    power: u32,
    /// How long a text may be for the engine's notes.
    longest: u64,
}

/// What comes after a part.
#[derive(Clone, Copy, Debug)]
struct Next {
    /// With which bytes it may go on.
    first: Bytes,
    /// Which bytes there may be until the end of the text.
    after: Bytes,
    /// Whether nothing need come, and anything may.
    free: bool,
}

impl Next {
    const END: Self = Self { first: Bytes::NONE, after: Bytes::NONE, free: false };
    /// Where it has matched, whatever comes.
    const DONE: Self = Self { first: Bytes::NONE, after: Bytes::ALL, free: true };
    const ANYTHING: Self = Self { first: Bytes::ALL, after: Bytes::ALL, free: false };

    /// What comes after what is before `node`.
    fn before(self, node: &Node) -> Self {
        if self.free && minds_where(node) {
            return Self::ANYTHING;
        }
        let shape = Shape::of(node, Way::Forward);
        let passed = if shape.nullable { self.first } else { Bytes::NONE };
        Self {
            first: shape.first.or(passed),
            after: self.after.or(node.bytes()),
            free: self.free && shape.nullable,
        }
    }
}

/// Whether it matters to it what is left and right of it. The end does not: who gives bytes back
/// is not there.
fn minds_where(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Byte(_) | Node::Edge(Edge::End) => false,
        Node::Edge(Edge::Start | Edge::Word | Edge::NoWord) => true,
        Node::Then(parts) | Node::Either(parts) => parts.iter().any(minds_where),
        Node::Repeat(it) => minds_where(&it.body),
    }
}

impl Price {
    const NOTHING: Self = Self { ways: 1, degree: 0, power: 0, longest: u64::MAX };

    /// Of what comes next, all is tried again for each way to get there.
    fn then(self, next: Self) -> Self {
        Self {
            ways: self.ways.saturating_mul(next.ways),
            degree: self.degree + next.degree,
            power: self.power.max(self.degree + next.power),
            longest: self.longest.min(next.longest),
        }
    }
}

/// Notes in `segments` what never needs a second thought; how long the text may be that the
/// expression is matched with, `None` if any length will do.
pub(super) fn judge(segments: &mut Segments) -> Result<Option<u64>, Refused> {
    let last = segments.all.len().saturating_sub(1);
    let (mut ways, mut degree, mut power, mut longest) = (1_u64, 0, 1, u64::MAX);
    for (at, segment) in segments.all.iter_mut().enumerate() {
        let next = match (at == last, segments.at_end) {
            (true, true) => Next::END,
            (true, false) => Next::DONE,
            (false, _) => Next::ANYTHING,
        };
        let price = all(&mut segment.parts, next)?;
        let starts = at == 0 && segments.at_start;
        segment.settles = at < last && segment.may_settle(starts);
        let once = price.degree == 0 && price.power < 2 && segment.reads_once();
        // Where attempts do not overlap, all of them together cost what the longest does.
        let apart = segment.is_contained();
        let from_anywhere = |power: u32| if apart { power.max(1) } else { 1 + power };
        let here = match (starts, once) {
            (true, _) => price.power,
            (false, true) => 1,
            (false, false) => from_anywhere(price.power),
        };
        power = power.max(degree + here);
        let tried = ways.saturating_mul(price.ways);
        if !segment.settles {
            degree += if starts { price.degree } else { from_anywhere(price.degree) };
            ways = tried;
        }
        if tried > MOST_WAYS {
            return Err(Refused::TooExpensive);
        }
        longest = longest.min(price.longest);
    }
    if power == 2 {
        longest = longest.min((2 * STEPS / ways).isqrt()).min(LONGEST);
    }
    if power > 2 || longest < USEFUL {
        return Err(Refused::TooExpensive);
    }
    Ok((longest < u64::MAX).then_some(longest))
}

/// Parts one after the other.
fn all(parts: &mut [Node], mut next: Next) -> Result<Price, Refused> {
    let mut price = Price::NOTHING;
    for part in parts.iter_mut().rev() {
        price = one(part, next)?.then(price);
        next = next.before(part);
    }
    Ok(price)
}

fn one(node: &mut Node, next: Next) -> Result<Price, Refused> {
    match node {
        Node::Empty | Node::Byte(_) | Node::Edge(_) => Ok(Price::NOTHING),
        Node::Then(parts) => all(parts, next),
        Node::Either(parts) => either(parts, next),
        Node::Repeat(it) => repeat(it, next),
    }
}

fn either(parts: &mut [Node], next: Next) -> Result<Price, Refused> {
    let shapes = parts.iter().map(|part| Shape::of(part, Way::Forward));
    let mut seen = Bytes::NONE;
    let mut disjoint = true;
    for shape in shapes {
        let first = if shape.nullable { shape.first.or(next.first) } else { shape.first };
        disjoint &= !(seen.meets(first) || shape.nullable && next.free);
        seen = seen.or(first);
    }
    let chain = chain(parts);
    let prices = parts.iter_mut().map(|part| one(part, next)).collect::<Result<Vec<_>, _>>()?;
    let ways = prices.iter().map(|price| price.ways);
    let ways = match chain {
        _ if disjoint => ways.max().unwrap_or(1),
        Some(chain) => chain,
        None => ways.fold(0, u64::saturating_add),
    };
    Ok(Price {
        ways,
        degree: prices.iter().map(|price| price.degree).max().unwrap_or(0),
        power: prices.iter().map(|price| price.power).max().unwrap_or(0),
        longest: prices.iter().map(|price| price.longest).min().unwrap_or(u64::MAX),
    })
}

/// Of plain texts, how many at most match at one place: each begins with the one before.
fn chain(parts: &[Node]) -> Option<u64> {
    let texts = parts.iter().map(text).collect::<Option<Vec<_>>>()?;
    let begins = |text: &[u8]| texts.iter().filter(|other| text.starts_with(other)).count();
    texts.iter().map(|text| begins(text) as u64).max()
}

/// The only text that it matches.
fn text(node: &Node) -> Option<Vec<u8>> {
    let byte = |bytes: &Bytes| match bytes.runs()[..] {
        [(first, last)] if first == last => Some(vec![first]),
        _ => None,
    };
    match node {
        Node::Empty => Some(Vec::new()),
        Node::Byte(bytes) => byte(bytes),
        Node::Then(parts) => Some(parts.iter().map(text).collect::<Option<Vec<_>>>()?.concat()),
        Node::Edge(_) | Node::Either(_) | Node::Repeat(_) => None,
    }
}

fn repeat(it: &mut Repeat, next: Next) -> Result<Price, Refused> {
    let body = Shape::of(&it.body, Way::Forward);
    // One byte ahead says whether it goes on or has come to its end.
    let ends_surely = !body.first.or(body.follow).meets(next.first) && !body.nullable;
    let choices = it.max.map_or(1, |max| u64::from(max - it.min) + 1);
    let (far, many) = (it.is_far(), it.is_many());
    if let Node::Byte(_) = it.body {
        it.keeps = ends_surely;
        let (ways, degree) = match (ends_surely, far) {
            (true, _) => (1, 0),
            (false, true) => (1, 1),
            (false, false) => (choices, 0),
        };
        return Ok(Price { ways, degree, power: u32::from(far), longest: u64::MAX });
    }
    let inner_next = if many {
        Next { first: body.first.or(next.first), after: next.after.or(it.body.bytes()), ..next }
    } else {
        next
    };
    let inner = one(&mut it.body, inner_next)?;
    if !many {
        it.keeps = ends_surely && body.sure && inner.ways == 1 && inner.degree == 0;
        let ways = inner.ways + u64::from(!ends_surely && it.min == 0);
        return Ok(Price { ways, ..inner });
    }
    let parts = body.sure && !body.nullable && !body.follow.meets(body.first);
    if !parts {
        return ambiguous(it, inner, choices);
    }
    it.keeps = ends_surely || ends_by_its_last(it, next);
    // Each byte belongs to one place of one round, so that all rounds together read it but once.
    let power = u32::from(far || inner.power > 0);
    match (it.keeps, far) {
        (true, _) => Ok(Price { ways: 1, degree: 0, power, longest: u64::MAX }),
        (false, false) => {
            let ways = choices.saturating_mul(inner.ways);
            Ok(Price { ways, degree: inner.degree.min(1), power, longest: inner.longest })
        }
        (false, true) => {
            let notes = NOTES / (1 + 2 * turns(&it.body));
            let longest = (notes * it.body.least()).min(inner.longest);
            Ok(Price { ways: inner.ways, degree: 1, power, longest })
        }
    }
}

/// A repetition whose body can be taken apart in several ways is for a small number of times only.
fn ambiguous(it: &Repeat, inner: Price, choices: u64) -> Result<Price, Refused> {
    let Some(max) = it.max.filter(|_| !it.is_far() && inner.power == 0) else {
        return Err(Refused::Nested);
    };
    let ways = inner.ways.saturating_add(1).saturating_pow(max).saturating_mul(choices);
    Ok(Price { ways, ..inner })
}

/// Whether every round ends with a byte that cannot come after the last one.
fn ends_by_its_last(it: &Repeat, next: Next) -> bool {
    let back = Shape::of(&it.body, Way::Backward);
    !back.nullable && !back.first.meets(next.after)
}

/// How many choices there are in one round.
fn turns(node: &Node) -> u64 {
    match node {
        Node::Empty | Node::Byte(_) | Node::Edge(_) => 0,
        Node::Then(parts) => parts.iter().map(turns).sum(),
        Node::Either(parts) => 1 + parts.iter().map(turns).sum::<u64>(),
        Node::Repeat(it) => {
            let rounds = if it.is_far() { 1 } else { u64::from(it.max.unwrap_or(1)) };
            1 + turns(&it.body) * rounds
        }
    }
}
