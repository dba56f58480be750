//! Tells the neighbours of VIPs where these are, in the background.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_model::{Attachment, LoadBalancerId, PortId};
use evenkeel_plumbing::Speaker;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use crate::wiring::{Wires, Wiring};

/// Between two announcements of an address.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked whether frames pass already, and how long.
const LOOK: Duration = Duration::from_millis(200);
const WIRED_WITHIN: Duration = Duration::from_mins(2);

/// How long closing a socket may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Announces the addresses of ports a few times over some seconds, each port by a task of its own.
/// A task keeps its namespace alive until it has ended. Dropping this ends them all.
#[derive(Debug)]
pub(crate) struct Announcer {
    wiring: Arc<dyn Wiring>,
    times: u32,
    tasks: Mutex<BTreeMap<(LoadBalancerId, PortId), Task>>,
}

/// Who speaks for a port.
#[derive(Debug)]
struct Task {
    /// Dropped to end it.
    _stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Announcer {
    /// Announces each address so many times.
    pub(crate) fn new(wiring: Arc<dyn Wiring>, times: u32) -> Self {
        Self { wiring, times, tasks: Mutex::default() }
    }

    /// Announces all addresses of a port in `namespace` by `speaker`, as soon as the wiring passes frames; what
    /// was announced of it before is forgotten.
    pub(crate) fn announce(
        &self,
        load_balancer: LoadBalancerId,
        namespace: String,
        attachment: &Attachment,
        speaker: Speaker,
    ) {
        let (stop, stopped) = oneshot::channel();
        let message = Message {
            load_balancer,
            namespace,
            attachment: attachment.clone(),
            wiring: Arc::clone(&self.wiring),
            times: self.times,
        };
        let running = tokio::spawn(async move {
            tokio::select! {
                // Nothing is half said when it ends in between.
                () = message.spread(&speaker) => {}
                _ = stopped => {}
            }
            close(speaker).await;
        });
        let key = (load_balancer, attachment.port);
        let task = Task { _stop: stop, running };
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(key, task);
    }

    /// Ends all that is said for a load balancer, and returns when nothing of that holds its
    /// namespace.
    pub(crate) async fn forget(&self, load_balancer: LoadBalancerId) {
        let ended: Vec<Task> = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.extract_if(.., |(owner, _), _| *owner == load_balancer).map(|it| it.1).collect()
        };
        let endings: Vec<_> = ended.into_iter().map(|task| task.running).collect();
        for running in endings {
            if timeout(CLOSED_WITHIN, running).await.is_err() {
                warn!(%load_balancer, "the socket for announcements was not closed in time");
            }
        }
    }
}

/// Closes a socket where nobody waits: the kernel takes its time for that.
pub(crate) async fn close(speaker: Speaker) {
    let closing = spawn_blocking(move || drop(speaker));
    if let Err(error) = closing.await {
        debug!(%error, "a socket for announcements was not closed");
    }
}

/// What a port has to say.
struct Message {
    load_balancer: LoadBalancerId,
    namespace: String,
    attachment: Attachment,
    wiring: Arc<dyn Wiring>,
    times: u32,
}

impl Message {
    /// Says it as often as it shall be said.
    async fn spread(&self, speaker: &Speaker) {
        let (load_balancer, port) = (self.load_balancer, self.attachment.port);
        if self.times == 0 {
            return;
        }
        if timeout(WIRED_WITHIN, self.until_live()).await.is_err() {
            warn!(%load_balancer, %port, "not announced: the network does not carry the VIP yet");
            return;
        }
        let mut pauses = interval(PAUSE);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..self.times {
            pauses.tick().await;
            for net in &self.attachment.addresses {
                self.say(speaker, net.addr());
            }
        }
        debug!(%load_balancer, %port, times = self.times, "announced");
    }

    fn say(&self, speaker: &Speaker, address: IpAddr) {
        if let Err(error) = speaker.announce(address) {
            let (load_balancer, port) = (self.load_balancer, self.attachment.port);
            debug!(%load_balancer, %port, %address, %error, "an address was not announced");
        }
    }

    /// What is said before frames pass is lost.
    async fn until_live(&self) {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let read =
                self.wiring.read(self.load_balancer, &self.namespace, Some(&self.attachment));
            match read.await {
                Ok(Wires::Whole(wired)) if wired.is_live => return,
                Ok(Wires::Whole(_) | Wires::Remains | Wires::Absent) | Err(_) => {}
            }
        }
    }
}
