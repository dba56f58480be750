//! How RFC 7047 (5.1) writes sets, maps and references to rows in JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A map of words.
pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let pairs: Vec<Value> = pairs.into_iter().map(|(key, word)| json!([key, word])).collect();
    json!(["map", pairs])
}

/// The words of a map; none if it is something else.
pub fn words(map: &Value) -> BTreeMap<String, String> {
    let pairs = tagged(map, "map").and_then(Value::as_array);
    let pair =
        |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
    pairs.into_iter().flatten().filter_map(pair).collect()
}

/// The elements of a set; one element stands for the set of it.
pub fn elements(set: &Value) -> Vec<&Value> {
    match tagged(set, "set").and_then(Value::as_array) {
        Some(elements) => elements.iter().collect(),
        None => vec![set],
    }
}

/// The number in a set of one.
pub fn number(set: &Value) -> Option<i64> {
    elements(set).first().and_then(|it| it.as_i64())
}

/// The word in a set of one.
pub fn word(set: &Value) -> Option<&str> {
    elements(set).first().and_then(|it| it.as_str())
}

/// The rows that a `select` gave.
pub fn rows(result: Option<&Value>) -> &[Value] {
    let rows = result.and_then(|it| it.get("rows")).and_then(Value::as_array);
    rows.map(Vec::as_slice).unwrap_or_default()
}

fn tagged<'a>(value: &'a Value, tag: &str) -> Option<&'a Value> {
    (value.get(0)?.as_str()? == tag).then(|| value.get(1)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_as_it_was_written() {
        let written = map([("iface-id", "1".to_owned()), ("evenkeel", "2".to_owned())]);
        assert_eq!(written, json!(["map", [["iface-id", "1"], ["evenkeel", "2"]]]));
        assert_eq!(words(&written)["evenkeel"], "2");
        for nonsense in [json!([]), json!(["map"]), json!(["map", 1]), json!("map"), json!(null)] {
            assert!(words(&nonsense).is_empty(), "{nonsense}");
        }
    }

    #[test]
    fn an_element_is_a_set_of_one() {
        assert_eq!(number(&json!(7)), Some(7));
        assert_eq!(number(&json!(["set", []])), None);
        assert_eq!(number(&json!(["set", [4095]])), Some(4095));
        assert_eq!(word(&json!("trunk")), Some("trunk"));
        assert_eq!(elements(&json!(["uuid", "a"])), [&json!(["uuid", "a"])]);
        assert_eq!(elements(&json!(["set", [["uuid", "a"], ["uuid", "b"]]])).len(), 2);
    }
}
