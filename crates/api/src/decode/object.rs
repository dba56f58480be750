//! Objects: which fields there are, said once.

use serde_json::{Map, Value, json};

use super::{Field, Path, read};
use crate::Fault;

/// The fields of an object in a body, of which none is unknown.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'a Path<'a>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(value: &'a Value, path: &'a Path<'a>, known: &[&str]) -> Result<Self, Fault> {
        let Value::Object(map) = value else {
            return Err(path.invalid(value, "Value should be an object"));
        };
        match map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(path.unknown(unknown)),
            None => Ok(Self { map, path }),
        }
    }

    pub(crate) fn take<T: Field>(&self, name: &str) -> Result<T, Fault> {
        read(self.map.get(name), &self.path.child(name))
    }
}

/// What a schema says of one field.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) doc: String,
    pub(crate) schema: Value,
    pub(crate) required: bool,
}

/// The schema of an object with these fields and no others.
pub(crate) fn object_schema(properties: Vec<Property>) -> Value {
    let required: Vec<&str> =
        properties.iter().filter(|it| it.required).map(|it| it.name).collect();
    let mut schema = json!({"type": "object"});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let mut described = Map::new();
    for property in properties {
        let mut schema = property.schema;
        schema["description"] = Value::String(property.doc);
        described.insert(property.name.to_owned(), schema);
    }
    schema["properties"] = Value::Object(described);
    schema["additionalProperties"] = Value::Bool(false);
    schema
}

/// Fields that stand together in an object, perhaps beside others.
pub(crate) trait Group: Sized {
    fn keys() -> Vec<&'static str>;
    fn take(fields: &Fields<'_>) -> Result<Self, Fault>;
    fn properties() -> Vec<Property>;
}

/// Declares a body once: what it holds, how it is decoded, and its schema.
///
/// `in "argument", "root"` makes it the body of a request. `as "key"` is for keys that are no
/// identifiers here. `with group: Group` adds the fields of another body.
macro_rules! body {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(in $argument:literal, $root:literal)? {
            $($(#[doc = $doc:literal])+ $field:ident $(as $key:literal)? : $type:ty,)*
        }
        $(with $(#[doc = $group_doc:literal])+ $group:ident : $group_type:ty)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
            $($(#[doc = $group_doc])+ pub $group: $group_type,)?
        }

        impl $crate::decode::Group for $name {
            fn keys() -> Vec<&'static str> {
                #[allow(unused_mut, clippy::allow_attributes, reason = "not all have a group")]
                let mut keys = vec![$($crate::decode::body!(@key $field $($key)?),)*];
                $(keys.extend(<$group_type as $crate::decode::Group>::keys());)?
                keys
            }

            fn take(fields: &$crate::decode::Fields<'_>) -> Result<Self, $crate::Fault> {
                Ok(Self {
                    $($field: fields.take($crate::decode::body!(@key $field $($key)?))?,)*
                    $($group: <$group_type as $crate::decode::Group>::take(fields)?,)?
                })
            }

            fn properties() -> Vec<$crate::decode::Property> {
                #[allow(unused_mut, clippy::allow_attributes, reason = "not all have a group")]
                let mut properties = vec![
                    $($crate::decode::Property {
                        name: $crate::decode::body!(@key $field $($key)?),
                        doc: concat!($($doc,)+).trim().to_owned(),
                        schema: <$type as $crate::decode::Field>::schema(),
                        required: <$type as $crate::decode::Field>::absent().is_none(),
                    },)*
                ];
                $(properties.extend(<$group_type as $crate::decode::Group>::properties());)?
                properties
            }
        }

        impl $crate::decode::Field for $name {
            fn decode(
                value: &serde_json::Value,
                path: &$crate::decode::Path<'_>,
            ) -> Result<Self, $crate::Fault> {
                use $crate::decode::Group;
                Self::take(&$crate::decode::Fields::of(value, path, &Self::keys())?)
            }

            fn schema() -> serde_json::Value {
                $crate::decode::object_schema(<Self as $crate::decode::Group>::properties())
            }
        }

        $(impl $crate::decode::Body for $name {
            const ARGUMENT: &'static str = $argument;
            const ROOT: &'static str = $root;
        })?
    };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
}
pub(crate) use body;
