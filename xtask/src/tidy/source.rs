//! The Rust files of the workspace, and what in them is code.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::shell::root;

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the workspace, with slashes.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// The same bytes at the same places, but with comments and literals blanked out.
    pub(crate) code: String,
}

impl Source {
    /// A file with this text.
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let code = blank(&text);
        Self { path: path.into(), text, code }
    }

    /// The number of the line that holds this byte, from 1.
    pub(crate) fn line(&self, byte: usize) -> usize {
        1 + self.text[..byte].matches('\n').count()
    }

    /// The place of this byte, for a person or an editor.
    pub(crate) fn place(&self, byte: usize) -> String {
        format!("{}:{}", self.path, self.line(byte))
    }

    /// Where the code that only tests run begins: it stands at the foot of a file.
    pub(crate) fn tests_from(&self) -> usize {
        let whole = self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.starts_with("crates/e2e/") && !self.path.contains("/bin/");
        if whole {
            return 0;
        }
        self.code.find("#[cfg(test)]").unwrap_or(self.code.len())
    }
}

/// Every Rust file of ours.
pub(crate) fn all() -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root().join(folder), &mut sources)?;
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn collect(folder: &Path, sources: &mut Vec<Source>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let inside = path.strip_prefix(root()).unwrap_or(&path);
            sources.push(Source::new(inside.to_string_lossy(), text));
        }
    }
    Ok(())
}

/// The text with comments and literals replaced by blanks, line ends kept.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    while code.len() < bytes.len() {
        let at = code.len();
        match hidden(bytes, at) {
            None => code.push(bytes[at]),
            Some(end) => {
                let end = end.clamp(at + 1, bytes.len());
                code.extend(bytes[at..end].iter().map(|&byte| match byte {
                    b'\n' => b'\n',
                    _ => b' ',
                }));
            }
        }
    }
    String::from_utf8(code).expect("only whole comments and literals are replaced, by ASCII")
}

/// The end of the comment or literal that begins here, if one does.
fn hidden(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes[at], bytes.get(at + 1)) {
        (b'/', Some(b'/')) => Some(until(bytes, at, b"\n")),
        (b'/', Some(b'*')) => Some(block_comment(bytes, at)),
        (b'"', _) => Some(string(bytes, at)),
        (b'r', Some(b'"' | b'#')) => raw_string(bytes, at),
        (b'\'', _) => character(bytes, at),
        _ => None,
    }
}

/// Where `needle` begins, or the end.
fn until(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(needle.len())
        .position(|window| window == needle)
        .map_or(bytes.len(), |offset| from + offset)
}

fn block_comment(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 2;
    let mut depth = 1;
    while depth > 0 && at < bytes.len() {
        let (step, change) = match bytes.get(at..at + 2) {
            Some(b"/*") => (2, 1),
            Some(b"*/") => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth += change;
    }
    at
}

fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let quote = start + 1 + hashes;
    if bytes.get(quote) != Some(&b'"') {
        return None; // an identifier such as `r#type`
    }
    let mut closing = vec![b'"'];
    closing.resize(1 + hashes, b'#');
    Some(until(bytes, quote + 1, &closing) + closing.len())
}

/// A character, as opposed to a lifetime.
fn character(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start + 1) == Some(&b'\\') {
        return Some(until(bytes, start + 3, b"'") + 1);
    }
    let width = match bytes.get(start + 1)? {
        0xF0.. => 4,
        0xE0..=0xEF => 3,
        0xC0..=0xDF => 2,
        _ => 1,
    };
    (bytes.get(start + 1 + width) == Some(&b'\'')).then_some(start + width + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text =
            "a // b\nc /* d /* e */ \n */ f(\"g \\\" h\", r#\"i \" j\"#, 'k', '\\'', 'ü', b'l')";
        let code = blank(text);
        assert_eq!(code.len(), text.len());
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "c", "f(", ",", ",", ",", ",", ",", "b", ")"]);
        assert_eq!(code.matches('\n').count(), 2);
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        let text = "fn r#type<'a>(x: &'a str) -> &'a str { x }";
        assert_eq!(blank(text), text);
    }

    #[test]
    fn what_never_ends_ends_with_the_file() {
        for text in ["/* a", "\"a", "r#\"a", "'\\", "\"a\\"] {
            assert_eq!(blank(text).trim(), "", "{text}");
        }
    }

    #[test]
    fn tests_begin_at_the_foot_or_with_the_file() {
        let unit = Source::new("crates/x/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {}\n");
        assert_eq!(unit.line(unit.tests_from()), 2);
        assert_eq!(Source::new("crates/x/tests/behaviour/main.rs", "").tests_from(), 0);
        let plain = Source::new("crates/x/src/b.rs", "fn b() {}");
        assert_eq!(plain.tests_from(), plain.text.len());
    }
}
