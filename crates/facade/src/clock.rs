//! The time of day, as Keystone writes it.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_microseconds_and_a_zone() {
        assert_eq!(keystone_time(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }
}
