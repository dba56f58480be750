//! What the store promises, on SQLite and on PostgreSQL alike.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod life;
mod postgres;
mod scenario;
mod world;

use scenario::Scenario;

/// Every file of scenarios.
const FILES: &[&[Scenario]] = &[life::SCENARIOS];

#[test]
fn every_scenario_holds_on_postgresql() {
    let scenarios: Vec<&Scenario> = FILES.iter().copied().flatten().collect();
    scenario::run_on_postgres(&scenarios);
}
