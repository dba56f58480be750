//! How messages write values: as Python does, since that is what clients have seen so far.

use std::fmt::Write as _;

use serde_json::Value;

/// The most characters of a client's own text that a message repeats.
const MAX: usize = 512;

/// The value as a message shows it: texts bare, `None`, `True`, lists in brackets.
pub fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let mut out = String::new();
            write_value(&mut out, value);
            shortened(&out)
        }
    }
}

/// The beginning of a long text.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn write_value(out: &mut String, value: &Value) {
    // What is beyond is cut off anyway.
    if out.len() > 4 * MAX {
        return;
    }
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => {
            // Writing to a string cannot fail.
            let _ = write!(out, "{number}");
        }
        Value::String(text) => {
            let _ = write!(out, "'{}'", shortened(text));
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, item)) in map.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let _ = write!(out, "{comma}'{}': ", shortened(key));
                write_value(out, item);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_in_python() {
        assert_eq!(spoken(&json!(null)), "None");
        assert_eq!(spoken(&json!("text")), "text");
        assert_eq!(spoken(&json!({"a": [1, true, "x"]})), "{'a': [1, True, 'x']}");
    }

    #[test]
    fn a_message_repeats_only_the_beginning_of_a_long_text() {
        assert_eq!(spoken(&json!("ü".repeat(2000))).chars().count(), MAX + 1);
        assert!(spoken(&json!(vec!["x".repeat(1000); 1000])).chars().count() <= MAX + 1);
    }
}
