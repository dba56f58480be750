//! What the store promises, on SQLite and on PostgreSQL alike.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod anything;
mod attachment;
mod batch;
mod counting;
mod going;
mod lateness;
mod life;
mod lists;
mod network;
mod node;
mod offerings;
mod postgres;
mod propagation;
mod quota;
mod reconnecting;
mod reports;
mod scenario;
mod sealed;
mod strict;
mod world;
mod writing;

use scenario::Scenario;

/// Every file of scenarios.
const FILES: &[&[Scenario]] = &[
    anything::SCENARIOS,
    attachment::SCENARIOS,
    batch::SCENARIOS,
    counting::SCENARIOS,
    going::SCENARIOS,
    lateness::SCENARIOS,
    life::SCENARIOS,
    lists::SCENARIOS,
    network::SCENARIOS,
    offerings::SCENARIOS,
    propagation::SCENARIOS,
    quota::SCENARIOS,
    reports::SCENARIOS,
    sealed::SCENARIOS,
    strict::SCENARIOS,
    writing::SCENARIOS,
];

#[test]
fn every_scenario_holds_on_postgresql() {
    let scenarios: Vec<&Scenario> = FILES.iter().copied().flatten().collect();
    scenario::run_on_postgres(&scenarios);
}
