//! Which load balancer is meant.

use anyhow::bail;

use super::node::Entry;

/// The one with this id or name, or the only one whose id begins so.
///
/// # Errors
///
/// None, or several; the message lists them.
pub(super) fn choose<'a>(entries: &'a [Entry], wanted: &str) -> anyhow::Result<&'a Entry> {
    let ways: [fn(&Entry, &str) -> bool; 3] = [
        |entry, wanted| entry.id() == wanted,
        |entry, wanted| entry.held.name == wanted,
        |entry, wanted| entry.id().starts_with(wanted),
    ];
    for is_meant in ways {
        let meant: Vec<&Entry> = entries.iter().filter(|entry| is_meant(entry, wanted)).collect();
        match meant[..] {
            [] => {}
            [only] => return Ok(only),
            _ => bail!("{wanted} may be any of these; give more of the id:\n{}", names(&meant)),
        }
    }
    let all: Vec<&Entry> = entries.iter().collect();
    bail!("no load balancer on this node is {wanted}; there are:\n{}", names(&all))
}

fn names(entries: &[&Entry]) -> String {
    let lines = entries.iter().map(|entry| format!("  {}  {}", entry.id(), entry.name()));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use evenkeel_agent::Held;
    use uuid::Uuid;

    use super::*;

    fn entry(id: u128, name: &str) -> Entry {
        let id = Uuid::from_u128(id).into();
        Entry {
            held: Held { id, name: name.to_owned(), recorded: true, site: None },
            state_directory: "/nowhere".into(),
        }
    }

    #[test]
    fn an_id_comes_before_a_name_and_a_name_before_a_beginning() {
        let entries = [entry(1 << 124, "web"), entry(2 << 124, "1"), entry(3 << 124, "db")];
        let chosen = |wanted| choose(&entries, wanted).map(Entry::name);
        let id = entries[2].id();
        assert_eq!(chosen(&id).unwrap(), "db");
        assert_eq!(chosen("web").unwrap(), "web");
        assert_eq!(chosen("1").unwrap(), "1");
        assert_eq!(chosen("10000").unwrap(), "web");
    }

    #[test]
    fn who_is_not_the_only_one_is_not_guessed() {
        let entries = [entry(1, "web"), entry(2, "web"), entry(3, "two\nlines")];
        for wanted in ["web", "0000", "mail"] {
            let said = choose(&entries, wanted).unwrap_err().to_string();
            assert!(said.contains(&entries[1].id()), "{said}");
        }
        let said = choose(&entries, "mail").unwrap_err().to_string();
        assert!(said.contains(r"two\nlines"), "{said}");
    }
}
