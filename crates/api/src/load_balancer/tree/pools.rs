//! Pools that are defined in one place and named in others.

use std::collections::BTreeMap;

use evenkeel_model::pool::Algorithm;
use evenkeel_model::protocol::PoolProtocol;
use evenkeel_model::text::Label;
use evenkeel_model::{HealthMonitorId, MemberId, PoolId, Violation};
use uuid::Uuid;

use super::{Tree, check_members};
use crate::decode::{Patch, body};
use crate::pool::{self, Works};
use crate::{Deployment, Fault, health_monitor, member};

body! {
    /// A pool within a single-call create. With a name and nothing else it refers to one that is
    /// defined elsewhere.
    #[derive(Default)]
    pub struct PoolDefinition {
        /// What members speak.
        protocol: Option<PoolProtocol>,
        /// How a member is chosen.
        lb_algorithm: Option<Algorithm>,
        /// How members are probed.
        healthmonitor: Option<health_monitor::Attributes>,
        /// Who answers.
        members: Option<Vec<member::Create>>,
    }
    with
    /// The rest.
    attributes: pool::Attributes
}

impl PoolDefinition {
    fn name(&self) -> &str {
        self.attributes.name.as_ref().map_or("", Label::as_str)
    }

    /// Whether it only names a pool. What says the default says nothing (contract 3.10).
    fn is_reference(&self) -> bool {
        let mut rest = self.clone();
        rest.attributes.name = None;
        if rest.attributes.admin_state_up == Patch::Value(true) {
            rest.attributes.admin_state_up = Patch::Absent;
        }
        if rest.attributes.tls_enabled == Some(false) {
            rest.attributes.tls_enabled = None;
        }
        rest == Self::default()
    }
}

/// The definitions found so far, in the order in which their pools are created.
pub(super) struct Pools {
    definitions: Vec<PoolDefinition>,
    named: Vec<String>,
}

/// The pools that stand.
pub(super) struct Planted(BTreeMap<String, (PoolId, PoolProtocol)>);

impl Pools {
    pub(super) const fn new(definitions: Vec<PoolDefinition>) -> Self {
        Self { definitions, named: Vec::new() }
    }

    /// Moves a nested pool to the others, unless it is a reference; what stays is its name.
    pub(super) fn hoist(&mut self, pool: PoolDefinition) -> Result<String, Violation> {
        let name = pool.name().to_owned();
        if name.is_empty() {
            return Err(Violation::rule(
                "Pools must be named when creating a fully populated loadbalancer.",
            ));
        }
        if pool.is_reference() {
            self.named.push(name.clone());
        } else {
            self.definitions.push(pool);
        }
        Ok(name)
    }

    pub(super) fn plant(
        self,
        tree: &mut Tree,
        deployment: &Deployment,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Result<Planted, Fault> {
        let mut planted = BTreeMap::new();
        self.check_names()?;
        for definition in self.definitions {
            let name = definition.name().to_owned();
            let pool = plant_one(definition, tree, deployment, new_id)?;
            planted.insert(name, pool);
        }
        Ok(Planted(planted))
    }

    fn check_names(&self) -> Result<(), Violation> {
        let mut names: Vec<&str> =
            self.definitions.iter().map(PoolDefinition::name).filter(|it| !it.is_empty()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Violation::rule(
                "Pool names must be unique when creating a fully populated loadbalancer.",
            ));
        }
        match self.named.iter().find(|name| names.binary_search(&name.as_str()).is_err()) {
            None => Ok(()),
            Some(name) => Err(undefined(name)),
        }
    }
}

fn undefined(name: &str) -> Violation {
    Violation::rule(format!("Pool '{name}' was referenced but no full definition was found."))
}

impl Planted {
    pub(super) fn find(&self, name: &str) -> Result<(PoolId, PoolProtocol), Violation> {
        self.0.get(name).copied().ok_or_else(|| undefined(name))
    }
}

fn plant_one(
    definition: PoolDefinition,
    tree: &mut Tree,
    deployment: &Deployment,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Result<(PoolId, PoolProtocol), Fault> {
    let missing = |attribute| {
        let name = definition.name();
        Violation::rule(format!(
            "Pool definition for '{name}' missing required attribute: {attribute}"
        ))
    };
    let protocol = definition.protocol.ok_or_else(|| missing("protocol"))?;
    let algorithm = definition.lb_algorithm.ok_or_else(|| missing("lb_algorithm"))?;
    let id = PoolId::new(new_id());
    let works = Works { protocol, algorithm };
    let root = tree.load_balancer.id;
    tree.pools.push(definition.attributes.into_pool(id, root, works, deployment)?);
    if let Some(monitor) = definition.healthmonitor {
        let its_id = HealthMonitorId::new(new_id());
        let monitor = monitor.into_health_monitor(its_id, id, deployment)?;
        health_monitor::check_pool(monitor.probe.kind(), protocol)?;
        tree.health_monitors.push(monitor);
    }
    let first = tree.members.len();
    for member in definition.members.unwrap_or_default() {
        tree.members.push(member.into_member(MemberId::new(new_id()), id, deployment)?);
    }
    check_members(&tree.members[first..])?;
    Ok((id, protocol))
}
