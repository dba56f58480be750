//! Members that are probed with echo requests: by us, since HAProxy cannot, and told to HAProxy
//! through its runtime socket. While nobody probes, the last verdict stands.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_driver::Site;
use evenkeel_model::health_monitor::Probe;
use evenkeel_model::number::{Seconds, Threshold};
use evenkeel_model::observed::MemberHealth;
use evenkeel_model::{LoadBalancerGraph, MemberId};
use evenkeel_plumbing::echo;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::backend_name::BackendName;
use crate::command::{Command, ServerName};
use crate::render::has_backend_beside;
use crate::socket::Socket;

/// A member that is probed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    server: ServerName,
    /// Whether there is another backend of its pool, which is told the same.
    #[serde(default)]
    beside: bool,
    address: IpAddr,
    delay: Seconds,
    timeout: Seconds,
    rise: Threshold,
    fall: Threshold,
}

impl Target {
    /// What HAProxy knows it as.
    pub(crate) fn servers(&self) -> impl Iterator<Item = ServerName> + use<> {
        let Self { server, beside, .. } = *self;
        let names = BackendName::all_of(server.backend.pool()).into_iter();
        let names = names.filter(move |name| name.is_own() || beside);
        names.map(move |backend| ServerName { backend, ..server })
    }

    /// Whether HAProxy is told of this server what becomes of it.
    pub(crate) fn is_told_to(&self, server: ServerName) -> bool {
        self.servers().any(|it| it == server)
    }
}

/// Who is to be probed of a graph: the enabled members of pools with an enabled PING monitor.
pub(crate) fn targets(graph: &LoadBalancerGraph) -> Vec<Target> {
    let monitors = graph.health_monitors.iter();
    let pinging = monitors.filter(|it| it.admin_state_up && matches!(it.probe, Probe::Ping));
    pinging
        .flat_map(|monitor| {
            let members = graph.members_of(monitor.pool).filter(|member| member.admin_state_up);
            let beside = has_backend_beside(graph, monitor.pool);
            members.map(move |member| Target {
                server: ServerName { backend: BackendName::Own(monitor.pool), member: member.id },
                beside,
                address: member.probed_at().ip(),
                delay: monitor.delay,
                timeout: monitor.timeout,
                rise: monitor.rise,
                fall: monitor.fall,
            })
        })
        .collect()
}

/// What is known of each member.
type Verdicts = Arc<Mutex<BTreeMap<MemberId, Verdict>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Unknown,
    Up,
    Down,
}

/// The probing of one site. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Pinger {
    targets: Vec<Target>,
    verdicts: Verdicts,
    tasks: JoinSet<()>,
}

impl Pinger {
    /// Probes `targets`, beginning with what `earlier` knew of them.
    pub(crate) fn start(site: &Site, targets: Vec<Target>, earlier: Option<&Self>) -> Self {
        let known = earlier.map(Self::known).unwrap_or_default();
        let verdict = |member| known.get(&member).copied().unwrap_or(Verdict::Unknown);
        let ids = targets.iter().map(|target| target.server.member);
        let verdicts: Verdicts =
            Arc::new(Mutex::new(ids.map(|member| (member, verdict(member))).collect()));
        let mut tasks = JoinSet::new();
        for target in &targets {
            tasks.spawn(probe(site.clone(), *target, Arc::clone(&verdicts)));
        }
        Self { targets, verdicts, tasks }
    }

    /// Whether these are the members it probes.
    pub(crate) fn probes(&self, targets: &[Target]) -> bool {
        self.targets == targets && self.tasks.len() == targets.len()
    }

    fn known(&self) -> BTreeMap<MemberId, Verdict> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the members are that it probes.
    pub(crate) fn health(&self) -> BTreeMap<MemberId, MemberHealth> {
        let health = |verdict| match verdict {
            Verdict::Unknown => MemberHealth::Unknown,
            Verdict::Up => MemberHealth::Up,
            Verdict::Down => MemberHealth::Down,
        };
        self.known().into_iter().map(|(member, verdict)| (member, health(verdict))).collect()
    }
}

async fn probe(site: Site, target: Target, verdicts: Verdicts) {
    let member = target.server.member;
    let verdicts = || verdicts.lock().unwrap_or_else(PoisonError::into_inner);
    let mut verdict = verdicts().get(&member).copied().unwrap_or(Verdict::Unknown);
    // Another process knows nothing of an earlier verdict.
    let mut told = Verdict::Unknown;
    let mut streak = Streak::default();
    let mut rounds = interval(target.delay.duration().max(std::time::Duration::from_secs(1)));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Told first, so that what is observed is what HAProxy does.
        if told != verdict && tell(&site.directory, &target, verdict).await {
            told = verdict;
            verdicts().insert(member, verdict);
        }
        rounds.tick().await;
        // Without a socket nothing is known, and nobody is said to be dead.
        let (namespace, patience) = (site.namespace.as_deref(), target.timeout.duration());
        let answers = echo::answers(namespace, target.address, patience);
        let Ok(answered) = answers.await else { continue };
        verdict = streak.after(answered, verdict, target.rise, target.fall);
    }
}

/// Tells HAProxy; true if it has heard.
async fn tell(directory: &Path, target: &Target, verdict: Verdict) -> bool {
    let disabled = match verdict {
        Verdict::Unknown => return true,
        Verdict::Up => false,
        Verdict::Down => true,
    };
    for server in target.servers() {
        let command = Command::SetDisabled(server, disabled);
        if let Err(error) = Socket::of(directory).carry_out(&command).await {
            tracing::warn!(%server, %error, "verdict not told, tried again");
            return false;
        }
    }
    true
}

/// Results in a row that were the same.
#[derive(Debug, Default)]
struct Streak {
    answered: bool,
    count: u8,
}

impl Streak {
    /// The verdict after one more result.
    fn after(&mut self, answered: bool, now: Verdict, rise: Threshold, fall: Threshold) -> Verdict {
        self.count = if answered == self.answered { self.count.saturating_add(1) } else { 1 };
        self.answered = answered;
        if answered && self.count >= rise.get() {
            Verdict::Up
        } else if !answered && self.count >= fall.get() {
            Verdict::Down
        } else {
            now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Down, Unknown, Up};
    use super::*;

    #[test]
    fn a_verdict_needs_results_in_a_row() {
        let threshold = |count: i64| Threshold::try_from(count).unwrap();
        let (rise, fall) = (threshold(2), threshold(3));
        let mut streak = Streak::default();
        let mut now = Verdict::Unknown;
        let results = [true, true, false, false, true, false, false, false, true, true];
        let seen: Vec<Verdict> = results
            .into_iter()
            .map(|answered| {
                now = streak.after(answered, now, rise, fall);
                now
            })
            .collect();
        assert_eq!(seen, [Unknown, Up, Up, Up, Up, Up, Up, Down, Down, Up]);
    }
}
