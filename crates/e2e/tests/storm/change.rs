//! The changes of a storm: kinds that need the socket, and kinds that need another process.

use std::net::SocketAddr;

use anyhow::ensure;
use evenkeel_e2e::lab::{Lab, SETTLE, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};
use serde_json::{Value, json};

/// Changes of one load balancer, one after the other, each accepted.
pub(crate) struct Storm<'a> {
    lab: &'a Lab,
    guest: &'a Backend,
    listener: String,
    pool: String,
    steady: String,
    /// A member that comes and goes, while it is there.
    visitor: Option<String>,
    /// A policy that comes and goes, while it is there.
    policy: Option<String>,
}

impl<'a> Storm<'a> {
    pub(crate) fn over(lab: &'a Lab, whole: &Value, guest: &'a Backend) -> anyhow::Result<Self> {
        Ok(Self {
            lab,
            guest,
            listener: text(&whole["listeners"][0], "id")?,
            pool: text(&whole["pools"][0], "id")?,
            steady: text(&whole["pools"][0]["members"][0], "id")?,
            visitor: None,
            policy: None,
        })
    }

    /// The next change. Of ten, two need another process.
    pub(crate) async fn change(&mut self, turn: usize) -> anyhow::Result<()> {
        match turn % 10 {
            1 => self.come_or_go().await,
            3 => {
                self.set(&self.member(), json!({"member": {"admin_state_up": turn % 20 < 10}}))
                    .await
            }
            5 => self.reconfigure(turn / 10).await,
            7 => self.police().await,
            _ => {
                let steady = format!("{}/{}", self.members(), self.steady);
                self.set(&steady, json!({"member": {"weight": 1 + turn % 200}})).await
            }
        }
    }

    /// Waits until the last of all changes is what clients get.
    pub(crate) async fn is_in_effect(&mut self, vip: SocketAddr) -> anyhow::Result<()> {
        if self.policy.is_none() {
            self.police().await?;
        }
        eventually("the policy refuses", SETTLE, async || {
            let answer = http::get(vip, "/forbidden").await?;
            ensure!(answer.status == 403, "{answer:?}");
            Ok(())
        })
        .await
    }

    fn members(&self) -> String {
        format!("/pools/{}/members", self.pool)
    }

    /// The member that comes and goes; while it is gone, one that stays.
    fn member(&self) -> String {
        let visitor = self.visitor.as_ref().unwrap_or(&self.steady);
        format!("{}/{visitor}", self.members())
    }

    async fn set(&self, path: &str, body: Value) -> anyhow::Result<()> {
        self.lab.call("PUT", path, Some(body)).await?.expect(200).map(drop)
    }

    async fn come_or_go(&mut self) -> anyhow::Result<()> {
        if let Some(visitor) = self.visitor.take() {
            let path = format!("{}/{visitor}", self.members());
            return self.lab.call("DELETE", &path, None).await?.expect(204).map(drop);
        }
        let socket = self.guest.socket();
        let body = json!({"member": {"address": socket.ip(), "protocol_port": socket.port()}});
        let created = self.lab.create(&self.members(), body).await?;
        self.visitor = Some(text(&created, "id")?);
        Ok(())
    }

    async fn reconfigure(&self, round: usize) -> anyhow::Result<()> {
        if round.is_multiple_of(2) {
            let algorithm =
                if round.is_multiple_of(4) { "LEAST_CONNECTIONS" } else { "ROUND_ROBIN" };
            let body = json!({"pool": {"lb_algorithm": algorithm}});
            self.set(&format!("/pools/{}", self.pool), body).await
        } else {
            let body = json!({"listener": {"timeout_client_data": 50_000 + round}});
            self.set(&format!("/listeners/{}", self.listener), body).await
        }
    }

    async fn police(&mut self) -> anyhow::Result<()> {
        if let Some(policy) = self.policy.take() {
            let path = format!("/l7policies/{policy}");
            return self.lab.call("DELETE", &path, None).await?.expect(204).map(drop);
        }
        let body = json!({"l7policy": {"listener_id": self.listener, "action": "REJECT"}});
        let policy = text(&self.lab.create("/l7policies", body).await?, "id")?;
        let rule = json!({"rule": {
            "type": "PATH", "compare_type": "EQUAL_TO", "value": "/forbidden",
        }});
        self.lab.create(&format!("/l7policies/{policy}/rules"), rule).await?;
        self.policy = Some(policy);
        Ok(())
    }
}
