//! The thread that starts all children, and minds those that were ended before anybody knew them.
#![expect(unsafe_code, reason = "what a child does between fork and exec")]
#![expect(clippy::disallowed_methods, reason = "this is where children are started")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use rustix::process::{
    Resource, Rlimit, Signal, getpid, getppid, set_parent_process_death_signal, setrlimit, setsid,
};
use tokio::sync::oneshot;

use crate::process::{Process, take_remains};
use crate::program::{Lifetime, Program};

/// How soon the remains of a child are looked for that was killed and has not ended yet.
const BURIAL: Duration = Duration::from_millis(50);

enum Order {
    Start {
        program: Program,
        output: File,
        answer: oneshot::Sender<io::Result<Unclaimed>>,
    },
    /// Take the remains of a child that was killed.
    Bury(OwnedFd),
}

/// A child that shall end with its parent ends with the *thread* that started it, so there is one
/// thread that starts all children and never ends.
static STARTER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = mpsc::channel();
    thread::spawn(move || carry_out(&orders));
    sender
});

static STARTS: AtomicU64 = AtomicU64::new(0);

/// How many programs this process has started, or tried to.
pub fn starts() -> u64 {
    STARTS.load(Ordering::Relaxed)
}

/// Starts a program that writes to `output`.
pub(crate) async fn start(program: Program, output: File) -> io::Result<Process> {
    STARTS.fetch_add(1, Ordering::Relaxed);
    let (answer, started) = oneshot::channel();
    let order = Order::Start { program, output, answer };
    STARTER.send(order).map_err(io::Error::other)?;
    started.await.map_err(io::Error::other)??.claim()
}

/// A child that has just begun. Ended when nobody claims it, as when whoever ordered it has been
/// told to stop: nobody else would.
struct Unclaimed(Option<Child>);

impl Unclaimed {
    fn claim(mut self) -> io::Result<Process> {
        let child = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        // Without a free descriptor it cannot be held.
        let process = Process::of_child(child.id())?;
        self.0 = None;
        Ok(process)
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

/// Ends a child, whose remains are taken without waiting for its end here.
pub(crate) fn end_and_bury(process: &Process) {
    process.kill();
    if let Ok(pidfd) = process.pidfd() {
        // Without the thread there is nobody left to mind the remains.
        let _ = STARTER.send(Order::Bury(pidfd));
    }
}

fn carry_out(orders: &Receiver<Order>) {
    let mut dying: Vec<OwnedFd> = Vec::new();
    loop {
        let order = if dying.is_empty() {
            orders.recv().map_err(RecvTimeoutError::from)
        } else {
            orders.recv_timeout(BURIAL)
        };
        match order {
            Ok(Order::Start { program, output, answer }) => {
                // What nobody waits for ends here.
                drop(answer.send(spawn(&program, output)));
            }
            Ok(Order::Bury(pidfd)) => dying.push(pidfd),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        dying.retain(|pidfd| matches!(take_remains(pidfd.as_fd()), Ok(None)));
    }
}

fn spawn(program: &Program, output: File) -> io::Result<Unclaimed> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(&program.directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let (lifetime, parent) = (program.lifetime, getpid());
    let confinement = program.confinement.open()?;
    // SAFETY: between fork and exec the closure makes a few system calls and touches no memory that
    // another thread may hold a lock on.
    unsafe {
        command.pre_exec(move || {
            confinement.enter()?;
            // A session of its own: ctrl-c in a terminal is not for it.
            setsid()?;
            // What it has in memory, keys among it, is not for a disk.
            setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
            match lifetime {
                Lifetime::WithParent => {
                    set_parent_process_death_signal(Some(Signal::KILL))?;
                    if getppid() != Some(parent) {
                        // It ended before it could have been noticed.
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                Lifetime::OutlivesParent => {}
            }
            Ok(())
        });
    }
    Ok(Unclaimed(Some(command.spawn()?)))
}
