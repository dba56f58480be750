//! A graph as HAProxy's configuration: pure, and the same text for the same graph.

mod backend;
mod capabilities;
mod frontend;
mod global;
mod hardening;
mod health_check;
mod l7;
mod length;
mod metrics;
mod tls;

use std::fmt;

use evenkeel_driver::Site;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::provider::{Demand, Unsupported};
use evenkeel_model::{Listener, LoadBalancerGraph, Pool};
use evenkeel_vault::Material;

use self::tls::Keys;
use crate::backend_name::BackendName;
use crate::configuration::Configuration;

pub(crate) use self::tls::missing;
pub(crate) use backend::has_beside as has_backend_beside;
pub use capabilities::{CAPABILITIES, without_ping};
pub(crate) use frontend::speaks_http;
pub(crate) use global::ADMIN_SOCKET_FROM_JAIL;
pub use global::{ADMIN_SOCKET, STATES, STATS_SOCKET};
pub use hardening::Hardening;
pub use metrics::{METRICS_FILE, METRICS_PROGRAM, METRICS_SOCKET};

/// What the node lets one HAProxy process have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// How many files it may have open: the hard limit, which HAProxy raises itself to.
    pub descriptors: u64,
}

/// What HAProxy shall do at `site` so that `graph` is served.
///
/// Disabled listeners have no frontend, and pools that no open listener uses have no backend.
/// All paths in it are relative to the jail in the site's directory, in which HAProxy is to be
/// started: the path of a socket may have only some 90 characters, and once HAProxy is locked in,
/// there are no others. Files of `material` are the exception.
///
/// # Errors
///
/// [`Unsupported`]: the graph asks for what this driver cannot do, or has a text that cannot be
/// written.
pub fn render(
    graph: &LoadBalancerGraph,
    site: &Site,
    limits: NodeLimits,
    material: &Material,
) -> Result<Configuration, Unsupported> {
    render_without(graph, site, limits, material, &[])
}

/// The same without some of what keeps hostile requests out: to measure what it costs.
///
/// # Errors
///
/// As [`render`].
pub fn render_without(
    graph: &LoadBalancerGraph,
    site: &Site,
    limits: NodeLimits,
    material: &Material,
    unhardened: &[Hardening],
) -> Result<Configuration, Unsupported> {
    within_capabilities(graph)?;
    let keys = Keys { site, material };
    let open: Vec<&Listener> = open_listeners(graph).collect();
    let threads = graph.load_balancer.allowance.threads;
    let ceiling = global::ceiling(graph, limits);
    let frontends = open
        .iter()
        .map(|listener| frontend::render(graph, keys, listener, ceiling, unhardened))
        .collect::<Result<Vec<_>, _>>()?;
    let backends = graph
        .pools
        .iter()
        .filter(|pool| pool.admin_state_up)
        .flat_map(|pool| BackendName::all_of(pool.id).map(|name| (pool, name)))
        .filter_map(|(pool, name)| {
            let mut users = users_of(graph, pool, &open);
            users.retain(|listener| backend::name(graph, listener, pool.id) == name);
            (!users.is_empty()).then(|| backend::render(graph, pool, name, &users, keys))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let tells_metrics = open.iter().any(|it| it.protocol == ListenerProtocol::Prometheus);
    let mut global = global::global(site, &open, threads, ceiling, tells_metrics);
    let with_tls = frontends.iter().any(|it| !it.material.is_empty())
        || backends.iter().any(|it| !it.material.is_empty());
    if with_tls {
        tls::of_process(site)?.into_iter().for_each(|line| global.add(line));
    }
    Ok(Configuration {
        generation: graph.generation,
        global,
        shared: global::shared(site, &backends, tells_metrics),
        tells_metrics,
        frontends,
        backends,
    })
}

fn open_listeners(graph: &LoadBalancerGraph) -> impl Iterator<Item = &Listener> {
    let enabled = graph.load_balancer.admin_state_up;
    graph.listeners.iter().filter(move |listener| enabled && listener.admin_state_up)
}

fn users_of<'a>(
    graph: &LoadBalancerGraph,
    pool: &Pool,
    open: &[&'a Listener],
) -> Vec<&'a Listener> {
    let uses = |listener: &&&Listener| graph.pools_used_by(listener).contains(&pool.id);
    open.iter().filter(uses).copied().collect()
}

fn within_capabilities(graph: &LoadBalancerGraph) -> Result<(), Unsupported> {
    fn all<'a, T: Demand + 'a>(them: impl IntoIterator<Item = &'a T>) -> Result<(), Unsupported> {
        them.into_iter().try_for_each(|it| it.within(&CAPABILITIES))
    }
    all([&graph.load_balancer])?;
    all(&graph.listeners)?;
    all(&graph.pools)?;
    all(&graph.health_monitors)?;
    all(&graph.l7_policies)?;
    all(&graph.l7_rules)
}

/// The refusal of one resource of the graph.
fn refused(kind: &str, id: impl fmt::Display, why: impl fmt::Display) -> Unsupported {
    Unsupported(format!("{kind} {id}: {why}."))
}
