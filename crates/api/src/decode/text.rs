//! Texts: words, names, URLs, and others with a grammar.

use std::collections::BTreeMap;

use evenkeel_model::health_monitor::{HttpMethod, ProbeKind, StatusCodes};
use evenkeel_model::l7_policy::ActionKind;
use evenkeel_model::l7_rule::{Comparison, RuleKind};
use evenkeel_model::pool::{Algorithm, PersistenceKind};
use evenkeel_model::protocol::{ListenerProtocol, PoolProtocol};
use evenkeel_model::provider::ProviderName;
use evenkeel_model::text::{
    Ciphers, CookieName, DomainName, Label, ProfileData, SecretRef, Tags, Url, UrlPath,
};
use evenkeel_model::tls::{Alpn, ClientAuthentication, TlsVersion};
use evenkeel_model::{ProjectId, Violation};
use serde_json::{Value, json};

use super::{Field, Path, read};
use crate::Fault;

const CODES_PATTERN: &str = r"^(\d{3}(\s*,\s*\d{3})*)$|^(\d{3}-\d{3})$";
const DOMAIN_PATTERN: &str =
    r"^(?=.{1,253}\.?$)(?:(?!-|[^.]+_)[A-Za-z0-9-_]{1,63}(?<!-)(?:\.|$))+$";
const COOKIE_PATTERN: &str = r"^[^\s,;\\]+$";

/// A text of at most `max` characters.
fn text(value: &Value, path: &Path<'_>, max: usize) -> Result<String, Fault> {
    let Value::String(text) = value else {
        return Err(path.invalid(value, "Value should be string"));
    };
    if text.chars().count() > max {
        let reason = format!("Value should have a maximum character requirement of {max}");
        return Err(path.invalid(value, reason));
    }
    Ok(text.clone())
}

fn must_match(pattern: &str) -> String {
    format!("Value should match the pattern {pattern}")
}

macro_rules! words {
    ($($name:ty),+ $(,)?) => {$(
        impl Field for $name {
            fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
                value.as_str().and_then(Self::from_word).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|it| it.word()).collect();
                    let reason = format!("Value should be one of: {}", known.join(", "));
                    path.invalid(value, reason)
                })
            }

            fn schema() -> Value {
                let known: Vec<&str> = Self::ALL.iter().map(|it| it.word()).collect();
                json!({"type": "string", "enum": known})
            }
        }
    )+};
}

words!(
    ListenerProtocol,
    PoolProtocol,
    Algorithm,
    PersistenceKind,
    ProbeKind,
    HttpMethod,
    ActionKind,
    RuleKind,
    Comparison,
    ClientAuthentication,
);

impl Field for Alpn {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let known = value.as_str().and_then(Self::from_word);
        known.ok_or_else(|| path.invalid(value, "Value should be a valid ALPN protocol ID"))
    }

    fn schema() -> Value {
        let known: Vec<&str> = Self::ALL.iter().map(|it| it.word()).collect();
        json!({"type": "string", "enum": known})
    }
}

impl Field for TlsVersion {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let word = text(value, path, 32)?;
        Self::from_word(&word)
            .ok_or_else(|| Violation::rule(format!("Invalid TLS versions: {word}")).into())
    }

    fn schema() -> Value {
        let known: Vec<&str> = Self::ALL.iter().map(|it| it.word()).collect();
        json!({"type": "string", "enum": known})
    }
}

macro_rules! texts {
    ($($name:ty: $max:literal, $reason:expr;)+) => {$(
        impl Field for $name {
            fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
                let text = text(value, path, $max)?;
                Self::try_from(text).map_err(|_| path.invalid(value, $reason))
            }

            fn schema() -> Value {
                json!({"type": "string", "maxLength": $max})
            }
        }
    )+};
}

texts! {
    Label: 255, "Value should be string";
    SecretRef: 255, "Value should be string";
    ProfileData: 4096, "Value should be string";
    UrlPath: 255, "Value must be a valid URL Path string";
    Url: 255, "Value must be a valid URL string";
    StatusCodes: 64, must_match(CODES_PATTERN);
    DomainName: 255, must_match(DOMAIN_PATTERN);
}

impl Field for CookieName {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let text = text(value, path, 255)?;
        let separates = |it: char| it.is_whitespace() || matches!(it, ',' | ';' | '\\');
        if text.is_empty() || text.contains(separates) {
            return Err(path.invalid(value, must_match(COOKIE_PATTERN)));
        }
        Self::try_from(text)
            .map_err(|_| Violation::rule("Supplied \"cookie_name\" is invalid.").into())
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": COOKIE_PATTERN})
    }
}

impl Field for Ciphers {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let text = text(value, path, 2048)?;
        Self::try_from(text).map_err(|refused| Violation::rule(refused.0).into())
    }

    fn schema() -> Value {
        json!({"type": "string", "maxLength": 2048})
    }
}

impl Field for ProjectId {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        Self::new(text(value, path, Self::MAX)?).ok_or_else(|| {
            path.invalid(value, "Value should have a minimum character requirement of 1")
        })
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": Self::MAX})
    }
}

impl Field for ProviderName {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        text(value, path, 64).map(Self::new)
    }

    fn schema() -> Value {
        json!({"type": "string", "maxLength": 64})
    }
}

/// Free text of at most 255 characters, judged by whoever knows the rest.
impl Field for String {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        text(value, path, 255)
    }

    fn schema() -> Value {
        json!({"type": "string", "maxLength": 255})
    }
}

impl Field for Tags {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        Ok(Vec::<String>::decode(value, path)?.into_iter().collect())
    }

    fn schema() -> Value {
        json!({"type": "array", "items": String::schema()})
    }
}

impl Field for BTreeMap<String, String> {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let Value::Object(map) = value else {
            return Err(path.invalid(value, "Value should be an object"));
        };
        map.iter()
            .map(|(key, item)| Ok((key.clone(), read(Some(item), &path.child(key))?)))
            .collect()
    }

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": String::schema()})
    }
}
