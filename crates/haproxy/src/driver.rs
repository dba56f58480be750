//! The driver: apply, observe, remove.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use evenkeel_driver::{Driver, DriverError, Site};
use evenkeel_model::observed::{MemberHealth, Observation, Served, Traffic};
use evenkeel_model::provider::{Capabilities, Unsupported};
use evenkeel_model::{LoadBalancerGraph, LoadBalancerId, MemberId};
use evenkeel_plumbing::echo;
use tokio::time::{Instant, sleep_until};

use crate::HaproxyOptions;
use crate::change::{Change, between};
use crate::command::{Command, ServerName};
use crate::instance::{Instance, disk};
use crate::ping::{self, Pinger, Target};
use crate::record::{Applied, Counters};
use crate::render::{self, CAPABILITIES};
use crate::socket::SocketError;
use crate::stats;

/// The least time between two reloads of one load balancer: a storm of changes shares them.
const RELOAD_GAP: Duration = Duration::from_secs(1);

/// What is said where echo requests may not be sent.
const NO_PING: &str = "PING monitors need the right to send echo requests; the operator sets \
                       net.ipv4.ping_group_range on the node.";

/// Serves load balancers with HAProxy, a process each.
#[derive(Debug)]
pub struct HaproxyDriver {
    options: HaproxyOptions,
    reloads: Mutex<BTreeMap<LoadBalancerId, Instant>>,
    pingers: Mutex<BTreeMap<LoadBalancerId, Pinger>>,
    may_ping: bool,
}

impl HaproxyDriver {
    /// A driver that runs HAProxy as `options` say.
    pub fn new(options: HaproxyOptions) -> Self {
        Self {
            options,
            reloads: Mutex::new(BTreeMap::new()),
            pingers: Mutex::new(BTreeMap::new()),
            may_ping: echo::is_allowed(),
        }
    }

    /// Sees to it that `targets` are probed. A process that was just started is told what is known.
    fn ping(&self, site: &Site, targets: Vec<Target>, started: bool) {
        let mut pingers = self.pingers.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = pingers.get(&site.load_balancer);
        if targets.is_empty() {
            pingers.remove(&site.load_balancer);
        } else if started || !earlier.is_some_and(|pinger| pinger.probes(&targets)) {
            let pinger = Pinger::start(&site.directory, targets, earlier);
            pingers.insert(site.load_balancer, pinger);
        }
    }

    /// What our own probes say of the members of a site.
    fn pinged(&self, site: &Site) -> BTreeMap<MemberId, MemberHealth> {
        let pingers = self.pingers.lock().unwrap_or_else(PoisonError::into_inner);
        pingers.get(&site.load_balancer).map(Pinger::health).unwrap_or_default()
    }

    fn last_reload(&self, load_balancer: LoadBalancerId) -> Option<Instant> {
        let reloads = self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        reloads.get(&load_balancer).copied()
    }

    fn note_reload(&self, load_balancer: LoadBalancerId) {
        let mut reloads = self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        reloads.insert(load_balancer, Instant::now());
    }

    fn forget_reloads(&self, load_balancer: LoadBalancerId) {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner).remove(&load_balancer);
    }

    /// The cheapest way to `wanted`; true if another process serves now.
    async fn bring_about(&self, site: &Site, wanted: Applied) -> Result<bool, DriverError> {
        let instance = Instance::at(site, &self.options);
        let Some(running) = instance.serving().await.map_err(disk)? else {
            return self.start(&instance, wanted).await.map(|()| true);
        };
        let Ok(served) = instance.socket().generation().await else {
            // It hangs: nothing can be taken over from it, and nobody is served by it.
            tracing::warn!(pid = running.identity().pid, "HAProxy does not answer, replaced");
            running.kill();
            running.ended().await;
            return self.start(&instance, wanted).await.map(|()| true);
        };
        let applied = instance.notes().applied().await.map_err(disk)?;
        // What was noted is what serves only if the process says so itself: the agent may have
        // died between the two.
        let known = applied.filter(|it| Some(it.configuration.generation) == served);
        // A placement of its own wants a process of its own.
        if let Some(applied) = known.as_ref().filter(|it| it.epoch == wanted.epoch) {
            match between(&applied.configuration, &wanted.configuration) {
                Change::Nothing => return Ok(false),
                Change::Note => {
                    return steer(&instance, applied, wanted, &[]).await.map(|()| false);
                }
                Change::Commands(commands) => {
                    match steer(&instance, applied, wanted.clone(), &commands).await {
                        Ok(()) => return Ok(false),
                        Err(error) => tracing::info!(%error, "commands failed, reloading"),
                    }
                }
                Change::Reload => {}
            }
        }
        if let Some(last) = self.last_reload(site.load_balancer) {
            sleep_until(last + RELOAD_GAP).await;
        }
        self.note_reload(site.load_balancer);
        self.reload(&instance, known, wanted).await.map(|()| true)
    }

    /// Another process takes over the listening sockets; if it will not start, the old one serves
    /// on under the old file.
    async fn reload(
        &self,
        instance: &Instance<'_>,
        before: Option<Applied>,
        wanted: Applied,
    ) -> Result<(), DriverError> {
        instance.notes().note_candidate(&wanted.configuration).await.map_err(disk)?;
        instance.check().await?;
        roll_counters(instance).await?;
        let generation = wanted.configuration.generation;
        instance.notes().note_applied(&wanted).await.map_err(disk)?;
        let outcome = instance.start(generation).await;
        if let (Err(_), Some(before)) = (&outcome, before) {
            instance.notes().note_applied(&before).await.map_err(disk)?;
        }
        outcome
    }

    /// The first process. Its start is its own check.
    async fn start(&self, instance: &Instance<'_>, wanted: Applied) -> Result<(), DriverError> {
        let generation = wanted.configuration.generation;
        instance.notes().note_applied(&wanted).await.map_err(disk)?;
        instance.start(generation).await
    }
}

#[async_trait]
impl Driver for HaproxyDriver {
    fn capabilities(&self) -> Capabilities {
        if self.may_ping { CAPABILITIES } else { render::without_ping() }
    }

    async fn apply(&self, site: &Site, graph: &LoadBalancerGraph) -> Result<(), DriverError> {
        let configuration = render::render(graph, site, self.options.limits)?;
        let pinged = ping::targets(graph);
        if !pinged.is_empty() && !self.may_ping {
            return Err(Unsupported(NO_PING.to_owned()).into());
        }
        let wanted = Applied {
            configuration,
            epoch: site.epoch,
            retired: Vec::new(),
            pinged: pinged.clone(),
        };
        let started = self.bring_about(site, wanted).await?;
        self.ping(site, pinged, started);
        Ok(())
    }

    async fn observe(&self, site: &Site) -> Result<Observation, DriverError> {
        let instance = Instance::at(site, &self.options);
        let sockets = site.sockets.clone();
        instance.bury_finished().await.map_err(disk)?;
        if instance.serving().await.map_err(disk)?.is_none() {
            let there = instance.notes().are_there();
            let served = if there { Served::Remains } else { Served::Absent };
            let traffic = idle(instance.notes().counters().await.map_err(disk)?);
            return Ok(Observation { served, traffic, sockets, ..Observation::default() });
        }
        let (Ok(generation), Ok(csv)) =
            (instance.socket().generation().await, instance.socket().statistics().await)
        else {
            // It runs, but hangs.
            return Ok(Observation { served: Served::Remains, sockets, ..Observation::default() });
        };
        let mut statistics = stats::parse(&csv);
        if let Some(applied) = instance.notes().applied().await.map_err(disk)? {
            for ServerName { pool, member } in applied.retired {
                statistics.members.remove(&(pool, member));
            }
            self.ping(site, applied.pinged, false);
        }
        let ended = instance.notes().counters().await.map_err(disk)?;
        let members = statistics.members.into_iter().map(|((_, id), health)| (id, health));
        Ok(Observation {
            served: generation.map_or(Served::Remains, Served::Serving),
            listeners: statistics.listeners,
            pools: statistics.pools,
            members: members.chain(self.pinged(site)).collect(),
            traffic: sum(ended, &statistics.traffic),
            sockets,
        })
    }

    async fn remove(&self, site: &Site) -> Result<(), DriverError> {
        let instance = Instance::at(site, &self.options);
        self.ping(site, Vec::new(), false);
        instance.end().await.map_err(|source| DriverError::Unavailable {
            attempt: "could not end HAProxy".to_owned(),
            cure: "the operator looks at the agent's log; it is tried again".to_owned(),
            source: Some(source),
        })?;
        instance.notes().clear().await.map_err(disk)?;
        self.forget_reloads(site.load_balancer);
        Ok(())
    }

    async fn ended(&self, site: &Site) {
        let instance = Instance::at(site, &self.options);
        match instance.serving().await {
            Ok(Some(process)) => process.ended().await,
            Ok(None) if instance.notes().are_there() => {}
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Changes the running process through its socket. The file is on the disk first, so that a start
/// in between starts with the new one.
async fn steer(
    instance: &Instance<'_>,
    applied: &Applied,
    wanted: Applied,
    commands: &[Command],
) -> Result<(), DriverError> {
    let generation = wanted.configuration.generation;
    let mut retired = still_there(instance, &applied.retired).await;
    for command in commands {
        if let Command::Retire(server) = command {
            retired.push(*server);
        }
    }
    let applied = Applied { retired, ..wanted };
    instance.notes().note_applied(&applied).await.map_err(disk)?;
    let socket = instance.socket();
    for command in commands {
        socket.carry_out(command).await.map_err(unsteerable)?;
        if let Command::Retire(server) = command {
            // Refused while it has connections; then it is tried again with the next change.
            let _ = socket.carry_out(&Command::Delete(*server)).await;
        }
    }
    socket.note(generation).await.map_err(unsteerable)
}

/// Those of the retired servers that still have connections.
async fn still_there(instance: &Instance<'_>, retired: &[ServerName]) -> Vec<ServerName> {
    let mut still_there = Vec::new();
    for server in retired {
        match instance.socket().carry_out(&Command::Delete(*server)).await {
            Ok(()) => {}
            Err(SocketError::Refused { answer, .. }) if answer.contains("No such server") => {}
            Err(_) => still_there.push(*server),
        }
    }
    still_there
}

fn unsteerable(error: SocketError) -> DriverError {
    DriverError::Unavailable {
        attempt: "could not change the running HAProxy".to_owned(),
        cure: "it is tried again".to_owned(),
        source: Some(io::Error::other(error)),
    }
}

/// Adds what the process that is about to leave has counted to what earlier ones did. What it
/// still moves afterwards is lost to the statistics.
async fn roll_counters(instance: &Instance<'_>) -> Result<(), DriverError> {
    if let Ok(csv) = instance.socket().statistics().await {
        let ended = instance.notes().counters().await.map_err(disk)?;
        let total = idle(sum(ended, &stats::parse(&csv).traffic));
        instance.notes().note_counters(&total).await.map_err(disk)?;
    }
    Ok(())
}

fn sum(mut ended: Counters, now: &Counters) -> Counters {
    for (listener, traffic) in now {
        let total = ended.entry(*listener).or_default();
        *total = total.plus(*traffic);
    }
    ended
}

/// The counters of processes that have ended have no connection open.
fn idle(mut counters: Counters) -> Counters {
    for traffic in counters.values_mut() {
        *traffic = Traffic { active_connections: 0, ..*traffic };
    }
    counters
}
