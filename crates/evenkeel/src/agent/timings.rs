//! How often and how long, as an agent's configuration says it: in seconds.

use std::time::Duration;

use evenkeel_agent::Timings;
use serde::{Deserialize, Serialize};

/// The longest time that can be said.
const DAY: f64 = 86_400.0;

/// Seconds, with a fraction where it is needed: more than 0, at most a day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
struct Seconds(Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        let time = Duration::try_from_secs_f64(seconds).ok();
        let time = time.filter(|time| !time.is_zero() && seconds <= DAY);
        time.map(Self).ok_or_else(|| "expected seconds: more than 0, at most a day".to_owned())
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0.as_secs_f64()
    }
}

/// How often and how long.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimingsConfig {
    heartbeat: Seconds,
    silence: Seconds,
    answer: Seconds,
    observe: Seconds,
    recheck: Seconds,
    step_deadline: Seconds,
    longest_pause: Seconds,
    sweep: Seconds,
    stop: Seconds,
    /// How many load balancers are worked on at once.
    parallel: usize,
}

impl Default for TimingsConfig {
    fn default() -> Self {
        let usual = Timings::default();
        Self {
            heartbeat: Seconds(usual.heartbeat),
            silence: Seconds(usual.silence),
            answer: Seconds(usual.answer),
            observe: Seconds(usual.observe),
            recheck: Seconds(usual.recheck),
            step_deadline: Seconds(usual.step_deadline),
            longest_pause: Seconds(usual.longest_pause),
            sweep: Seconds(usual.sweep),
            stop: Seconds(usual.stop),
            parallel: usual.parallel,
        }
    }
}

impl From<TimingsConfig> for Timings {
    fn from(config: TimingsConfig) -> Self {
        Self {
            heartbeat: config.heartbeat.0,
            silence: config.silence.0,
            answer: config.answer.0,
            observe: config.observe.0,
            recheck: config.recheck.0,
            step_deadline: config.step_deadline.0,
            longest_pause: config.longest_pause.0,
            sweep: config.sweep.0,
            stop: config.stop.0,
            parallel: config.parallel,
            ..Self::default()
        }
    }
}
