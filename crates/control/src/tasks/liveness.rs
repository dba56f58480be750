//! Who has not been heard for too long is dead, unless that is true of suspiciously many.

use std::time::Duration;

use async_trait::async_trait;
use evenkeel_model::AgentId;
use evenkeel_store::StoreError;
use tokio::time::Instant;

use super::Task;
use crate::ControlPlane;

/// Of how many agents in a hundred silence is believed.
const BELIEVED: usize = 20;

/// Looks who is silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liveness {
    /// When this control plane began to listen: before, nobody could be heard.
    listening_since: Instant,
}

/// An agent that is not known to be dead.
#[derive(Clone, Copy, Debug)]
struct Listened {
    agent: AgentId,
    silent: Duration,
}

/// What the silence of agents means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// These are dead.
    Dead(Vec<AgentId>),
    /// So many are silent that the fault is rather ours: nothing moves.
    Suspicious(usize),
}

impl Liveness {
    /// Begins to listen now.
    pub(crate) fn now() -> Self {
        Self { listening_since: Instant::now() }
    }
}

#[async_trait]
impl Task for Liveness {
    const NAME: &'static str = "liveness";
    const WAKES: bool = false;

    fn period(&self, control: &ControlPlane) -> Duration {
        control.config().bounds.heartbeat / 2
    }

    async fn round(&self, control: &ControlPlane) -> Result<(), StoreError> {
        let down_time = control.config().bounds.agent_down_time;
        let listened_for = self.listening_since.elapsed();
        if listened_for < down_time {
            return Ok(());
        }
        let now = control.store().now();
        let listened: Vec<Listened> = control
            .store()
            .agents()
            .await?
            .into_iter()
            .filter(|agent| agent.alive)
            .map(|agent| Listened {
                agent: agent.agent,
                silent: silence(agent.last_heard.micros(), now.micros()).min(listened_for),
            })
            .collect();
        match judge(&listened, down_time) {
            Verdict::Dead(dead) => {
                for agent in dead {
                    tracing::warn!(%agent, "agent taken for dead");
                    control.store().mark_dead(agent).await?;
                }
            }
            Verdict::Suspicious(silent) => {
                tracing::error!(silent, of = listened.len(), "many agents silent: nothing moves");
            }
        }
        Ok(())
    }
}

fn silence(last_heard: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(now - last_heard).unwrap_or_default())
}

/// A single silent agent is dead after `down_time`. Of several, those count together that have
/// been silent for half of it: a partition does not silence all within one round.
fn judge(listened: &[Listened], down_time: Duration) -> Verdict {
    let suspects = listened.iter().filter(|it| it.silent > down_time / 2).count();
    if suspects >= 2 && suspects * 100 > listened.len() * BELIEVED {
        return Verdict::Suspicious(suspects);
    }
    let dead = listened.iter().filter(|it| it.silent > down_time);
    Verdict::Dead(dead.map(|it| it.agent).collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const DOWN: Duration = Duration::from_secs(10);

    fn listened(silences: &[u64]) -> Vec<Listened> {
        let one = |(number, silent): (u128, &u64)| Listened {
            agent: AgentId::new(Uuid::from_u128(number)),
            silent: Duration::from_secs(*silent),
        };
        (0..).zip(silences).map(one).collect()
    }

    #[test]
    fn one_silent_agent_is_dead_even_if_it_is_the_only_one() {
        let dead = vec![AgentId::new(Uuid::from_u128(0))];
        assert_eq!(judge(&listened(&[11]), DOWN), Verdict::Dead(dead.clone()));
        assert_eq!(judge(&listened(&[11, 1, 2]), DOWN), Verdict::Dead(dead));
        assert_eq!(judge(&listened(&[10, 1, 2]), DOWN), Verdict::Dead(Vec::new()));
    }

    #[test]
    fn many_silent_agents_are_not_believed() {
        assert_eq!(judge(&listened(&[11, 11]), DOWN), Verdict::Suspicious(2));
        assert_eq!(judge(&listened(&[11, 6, 1, 1]), DOWN), Verdict::Suspicious(2));
        let two_of_eleven = listened(&[11, 11, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert!(matches!(judge(&two_of_eleven, DOWN), Verdict::Dead(dead) if dead.len() == 2));
    }
}
