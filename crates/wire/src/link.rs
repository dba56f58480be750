//! A connection between an agent and the control plane, whatever carries it.

use tokio::sync::mpsc;

use crate::{FromAgent, ToAgent};

/// How many messages may be under way in one direction before the sender waits.
const DEPTH: usize = 64;

/// The agent's end.
#[derive(Debug)]
pub struct AgentEnd {
    /// Towards the control plane.
    pub send: mpsc::Sender<FromAgent>,
    /// From the control plane; `None` when it hung up.
    pub receive: mpsc::Receiver<ToAgent>,
}

/// The control plane's end.
#[derive(Debug)]
pub struct ControlEnd {
    /// Towards the agent.
    pub send: mpsc::Sender<ToAgent>,
    /// From the agent; `None` when it hung up.
    pub receive: mpsc::Receiver<FromAgent>,
}

/// A connection within one process.
pub fn pair() -> (AgentEnd, ControlEnd) {
    let (to_control, from_agent) = mpsc::channel(DEPTH);
    let (to_agent, from_control) = mpsc::channel(DEPTH);
    (
        AgentEnd { send: to_control, receive: from_control },
        ControlEnd { send: to_agent, receive: from_agent },
    )
}
