//! The stock clients, unmodified.

use anyhow::ensure;
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{Lab, http, python};

fn sockets(members: &[&Backend]) -> Vec<String> {
    members.iter().map(|member| member.socket().to_string()).collect()
}

#[tokio::test]
async fn the_openstack_command_line_works_unmodified() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let two = Backend::start("two").await?;
    let printed = python::run(&lab, "command_line.py", &sockets(&[&one, &two])).await?;
    ensure!(printed.contains("command line: all good"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn openstacksdk_works_unmodified() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let two = Backend::start("two").await?;
    let printed = python::run(&lab, "sdk.py", &sockets(&[&one, &two])).await?;
    ensure!(printed.contains("sdk: all good"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn operators_work_with_the_stock_clients() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let member = Backend::start("one").await?;
    let printed = python::run(&lab, "operators.py", &sockets(&[&member])).await?;
    ensure!(printed.contains("operators: all good"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn the_clients_of_the_key_manager_work_unmodified() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let printed = python::run(&lab, "key_manager.py", &[]).await?;
    ensure!(printed.contains("key manager: all good"), "{printed}");
    Ok(())
}

#[tokio::test]
async fn no_token_is_no_entry() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    for headers in [vec![], vec!["X-Auth-Token: guess".to_owned()]] {
        let target = "/v2.0/lbaas/loadbalancers";
        let answer = http::request(lab.api(), "GET", target, &headers, None).await?;
        ensure!(answer.status == 401, "{answer:?}");
    }
    http::get(lab.api(), "/").await?.expect(200)?;
    Ok(())
}

/// The commands of the chapter, as they stand there, but for the member, who is our own.
#[tokio::test]
async fn tls_in_five_minutes_works_as_it_is_written() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let printed = python::run_chapter(&lab, "tls.md", &one).await?;
    ensure!(printed.ends_with("one"), "{printed}");
    Ok(())
}
