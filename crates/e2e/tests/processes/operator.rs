//! What operators type beside the services, which they name by their files.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::lab;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

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

fn write(path: &Path, line: &str) -> anyhow::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    Ok(writeln!(file, "{line}")?)
}

#[tokio::test]
async fn lines_are_followed_over_rotations_and_after_the_load_balancer_went() -> anyhow::Result<()>
{
    let place = tempfile::tempdir()?;
    let id = "6d1c7a2f-0e94-4c1a-9d4c-1de3b7f7f001";
    let path = place.path().join(id).with_extension("log");
    write(&path, "one")?;
    let mut command = Command::new(lab::binary()?);
    command.args(["logs", id, "--follow", "--directory"]).arg(place.path());
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut lines = BufReader::new(process.stdout.take().context("it is piped")?).lines();
    let mut next = async || {
        let line = timeout(Duration::from_secs(20), lines.next_line()).await;
        line.context("nothing comes")??.context("it has ended")
    };
    ensure!(next().await? == "one");
    write(&path, "two")?;
    ensure!(next().await? == "two");
    write(&path, "three")?;
    fs::rename(&path, path.with_extension("log.1"))?;
    write(&path, "four")?;
    ensure!(next().await? == "three" && next().await? == "four");
    // Gone with its load balancer, which may be brought back to this node.
    fs::remove_file(&path)?;
    write(&path, "five")?;
    ensure!(next().await? == "five");
    ensure!(process.try_wait()?.is_none(), "it does not go on");
    Ok(())
}
