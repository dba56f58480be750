//! Addresses and ids.

use std::net::IpAddr;

use evenkeel_model::address::SpeltAddress;
use evenkeel_model::{
    ListenerId, LoadBalancerId, NetworkId, OfferingId, PoolId, PortId, ProfileId, SubnetId,
};
use ipnet::IpNet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Field, Path};
use crate::Fault;

impl Field for SpeltAddress {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let read = value.as_str().and_then(|text| Self::try_from(text.to_owned()).ok());
        read.ok_or_else(|| path.invalid(value, "Value should be IPv4 or IPv6 format"))
    }

    fn schema() -> Value {
        json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
    }
}

impl Field for IpAddr {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        SpeltAddress::decode(value, path).map(|spelt| spelt.address())
    }

    fn schema() -> Value {
        SpeltAddress::schema()
    }
}

impl Field for IpNet {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let read = value.as_str().and_then(|text| {
            text.parse::<Self>().ok().or_else(|| text.parse::<IpAddr>().ok().map(Self::from))
        });
        // Host bits mean nothing (contract 1.10).
        read.map(|net| net.trunc())
            .ok_or_else(|| path.invalid(value, "Value should be IPv4 or IPv6 CIDR format"))
    }

    fn schema() -> Value {
        json!({"type": "string", "description": "An IPv4 or IPv6 network in CIDR notation."})
    }
}

impl Field for Uuid {
    fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
        let read = value.as_str().and_then(|text| Self::try_parse(text).ok());
        read.ok_or_else(|| path.invalid(value, "Value should be UUID format"))
    }

    fn schema() -> Value {
        json!({"type": "string", "format": "uuid"})
    }
}

macro_rules! ids {
    ($($id:ty),+ $(,)?) => {$(
        impl Field for $id {
            fn decode(value: &Value, path: &Path<'_>) -> Result<Self, Fault> {
                Uuid::decode(value, path).map(Self::new)
            }

            fn schema() -> Value {
                Uuid::schema()
            }
        }
    )+};
}

ids!(LoadBalancerId, ListenerId, PoolId, NetworkId, SubnetId, PortId, OfferingId, ProfileId);
