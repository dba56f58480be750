//! What operators type beside the services, which they name by their files.

use std::fs;

use anyhow::ensure;
use evenkeel_e2e::lab;
use tokio::process::Command;

use crate::pair::{Pair, kill};

/// What a command prints where all is well.
async fn printed(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(lab::binary()?).args(arguments).output().await?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn master_keys_are_changed_beside_a_server_and_without_one() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let config = pair.path("server.toml").display().to_string();
    let show = ["keys", "show", "--config", &config];
    let rotate = ["keys", "rotate", "--config", &config];
    let first = printed(&show).await?;
    ensure!(printed(&rotate).await?.contains("the only master key"), "beside a server");
    let second = printed(&show).await?;
    ensure!(first != second, "{first}");
    pair.serve("web").await?;
    kill(&mut pair.server).await?;
    ensure!(printed(&rotate).await?.contains("the only master key"), "without a server");
    ensure!(printed(&show).await? != second, "{second}");
    pair.start_server().await?;
    pair.log_in().await?;
    pair.serve("more").await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_is_named_by_its_file_whether_it_runs_or_not() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    let web = pair.serve("web").await?;
    let config = pair.path("agent.toml").display().to_string();
    let id = lab::text(&web, "id")?;
    fs::create_dir_all(pair.path("logs"))?;
    fs::write(pair.path("logs").join(&id).with_extension("log"), "a line\n")?;
    for _ in 0..2 {
        let seen = printed(&["haproxy", "--config", &config, "web"]).await?;
        ensure!(seen.contains(&id), "{seen}");
        let told = printed(&["logs", "--config", &config, "web"]).await?;
        ensure!(told == "a line\n", "{told}");
        if pair.agent.is_some() {
            kill(&mut pair.agent).await?;
        }
    }
    Ok(())
}
