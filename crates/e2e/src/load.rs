//! Clients that ask a VIP without end, and count what they get.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::interval;

use crate::http::{self, Connection};

/// How many clients of which kind.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    /// Each asks on one connection, for as long as it is kept.
    pub kept: usize,
    /// Each opens a connection for every request.
    pub fresh: usize,
    /// Each asks for `/slow`, again on one connection.
    pub patient: usize,
    /// From one request of a client to its next.
    pub pause: Duration,
}

/// What clients have got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers with status 200.
    pub answered: usize,
    /// Other answers, and connections that were refused.
    pub failed: usize,
    /// Connections that broke within an answer.
    pub reset: usize,
    /// Connections that were closed between two requests, while the next was on its way.
    pub raced: usize,
}

#[derive(Debug, Default)]
struct Counts {
    over: AtomicBool,
    answered: AtomicUsize,
    failed: AtomicUsize,
    reset: AtomicUsize,
    raced: AtomicUsize,
}

/// Clients that ask. They end when this is dropped.
#[derive(Debug)]
pub struct Load {
    counts: Arc<Counts>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts clients of `vip`.
    pub fn start(vip: SocketAddr, clients: Clients) -> Self {
        let mut load = Self { counts: Arc::default(), clients: JoinSet::new() };
        let Clients { kept, fresh, patient, pause } = clients;
        for target in std::iter::repeat_n("/", kept).chain(std::iter::repeat_n("/slow", patient)) {
            let counts = Arc::clone(&load.counts);
            load.clients.spawn(keep_asking(vip, target, pause, counts));
        }
        for _ in 0..fresh {
            let counts = Arc::clone(&load.counts);
            load.clients.spawn(ask_afresh(vip, pause, counts));
        }
        load
    }

    /// What they have got until now.
    pub fn tally(&self) -> Tally {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let Counts { over: _, answered, failed, reset, raced } = &*self.counts;
        Tally {
            answered: count(answered),
            failed: count(failed),
            reset: count(reset),
            raced: count(raced),
        }
    }

    /// Lets each end after its last answer, and gives what all have got.
    pub async fn end(mut self) -> Tally {
        self.counts.over.store(true, Ordering::Relaxed);
        while self.clients.join_next().await.is_some() {}
        self.tally()
    }
}

fn note(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// HAProxy may close a connection after an answer, as a reload makes it do, if it says so.
async fn keep_asking(vip: SocketAddr, target: &str, pause: Duration, counts: Arc<Counts>) {
    let mut connection = None;
    let mut turns = interval(pause);
    while !counts.over.load(Ordering::Relaxed) {
        turns.tick().await;
        let opened = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(vip).await,
        };
        let Ok(mut open) = opened else {
            note(&counts.failed);
            continue;
        };
        match open.request("GET", target, "X-Load: kept", "").await {
            Ok(200) => {
                note(&counts.answered);
                connection = (!open.is_closing()).then_some(open);
            }
            Ok(_) => note(&counts.failed),
            Err(_) if open.was_idle_closed() => note(&counts.raced),
            Err(_) => note(&counts.reset),
        }
    }
}

async fn ask_afresh(vip: SocketAddr, pause: Duration, counts: Arc<Counts>) {
    let mut turns = interval(pause);
    while !counts.over.load(Ordering::Relaxed) {
        turns.tick().await;
        match http::get(vip, "/").await {
            Ok(answer) if answer.status == 200 => note(&counts.answered),
            Ok(_) => note(&counts.failed),
            Err(_) => note(&counts.reset),
        }
    }
}
