//! Bodies as the network service reads them: what it does not know is passed over.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::refusal::NetworkRefusal;

/// Reads the one object that a body holds. `root` is its key, and what messages call it.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], root: &str) -> Result<T, NetworkRefusal> {
    let refuse =
        |why: String| NetworkRefusal::BadRequest(format!("Invalid input for {root}: {why}."));
    let mut whole: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
    let object = whole.get_mut(root).map(serde_json::Value::take);
    let object = object.ok_or_else(|| refuse(format!("the key {root} is missing")))?;
    serde_json::from_value(object).map_err(|error| refuse(error.to_string()))
}

/// What was said of a field: nothing, that there shall be none, or a value.
pub(super) type Said<T> = Option<Option<T>>;

/// Reads a field that may be null; with `serde(default)`, one that is not there is `None`.
pub(super) fn said<'de, T, D>(field: D) -> Result<Said<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(field).map(Some)
}

/// A number of 16 bits, which the stock command line sends as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spoken(pub(super) u16);

impl<'de> Deserialize<'de> for Spoken {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u16),
            Text(String),
        }
        let none = || serde::de::Error::custom("expected a number from 0 to 65535");
        match Form::deserialize(field).map_err(|_| none())? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(|_| none()),
        }
    }
}

/// A text of at most 255 characters.
pub(super) fn short(text: String, field: &str) -> Result<String, NetworkRefusal> {
    if text.chars().count() > 255 {
        return Err(NetworkRefusal::BadRequest(format!("{field} has more than 255 characters.")));
    }
    Ok(text)
}
