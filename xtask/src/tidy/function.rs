//! Where functions begin and end.

use std::ops::Range;

use super::source::Source;

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The bytes from its `fn` to its closing brace.
    pub(crate) span: Range<usize>,
}

/// Every function of a file, outer before inner.
pub(crate) fn all(source: &Source) -> Vec<Function<'_>> {
    let code = source.code.as_str();
    words(code).filter(|&(_, word)| word == "fn").filter_map(|(at, _)| function(code, at)).collect()
}

/// Every word of the code, with its place.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - code.as_ptr().addr(), word))
}

fn function(code: &str, start: usize) -> Option<Function<'_>> {
    // A pointer type such as `fn(u8)` has no name; then the next word is not a definition's.
    let rest = code[start + 2..].trim_start();
    let (0, name) = words(rest).next()? else {
        return None;
    };
    let open = body(code, start)?;
    let end = closing(code, open)?;
    Some(Function { name, span: start..end })
}

/// The opening brace of the body; none for a declaration in a trait.
fn body(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(offset + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_their_ends() {
        let source = Source::new(
            "a.rs",
            "trait T { fn declared(&self, a: [u8; 4]); }\n\
             type P = fn(u8) -> u8;\n\
             fn outer() {\n    let s = \"}\";\n    fn inner() {}\n}\nfn next() {}\n",
        );
        let found: Vec<(&str, usize, usize)> = all(&source)
            .iter()
            .map(|function| {
                let Range { start, end } = function.span;
                (function.name, source.line(start), source.line(end))
            })
            .collect();
        assert_eq!(found, [("outer", 3, 6), ("inner", 5, 5), ("next", 7, 7)]);
    }
}
