//! `evenkeel dev --haproxy-template`: lines of the operator's own.

use std::time::Duration;

use anyhow::ensure;
use evenkeel_e2e::lab::{Lab, Plan, SETTLE};
use evenkeel_e2e::load::{Clients, Load};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};

use evenkeel_e2e::graph::serving;

fn with_template(file: &std::path::Path) -> Plan {
    let arguments = ["--haproxy-template".to_owned(), file.display().to_string()];
    Plan { keep: true, arguments: arguments.into(), ..Plan::default() }
}

fn adding(header: &str) -> String {
    format!(
        "{{% if section == \"frontend\" %}}\n  http-response set-header {header} \
         {{{{ load_balancer.id }}}}\n{{% endif %}}\n"
    )
}

#[tokio::test]
async fn another_template_takes_effect_at_the_next_start_and_nobody_notices() -> anyhow::Result<()>
{
    let place = tempfile::tempdir()?;
    let file = place.path().join("template");
    std::fs::write(&file, adding("X-First"))?;
    let mut lab = Lab::with(with_template(&file)).await?;
    let one = Backend::start("one").await?;
    let (load_balancer, _, vip) = serving(&lab, &[&one]).await?;
    let header = format!("x-first: {}", load_balancer["id"].as_str().unwrap_or_default());
    let answer = http::get(vip, "/").await?;
    ensure!(answer.head.to_lowercase().contains(&header), "{answer:?}");

    let pause = Duration::from_millis(10);
    let load = Load::start(vip, Clients { kept: 2, fresh: 1, patient: 0, pause });
    lab.kill().await?;
    std::fs::write(&file, adding("X-Second"))?;
    lab.restart(&[]).await?;
    eventually("the other template is in effect", SETTLE, async || {
        let answer = http::get(vip, "/").await?;
        ensure!(answer.head.to_lowercase().contains("x-second"), "{answer:?}");
        Ok(())
    })
    .await?;
    let tally = load.end().await;
    ensure!(tally.answered > 0 && tally.failed + tally.reset + tally.raced == 0, "{tally:?}");
    Ok(())
}

#[tokio::test]
async fn a_template_that_cannot_be_used_starts_nothing() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("template");
    let wrong = [
        ("\n{% if %}", "fails at line 2"),
        ("{{ tenant }}", "fails at line 1: undefined value"),
        ("nonsense", "unknown keyword 'nonsense'"),
    ];
    for (text, expected) in wrong {
        std::fs::write(&file, text)?;
        let outcome = Lab::with(with_template(&file)).await.map(drop);
        let said = format!("{:#}", outcome.err().unwrap_or_else(|| anyhow::anyhow!("it starts")));
        ensure!(said.contains(expected) && said.contains("--haproxy-template"), "{said}");
    }
    Ok(())
}
