//! Listeners that tell metrics: HAProxy's own, in the words of the load balancing API, so that
//! dashboards made for it work.
//!
//! HAProxy's exporter has no choice of names. A small program, run by HAProxy itself, asks it
//! through a socket of the site and translates; so metrics need no agent either.

use crate::writer::{Line, Section};

/// The program, in the site's directory.
pub const METRICS_FILE: &str = "metrics.lua";

/// Its text.
pub const METRICS_PROGRAM: &str = include_str!("metrics.lua");

/// Where HAProxy's exporter answers, in the jail.
pub const METRICS_SOCKET: &str = "metrics.sock";

/// Has HAProxy read the program.
pub(super) fn program() -> Line {
    Line::new("lua-load ../metrics.lua")
}

/// HAProxy's exporter, for the program alone. Its name is no id, so that nothing counts it among
/// the listeners.
pub(super) fn exporter(owner: &Line) -> Section {
    Section::new(Line::new("frontend metrics"))
        .with(Line::new("mode http"))
        .with(Line::new("timeout client 10s"))
        .with(Line::new("bind unix@metrics.sock mode 600").followed_by(owner))
        .with(Line::new("http-request use-service prometheus-exporter"))
}

/// What a listener of metrics answers.
pub(super) fn tell(section: &mut Section) {
    section.add(Line::new("http-request deny deny_status 405 if !METH_GET"));
    section.add(Line::new("http-request use-service lua.metrics if { path /metrics }"));
    section.add(Line::new("http-request deny deny_status 404"));
}
