//! Every change to the node's network is counted here, and here a test can break it.
//!
//! With the feature `failpoints`, `EVENKEEL_CHANGE_FAILPOINT=abort:7` ends the process just before
//! the seventh change, as a crash would; `EBUSY:7` (or another error's name) makes that change fail.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

static CHANGES: AtomicU64 = AtomicU64::new(0);

/// How often this process has changed the network of the node: links, addresses, routes, settings,
/// namespaces, ports of switches. What failed counts as well.
pub fn changes() -> u64 {
    CHANGES.load(Ordering::Relaxed)
}

/// Called just before each change.
#[cfg_attr(
    not(feature = "failpoints"),
    expect(clippy::unnecessary_wraps, reason = "only a test makes it fail")
)]
pub(crate) fn change(what: &str) -> io::Result<()> {
    let number = CHANGES.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::debug!(number, what, "change");
    #[cfg(feature = "failpoints")]
    failpoint::reached(number)?;
    Ok(())
}

/// What tests do to changes.
#[cfg(feature = "failpoints")]
pub mod failpoint {
    use std::io;
    use std::sync::{LazyLock, Mutex, PoisonError};

    use rustix::io::Errno;

    /// How a change is broken.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Break {
        /// The process ends.
        Abort,
        /// The kernel refuses it.
        Fail(i32),
    }

    /// What is broken, and the number of the change.
    static PLAN: LazyLock<Mutex<Option<(Break, u64)>>> = LazyLock::new(|| {
        Mutex::new(std::env::var("EVENKEEL_CHANGE_FAILPOINT").ok().and_then(|text| parse(&text)))
    });

    /// Breaks the change of this number, counted as [`changes`](super::changes) counts; `None`
    /// breaks nothing.
    pub fn set(plan: Option<(Break, u64)>) {
        *PLAN.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    pub(super) fn reached(number: u64) -> io::Result<()> {
        let plan = *PLAN.lock().unwrap_or_else(PoisonError::into_inner);
        match plan {
            Some((how, at)) if at == number => match how {
                Break::Abort => std::process::abort(),
                Break::Fail(errno) => Err(io::Error::from_raw_os_error(errno)),
            },
            Some(_) | None => Ok(()),
        }
    }

    fn parse(text: &str) -> Option<(Break, u64)> {
        let (how, at) = text.split_once(':')?;
        let how = match how {
            "abort" => Break::Abort,
            "EEXIST" => Break::Fail(Errno::EXIST.raw_os_error()),
            "EBUSY" => Break::Fail(Errno::BUSY.raw_os_error()),
            "ENOBUFS" => Break::Fail(Errno::NOBUFS.raw_os_error()),
            "EPERM" => Break::Fail(Errno::PERM.raw_os_error()),
            _ => return None,
        };
        Some((how, at.parse().ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_plan_names_an_error_and_a_number() {
            assert_eq!(parse("abort:7"), Some((Break::Abort, 7)));
            assert_eq!(parse("EBUSY:1"), Some((Break::Fail(16), 1)));
            for nonsense in ["", "abort", "abort:x", "ENOTHING:1"] {
                assert_eq!(parse(nonsense), None, "{nonsense}");
            }
        }
    }
}
