//! The way from one agent to the control plane, which can be cut and can lose messages.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use evenkeel_agent::Connector;
use evenkeel_control::ControlPlane;
use evenkeel_wire::link::{self, AgentEnd};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Dice;

/// The way from one agent to the control plane.
#[derive(Debug)]
pub struct Cable {
    control: ControlPlane,
    cut: AtomicBool,
    /// Of a thousand messages, how many get lost.
    loss: AtomicU64,
    dice: Mutex<Dice>,
    /// Both directions of all connections that are open.
    wires: Mutex<JoinSet<()>>,
}

impl Cable {
    /// A whole cable.
    pub fn new(control: ControlPlane, dice: Dice) -> Self {
        Self {
            control,
            cut: AtomicBool::new(false),
            loss: AtomicU64::new(0),
            dice: Mutex::new(dice),
            wires: Mutex::new(JoinSet::new()),
        }
    }

    /// Ends what is connected, and connects nothing until it is mended.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
        lock(&self.wires).abort_all();
    }

    /// Connects again.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::Relaxed);
    }

    /// Whether it is cut.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// From now on, of a thousand messages so many get lost, and nobody is told.
    pub fn lose(&self, of_a_thousand: u64) {
        self.loss.store(of_a_thousand, Ordering::Relaxed);
    }

    fn is_lost(&self) -> bool {
        lock(&self.dice).below(1000) < self.loss.load(Ordering::Relaxed)
    }

    async fn carry<T>(&self, mut from: mpsc::Receiver<T>, to: mpsc::Sender<T>) {
        loop {
            let message = tokio::select! {
                biased;
                () = to.closed() => return,
                message = from.recv() => message,
            };
            let Some(message) = message else { return };
            if !self.is_lost() && to.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// The cable as an agent holds it.
#[derive(Clone, Debug)]
pub(super) struct Plugged(pub(super) std::sync::Arc<Cable>);

#[async_trait]
impl Connector for Plugged {
    async fn connect(&self) -> io::Result<AgentEnd> {
        let cable = &self.0;
        if cable.is_cut() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let far = cable.control.connect();
        let (agent, near) = link::pair();
        let (there, back) = (self.clone(), self.clone());
        let mut wires = lock(&cable.wires);
        wires.spawn(async move { there.0.carry(near.receive, far.send).await });
        wires.spawn(async move { back.0.carry(far.receive, near.send).await });
        Ok(agent)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
