//! What only a network service has: there is none that could be asked.

use evenkeel_api::decode::Patch;
use evenkeel_model::Violation;
use uuid::Uuid;

/// Refuses `QoS` policies and security groups, none of which exists.
pub(super) fn check(qos: Option<Uuid>, groups: &Patch<Vec<Uuid>>) -> Result<(), Violation> {
    if qos.is_some() {
        return Err(Violation::rule("VIP QoS policy is not allowed in this deployment."));
    }
    match groups {
        Patch::Value(groups) => groups.first().map_or(Ok(()), |group| {
            let id = group.to_string();
            Err(Violation::MissingReference { kind: "Security Group", id })
        }),
        Patch::Absent | Patch::Null => Ok(()),
    }
}
