//! What all views have in common (contract 2.0).

use std::fmt::Display;

use evenkeel_model::{Record, Resource, Timestamp};
use serde_json::{Map, Value, json};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// A moment as clients read it: no zone, and a fraction only if there is one (contract 1.5).
pub fn moment(at: Timestamp) -> String {
    let nanos = i128::from(at.micros()) * 1000;
    // What the calendar does not reach is shown as its beginning.
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match at.microsecond() {
        0 => whole,
        micros => format!("{whole}.{micros:06}"),
    }
}

/// The moment that [`moment`] wrote so.
pub fn read_moment(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', ' '])?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut date = date.splitn(3, '-');
    let year = date.next()?.parse::<u16>().ok()?;
    let month = Month::try_from(date.next()?.parse::<u8>().ok()?).ok()?;
    let day = date.next()?.parse().ok()?;
    let mut time = time.splitn(3, ':');
    let mut next = || time.next()?.parse::<u8>().ok();
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=6).contains(&fraction.len()) || !digits {
        return None;
    }
    let micros = format!("{fraction:0<6}").parse().ok()?;
    let time = Time::from_hms_micro(next()?, next()?, next()?, micros).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, day).ok()?;
    let nanos = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp_nanos();
    i64::try_from(nanos / 1000).ok().map(Timestamp::from_micros)
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
    fn moments_have_no_zone_and_come_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00"),
            (1_785_578_400_000_000, "2026-08-01T10:00:00"),
            (1_785_578_400_000_042, "2026-08-01T10:00:00.000042"),
        ] {
            assert_eq!(moment(Timestamp::from_micros(micros)), text);
            assert_eq!(read_moment(text), Some(Timestamp::from_micros(micros)));
        }
        assert_eq!(moment(Timestamp::from_micros(i64::MAX)), "1970-01-01T00:00:00");
        for text in ["", "T", "2026-13-01T00:00:00", "2026-01-01T00:00", "2026-01-01T00:00:00.ü"] {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }
}
