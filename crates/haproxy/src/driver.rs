//! The driver: apply, observe, remove.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use evenkeel_driver::{Driver, DriverError, Site};
use evenkeel_model::observed::{MemberHealth, Observation, Served};
use evenkeel_model::provider::{Capabilities, Unsupported};
use evenkeel_model::tls::Slot;
use evenkeel_model::{LoadBalancerGraph, LoadBalancerId, MemberId};
use evenkeel_plumbing::echo;
use evenkeel_vault::Material;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::HaproxyOptions;
use crate::carried;
use crate::change::{Change, between};
use crate::complaint::in_words_of_tenants;
use crate::counters::{Counted, Share, idle};
use crate::instance::{END, Instance, disk};
use crate::jail::Jail;
use crate::logs::{Collector, retention};
use crate::memory::{Memories, Memory};
use crate::ping::{self, Pinger, Target};
use crate::record::{Applied, off_runtime};
use crate::render::{self, CAPABILITIES};
use crate::secrets::Secrets;
use crate::stats;
use crate::steer::{released, steer, still_there};
use crate::template::TemplateError;

/// The least time between two reloads of one load balancer: a storm of changes shares them.
const RELOAD_GAP: Duration = Duration::from_secs(1);

/// What is said where echo requests may not be sent.
const NO_PING: &str = "PING monitors need the right to send echo requests; the operator sets \
                       net.ipv4.ping_group_range on the node.";

/// Serves load balancers with HAProxy, a process each.
#[derive(Debug)]
pub struct HaproxyDriver {
    options: HaproxyOptions,
    memories: Memories,
    may_ping: bool,
}

impl HaproxyDriver {
    /// A driver that runs HAProxy as `options` say.
    pub fn new(options: HaproxyOptions) -> Self {
        Self { options, memories: Memories::default(), may_ping: echo::is_allowed() }
    }

    /// The text of the operator's template, if there is one.
    fn template(&self) -> Option<String> {
        self.options.template.as_ref().map(|template| template.source().to_owned())
    }

    /// Sees to it that `targets` are probed. A process that was just started is told what is known.
    fn ping(&self, site: &Site, targets: Vec<Target>, started: bool) {
        self.memories.of(site.load_balancer, |memory| {
            let earlier = memory.pinger.as_ref();
            if targets.is_empty() {
                memory.pinger = None;
            } else if started || !earlier.is_some_and(|pinger| pinger.probes(&targets)) {
                memory.pinger = Some(Pinger::start(site, targets, earlier));
            }
        });
    }

    /// Whether HAProxy is to tell of requests; `None` if it is to tell nothing.
    fn logs(&self) -> Option<bool> {
        self.options.logs.as_ref().map(|logs| logs.requests)
    }

    /// Sees to it that what HAProxy tells is collected. Where that is not possible, it serves all
    /// the same.
    fn collect(&self, site: &Site) {
        let Some(options) = &self.options.logs else { return };
        self.memories.of(site.load_balancer, |memory| {
            if memory.collector.as_mut().is_some_and(Collector::is_running) {
                return;
            }
            match Collector::start(site, options) {
                Ok(collector) => memory.collector = Some(collector),
                Err(error) => tracing::warn!(%error, "what HAProxy tells is not collected"),
            }
        });
    }

    /// What our own probes say of the members of a site.
    fn pinged(&self, site: &Site) -> BTreeMap<MemberId, MemberHealth> {
        let health = |memory: &Memory| memory.pinger.as_ref().map(Pinger::health);
        self.memories.get(site.load_balancer, health).unwrap_or_default()
    }

    /// The cheapest way to `wanted`; true if another process serves now.
    async fn bring_about(
        &self,
        site: &Site,
        graph: &LoadBalancerGraph,
        wanted: Applied,
    ) -> Result<bool, DriverError> {
        let instance = Instance::at(site, &self.options);
        instance.settle().await.map_err(unendable)?;
        let Some(running) = instance.serving().await.map_err(disk)? else {
            let states = carried::NOTHING.to_owned();
            return self.start(&instance, graph, wanted, states).await.map(|()| true);
        };
        let answer = if instance.is_outside(&running).map_err(disk)? {
            None
        } else {
            instance.socket().generation_at_last().await.ok()
        };
        let Some(served) = answer else {
            // It hangs, or is in a network of the past: nothing can be taken over from it, and
            // nobody is served by it.
            tracing::warn!(pid = running.identity().pid, "HAProxy is out of reach, replaced");
            running.end(END).await.map_err(unendable)?;
            let states = carried::NOTHING.to_owned();
            return self.start(&instance, graph, wanted, states).await.map(|()| true);
        };
        let applied = instance.notes().applied().await.map_err(disk)?;
        // What was noted is what serves only if the process says so itself: the agent may have
        // died between the two.
        let known = applied.filter(|it| Some(it.configuration.generation) == served);
        // A placement of its own wants a process of its own.
        if let Some(applied) = known.as_ref().filter(|it| it.epoch == wanted.epoch)
            && self.changed_in_place(site, &instance, applied, &wanted).await
        {
            return Ok(false);
        }
        self.reload(&instance, graph, known, wanted).await.map(|()| true)
    }

    /// Changes the process that runs, if that leads to `wanted`.
    async fn changed_in_place(
        &self,
        site: &Site,
        instance: &Instance<'_>,
        applied: &Applied,
        wanted: &Applied,
    ) -> bool {
        let mut commands = match between(&applied.configuration, &wanted.configuration) {
            Change::Nothing if applied.template == wanted.template => return true,
            Change::Nothing | Change::Note => Vec::new(),
            Change::Commands(commands) => commands,
            Change::Reload => return false,
        };
        // Whom we do not probe any more we say nothing of any more, and take back what we said.
        self.ping(site, wanted.pinged.clone(), false);
        commands.extend(released(applied, wanted));
        let steered = steer(instance, applied, wanted.clone(), &commands).await;
        if let Err(error) = &steered {
            tracing::info!(%error, "commands failed, reloading");
        }
        steered.is_ok()
    }

    /// Another process takes over the listening sockets. Its start is its own check: if it refuses
    /// the file, it has not touched the old one, which serves on under the old file.
    async fn reload(
        &self,
        instance: &Instance<'_>,
        graph: &LoadBalancerGraph,
        before: Option<Applied>,
        wanted: Applied,
    ) -> Result<(), DriverError> {
        let id = graph.load_balancer.id;
        if let Some(last) = self.memories.get(id, |memory| memory.reloaded) {
            sleep_until(last + RELOAD_GAP).await;
        }
        instance.wait_for_room().await.map_err(disk)?;
        self.memories.of(id, |memory| memory.reloaded = Some(Instant::now()));
        let states = carried_over(instance, before.as_ref(), &wanted).await;
        let outcome = self.start(instance, graph, wanted, states).await;
        if let (Err(_), Some(before)) = (&outcome, before) {
            instance.notes().note_applied(&before).await.map_err(disk)?;
        }
        outcome
    }

    /// Another process, whether there is one already or not.
    async fn start(
        &self,
        instance: &Instance<'_>,
        graph: &LoadBalancerGraph,
        wanted: Applied,
        states: String,
    ) -> Result<(), DriverError> {
        instance.notes().note_states(states).await.map_err(disk)?;
        self.count(instance, graph).await?;
        let generation = wanted.configuration.generation;
        instance.notes().note_applied(&wanted).await.map_err(disk)?;
        instance.start(generation).await
    }

    /// Keeps what the process has counted that is about to leave, or that was killed: then it is
    /// what was seen last. What it still moves afterwards is lost to the statistics. The first
    /// process of a site begins a series of counters.
    async fn count(
        &self,
        instance: &Instance<'_>,
        graph: &LoadBalancerGraph,
    ) -> Result<(), DriverError> {
        let running = instance.serving().await.map_err(disk)?;
        let now = match running {
            Some(running) => instance.socket().statistics().await.ok().map(|csv| Share {
                process: running.identity().into(),
                counters: stats::parse(&csv, &[]).traffic,
            }),
            None => None,
        };
        let seen = self.memories.of(graph.load_balancer.id, |memory| memory.seen.take());
        let (known, share) = (instance.notes().counted().await.map_err(disk)?, now.or(seen));
        if known.is_some() && share.is_none() {
            return Ok(());
        }
        let mut counted = known.unwrap_or_else(|| Counted::begin(Uuid::new_v4().into()));
        if let Some(share) = share {
            counted.add(share, |id| graph.listeners.iter().any(|listener| listener.id == id));
        }
        instance.notes().note_counted(&counted).await.map_err(disk)
    }

    /// What is seen of a site where no process answers.
    async fn observe_silence(
        &self,
        site: &Site,
        instance: &Instance<'_>,
    ) -> Result<Observation, DriverError> {
        // Keys that an apply or a removal that was broken off has left are something to remove.
        let there = instance.is_there() || Secrets::of(site).are_there();
        let counted = instance.notes().counted().await.map_err(disk)?.unwrap_or_default();
        let seen = self.memories.get(site.load_balancer, |memory| memory.seen.clone());
        Ok(Observation {
            served: if there { Served::Remains } else { Served::Absent },
            traffic: idle(counted.total(seen.as_ref())),
            series: counted.series(),
            sockets: site.sockets.clone(),
            ..Observation::default()
        })
    }
}

#[async_trait]
impl Driver for HaproxyDriver {
    fn capabilities(&self) -> Capabilities {
        if self.may_ping { CAPABILITIES } else { render::without_ping() }
    }

    async fn apply(
        &self,
        site: &Site,
        graph: &LoadBalancerGraph,
        material: &Material,
    ) -> Result<(), DriverError> {
        if let Some(slot) = render::missing(graph, material) {
            return Err(not_there(&slot));
        }
        let mut configuration = render::render(graph, site, self.options.limits, material)?;
        if let Some(template) = &self.options.template {
            template.extend(&mut configuration, graph).map_err(|error| unusable(&error))?;
        }
        if let Some(logs) = &self.options.logs {
            logs.extend(&mut configuration, graph);
        }
        let pinged = ping::targets(graph);
        if !pinged.is_empty() && !self.may_ping {
            return Err(Unsupported(NO_PING.to_owned()).into());
        }
        let wanted = Applied {
            configuration,
            epoch: site.epoch,
            namespace: site.namespace.clone(),
            user: site.user,
            logs: self.logs(),
            retired: Vec::new(),
            pinged: pinged.clone(),
            template: self.template(),
        };
        let secrets = Secrets::of(site);
        Jail::of(&site.directory, site.user).prepare().await.map_err(disk)?;
        self.collect(site);
        // First, so that whichever process is started finds them.
        secrets.provide(&wanted.configuration, material).await?;
        let needed = wanted.configuration.clone();
        let started = self.bring_about(site, graph, wanted).await;
        let started = started.map_err(|error| in_words_of_tenants(error, &needed))?;
        self.ping(site, pinged, started);
        secrets.keep_only(&needed).await.map_err(disk)
    }

    async fn observe(&self, site: &Site) -> Result<Observation, DriverError> {
        let instance = Instance::at(site, &self.options);
        instance.bury_finished().await.map_err(disk)?;
        let Some(running) = instance.serving().await.map_err(disk)? else {
            return self.observe_silence(site, &instance).await;
        };
        if instance.is_outside(&running).map_err(disk)? {
            return self.observe_silence(site, &instance).await;
        }
        let Ok(generation) = instance.socket().generation().await else {
            return self.observe_silence(site, &instance).await;
        };
        let Ok(csv) = instance.socket().statistics().await else {
            return self.observe_silence(site, &instance).await;
        };
        let applied = instance.notes().applied().await.map_err(disk)?;
        let retired = applied.as_ref().map_or(&[][..], |applied| &applied.retired);
        let statistics = stats::parse(&csv, retired);
        // Not noted: an observation may be broken off. The next change finds them gone.
        still_there(&instance, &statistics.retired).await;
        self.collect(site);
        // What was made under another template, or for another user, is to be made anew.
        let made_so = |it: &Applied| {
            (&it.template, it.user, it.logs) == (&self.template(), site.user, self.logs())
        };
        let is_made_so = applied.as_ref().is_none_or(made_so);
        let (namespace, pinged) = applied.map(|it| (it.namespace, it.pinged)).unwrap_or_default();
        self.ping(&Site { namespace, ..site.clone() }, pinged, false);
        let counted = instance.notes().counted().await.map_err(disk)?.unwrap_or_default();
        let seen = Share { process: running.identity().into(), counters: statistics.traffic };
        let traffic = counted.total(Some(&seen));
        self.memories.of(site.load_balancer, |memory| memory.seen = Some(seen));
        let members =
            statistics.members.into_iter().map(|(server, health)| (server.member, health));
        // Half of a start may have left a process that nobody has noted.
        let is_starting = instance.is_starting().await.map_err(disk)?;
        let generation = generation.filter(|_| is_made_so && !is_starting);
        Ok(Observation {
            served: generation.map_or(Served::Remains, Served::Serving),
            listeners: statistics.listeners,
            pools: statistics.pools,
            members: members.chain(self.pinged(site)).collect(),
            traffic,
            series: counted.series(),
            sockets: site.sockets.clone(),
        })
    }

    async fn remove(&self, site: &Site) -> Result<(), DriverError> {
        let instance = Instance::at(site, &self.options);
        self.ping(site, Vec::new(), false);
        self.memories.of(site.load_balancer, |memory| memory.collector = None);
        instance.end().await.map_err(unendable)?;
        // Before the notes: while there is one, a removal that is broken off is taken up again.
        Secrets::of(site).clear().await.map_err(disk)?;
        instance.clear().await.map_err(disk)?;
        self.memories.forget(site.load_balancer);
        Ok(())
    }

    async fn sweep(&self, held: BTreeSet<LoadBalancerId>) {
        let Some(options) = self.options.logs.clone() else { return };
        let swept = off_runtime(move || retention::sweep(&options, &held, SystemTime::now()));
        if let Err(error) = swept.await {
            tracing::warn!(%error, "old lines not looked for");
        }
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

/// What the process that is about to be replaced knows of the servers that stay. If it does not
/// say, the next one finds out by itself.
async fn carried_over(
    instance: &Instance<'_>,
    before: Option<&Applied>,
    wanted: &Applied,
) -> String {
    let (Some(before), Ok(said)) = (before, instance.socket().states().await) else {
        return carried::NOTHING.to_owned();
    };
    let pings = |applied: &Applied, name| applied.pinged.iter().any(|it| it.is_told_to(name));
    let pinged = |name| pings(before, name) && pings(wanted, name);
    carried::states(&said, &before.configuration, &wanted.configuration, pinged)
}

fn unusable(error: &TemplateError) -> DriverError {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    DriverError::Rejected { reason: format!("{error}{source}") }
}

/// It may come with the graph when that is sent again.
fn not_there(slot: &Slot) -> DriverError {
    DriverError::Unavailable {
        attempt: format!("the content of {} is not there", slot.reference),
        cure: "it must be readable in the key manager; it is tried again".to_owned(),
        source: None,
    }
}

fn unendable(source: io::Error) -> DriverError {
    DriverError::Unavailable {
        attempt: "could not end HAProxy".to_owned(),
        cure: "the operator looks at the agent's log; it is tried again".to_owned(),
        source: Some(source),
    }
}
