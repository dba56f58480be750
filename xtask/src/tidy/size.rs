//! Files and functions that a reader can hold in mind.

use super::Breach;
use super::function::{self, Function};
use super::source::Source;

const FILE: usize = 600;
const FUNCTION: usize = 70;

/// Files that may be longer, with their length. Entries may shrink and go; none may be added.
const LONGER: &[(&str, usize)] = &[];

/// The length of the file and of its functions.
pub(crate) fn check(source: &Source) -> Vec<Breach> {
    file(source, LONGER)
        .into_iter()
        .chain(function::all(source).iter().filter_map(|function| long(source, function)))
        .collect()
}

fn file(source: &Source, longer: &[(&str, usize)]) -> Option<Breach> {
    let lines = source.text.lines().count();
    let listed = longer.iter().find(|(path, _)| *path == source.path);
    let limit = listed.map_or(FILE, |&(_, length)| length);
    let says = if lines > limit {
        format!("{lines} lines, at most {limit}: look for the second noun in it")
    } else if listed.is_some() && lines < limit {
        format!("{lines} lines: lower its number in xtask/src/tidy/size.rs, or strike it out")
    } else {
        return None;
    };
    Some(Breach::new(&source.path, says))
}

fn long(source: &Source, function: &Function<'_>) -> Option<Breach> {
    let lines = 1 + source.code[function.span.clone()].matches('\n').count();
    (lines > FUNCTION).then(|| {
        Breach::new(
            source.place(function.span.start),
            format!("`{}` has {lines} lines, at most {FUNCTION}: name its parts", function.name),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: usize) -> Source {
        Source::new("crates/x/src/a.rs", "// a\n".repeat(lines))
    }

    #[test]
    fn a_file_ends_at_six_hundred_lines() {
        assert_eq!(check(&of(600)), []);
        assert_eq!(check(&of(601)).len(), 1);
    }

    #[test]
    fn the_list_of_longer_files_only_shrinks() {
        let list: &[(&str, usize)] = &[("crates/x/src/a.rs", 700)];
        assert!(file(&of(700), list).is_none());
        assert!(file(&of(701), list).is_some_and(|breach| breach.says.contains("at most 700")));
        assert!(file(&of(699), list).is_some_and(|breach| breach.says.contains("lower")));
    }

    #[test]
    fn a_function_ends_at_seventy_lines() {
        let with = |lines: usize| {
            let body = "    a();\n".repeat(lines - 2);
            Source::new("crates/x/src/a.rs", format!("\nfn long() {{\n{body}}}\n"))
        };
        assert_eq!(check(&with(70)), []);
        let breaches = check(&with(71));
        assert_eq!(breaches.len(), 1);
        assert_eq!(breaches[0].place, "crates/x/src/a.rs:2");
    }
}
