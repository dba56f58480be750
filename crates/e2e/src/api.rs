//! The API of a service, as a client calls it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::eventually;
use crate::http::{self, Answer};

/// How long a change may take until it is served, on a machine that is busy with other tests.
pub const SETTLE: Duration = Duration::from_secs(20);

/// Where it answers, and what to say who asks.
#[derive(Clone, Debug)]
pub struct Api {
    socket: SocketAddr,
    token: String,
    headers: Vec<String>,
}

impl Api {
    /// The API at `socket`, for whoever has this token.
    pub fn new(socket: SocketAddr, token: String) -> Self {
        let headers = vec![format!("X-Auth-Token: {token}")];
        Self { socket, token, headers }
    }

    /// The same, for a member of this project, where the service believes what callers say of
    /// themselves.
    #[must_use]
    pub fn of_project(&self, project: &str) -> Self {
        let headers = vec![format!("X-Project-Id: {project}"), "X-Roles: admin,member".to_owned()];
        Self { headers, ..self.clone() }
    }

    /// Where it answers.
    pub const fn api(&self) -> SocketAddr {
        self.socket
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One call of the API below `/v2.0/lbaas`, with the banner's token.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let target = format!("/v2.0/lbaas{path}");
        http::request(self.socket, method, &target, &self.headers, body.as_ref()).await
    }

    /// One call of our own API, below `/v2/evenkeel`.
    ///
    /// # Errors
    ///
    /// The service does not answer.
    pub async fn manage(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let target = format!("/v2/evenkeel{path}");
        http::request(self.socket, method, &target, &self.headers, body.as_ref()).await
    }

    /// `POST`, and the object that was created.
    ///
    /// # Errors
    ///
    /// It was not created; the message has the fault.
    pub async fn create(&self, collection: &str, body: Value) -> anyhow::Result<Value> {
        let created = self.call("POST", collection, Some(body)).await?.expect(201)?.json();
        let inner = created.as_object().and_then(|object| object.values().next());
        inner.cloned().context("an empty envelope")
    }

    /// `GET` of one object.
    ///
    /// # Errors
    ///
    /// There is none; the message has the fault.
    pub async fn show(&self, path: &str) -> anyhow::Result<Value> {
        let shown = self.call("GET", path, None).await?.expect(200)?.json();
        let inner = shown.as_object().and_then(|object| object.values().next());
        inner.cloned().context("an empty envelope")
    }

    /// The id of the subnet that VIPs come from.
    ///
    /// # Errors
    ///
    /// The network façade does not answer.
    pub async fn vip_subnet(&self) -> anyhow::Result<String> {
        let headers = [format!("X-Auth-Token: {}", self.token)];
        let target = "/network/v2.0/subnets?name=vips";
        let answer =
            http::request(self.socket, "GET", target, &headers, None).await?.expect(200)?;
        text(&answer.json()["subnets"][0], "id")
    }

    /// A load balancer of this name, with nothing in it.
    ///
    /// # Errors
    ///
    /// It was not created.
    pub async fn create_load_balancer(&self, name: &str) -> anyhow::Result<Value> {
        let subnet = self.vip_subnet().await?;
        let body = json!({"loadbalancer": {"name": name, "vip_subnet_id": subnet}});
        self.create("/loadbalancers", body).await
    }

    /// Waits until the load balancer is ACTIVE.
    ///
    /// # Errors
    ///
    /// It is not, after [`SETTLE`]; the message has its status and reason.
    pub async fn until_active(&self, load_balancer: &str) -> anyhow::Result<Value> {
        self.until(&format!("/loadbalancers/{load_balancer}"), "provisioning_status", "ACTIVE")
            .await
    }

    /// Waits until `field` of the object at `path` is `wanted`.
    ///
    /// # Errors
    ///
    /// It is not, after [`SETTLE`]; the message has the object.
    pub async fn until(&self, path: &str, field: &str, wanted: &str) -> anyhow::Result<Value> {
        eventually(&format!("{path} has {field} {wanted}"), SETTLE, async || {
            let object = self.show(path).await?;
            if object[field] == wanted { Ok(object) } else { bail!("{object}") }
        })
        .await
    }

    /// Waits until there is no object at `path`.
    ///
    /// # Errors
    ///
    /// There still is one after [`SETTLE`].
    pub async fn until_gone(&self, path: &str) -> anyhow::Result<()> {
        eventually(&format!("{path} is gone"), SETTLE, async || {
            self.call("GET", path, None).await?.expect(404).map(drop)
        })
        .await
    }
}

/// A text field of an object.
///
/// # Errors
///
/// It is missing, or no text.
pub fn text(object: &Value, field: &str) -> anyhow::Result<String> {
    object[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {object}"))
}
