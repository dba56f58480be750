//! Waiting for something to become true, with a deadline instead of a sleep.

use std::future::Future;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, interval};

/// Asks again and again until `look` gives a value, for at most `within`.
///
/// # Errors
///
/// The deadline passed; the message says what was waited for and what was seen last.
pub async fn eventually<T, F>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + within;
    let mut rounds = interval(Duration::from_millis(20));
    loop {
        rounds.tick().await;
        match look().await {
            Ok(value) => return Ok(value),
            Err(seen) if Instant::now() >= deadline => {
                bail!("{what}: not within {within:?}; last: {seen:#}")
            }
            Err(_) => {}
        }
    }
}
