//! One event as one line of text, whatever a client has put into it. Pure but for the time.

use std::fmt::Write;
use std::time::SystemTime;

use time::OffsetDateTime;

/// The words of severities (RFC 5424), by their numbers.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];

/// A proxy that HAProxy has for itself.
const INTERNAL: &str = "Proxy <HTTPCLIENT> ";

/// The line for what HAProxy has sent, which begins with its severity as `<6>`; none for what
/// concerns nobody.
pub(super) fn of(message: &[u8]) -> Option<String> {
    let (level, text) = match message {
        [b'<', number @ b'0'..=b'7', b'>', text @ ..] => (usize::from(number - b'0'), text),
        text => (6, text),
    };
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    (!text.starts_with(INTERNAL.as_bytes())).then(|| stamped(LEVELS[level], &escaped(text)))
}

/// The line for lines that there are not.
pub(super) fn dropped(count: u64) -> String {
    stamped("warning", &format!("dropped {count} lines, which were more than are kept"))
}

fn stamped(level: &str, text: &str) -> String {
    format!("{} {level} {text}\n", moment(OffsetDateTime::from(SystemTime::now())))
}

/// RFC 3339, in UTC, with milliseconds.
fn moment(at: OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let milli = at.millisecond();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Without anything that ends a line or steers a terminal: `\u{1b}` stands for an escape, `\xff` for
/// a byte that is no text, `\\` for a backslash.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            // A line or paragraph separator, and what turns the direction of writing.
            let steers = matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            match letter {
                '\\' => text.push_str(r"\\"),
                letter if letter.is_control() || steers => text.extend(letter.escape_unicode()),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, r"\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_has_time_level_and_text() {
        let line = of(b"<1>Server b/s1 is DOWN.\n").unwrap();
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), "2026-11-24T15:50:12.345Z".len());
        assert_eq!(rest, "alert Server b/s1 is DOWN.\n");
        assert!(of(b"no severity").unwrap().ends_with(" info no severity\n"));
        assert!(of(b"").unwrap().ends_with(" info \n"));
        assert_eq!(of(b"<4>Proxy <HTTPCLIENT> stopped."), None);
        assert_eq!(moment(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_steers_terminals_is_shown() {
        let line = of(b"<6>a\x1b[2Jb\r\nc\xffd\\e\x7f\xe2\x80\xa8\xc2\x9b").unwrap();
        let shown = r"a\u{1b}[2Jb\u{d}\u{a}c\xffd\\e\u{7f}\u{2028}\u{9b}";
        assert!(line.ends_with(&format!(" info {shown}\n")), "{line}");
    }

    proptest! {
        #[test]
        fn an_event_is_one_line(message: Vec<u8>) {
            if let Some(line) = of(&message) {
                prop_assert!(line.ends_with('\n'));
                prop_assert!(!line.trim_end_matches('\n').chars().any(char::is_control));
                prop_assert_eq!(line.lines().count(), 1);
            }
        }
    }
}
