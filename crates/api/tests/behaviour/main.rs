//! What clients are told, and what is made of what they say.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::needless_pass_by_value, reason = "json!(…) reads best where it is given away")]

mod hostile;
mod lists;
mod messages;
mod nulls;
mod round_trip;
mod tls;
mod tree;

use evenkeel_api::decode::{Body, from_bytes};
use evenkeel_api::{Deployment, Fault};
use evenkeel_model::status::{OperatingStatus, ProvisioningStatus};
use evenkeel_model::{LoadBalancerId, ProjectId, Record, Resource, Timestamp};
use serde_json::Value;
use uuid::Uuid;

/// Decodes a body as a request would bring it.
fn decode<T: Body>(body: &Value) -> Result<T, Fault> {
    from_bytes(body.to_string().as_bytes(), Some("application/json"))
}

/// What a client is told that sends this body.
fn told<T: Body + std::fmt::Debug>(body: &Value) -> String {
    decode::<T>(body).unwrap_err().message().to_owned()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn defaults() -> Deployment {
    Deployment::default()
}

/// A record as a store would bring it just after creation.
fn record<T: Resource>(value: T) -> Record<T> {
    Record {
        value,
        load_balancer: LoadBalancerId::new(id(1)),
        project: ProjectId::new("p").unwrap(),
        created_at: Timestamp::from_micros(0),
        updated_at: None,
        provisioning_status: ProvisioningStatus::PendingCreate,
        operating_status: OperatingStatus::Offline,
        status_reason: None,
        related: T::Related::default(),
    }
}
