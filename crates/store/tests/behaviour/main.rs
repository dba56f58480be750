//! What the store promises, on SQLite and on PostgreSQL alike.

mod postgres;
mod scenario;

use scenario::Scenario;

/// Every file of scenarios.
const FILES: &[&[Scenario]] = &[];

#[test]
fn every_scenario_holds_on_postgresql() {
    let scenarios: Vec<&Scenario> = FILES.iter().copied().flatten().collect();
    scenario::run_on_postgres(&scenarios);
}
