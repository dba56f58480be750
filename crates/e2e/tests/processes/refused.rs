//! What is refused: at the door of the API, and at the start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use anyhow::{bail, ensure};
use evenkeel_e2e::{http, lab};
use tokio::process::Command;

use crate::pair::{PASSWORD, Pair, kill};

#[tokio::test]
async fn only_who_knows_the_password_comes_in() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    ensure!(pair.token_for(PASSWORD).await.is_ok(), "the right one is refused");
    for wrong in ["", "any", "open sesame\n"] {
        let Err(error) = pair.token_for(wrong).await else { bail!("{wrong:?} opens the door") };
        let said = format!("{error:#}");
        ensure!(said.contains("status 401"), "{wrong:?}: {said}");
    }
    http::get(pair.api, "/v2/lbaas/loadbalancers").await?.expect(401)?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_starts_nothing_and_says_where_it_is_wrong() -> anyhow::Result<()> {
    let mut pair = Pair::start().await?;
    kill(&mut pair.server).await?;
    kill(&mut pair.agent).await?;
    let path = pair.path("agent.toml");
    let right = fs::read_to_string(&path)?;
    fs::write(&path, format!("sekrets = '/x'\n{right}"))?;
    let said = refusal(&pair, "agent").await?;
    ensure!(said.contains("agent.toml:1: unknown field `sekrets`"), "{said}");
    ensure!(said.contains("did you mean `secrets`?"), "{said}");
    fs::set_permissions(pair.path("identity.toml"), Permissions::from_mode(0o644))?;
    let said = refusal(&pair, "server").await?;
    ensure!(said.contains("chmod 0600"), "{said}");
    Ok(())
}

async fn refusal(pair: &Pair, what: &str) -> anyhow::Result<String> {
    let config = pair.path(what).with_extension("toml");
    let output =
        Command::new(lab::binary()?).arg(what).arg("--config").arg(config).output().await?;
    ensure!(!output.status.success(), "it starts");
    Ok(String::from_utf8(output.stderr)?)
}
