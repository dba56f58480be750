//! The time of day, as Keystone writes it.

use evenkeel_model::Timestamp;
use time::OffsetDateTime;

/// `2026-08-01T10:00:00.000000Z`.
pub(crate) fn keystone_time(moment: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.microsecond()
    )
}

/// A moment of the store, as Barbican writes it: `2026-08-01T10:00:00.000000`.
pub(crate) fn of_timestamp(moment: Timestamp) -> String {
    let nanoseconds = i128::from(moment.micros()) * 1000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds);
    let text = keystone_time(moment.unwrap_or(OffsetDateTime::UNIX_EPOCH));
    text.trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_microseconds_and_a_zone() {
        assert_eq!(keystone_time(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }
}
