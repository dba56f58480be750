//! A line of a log as an object. Pure.

use serde_json::{Map, Value, json};

/// Time, level and text of a line; of one on a request or connection also its fields, each under
/// its own name, numbers as numbers.
pub(super) fn object(line: &str) -> Value {
    let mut parts = line.splitn(3, ' ');
    let (time, level) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let text = parts.next().unwrap_or_default();
    let mut object = Map::new();
    object.insert("time".to_owned(), json!(time));
    object.insert("level".to_owned(), json!(level));
    if let Some((kind @ ("http" | "tcp"), fields)) = text.split_once(' ') {
        object.insert("kind".to_owned(), json!(kind));
        object.extend(pairs(fields));
    } else {
        object.insert("kind".to_owned(), json!("notice"));
        object.insert("message".to_owned(), json!(text));
    }
    Value::Object(object)
}

/// `name=value`, one after the other; the path is the last, and all that follows is part of it.
fn pairs(fields: &str) -> Vec<(String, Value)> {
    let (fields, path) = match fields.split_once(" path=") {
        Some((fields, path)) => (fields, Some(path)),
        None => (fields, None),
    };
    let known = fields.split(' ').filter_map(|field| field.split_once('='));
    let pairs = known.map(|(name, value)| {
        let number = value.parse::<i64>().map(|number| json!(number));
        (name.to_owned(), number.unwrap_or_else(|_| json!(value)))
    });
    pairs.chain(path.map(|path| ("path".to_owned(), json!(path)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_fields() {
        let line = "2026-11-24T15:50:12.345Z info http listener=a member=<NOSRV> client=::1:9 \
                    status=503 connect_ms=-1 method=GET path=/a b=c";
        let expected = json!({
            "time": "2026-11-24T15:50:12.345Z", "level": "info", "kind": "http", "listener": "a",
            "member": "<NOSRV>", "client": "::1:9", "status": 503, "connect_ms": -1,
            "method": "GET", "path": "/a b=c",
        });
        assert_eq!(object(line), expected);
    }

    #[test]
    fn what_haproxy_says_of_itself_is_a_message() {
        let line = "2026-11-24T15:50:12.345Z alert Server a/b is DOWN.";
        let said = object(line);
        assert_eq!(
            (&said["kind"], &said["message"]),
            (&json!("notice"), &json!("Server a/b is DOWN."))
        );
        assert_eq!(object("")["level"], json!(""));
    }
}
