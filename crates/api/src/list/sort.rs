//! In which order a list comes (contract 4.4), asked for in either of two forms.

use super::Pairs;
use crate::Fault;
use crate::decode::shortened;

/// A direction of sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From low to high.
    Ascending,
    /// From high to low.
    Descending,
}

/// One field that a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Its name, as it was typed.
    pub name: String,
    /// In which direction.
    pub direction: Direction,
}

/// The most fields that a list is sorted by; none has as many.
const MAX_KEYS: usize = 64;

pub(super) fn keys(pairs: &Pairs) -> Result<Vec<SortKey>, Fault> {
    let mut keys: Vec<SortKey> = Vec::new();
    // The newer form takes precedence.
    let found = if pairs.all("sort").next().is_some() { newer(pairs)? } else { older(pairs)? };
    for key in found {
        // Twice the same field is no other order than once.
        if !keys.iter().any(|known| known.name == key.name) {
            keys.push(key);
        }
        if keys.len() > MAX_KEYS {
            return Err(refuse("Malformed sort parameter: too many keys.".to_owned()));
        }
    }
    Ok(keys)
}

/// `sort=name:desc,id`
fn newer(pairs: &Pairs) -> Result<Vec<SortKey>, Fault> {
    let parts = pairs.all("sort").flat_map(|value| value.split(','));
    parts
        .filter(|part| !part.is_empty())
        .map(|part| match *part.split(':').collect::<Vec<_>>() {
            [name] => Ok(SortKey { name: name.to_owned(), direction: Direction::Ascending }),
            [name, word] => Ok(SortKey { name: name.to_owned(), direction: direction(word)? }),
            _ => Err(refuse(format!("Malformed sort parameter '{}'.", shortened(part)))),
        })
        .collect()
}

/// `sort_key=name,id&sort_dir=desc`
fn older(pairs: &Pairs) -> Result<Vec<SortKey>, Fault> {
    let list = |name| {
        let parts = pairs.all(name).flat_map(|value: &str| value.split(','));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    let directions = list("sort_dir").into_iter().map(direction).collect::<Result<Vec<_>, _>>()?;
    let rest = std::iter::repeat(Direction::Ascending);
    let names = list("sort_key").into_iter();
    Ok(names
        .zip(directions.into_iter().chain(rest))
        .map(|(name, direction)| SortKey { name: name.to_owned(), direction })
        .collect())
}

fn direction(word: &str) -> Result<Direction, Fault> {
    match word {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        _ => {
            let word = shortened(word);
            Err(refuse(format!("Supplied sort direction '{word}' is not valid.")))
        }
    }
}

fn refuse(message: String) -> Fault {
    Fault::routing(400, "Bad Request", message)
}
