//! What a client is told when it does not get what it asked for (contract 1.7, 1.9).

use std::fmt::{self, Display};

use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{LoadBalancerId, ResourceKind, Violation};
use serde_json::{Value, json};

/// An answer other than the one asked for: a status and a body in one of the contract's shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    status: u16,
    shape: Shape,
    message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// Shape A: whatever goes wrong within a call.
    Call,
    /// Shape B: whatever goes wrong before a call is found.
    Routing { title: String },
    /// What a client without a good token is told, and where to get one.
    Token { identity_uri: String },
}

impl Fault {
    /// A fault of shape A: raised within a call.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, shape: Shape::Call, message: message.into() }
    }

    /// A fault of shape B: raised before a call was found, or about the way a list is asked for.
    pub fn routing(status: u16, title: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, shape: Shape::Routing { title: title.into() }, message: message.into() }
    }

    /// 401: no token, or one that is not good.
    pub fn unauthorized(identity_uri: impl Into<String>) -> Self {
        Self {
            status: 401,
            shape: Shape::Token { identity_uri: identity_uri.into() },
            message: "The request you have made requires authentication.".to_owned(),
        }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 400: a value that its field cannot have (contract 1.8).
    pub fn invalid(field: &str, value: impl Display, reason: impl Display) -> Self {
        Self::bad_request(format!(
            "Invalid input for field/attribute {field}. Value: '{value}'. {reason}"
        ))
    }

    /// 400: the call needs a body and got none.
    pub fn missing_argument(argument: &str) -> Self {
        Self::bad_request(format!("Missing argument: \"{argument}\""))
    }

    /// 400: a query parameter that the call does not know.
    pub fn unknown_argument(name: &str) -> Self {
        Self::bad_request(format!("Unknown argument: \"{name}\""))
    }

    /// 400: a provider that is not among those of this deployment.
    pub fn provider_not_enabled(provider: impl Display) -> Self {
        Self::bad_request(format!("Provider '{provider}' is not enabled."))
    }

    /// 400: a load balancer that still has listeners or pools, and no wish to cascade.
    pub fn has_children(id: LoadBalancerId) -> Self {
        Self::bad_request(format!(
            "Validation failure: Cannot delete Load Balancer {id} - it has children"
        ))
    }

    /// 403: the caller may not do this.
    pub fn forbidden() -> Self {
        Self::new(403, "Policy does not allow this request to be performed.")
    }

    /// 403: the project has as many as it may.
    pub fn quota_met(kind: ResourceKind) -> Self {
        Self::new(403, format!("Quota has been met for resources: {kind}"))
    }

    /// 404: `Pool <id> not found.`
    pub fn not_found(kind: impl Display, id: impl Display) -> Self {
        Self::new(404, format!("{kind} {id} not found."))
    }

    /// 404 for a path that leads nowhere.
    pub fn no_such_path() -> Self {
        Self::routing(404, "Not Found", "The resource could not be found.")
    }

    /// 409: one of the contract's conflicts, with its text.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 409: the parent of what shall change is on its way from one state to another.
    pub fn immutable(resource: impl Display, id: impl Display) -> Self {
        Self::conflict(format!("{resource} {id} is immutable and cannot be updated."))
    }

    /// 409: the load balancer itself is on its way from one state to another.
    pub fn invalid_state(status: ProvisioningStatus, id: LoadBalancerId) -> Self {
        Self::conflict(format!("Invalid state {status} of loadbalancer resource {id}"))
    }

    /// 501: the driver does not do what is asked for.
    pub fn unsupported(provider: impl Display, message: impl Display) -> Self {
        Self::new(
            501,
            format!("Provider '{provider}' does not support a requested option: {message}"),
        )
    }

    /// 503: something that the answer depends on does not answer itself.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, message)
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body.
    pub fn body(&self) -> Value {
        match &self.shape {
            Shape::Call => json!({
                "faultcode": if self.status < 500 { "Client" } else { "Server" },
                "faultstring": self.message,
                "debuginfo": null,
            }),
            Shape::Routing { title } => json!({
                "code": self.status, "title": title, "description": self.message,
            }),
            Shape::Token { .. } => json!({
                "error": {
                    "code": self.status, "title": "Unauthorized", "message": self.message,
                },
            }),
        }
    }

    /// The header `WWW-Authenticate`, which only a 401 has.
    pub fn www_authenticate(&self) -> Option<String> {
        match &self.shape {
            Shape::Token { identity_uri } => Some(format!("Keystone uri=\"{identity_uri}\"")),
            Shape::Call | Shape::Routing { .. } => None,
        }
    }

    /// The header `Retry-After` in seconds, which only a 503 has.
    pub const fn retry_after(&self) -> Option<u32> {
        if self.status == 503 { Some(5) } else { None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::bad_request(violation.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_are_those_of_the_contract() {
        assert_eq!(
            Fault::from(Violation::rule("no.")).body(),
            json!({"faultcode": "Client", "faultstring": "Validation failure: no.", "debuginfo": null})
        );
        assert_eq!(Fault::unavailable("x").body()["faultcode"], "Server");
        assert_eq!(
            Fault::no_such_path().body(),
            json!({
                "code": 404, "title": "Not Found",
                "description": "The resource could not be found.",
            })
        );
        let token = Fault::unauthorized("http://id/v3");
        assert_eq!(token.www_authenticate().unwrap(), "Keystone uri=\"http://id/v3\"");
        assert_eq!(token.body()["error"]["code"], 401);
    }

    #[test]
    fn the_texts_are_those_of_the_contract() {
        assert_eq!(
            Fault::invalid("protocol_port", 0, "Value should be greater or equal to 1").message(),
            "Invalid input for field/attribute protocol_port. Value: '0'. Value should be greater \
             or equal to 1"
        );
        assert_eq!(
            Fault::quota_met(ResourceKind::HealthMonitor).message(),
            "Quota has been met for resources: Health Monitor"
        );
    }
}
