//! Providers in JSON (contract 2.8).

use std::fmt::Display;

use serde_json::{Value, json};

/// A provider, or a capability of one, as clients see it.
pub fn view(name: impl Display, description: &str) -> Value {
    json!({"name": name.to_string(), "description": description})
}
