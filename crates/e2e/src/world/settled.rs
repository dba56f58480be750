//! Whether all is as it is wanted.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use evenkeel_model::observed::Served;
use evenkeel_model::status::ProvisioningStatus;
use evenkeel_model::{AgentId, Epoch, LoadBalancer, LoadBalancerId};
use evenkeel_store::{Placement, StoreError};

use super::World;

impl World {
    /// Every load balancer is ACTIVE and served once, by a node whose agent lives, and such nodes
    /// have nothing else.
    pub(super) async fn settled(&self) -> anyhow::Result<()> {
        let placements = self.control.store().placements().await?;
        let placed: BTreeSet<_> = placements.iter().map(|it| it.load_balancer).collect();
        ensure!(placed == self.wanted, "placed are {placed:?}, wanted {:?}", self.wanted);
        for placement in &placements {
            self.is_served(placement).await?;
        }
        for node in self.nodes.iter().filter(|node| node.lives()) {
            let here = placements.iter().filter(|it| it.agent == node.agent);
            let wanted: BTreeSet<String> = here.map(|it| it.load_balancer.to_string()).collect();
            let traces = node.traces()?;
            ensure!(traces == wanted, "{} has {traces:?}, wanted {wanted:?}", node.agent);
        }
        Ok(())
    }

    async fn is_served(&self, placement: &Placement) -> anyhow::Result<()> {
        let id = placement.load_balancer;
        let status = match self.control.store().get::<LoadBalancer>(id).await {
            Ok(record) => record.provisioning_status,
            Err(StoreError::NotFound { .. }) => bail!("{id} is placed, but gone"),
            Err(error) => return Err(error.into()),
        };
        ensure!(status == ProvisioningStatus::Active, "{id} is {status:?}");
        let node = self.nodes.iter().find(|node| node.agent == placement.agent);
        let Some(node) = node.filter(|node| node.lives()) else {
            bail!("{id} is placed on {}, which is dead", placement.agent);
        };
        let memory = node.driver.memory(id);
        let (served, wanted) = (memory.served(), Served::Serving(placement.generation));
        ensure!(served == wanted, "{id}: {served:?} on {}, wanted {wanted:?}", node.agent);
        let (epoch, wanted) = (memory.epoch(), Some(placement.epoch));
        ensure!(epoch == wanted, "{id}: {epoch:?} on {}, wanted {wanted:?}", node.agent);
        Ok(())
    }

    /// Sees which epochs there are. They only rise.
    pub(super) async fn see_epochs(&mut self) -> anyhow::Result<()> {
        let mut seen: Vec<((Option<AgentId>, LoadBalancerId), Epoch)> = Vec::new();
        for placement in self.control.store().placements().await? {
            seen.push(((None, placement.load_balancer), placement.epoch));
        }
        for node in &self.nodes {
            for id in node.driver.served() {
                let epoch = node.driver.memory(id).epoch();
                seen.extend(epoch.map(|epoch| ((Some(node.agent), id), epoch)));
            }
        }
        for (key, epoch) in seen {
            let highest = self.epochs.entry(key).or_default();
            ensure!(epoch >= *highest, "{key:?} fell from {highest:?} to {epoch:?}");
            *highest = epoch;
        }
        Ok(())
    }
}
