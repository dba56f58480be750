//! Bodies that may hold something secret: what is wrong with them is said without a word of them.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::refusal::KeyManagerRefusal;

/// Reads a body. The message of a JSON decoder quotes what it does not like, so it is not passed
/// on.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, KeyManagerRefusal> {
    serde_json::from_slice(body).map_err(|error| {
        KeyManagerRefusal::BadRequest(format!(
            "The body is not the JSON object that this call takes (line {}, column {}).",
            error.line(),
            error.column()
        ))
    })
}

/// How a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ListRequest {
    pub(super) name: Option<String>,
    pub(super) limit: u32,
    pub(super) offset: u32,
}

/// How many are shown when nothing is said, and at most.
const LIMIT: (u32, u32) = (10, 100);

impl ListRequest {
    /// Reads a query.
    pub(super) fn read(query: Option<&str>) -> Result<Self, KeyManagerRefusal> {
        let mut request = Self { limit: LIMIT.0, ..Self::default() };
        for (name, value) in crate::query::pairs(query.unwrap_or_default()) {
            match name.as_str() {
                "name" => request.name = Some(value).filter(|name| !name.is_empty()),
                "limit" => request.limit = number(&value).clamp(1, LIMIT.1),
                "offset" => request.offset = number(&value),
                other => {
                    return Err(KeyManagerRefusal::BadRequest(format!(
                        "Lists of evenkeel dev are narrowed by name only, not by {other}."
                    )));
                }
            }
        }
        Ok(request)
    }
}

/// What is no number counts as none, as in the service that this stands for.
fn number(text: &str) -> u32 {
    text.parse().unwrap_or_default()
}

/// The value of a header, without parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
