//! `cargo xtask bench`: the figures of `docs/benchmarks.md`, each next to what it is compared with,
//! in the same run.

mod api;
mod changes;
mod figures;
mod inside;
mod memory;
mod place;
mod plumbing;
mod proxy;
mod scale;
mod start;
mod throughput;
mod vip;
mod ways;

use anyhow::bail;

/// Every benchmark, by the name it is asked for with.
const NAMES: [&str; 11] = [
    "start",
    "member",
    "ways",
    "throughput",
    "hardening",
    "memory",
    "api",
    "changes",
    "plumbing",
    "vip",
    "scale",
];

/// Those that need networks of their own.
const NETWORKED: [&str; 3] = ["plumbing", "vip", "scale"];

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
    if !inside::is_inside() {
        println!("| what | aim | measured | compared with | |\n|---|---|---|---|---|");
    }
    for name in wanted {
        if NETWORKED.contains(&name.as_str()) && !inside::is_inside() {
            inside::enter(&name).await?;
            continue;
        }
        let rows = match name.as_str() {
            "start" => start::first_answer().await?,
            "member" => start::member_added().await?,
            "ways" => ways::until_in_effect().await?,
            "throughput" => throughput::against_a_minimal_file().await?,
            "hardening" => throughput::of_each_hardening().await?,
            "memory" => memory::of_load_balancers().await?,
            "api" => api::under_load().await?,
            "plumbing" => plumbing::against_commands().await?,
            "vip" => vip::first_answer().await?,
            "scale" => scale::of_a_node().await?,
            _ => changes::under_load().await?,
        };
        for row in rows {
            println!("{row}");
        }
    }
    Ok(())
}

/// How often, or how many: what a variable of the environment says, or else `usual`.
fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
