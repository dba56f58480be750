//! From the bytes of a request to a body that can be trusted to have the right shape.
//!
//! Clients of Octavia are forgiven a lot (contract 1.10) and told exactly what they got wrong
//! (contract 1.8). Both are said once here: [`Field`] for one value, `body!`
//! for an object of them, [`from_bytes`] for the whole request.

mod address;
mod number;
mod object;
mod spoken;
mod text;

use std::fmt;

use evenkeel_model::Violation;
use serde_json::{Value, json};

use crate::Fault;

pub(crate) use number::flag_word;
pub(crate) use object::{Fields, Group, Property, body, object_schema};
pub(crate) use spoken::shortened;
pub use spoken::spoken;

/// How deep a body may nest.
pub const MAX_DEPTH: usize = 64;

/// A value that can stand in a body.
pub trait Field: Sized {
    /// The value, if `value` can be understood as one. Null comes to [`Self::null`] instead.
    ///
    /// # Errors
    ///
    /// The contract's text for a value that cannot.
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault>;

    /// Its JSON schema.
    fn schema() -> Value;

    /// What it is when nobody mentions it; `None` if it must be mentioned.
    fn absent() -> Option<Self> {
        None
    }

    /// What null means; `None` if it means nothing.
    fn null() -> Option<Self> {
        None
    }
}

/// Reads one value that may be missing, or null.
///
/// # Errors
///
/// As [`Field::decode`], and if it is missing where it must not be.
pub fn read<T: Field>(value: Option<&Value>, path: &Path<'_>) -> Result<T, Fault> {
    let read = match value {
        None => T::absent(),
        Some(Value::Null) => T::null(),
        Some(value) => return T::decode(value, path),
    };
    read.ok_or_else(|| Fault::invalid(path.name, "None", "Mandatory field missing."))
}

/// A body with the argument and the root under which messages and clients know it.
pub trait Body: Field {
    /// What messages call it: `listener_`.
    const ARGUMENT: &'static str;
    /// The one key around it: `listener`.
    const ROOT: &'static str;
}

/// Where in a body a value stands.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
    whole: &'a Value,
}

impl<'a> Path<'a> {
    /// The place of the whole body.
    pub const fn argument(name: &'a str, whole: &'a Value) -> Self {
        Self { parent: None, name, whole }
    }

    /// The place of one field within this.
    #[must_use]
    pub const fn child(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), name, whole: self.whole }
    }

    /// The field's own name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The field here cannot have `value`.
    pub fn invalid(&self, value: &Value, reason: impl fmt::Display) -> Fault {
        Fault::invalid(self.name, spoken(value), reason)
    }

    /// The field here has a value that can mean two things; told of the whole body (contract 1.8).
    pub fn ambiguous(&self, reason: impl fmt::Display) -> Fault {
        let mut root = self;
        while let Some(parent) = root.parent {
            root = parent;
        }
        Fault::invalid(root.name, spoken(self.whole), reason)
    }

    /// The object here has a field that nobody knows.
    pub fn unknown(&self, name: &str) -> Fault {
        let name = shortened(name);
        Fault::bad_request(format!("Unknown attribute for argument {self}: {name}"))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A field of which three things can be said: nothing, null, or a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It was not mentioned.
    #[default]
    Absent,
    /// It was null.
    Null,
    /// It was this.
    Value(T),
}

impl<T> Patch<T> {
    /// The value, or one for "not mentioned" and one for null.
    pub fn or(self, absent: T, null: T) -> T {
        match self {
            Self::Absent => absent,
            Self::Null => null,
            Self::Value(value) => value,
        }
    }

    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The value, if there is one, where it is.
    pub const fn as_value(&self) -> Option<&T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Whether it was mentioned, and not as null.
    pub const fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// Whether it was mentioned.
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<T: Clone> Patch<T> {
    /// Replaces `stored` with what was said, or with `null`; what was not mentioned stays.
    pub fn onto(&self, stored: &mut T, null: T) {
        match self {
            Self::Absent => {}
            Self::Null => *stored = null,
            Self::Value(value) => *stored = value.clone(),
        }
    }

    /// Replaces `stored` with what was said, where null takes it away.
    pub fn onto_option(&self, stored: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *stored = None,
            Self::Value(value) => *stored = Some(value.clone()),
        }
    }

    /// Replaces `stored` with what was said, where null brings the default.
    pub fn onto_or(&self, stored: &mut Option<T>, default: &T) {
        match self {
            Self::Absent => {}
            Self::Null => *stored = Some(default.clone()),
            Self::Value(value) => *stored = Some(value.clone()),
        }
    }

    /// Replaces `stored` with a value that was said, where null is no value of `field`.
    ///
    /// # Errors
    ///
    /// The contract's text for it (2.10).
    pub fn onto_never_null(&self, stored: &mut T, field: &str) -> Result<(), Violation> {
        match self {
            Self::Absent => {}
            Self::Null => return Err(Violation::option("None", field)),
            Self::Value(value) => *stored = value.clone(),
        }
        Ok(())
    }

    /// Replaces `stored` with a value that was said; null leaves it as it is.
    pub fn onto_unless_null(&self, stored: &mut T) {
        if let Self::Value(value) = self {
            *stored = value.clone();
        }
    }
}

fn or_null(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(kind) if kind.is_string() => {
            *kind = json!([kind.take(), "null"]);
            if let Some(Value::Array(words)) = schema.get_mut("enum") {
                words.push(Value::Null);
            }
            schema
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

impl<T: Field> Field for Patch<T> {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        T::decode(value, path).map(Self::Value)
    }

    fn schema() -> Value {
        or_null(T::schema())
    }

    fn absent() -> Option<Self> {
        Some(Self::Absent)
    }

    fn null() -> Option<Self> {
        Some(Self::Null)
    }
}

impl<T: Field> Field for Option<T> {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        T::decode(value, path).map(Some)
    }

    fn schema() -> Value {
        or_null(T::schema())
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn null() -> Option<Self> {
        Some(None)
    }
}

/// A field that must be mentioned, though it may be null: whoever reads it says what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Field> Field for Nullable<T> {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        T::decode(value, path).map(|value| Self(Some(value)))
    }

    fn schema() -> Value {
        T::schema()
    }

    fn null() -> Option<Self> {
        Some(Self(None))
    }
}

impl<T: Field> Field for Vec<T> {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let Value::Array(items) = value else {
            return Err(path.invalid(value, format!("Value not a valid list: {}", spoken(value))));
        };
        items.iter().map(|item| read(Some(item), path)).collect()
    }

    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

/// Decodes the body of a request.
///
/// # Errors
///
/// 415 for a body that does not claim to be JSON, 400 for anything else that is wrong with it.
pub fn from_bytes<T: Body>(bytes: &[u8], content_type: Option<&str>) -> Result<T, Fault> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::missing_argument(T::ARGUMENT));
    }
    expect_json(bytes, content_type)?;
    let whole: Value = serde_json::from_slice(bytes).map_err(|_| malformed())?;
    check_shape(&whole, MAX_DEPTH)?;
    from_value(&whole)
}

/// Decodes a body that is JSON already.
///
/// # Errors
///
/// 400 for whatever is wrong with it.
pub fn from_value<T: Body>(whole: &Value) -> Result<T, Fault> {
    let path = Path::argument(T::ARGUMENT, whole);
    let Value::Object(map) = whole else {
        return Err(malformed());
    };
    if map.is_empty() {
        return Err(Fault::missing_argument(T::ARGUMENT));
    }
    if let Some(unknown) = map.keys().find(|key| *key != T::ROOT) {
        return Err(path.unknown(unknown));
    }
    read(map.get(T::ROOT), &path.child(T::ROOT))
}

fn malformed() -> Fault {
    Fault::bad_request("Request is not in valid JSON format")
}

fn expect_json(bytes: &[u8], content_type: Option<&str>) -> Result<(), Fault> {
    let given = content_type.unwrap_or_default();
    let bare = given.split(';').next().unwrap_or_default().trim();
    match bare.to_ascii_lowercase().as_str() {
        "application/json" | "application/javascript" | "text/javascript" => Ok(()),
        // What is not declared is taken for a form, and its first name for a parameter.
        "" | "application/x-www-form-urlencoded" | "multipart/form-data" => {
            let text = String::from_utf8_lossy(bytes);
            let name = text.split(['=', '&']).next().unwrap_or_default();
            Err(Fault::unknown_argument(&shortened(name)))
        }
        _ => Err(Fault::new(415, format!("Unknown mimetype: {}", shortened(bare)))),
    }
}

/// Refuses what is nested too deeply, and characters that no database keeps.
fn check_shape(value: &Value, depth: usize) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or_else(malformed)?;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) => check_text(text),
        Value::Array(items) => items.iter().try_for_each(|item| check_shape(item, depth)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            check_text(key)?;
            check_shape(item, depth)
        }),
    }
}

fn check_text(text: &str) -> Result<(), Fault> {
    if text.contains('\0') {
        Err(Fault::bad_request("Validation failure: NUL characters are not allowed in texts."))
    } else {
        Ok(())
    }
}
