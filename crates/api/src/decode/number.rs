//! Booleans and numbers, which also arrive as text.

use evenkeel_model::health_monitor::HttpVersion;
use evenkeel_model::l7_policy::RedirectCode;
use evenkeel_model::number::{
    ConnectionLimit, Milliseconds, PortNumber, Position, Seconds, Threshold, Weight,
};
use evenkeel_model::quota::Limit;
use serde_json::{Value, json};

use super::{Field, Path, spoken};
use crate::Fault;

/// The greatest number that a database integer holds.
const MAX_INTEGER: i64 = 2_147_483_647;

impl Field for bool {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let read = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(word) => flag_word(word),
            Value::Number(number) => {
                number.as_i64().map(|it| it != 0).or_else(|| number.as_u64().map(|it| it != 0))
            }
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        read.ok_or_else(|| {
            path.ambiguous(format!("Value not an unambiguous boolean: {}", spoken(value)))
        })
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

/// The truth of a word, in any case; `None` if it is neither.
pub(crate) fn flag_word(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "on" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "off" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// A whole number within bounds: number, text, or flag; fractions are cut off.
fn integer(value: &Value, path: &Path<'_>, min: i64, max: i64) -> Result<i64, Fault> {
    let read = match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(cut)),
        Value::String(text) => whole(text.trim()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let number = read.ok_or_else(|| path.invalid(value, "Value should be an integer"))?;
    if number < min {
        Err(path.invalid(value, format!("Value should be greater or equal to {min}")))
    } else if number > max {
        Err(path.invalid(value, format!("Value should be lower or equal to {max}")))
    } else {
        Ok(number)
    }
}

/// A number in text; one with more digits than a number has here is as large as it gets.
fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(beyond))
}

#[expect(clippy::cast_possible_truncation, reason = "fractions are cut off; beyond i64 saturates")]
fn cut(number: f64) -> i64 {
    number as i64
}

macro_rules! integers {
    ($($number:ty: $min:expr, $max:expr;)+) => {$(
        impl Field for $number {
            fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
                let number = integer(value, path, $min, $max)?;
                <$number>::try_from(number).map_err(|refused| path.invalid(value, refused))
            }

            fn schema() -> Value {
                json!({"type": "integer", "minimum": $min, "maximum": $max})
            }
        }
    )+};
}

integers! {
    PortNumber: PortNumber::MIN, PortNumber::MAX;
    Weight: Weight::MIN, Weight::MAX;
    Threshold: Threshold::MIN, Threshold::MAX;
    Milliseconds: Milliseconds::MIN, Milliseconds::MAX;
    Seconds: Seconds::MIN, Seconds::MAX;
    Position: Position::MIN, Position::MAX;
    ConnectionLimit: -1_i64, ConnectionLimit::MAX;
    Limit: -1_i64, Limit::MAX;
    u32: 0_i64, MAX_INTEGER;
}

impl Field for RedirectCode {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let refused = || path.invalid(value, evenkeel_model::l7_policy::NotARedirect);
        let number = integer(value, path, i64::MIN, i64::MAX).map_err(|_| refused())?;
        u16::try_from(number).ok().and_then(|it| Self::try_from(it).ok()).ok_or_else(refused)
    }

    fn schema() -> Value {
        json!({"type": "integer", "enum": [301, 302, 303, 307, 308]})
    }
}

/// A number in JSON, though it is a name (contract 2.5).
impl Field for HttpVersion {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let tenths = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match tenths.map(|number: f64| cut((number * 1000.0).round())) {
            Some(1000) => Ok(Self::V1_0),
            Some(1100) => Ok(Self::V1_1),
            _ => Err(path.invalid(value, "Value should be one of: 1.0, 1.1")),
        }
    }

    fn schema() -> Value {
        json!({"type": "number", "enum": [1.0, 1.1]})
    }
}
