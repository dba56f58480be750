//! What all views have in common (contract 2.0).

use std::fmt::Display;

use evenkeel_model::{Record, Resource, Timestamp};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// A moment as clients read it: no zone, and whole seconds (contract 1.5).
pub fn moment(at: Timestamp) -> String {
    let seconds = at.micros().div_euclid(1_000_000);
    // What the calendar does not reach is shown as its beginning.
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// References to other objects: `[{"id": …}]`.
pub(crate) fn links<I: Display>(ids: impl IntoIterator<Item = I>) -> Value {
    ids.into_iter().map(|id| json!({"id": id.to_string()})).collect()
}

/// An id or another word, or null.
pub(crate) fn text<T: Display>(value: Option<T>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.to_string()))
}

/// A list of texts.
pub(crate) fn texts<T: Display>(values: impl IntoIterator<Item = T>) -> Value {
    values.into_iter().map(|value| Value::String(value.to_string())).collect()
}

/// What every object shows, around `own`, what only its kind does.
pub(crate) fn shown<T: Resource>(record: &Record<T>, own: Value) -> Value {
    let mut view = Map::new();
    view.insert("id".to_owned(), json!(record.value.id().to_string()));
    if let Value::Object(own) = own {
        view.extend(own);
    }
    let common = json!({
        "provisioning_status": record.provisioning_status.word(),
        "operating_status": record.operating_status.word(),
        "status_reason": record.status_reason,
        "project_id": record.project.as_str(),
        "tenant_id": record.project.as_str(),
        "created_at": moment(record.created_at),
        "updated_at": record.updated_at.map(moment),
    });
    if let Value::Object(common) = common {
        view.extend(common);
    }
    Value::Object(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_no_zone() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00"),
            (1_785_578_400_000_042, "2026-08-01T10:00:00"),
            (i64::MAX, "1970-01-01T00:00:00"),
        ] {
            assert_eq!(moment(Timestamp::from_micros(micros)), text);
        }
    }
}
