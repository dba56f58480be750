//! Which peer speaks for which agent: the one place where a session is given its agent's id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_model::AgentId;
use evenkeel_wire::peer::Peer;
use tokio_util::sync::CancellationToken;

/// Another peer speaks for the agent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{holder} speaks for this agent already; give each agent a state directory of its own, or end \
     that one"
)]
pub(crate) struct Taken {
    holder: Peer,
}

/// Which peers speak for which agents in the sessions of now. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<HashMap<AgentId, Holder>>>);

#[derive(Debug)]
struct Holder {
    peer: Peer,
    lost: CancellationToken,
}

/// The right to speak for an agent; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Claims,
    agent: AgentId,
    lost: CancellationToken,
}

impl Claims {
    /// Lets `peer` speak for `agent`. An earlier session of the same user loses it: an agent that was
    /// killed comes back before its last connection is known to be gone. One of another user keeps
    /// it for as long as it lasts: nobody takes a node away from somebody else.
    ///
    /// # Errors
    ///
    /// [`Taken`]: by another user's.
    pub(crate) fn claim(&self, agent: AgentId, peer: Peer) -> Result<Claim, Taken> {
        let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = holders.get(&agent) {
            if !holder.peer.is_equal_to(peer) {
                return Err(Taken { holder: holder.peer });
            }
            holder.lost.cancel();
        }
        let lost = CancellationToken::new();
        holders.insert(agent, Holder { peer, lost: lost.clone() });
        Ok(Claim { claims: self.clone(), agent, lost })
    }
}

impl Claim {
    /// Returns when a later session has it.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut holders = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.lost.is_cancelled() {
            holders.remove(&self.agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ONE: Peer = Peer::Local { uid: 1, pid: Some(10) };
    const SAME: Peer = Peer::Local { uid: 1, pid: Some(11) };
    const OTHER: Peer = Peer::Local { uid: 2, pid: Some(12) };

    fn agent() -> AgentId {
        AgentId::new(Uuid::from_u128(1))
    }

    #[test]
    fn the_newest_session_of_one_user_wins() {
        let claims = Claims::default();
        let first = claims.claim(agent(), ONE).unwrap();
        let second = claims.claim(agent(), SAME).unwrap();
        assert!(first.lost.is_cancelled() && !second.lost.is_cancelled());
        // The late end of the first takes nothing from the second.
        drop(first);
        assert_eq!(claims.claim(agent(), OTHER).unwrap_err(), Taken { holder: SAME });
    }

    #[test]
    fn another_user_waits_until_the_session_is_over() {
        let claims = Claims::default();
        let first = claims.claim(agent(), ONE).unwrap();
        assert!(claims.claim(agent(), OTHER).is_err());
        assert!(claims.claim(agent(), Peer::Within).is_err());
        drop(first);
        assert!(claims.claim(agent(), OTHER).is_ok());
    }
}
