//! Whatever is written is read back as the same words, by the rules of HAProxy's parser.

use evenkeel_model::text::{CookieName, Token};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// The words of a line as HAProxy finds them: blanks part words, `#` ends the line, a backslash
/// takes the special meaning of some characters, double quotes that of blanks, and single quotes
/// that of everything. An environment variable within double quotes would be filled in.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut single, mut double) = (false, false);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' if !double => {
                single = !single;
                word.get_or_insert_default();
            }
            '"' if !single => {
                double = !double;
                word.get_or_insert_default();
            }
            _ if single => word.get_or_insert_default().push(c),
            '\\' => word.get_or_insert_default().extend(rest.next()),
            '$' => panic!("a variable would be filled in: {line}"),
            '#' if !double => break,
            ' ' | '\t' if !double => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    assert!(!single && !double, "a quote is left open: {line}");
    words.extend(word);
    words
}

/// Text as it might come: anything, with what is special being frequent.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        " \t\n\r\0'\"\\#$%{}[]()<>!,;:~/-ü\u{85}\u{2028}".chars().collect::<Vec<_>>(),
    );
    let c = prop_oneof![any::<char>(), special, prop::char::range('a', 'z')];
    vec(c, 0..40).prop_map(|them| them.into_iter().collect())
}

/// A token with all that a token may have.
fn token() -> impl Strategy<Value = Token> {
    let byte = (0x21_u8..0x7f)
        .prop_filter("not in tokens", |byte| evenkeel_model::text::is_token_byte(*byte));
    vec(byte.prop_map(char::from), 1..20)
        .prop_map(|them| Token::try_from(them.into_iter().collect::<String>()).expect("a token"))
}

fn writable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_control() && c != '\t')
}

/// What a log-format yields if nothing in it is evaluated.
fn evaluated(format: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c == '%' && rest.next() != Some('%') {
            return None;
        }
        text.push(c);
    }
    Some(text)
}

proptest! {
    #[test]
    fn a_word_comes_back_alone(text in text()) {
        match Word::quoted(&text) {
            Ok(word) => {
                prop_assert!(writable(&text));
                let line = Line::new("keyword").word(word).words("last");
                prop_assert_eq!(words(&line.to_string()), ["keyword", &text, "last"]);
            }
            Err(Unwritable) => prop_assert!(!writable(&text)),
        }
    }

    #[test]
    fn a_section_has_as_many_lines_as_were_added(texts in vec(text(), 0..5)) {
        let mut section = Section::new(Line::new("backend"));
        let mut added = 0;
        for word in texts.iter().filter_map(|text| Word::quoted(text).ok()) {
            section.add(Line::empty().word(word));
            added += 1;
        }
        let shown = section.to_string();
        prop_assert_eq!(shown.split(['\n', '\r', '\0']).count(), added + 2);
        let lines: Vec<_> = shown.lines().skip(1).map(words).collect();
        let expected = texts.into_iter().filter(|text| writable(text)).map(|text| vec![text]);
        prop_assert_eq!(lines, expected.collect::<Vec<_>>());
    }

    #[test]
    fn nothing_of_a_tenant_is_evaluated(text in text()) {
        if let Ok(format) = LogFormat::new().literal(&text) {
            let line = Line::empty().word(format).to_string();
            let [word] = &words(&line)[..] else { panic!("more than a word: {line}") };
            prop_assert_eq!(evaluated(word), Some(text));
        }
    }

    #[test]
    fn a_name_stays_within_its_parentheses(name in token()) {
        let line = Line::empty().word(Fetch::named("req.hdr", &name)).to_string();
        let expected = format!("req.hdr({})", name.as_str().replace('\'', r"\'"));
        prop_assert_eq!(words(&line), [expected.clone()]);
        let name = CookieName::try_from(name.as_str().to_owned()).expect("a token");
        let line = Line::empty().word(Fetch::cookie("req.hdr", &name)).to_string();
        prop_assert_eq!(words(&line), [expected]);
    }

    #[test]
    fn what_is_read_from_a_file_is_checked_again(text in text()) {
        let kept = serde_json::to_string(&text).expect("text is JSON");
        prop_assert_eq!(serde_json::from_str::<Word>(&kept).is_ok(), writable(&text));
    }
}

#[test]
fn times_carry_their_unit() {
    use std::time::Duration;
    assert_eq!(Word::from(Duration::from_millis(1_500)).as_str(), "1500ms");
    assert_eq!(Word::from(Duration::from_secs(50)).as_str(), "50s");
    assert_eq!(Word::from(Duration::ZERO).as_str(), "0s");
}

#[test]
fn an_address_of_version_6_is_in_brackets() {
    let address: std::net::IpAddr = "fd00::5".parse().unwrap();
    assert_eq!(Word::from(address).as_str(), "[fd00::5]");
    let socket = std::net::SocketAddr::new(address, 80);
    assert_eq!(Word::from(socket).as_str(), "[fd00::5]:80");
}
