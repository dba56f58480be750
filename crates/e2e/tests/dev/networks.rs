//! Networks of our own, by the commands of `evenkeel` and by the stock client.

use std::process::Output;

use anyhow::{Context, ensure};
use evenkeel_e2e::{Lab, http, lab, python};
use serde_json::{Value, json};
use tokio::process::Command;

/// A command of ours, that finds the service by `variables` only.
async fn evenkeel(variables: &[(&str, String)], words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(lab::binary()?);
    command.env_clear().envs(variables.iter().cloned()).args(words).kill_on_drop(true);
    Ok(command.output().await?)
}

/// What a command answers for programs.
async fn answer(variables: &[(&str, String)], words: &[&str]) -> anyhow::Result<Value> {
    let words = [words, &["--output", "json"]].concat();
    let output = evenkeel(variables, &words).await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{words:?}: {complaint}");
    if output.stdout.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?} is no JSON"))
}

/// What a command that fails complains of.
async fn complaint(variables: &[(&str, String)], words: &[&str]) -> anyhow::Result<String> {
    let output = evenkeel(variables, words).await?;
    ensure!(!output.status.success(), "{words:?} works");
    Ok(String::from_utf8(output.stderr)?)
}

fn by_token(lab: &Lab) -> [(&'static str, String); 2] {
    [("EVENKEEL_API", format!("http://{}", lab.api())), ("EVENKEEL_TOKEN", lab.token().to_owned())]
}

#[tokio::test]
async fn networks_are_made_and_changed_by_commands() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let me = by_token(&lab);
    let made = answer(&me, &["network", "create", "web", "--mtu", "1450", "--allow", "p"]).await?;
    ensure!(made["vlan"] == 2 && made["allowed_projects"] == json!(["p"]), "{made}");
    let words = ["subnet", "create", "web4", "--network", "web", "--cidr", "10.7.0.0/24"];
    let ways = ["--route", "10.8.0.0/16=10.7.0.2", "--pool", "10.7.0.10-10.7.0.20"];
    let subnet = answer(&me, &[&words[..], &ways].concat()).await?;
    ensure!(subnet["gateway_ip"] == "10.7.0.1", "{subnet}");
    let changed = answer(&me, &["subnet", "set", "web4", "--gateway", "none", "--no-pool"]).await?;
    ensure!(
        changed["gateway_ip"].is_null() && changed["allocation_pools"] == json!([]),
        "{changed}"
    );
    ensure!(changed["host_routes"] == subnet["host_routes"], "{changed}");
    let changed = answer(&me, &["network", "set", "web", "--no-vlan", "--shared", "true"]).await?;
    ensure!(changed["vlan"].is_null() && changed["shared"] == true, "{changed}");
    let table = String::from_utf8(evenkeel(&me, &["network", "list"]).await?.stdout)?;
    ensure!(table.starts_with("ID ") && table.contains(" web "), "{table}");
    let refused = complaint(&me, &["network", "set", "web", "--mtu", "7"]).await?;
    ensure!(refused.contains("at least 68"), "{refused}");
    let refused = complaint(&me, &["network", "show", "nothing"]).await?;
    ensure!(refused.contains("evenkeel network list"), "{refused}");
    answer(&me, &["network", "delete", "web"]).await?;
    let list = answer(&me, &["network", "list"]).await?;
    ensure!(list.as_array().map(Vec::len) == Some(1), "only the VIPs' is left: {list}");
    Ok(())
}

#[tokio::test]
async fn a_floating_address_is_bound_to_a_vip_by_commands() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    // As the variables of the stock clients say it.
    let me = [
        ("OS_AUTH_URL", format!("http://{}/identity/v3", lab.api())),
        ("OS_USERNAME", "admin".to_owned()),
        ("OS_PASSWORD", "any".to_owned()),
        ("OS_PROJECT_NAME", "demo".to_owned()),
    ];
    answer(&me, &["network", "create", "outside", "--external"]).await?;
    let words = ["subnet", "create", "o", "--network", "outside", "--cidr", "203.0.113.0/29"];
    answer(&me, &words).await?;
    let vips = answer(&me, &["subnet", "show", "vips"]).await?;
    let body = json!({"loadbalancer": {"vip_subnet_id": vips["id"]}});
    let headers =
        [format!("X-Auth-Token: {}", lab.token()), "Content-Type: application/json".into()];
    let target = "/v2.0/lbaas/loadbalancers";
    let made = http::request(lab.api(), "POST", target, &headers, Some(&body)).await?;
    let made = made.expect(201)?.json();
    let port = made["loadbalancer"]["vip_port_id"].as_str().context("a port")?.to_owned();
    let words = ["floating-address", "create", "--network", "outside", "--port", &port];
    let floating = answer(&me, &words).await?;
    ensure!(floating["fixed_address"] == made["loadbalancer"]["vip_address"], "{floating}");
    let address = floating["address"].as_str().context("an address")?;
    let again = complaint(&me, &words).await?;
    ensure!(again.contains("release that first"), "{again}");
    let refused = complaint(&me, &["network", "delete", "outside"]).await?;
    ensure!(refused.contains("floating addresses"), "{refused}");
    let free = answer(&me, &["floating-address", "set", address, "--no-port"]).await?;
    ensure!(free["port_id"].is_null(), "{free}");
    answer(&me, &["floating-address", "delete", address]).await?;
    answer(&me, &["network", "delete", "outside"]).await?;
    Ok(())
}

#[tokio::test]
async fn who_says_nothing_is_told_what_to_say() -> anyhow::Result<()> {
    let said = complaint(&[], &["network", "list"]).await?;
    ensure!(said.contains("--api URL") && said.contains("evenkeel dev env"), "{said}");
    let lab = Lab::start().await?;
    let stranger = [by_token(&lab)[0].clone(), ("EVENKEEL_TOKEN", "guess".to_owned())];
    let said = complaint(&stranger, &["network", "list"]).await?;
    ensure!(said.contains("does not know who asks"), "{said}");
    Ok(())
}

#[tokio::test]
async fn the_stock_client_makes_networks_and_floating_ips() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let printed = python::run(&lab, "networks.py", &[]).await?;
    ensure!(printed.contains("networks: all good"), "{printed}");
    Ok(())
}
