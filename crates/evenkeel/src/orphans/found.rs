//! What is on a node, and whose it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use evenkeel_model::LoadBalancerId;
use evenkeel_plumbing::Identity;
use serde_json::Value;

/// A thing on the node that may be left over. Removed in this order: first what uses the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// A HAProxy.
    Process(Identity),
    /// A named namespace, with what it is marked as: removing it must find the same mark.
    Namespace { name: String, mark: String },
    /// A port of Open vSwitch, and the row that it has in the database.
    Port { name: String, row: Value },
    /// The outer end of a pair whose namespace has lost its name.
    Tap(String),
    /// A bridge of ours without ports.
    Bridge(String),
    /// Keys in clear.
    Secrets(PathBuf),
    /// The directory of a site.
    Site(PathBuf),
    /// A log.
    Log(PathBuf),
}

impl Thing {
    /// What kind of thing it is.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Namespace { .. } => "namespace",
            Self::Port { .. } => "port",
            Self::Tap(_) => "tap",
            Self::Bridge(_) => "bridge",
            Self::Secrets(_) => "keys",
            Self::Site(_) => "site",
            Self::Log(_) => "log",
        }
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Process(identity) => identity.pid.to_string(),
            Self::Namespace { name, .. }
            | Self::Port { name, .. }
            | Self::Tap(name)
            | Self::Bridge(name) => name.clone(),
            Self::Secrets(path) | Self::Site(path) | Self::Log(path) => path.display().to_string(),
        }
    }
}

/// Whose a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// A load balancer's.
    LoadBalancer(LoadBalancerId),
    /// Ours, and no load balancer's: a bridge without ports, a name that means nothing.
    Nobodys,
    /// It is called as ours are, and was made by somebody else. Never removed.
    Strangers,
}

/// A thing, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) thing: Thing,
    pub(super) whose: Whose,
}

impl Found {
    /// Whether it may be removed.
    pub(super) fn is_ours(&self) -> bool {
        self.whose != Whose::Strangers
    }

    /// Whether a running agent leaves it for a while: who asks what happened asks afterwards.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.thing, Thing::Log(_))
    }
}

/// Of all that was found, what belongs to no load balancer of `held`.
pub(super) fn orphans(found: Vec<Found>, held: &BTreeSet<LoadBalancerId>) -> Vec<Found> {
    let is_orphan = |it: &Found| match it.whose {
        Whose::LoadBalancer(id) => !held.contains(&id),
        Whose::Nobodys | Whose::Strangers => true,
    };
    found.into_iter().filter(is_orphan).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_held_is_no_orphan_and_strangers_are_told() {
        let of = |number: u128| LoadBalancerId::new(Uuid::from_u128(number));
        let site = |name: &str, whose| Found { thing: Thing::Site(PathBuf::from(name)), whose };
        let found = vec![
            site("held", Whose::LoadBalancer(of(1))),
            site("lost", Whose::LoadBalancer(of(2))),
            site("strange", Whose::Strangers),
        ];
        let left = orphans(found.clone(), &BTreeSet::from([of(1)]));
        assert_eq!(left, found[1..]);
        assert!(left[0].is_ours() && !left[1].is_ours());
    }
}
