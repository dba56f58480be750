//! `cargo xtask bench`: the figures of `docs/benchmarks.md`, each next to what it is compared with,
//! in the same run.

mod api;
mod changes;
mod figures;
mod memory;
mod place;
mod plumbing;
mod proxy;
mod start;
mod throughput;
mod ways;

use anyhow::bail;

/// Every benchmark, by the name it is asked for with.
const NAMES: [&str; 9] =
    ["start", "member", "ways", "throughput", "hardening", "memory", "api", "changes", "plumbing"];

#[expect(clippy::print_stdout, reason = "printing the table is what the program is for")]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("there is no benchmark {unknown}; there are {}", NAMES.join(", "));
    }
    if wanted.is_empty() {
        wanted = NAMES.map(str::to_owned).to_vec();
    }
    if !plumbing::is_inside() {
        println!("| what | aim | measured | compared with | |\n|---|---|---|---|---|");
    }
    for name in wanted {
        let rows = match name.as_str() {
            "start" => start::first_answer().await?,
            "member" => start::member_added().await?,
            "ways" => ways::until_in_effect().await?,
            "throughput" => throughput::against_a_minimal_file().await?,
            "hardening" => throughput::of_each_hardening().await?,
            "memory" => memory::of_load_balancers().await?,
            "api" => api::under_load().await?,
            "plumbing" => plumbing::against_commands().await?,
            _ => changes::under_load().await?,
        };
        for row in rows {
            println!("{row}");
        }
    }
    Ok(())
}
