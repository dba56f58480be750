//! Where a load balancer goes. Pure: the caller brings the agents and keeps the answer.

use std::cmp::Reverse;

use evenkeel_model::AgentId;
use evenkeel_model::provider::ProviderName;

/// An agent as the scheduler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub agent: AgentId,
    /// Whether it was heard lately.
    pub alive: bool,
    /// Whether the operator lets it take anything new.
    pub admin_state_up: bool,
    /// The providers it has drivers for, aliases among them.
    pub providers: Vec<ProviderName>,
    /// Load balancers placed on it, whether or not they serve yet.
    pub placed: u32,
    /// How many it takes.
    pub capacity: u32,
}

impl Candidate {
    /// How many more it takes.
    const fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.placed)
    }
}

/// Why no agent can take a load balancer: the nearest miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unplaceable {
    /// Nobody is there.
    #[error("no agent is alive and enabled")]
    NoAgent,
    /// Somebody is there, without the driver.
    #[error("no living agent offers the provider")]
    NoProvider,
    /// Somebody with the driver is there, without room.
    #[error("every agent that offers the provider is full")]
    NoRoom,
}

/// Chooses the agent with the most free places among those that offer `provider`.
///
/// Equal agents are told apart by id, so that the same input always gets the same answer.
///
/// # Errors
///
/// Why nobody can take it, from the agent that came nearest.
pub fn choose(provider: &ProviderName, candidates: &[Candidate]) -> Result<AgentId, Unplaceable> {
    let mut nearest = Unplaceable::NoAgent;
    let mut best: Option<&Candidate> = None;
    for candidate in candidates {
        match usable(provider, candidate) {
            Ok(()) => best = Some(best.map_or(candidate, |rival| freer(rival, candidate))),
            Err(miss) => nearest = nearest.max(miss),
        }
    }
    best.map(|candidate| candidate.agent).ok_or(nearest)
}

fn usable(provider: &ProviderName, candidate: &Candidate) -> Result<(), Unplaceable> {
    if !candidate.alive || !candidate.admin_state_up {
        Err(Unplaceable::NoAgent)
    } else if !candidate.providers.contains(provider) {
        Err(Unplaceable::NoProvider)
    } else if candidate.free() == 0 {
        Err(Unplaceable::NoRoom)
    } else {
        Ok(())
    }
}

fn freer<'a>(one: &'a Candidate, other: &'a Candidate) -> &'a Candidate {
    std::cmp::max_by_key(one, other, |it| (it.free(), Reverse(it.agent)))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn agent(number: u128) -> AgentId {
        AgentId::new(Uuid::from_u128(number))
    }

    fn candidate(number: u128, placed: u32) -> Candidate {
        Candidate {
            agent: agent(number),
            alive: true,
            admin_state_up: true,
            providers: vec![ProviderName::new("haproxy")],
            placed,
            capacity: 10,
        }
    }

    fn haproxy() -> ProviderName {
        ProviderName::new("haproxy")
    }

    #[test]
    fn the_emptiest_agent_is_chosen_and_equals_are_told_apart_by_id() {
        let agents = [candidate(3, 4), candidate(2, 1), candidate(1, 1)];
        assert_eq!(choose(&haproxy(), &agents), Ok(agent(1)));
        let turned: Vec<Candidate> = agents.into_iter().rev().collect();
        assert_eq!(choose(&haproxy(), &turned), Ok(agent(1)));
    }

    #[test]
    fn the_dead_the_disabled_the_full_and_the_unable_are_passed_over() {
        let dead = Candidate { alive: false, ..candidate(1, 0) };
        let disabled = Candidate { admin_state_up: false, ..candidate(2, 0) };
        let full = candidate(3, 10);
        let unable = Candidate { providers: Vec::new(), ..candidate(4, 0) };
        let all = [dead, disabled, unable, full];
        assert_eq!(choose(&haproxy(), &all[..2]), Err(Unplaceable::NoAgent));
        assert_eq!(choose(&haproxy(), &all[..3]), Err(Unplaceable::NoProvider));
        assert_eq!(choose(&haproxy(), &all), Err(Unplaceable::NoRoom));
        assert_eq!(choose(&haproxy(), &[]), Err(Unplaceable::NoAgent));
    }
}
