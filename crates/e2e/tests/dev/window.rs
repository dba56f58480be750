//! The operators' window: `evenkeel haproxy`.

use std::process::Output;

use anyhow::ensure;
use evenkeel_e2e::lab::{Lab, Plan, binary, text};
use evenkeel_e2e::member::Backend;
use serde_json::Value;
use tokio::process::Command;

use evenkeel_e2e::graph::serving;

/// The longest path that a socket can be reached by.
const LONGEST: usize = 107;

async fn run(arguments: &[&str]) -> anyhow::Result<Output> {
    Ok(Command::new(binary()?).arg("haproxy").args(arguments).output().await?)
}

/// What is printed where all is well.
async fn printed(arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What is said where something is not.
async fn complaint(arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(arguments).await?;
    ensure!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    Ok(String::from_utf8(output.stderr)?)
}

#[tokio::test]
async fn operators_see_and_ask_the_haproxy_of_a_load_balancer() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (load_balancer, pool, _) = serving(&lab, &[&one]).await?;
    let (id, pool) = (text(&load_balancer, "id")?, text(&pool, "id")?);

    let seen: Value = serde_json::from_str(&printed(&[&id, "--output", "json"]).await?)?;
    ensure!(seen["state"] == "serving" && seen["id"] == id.as_str(), "{seen}");
    let process = lab.haproxies()?;
    ensure!(seen["process"] == process[0], "{seen}");
    ensure!(text(&seen, "admin_socket")?.len() > LONGEST, "{seen}");
    let configuration = text(&seen, "configuration")?;
    ensure!(configuration.ends_with(&format!("/sites/{id}/haproxy.cfg")), "{configuration}");
    let configuration = std::fs::read_to_string(configuration)?;
    ensure!(configuration.contains(&pool), "{configuration}");
    let table = printed(&[&id]).await?;
    ensure!(table.contains(&text(&seen, "stats_socket")?), "{table}");
    let list = printed(&[]).await?;
    ensure!(list.contains(&id) && list.starts_with("ID "), "{list}");

    let stat = printed(&[&id[..18], "--", "show", "stat"]).await?;
    ensure!(stat.starts_with("# pxname,svname,") && stat.contains(&pool), "{stat}");
    let several = printed(&[&id, "--", "show info; show stat"]).await?;
    ensure!(several.contains("Pid: ") && several.contains(&pool), "{several}");
    Ok(())
}

#[tokio::test]
async fn what_changes_a_haproxy_needs_force_and_what_shows_keys_is_not_sent() -> anyhow::Result<()>
{
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (load_balancer, pool, _) = serving(&lab, &[&one]).await?;
    let (id, pool) = (text(&load_balancer, "id")?, text(&pool, "id")?);
    let path = format!("/pools/{pool}/members");
    let member = lab.call("GET", &path, None).await?.expect(200)?.json();
    let server = format!("{pool}/{}", text(&member["members"][0], "id")?);

    let said = complaint(&[&id, "--", "set", "server", &server, "weight", "3"]).await?;
    ensure!(said.contains("--force"), "{said}");
    printed(&[&id, "--force", "--", "set", "server", &server, "weight", "3"]).await?;
    let weight = printed(&[&id, "--", "get", "weight", &server]).await?;
    ensure!(weight.starts_with("3 "), "{weight}");

    let said = complaint(&[&id, "--force", "--", "set", "server", "a/b", "weight", "3"]).await?;
    ensure!(said.contains("HAProxy refused") && said.contains("No such"), "{said}");
    let said = complaint(&[&id, "--", "show", "nonsense"]).await?;
    ensure!(said.contains("HAProxy refused: Unknown command"), "{said}");
    let said = complaint(&[&id, "--force", "--", "show", "tls-keys", "*"]).await?;
    ensure!(said.contains("keys"), "{said}");
    Ok(())
}

#[tokio::test]
async fn whoever_looks_in_vain_is_told_why() -> anyhow::Result<()> {
    let mut lab = Lab::with(Plan { keep: true, ..Plan::default() }).await?;
    let data = lab.data().display().to_string();
    let said = complaint(&["--data", &data]).await?;
    ensure!(said.contains("loadbalancer create"), "{said}");

    let one = Backend::start("one").await?;
    let (load_balancer, ..) = serving(&lab, &[&one]).await?;
    let id = text(&load_balancer, "id")?;
    let said = complaint(&["--data", &data, "no-such"]).await?;
    ensure!(said.contains("no load balancer") && said.contains(&id), "{said}");
    let said = complaint(&["--data", "/nowhere"]).await?;
    ensure!(said.contains("--data") && said.contains("No such file"), "{said}");

    // Nobody replaces the HAProxy while evenkeel is away; both are found all the same.
    lab.kill().await?;
    ensure!(printed(&[&id]).await?.contains("serving"));
    for pid in lab.haproxies()? {
        evenkeel_e2e::lab::kill(pid);
    }
    evenkeel_e2e::eventually("it does not run", evenkeel_e2e::lab::SETTLE, async || {
        let seen = printed(&["--data", &data, &id]).await?;
        ensure!(seen.contains("not running"), "{seen}");
        Ok(())
    })
    .await?;
    let said = complaint(&["--data", &data, &id, "--", "show", "stat"]).await?;
    ensure!(said.contains("does not answer"), "{said}");
    Ok(())
}
