//! Values in statements, and rows of queries.

use std::str::FromStr;

use evenkeel_model::{Epoch, Generation, Timestamp};
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
}

/// The values of a statement, in the order of its parameters.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::engine::Value::from($value)),*] };
}
pub(crate) use values;

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        Self::Int(moment.micros())
    }
}

impl From<Generation> for Value {
    fn from(generation: Generation) -> Self {
        Self::Int(i64::try_from(generation.get()).unwrap_or(i64::MAX))
    }
}

impl From<Epoch> for Value {
    fn from(epoch: Epoch) -> Self {
        Self::Int(i64::try_from(epoch.get()).unwrap_or(i64::MAX))
    }
}

macro_rules! ids {
    ($($id:ty),+) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Text(id.to_string())
            }
        }
    )+};
}
ids!(
    uuid::Uuid,
    evenkeel_model::AgentId,
    evenkeel_model::HealthMonitorId,
    evenkeel_model::L7PolicyId,
    evenkeel_model::L7RuleId,
    evenkeel_model::ListenerId,
    evenkeel_model::LoadBalancerId,
    evenkeel_model::FloatingId,
    evenkeel_model::MemberId,
    evenkeel_model::NetworkId,
    evenkeel_model::OfferingId,
    evenkeel_model::PoolId,
    evenkeel_model::PortId,
    evenkeel_model::ProfileId,
    evenkeel_model::SeriesId,
    evenkeel_model::SubnetId
);

impl From<&evenkeel_model::ProjectId> for Value {
    fn from(project: &evenkeel_model::ProjectId) -> Self {
        Self::Text(project.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a query. Columns are read by their position in the query, which is written beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    fn value(&self, at: usize) -> &Value {
        self.0.get(at).unwrap_or(&Value::Null)
    }

    /// A number, if the column is not null.
    pub(crate) fn maybe_int(&self, at: usize) -> Option<i64> {
        match self.value(at) {
            Value::Int(number) => Some(*number),
            Value::Null | Value::Text(_) => None,
        }
    }

    /// A text, if the column is not null.
    pub(crate) fn maybe_text(&self, at: usize) -> Option<&str> {
        match self.value(at) {
            Value::Text(text) => Some(text),
            Value::Null | Value::Int(_) => None,
        }
    }

    /// A number.
    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.maybe_int(at).ok_or_else(|| self.corrupt("number", at))
    }

    /// A truth.
    pub(crate) fn bool(&self, at: usize) -> Result<bool, StoreError> {
        Ok(self.int(at)? != 0)
    }

    /// A text.
    pub(crate) fn text(&self, at: usize) -> Result<&str, StoreError> {
        self.maybe_text(at).ok_or_else(|| self.corrupt("text", at))
    }

    /// Whatever is written as text: an id, an address.
    pub(crate) fn parse<T: FromStr>(&self, at: usize) -> Result<T, StoreError> {
        self.text(at)?.parse().map_err(|_| self.corrupt(std::any::type_name::<T>(), at))
    }

    /// The same, if the column is not null.
    pub(crate) fn maybe_parse<T: FromStr>(&self, at: usize) -> Result<Option<T>, StoreError> {
        if self.maybe_text(at).is_some() { self.parse(at).map(Some) } else { Ok(None) }
    }

    /// Whatever is made of a text that keeps a grammar.
    pub(crate) fn made<T: TryFrom<String>>(&self, at: usize) -> Result<T, StoreError> {
        let text = self.text(at)?.to_owned();
        T::try_from(text).map_err(|_| self.corrupt(std::any::type_name::<T>(), at))
    }

    /// The same, if the column is not null.
    pub(crate) fn maybe_made<T: TryFrom<String>>(
        &self,
        at: usize,
    ) -> Result<Option<T>, StoreError> {
        if self.maybe_text(at).is_some() { self.made(at).map(Some) } else { Ok(None) }
    }

    /// Whatever is made of a number within bounds.
    pub(crate) fn bounded<T: TryFrom<i64>>(&self, at: usize) -> Result<T, StoreError> {
        T::try_from(self.int(at)?).map_err(|_| self.corrupt(std::any::type_name::<T>(), at))
    }

    /// The same, if the column is not null.
    pub(crate) fn maybe_bounded<T: TryFrom<i64>>(
        &self,
        at: usize,
    ) -> Result<Option<T>, StoreError> {
        if self.maybe_int(at).is_some() { self.bounded(at).map(Some) } else { Ok(None) }
    }

    /// A word of an enum.
    pub(crate) fn word<T>(
        &self,
        at: usize,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        from_word(self.text(at)?).ok_or_else(|| self.corrupt(std::any::type_name::<T>(), at))
    }

    /// Whatever is written as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, at: usize) -> Result<T, StoreError> {
        serde_json::from_str(self.text(at)?)
            .map_err(|_| self.corrupt(std::any::type_name::<T>(), at))
    }

    /// A moment.
    pub(crate) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        self.int(at).map(Timestamp::from_micros)
    }

    /// A moment, if the column is not null.
    pub(crate) fn maybe_time(&self, at: usize) -> Option<Timestamp> {
        self.maybe_int(at).map(Timestamp::from_micros)
    }

    /// A generation.
    pub(crate) fn generation(&self, at: usize) -> Result<Generation, StoreError> {
        self.count(at).map(Generation::new)
    }

    /// An epoch.
    pub(crate) fn epoch(&self, at: usize) -> Result<Epoch, StoreError> {
        self.count(at).map(Epoch::new)
    }

    /// A number that is not negative.
    pub(crate) fn count(&self, at: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(at)?).map_err(|_| self.corrupt("count", at))
    }

    fn corrupt(&self, what: &str, at: usize) -> StoreError {
        let found: &dyn std::fmt::Debug = self.value(at);
        StoreError::corrupt(what, &format!("{found:?} in column {at}"))
    }
}

/// A value as JSON text.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Value {
    Value::Text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}
