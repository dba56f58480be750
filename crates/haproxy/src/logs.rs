//! What HAProxies tell of themselves and of requests: collected through a socket in each one's
//! jail, and kept in a file for each load balancer.
//!
//! Nobody waits for anybody. HAProxy never waits for the socket; what does not fit into its queue,
//! which is read no faster than the limit, is counted by HAProxy and dropped there.

mod file;
mod line;
mod rate;
pub(crate) mod retention;
mod socket;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_driver::Site;
use evenkeel_model::LoadBalancerGraph;
use tokio::net::UnixDatagram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use self::file::LogFile;
use self::rate::Rate;
use crate::configuration::Configuration;
use crate::record::off_runtime;
use crate::render::speaks_http;
use crate::socket::Socket;
use crate::writer::{Line, Word};

/// How long after a line HAProxy is asked how many it has dropped.
const ASK: Duration = Duration::from_secs(5);

/// The most lines that are written at once.
const BATCH: usize = 64;

/// The longest line that HAProxy sends, in bytes; the rest of it is cut.
const LONGEST: usize = 4096;

/// One line for each request of HTTP; the path last, as a client may write anything there.
const HTTP: &str = "http listener=%f pool=%b member=%s client=%ci:%cp status=%ST in=%U out=%B \
                    queue_ms=%Tw connect_ms=%Tc answer_ms=%Tr total_ms=%Ta end=%tsc method=%HM \
                    path=%HP";

/// One for each connection of which only bytes are seen.
const TCP: &str = "tcp listener=%f pool=%b member=%s client=%ci:%cp in=%U out=%B queue_ms=%Tw \
                   connect_ms=%Tc total_ms=%Tt end=%ts";

/// What is collected, and how much of it.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Where the files are, `<load balancer id>.log` and older ones with a number; made if it is
    /// not there, mode 0700.
    pub directory: PathBuf,
    /// Whether there is a line for each request or connection, too, and not only what HAProxy tells
    /// of itself and of members.
    pub requests: bool,
    /// How many lines of one load balancer are kept in a second, at least 1.
    pub lines_per_second: u32,
    /// How many more there may be after a time of silence.
    pub burst: u32,
    /// How long a file may get, in bytes.
    pub file_bytes: u64,
    /// How many older files of one load balancer are kept beside.
    pub older_files: u32,
    /// For how long after their last line the files of a load balancer are kept that is gone.
    pub keep: Duration,
    /// How much all files of all load balancers take, in bytes: beyond, the oldest are removed, of
    /// load balancers that are gone or not.
    pub total_bytes: u64,
}

impl LogOptions {
    /// What is usual, in this directory.
    pub const fn in_directory(directory: PathBuf) -> Self {
        Self {
            directory,
            requests: false,
            lines_per_second: 200,
            burst: 1000,
            file_bytes: 8 << 20,
            older_files: 3,
            keep: Duration::from_hours(7 * 24),
            total_bytes: 4 << 30,
        }
    }

    /// Has HAProxy tell what is to be collected.
    pub(crate) fn extend(&self, configuration: &mut Configuration, graph: &LoadBalancerGraph) {
        let target = Line::new(if self.requests {
            "log uxdg@log.sock len 4096 format short daemon info"
        } else {
            "log uxdg@log.sock len 4096 format short daemon notice"
        });
        configuration.global.add(target);
        for section in &mut configuration.shared {
            match section.kind() {
                "defaults" => section.add(Line::new("log global")),
                // What is ours alone is not worth a line.
                "frontend" => section.add(Line::new("no log")),
                _ => {}
            }
        }
        if !self.requests {
            return;
        }
        for frontend in &mut configuration.frontends {
            let listener = graph.listeners.iter().find(|it| it.id == frontend.id);
            let is_http = listener.is_some_and(|it| speaks_http(it.protocol));
            let format = Word::quoted(if is_http { HTTP } else { TCP });
            let format = format.expect("our own words have no control characters");
            frontend.section.add(Line::new("log-format").word(format));
        }
    }
}

/// The collecting of one site. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Collector(JoinSet<()>);

impl Collector {
    /// Begins to collect, in the jail of the site, which is there. Whoever collected before has no
    /// socket any more.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn start(site: &Site, options: &Arc<LogOptions>) -> io::Result<Self> {
        let socket = socket::bind(&site.directory, site.user)?;
        let file = LogFile::of(site.load_balancer, options);
        let rate = Rate::new(options.lines_per_second, options.burst, Instant::now());
        let mut tasks = JoinSet::new();
        tasks.spawn(collect(socket, file, rate, site.directory.clone()));
        Ok(Self(tasks))
    }

    /// Whether it still does.
    pub(crate) fn is_running(&mut self) -> bool {
        while self.0.try_join_next().is_some() {}
        !self.0.is_empty()
    }
}

async fn collect(socket: UnixDatagram, file: LogFile, mut rate: Rate, site: PathBuf) {
    let mut buffer = vec![0; LONGEST + 64];
    let mut file = file;
    let mut drops = Drops::first(&site).await;
    let mut ask: Option<Instant> = None;
    loop {
        let mut lines = Vec::new();
        // While nothing may be read, the queue fills, and HAProxy drops what is too much.
        sleep(rate.until_next(Instant::now())).await;
        tokio::select! {
            received = socket.recv(&mut buffer) => match received {
                Ok(length) => lines.extend(line::of(&buffer[..length])),
                Err(error) => tracing::warn!(%error, "a line was not received"),
            },
            () = until(ask) => {
                ask = None;
                let dropped = drops.since_last(&site).await;
                lines.extend((dropped > 0).then(|| line::dropped(dropped)));
            }
        }
        rate.take();
        while lines.len() < BATCH && rate.until_next(Instant::now()).is_zero() {
            let Ok(length) = socket.try_recv(&mut buffer) else { break };
            rate.take();
            lines.extend(line::of(&buffer[..length]));
        }
        if lines.is_empty() {
            continue;
        }
        ask = ask.or(Some(Instant::now() + ASK));
        let written = off_runtime(move || {
            file.append(&lines);
            Ok(file)
        });
        match written.await {
            Ok(it) => file = it,
            // The runtime is ending.
            Err(_) => return,
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// How many lines HAProxy has dropped, as far as is known: a process counts from its beginning.
#[derive(Debug)]
struct Drops {
    process: u32,
    count: u64,
}

impl Drops {
    /// What was dropped before we came is nobody's to tell any more.
    async fn first(site: &std::path::Path) -> Self {
        let (process, count) = Socket::of(site).dropped_logs().await.unwrap_or_default();
        Self { process, count }
    }

    async fn since_last(&mut self, site: &std::path::Path) -> u64 {
        let Some((process, count)) = Socket::of(site).dropped_logs().await else { return 0 };
        let before = if process == self.process { self.count } else { 0 };
        (self.process, self.count) = (process, count);
        count.saturating_sub(before)
    }
}
