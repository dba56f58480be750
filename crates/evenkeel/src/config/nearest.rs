//! Which key was probably meant.

/// How many letters may be wrong in what is taken for a typing error.
const AT_MOST: usize = 3;

/// The nearest of the keys that serde's refusal of an unknown one lists.
pub(super) fn of_refusal(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown field `")?.split('`').step_by(2);
    let unknown = quoted.next()?;
    let near = quoted.filter(|known| !known.is_empty());
    let near = near.map(|known| (distance(unknown, known), known)).min()?;
    (near.0 <= AT_MOST).then_some(near.1)
}

/// How many letters must be added, taken away or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, known) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != *known);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        assert_eq!(distance("socket", "socket"), 0);
        assert_eq!(distance("sokcet", "socket"), 2);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_what_is_near_is_named() {
        let known = "expected one of `bind`, `prefix`";
        assert_eq!(of_refusal(&format!("unknown field `bnid`, {known}")), Some("bind"));
        assert_eq!(of_refusal(&format!("unknown field `colour`, {known}")), None);
        assert_eq!(of_refusal("invalid type"), None);
    }
}
