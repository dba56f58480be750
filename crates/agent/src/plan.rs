//! From what is there to what shall be. Pure.

use evenkeel_model::observed::Served;
use evenkeel_model::{Epoch, Generation, LoadBalancerGraph};

/// What is desired of one load balancer on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Desired {
    /// The graph's number.
    pub(crate) generation: Generation,
    /// The placement's number. With a new one a driver applies its graph anew, even if it serves
    /// that graph: a failover on the same node.
    pub(crate) epoch: Epoch,
    /// Whether there is anything to serve.
    pub(crate) has_work: bool,
}

impl Desired {
    /// What this graph, under this placement, asks of the node.
    pub(crate) fn of(graph: &LoadBalancerGraph, epoch: Epoch) -> Self {
        Self { generation: graph.generation, epoch, has_work: graph.has_work() }
    }
}

/// How much of the VIP's place is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing.
    #[default]
    Absent,
    /// Some of it, or another graph's.
    Remains,
    /// All that the desired graph wants.
    Ready,
}

/// What this node has of one load balancer, read from disk, plug and driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actual {
    /// Whether the site has its directory.
    pub(crate) directory: bool,
    /// Whether its VIP is here.
    pub(crate) place: Place,
    /// What is served.
    pub(crate) served: Served,
    /// The placement under which that was applied.
    pub(crate) epoch: Option<Epoch>,
}

/// One change to this node. Taking a step twice is the same as taking it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Serve nothing any more.
    RemoveDriver,
    /// Take the VIP away.
    Unplug,
    /// Take the site's directory away.
    RemoveDirectory,
    /// Make the site's directory.
    MakeDirectory,
    /// Bring the VIP.
    Plug,
    /// Serve the graph.
    ApplyDriver,
}

/// The steps from `actual` to `desired`, in the order in which they must be taken; none when they
/// agree.
///
/// `None`, and a graph with nothing to serve, both ask for an empty node. The directory comes
/// first and goes last, so that whatever is on the node can be found by it.
pub(crate) fn plan(desired: Option<Desired>, actual: &Actual) -> Vec<Step> {
    match desired.filter(|desired| desired.has_work) {
        Some(desired) => up(desired, actual),
        None => down(actual),
    }
}

fn down(actual: &Actual) -> Vec<Step> {
    let mut steps = Vec::new();
    if actual.served != Served::Absent {
        steps.push(Step::RemoveDriver);
    }
    if actual.place != Place::Absent {
        steps.push(Step::Unplug);
    }
    if actual.directory {
        steps.push(Step::RemoveDirectory);
    }
    steps
}

fn up(desired: Desired, actual: &Actual) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut applies =
        actual.served != Served::Serving(desired.generation) || actual.epoch != Some(desired.epoch);
    // The VIP is gone from under what serves it, which would not notice that it is brought again.
    if actual.place == Place::Absent && actual.served != Served::Absent {
        steps.push(Step::RemoveDriver);
        applies = true;
    }
    if !actual.directory {
        steps.push(Step::MakeDirectory);
    }
    // What is there of the place is repaired under the running driver.
    if actual.place != Place::Ready {
        steps.push(Step::Plug);
        applies = true;
    }
    if applies {
        steps.push(Step::ApplyDriver);
    }
    steps
}

#[cfg(test)]
mod tests;
