//! What goes wrong on a node: each ends in a reason with its cure, and heals by itself.

use std::os::unix::fs::symlink;
use std::time::Duration;

use anyhow::ensure;
use evenkeel_e2e::lab::{Lab, Plan, SETTLE, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::{eventually, http};
use serde_json::json;
use tokio::net::TcpListener;

use evenkeel_e2e::graph::{balanced_over, listener_with_pool, serving, shifted};

/// The bound after which a change that cannot be made shows ERROR, and what a busy machine takes.
const BOUND: Duration = Duration::from_secs(10);

/// A service whose HAProxy is at a path of the test's own, and that gives up after seconds.
fn with_haproxy_at(path: &std::path::Path) -> Plan {
    let path = path.display().to_string();
    let arguments = ["--haproxy", &path, "--pending-seconds", "2"].map(str::to_owned).to_vec();
    Plan { arguments, ..Plan::default() }
}

async fn until_reason(lab: &Lab, path: &str, words: &str) -> anyhow::Result<()> {
    eventually(&format!("{path} is in ERROR because of {words}"), BOUND + SETTLE, async || {
        let object = lab.show(path).await?;
        ensure!(object["provisioning_status"] == "ERROR", "{object}");
        let reason = text(&object, "status_reason")?;
        ensure!(reason.contains(words), "{reason}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_haproxy_is_named_and_its_return_heals() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let path = place.path().join("haproxy");
    let lab = Lab::with(with_haproxy_at(&path)).await?;
    let one = Backend::start("one").await?;
    let load_balancer = lab.create_load_balancer("web").await?;
    let id = text(&load_balancer, "id")?;
    listener_with_pool(&lab, &id, 80, &[&one]).await?;
    until_reason(&lab, &format!("/loadbalancers/{id}"), "apt-get install haproxy").await?;

    symlink("/usr/sbin/haproxy", &path)?;
    eventually("the load balancer heals", Duration::from_secs(45), async || {
        let object = lab.show(&format!("/loadbalancers/{id}")).await?;
        ensure!(object["provisioning_status"] == "ACTIVE", "{object}");
        Ok(())
    })
    .await?;
    balanced_over(shifted(&load_balancer, 80)?, &["one"], SETTLE).await
}

#[tokio::test]
async fn a_haproxy_that_crashes_at_start_is_named() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let path = place.path().join("haproxy");
    symlink("/bin/false", &path)?;
    let lab = Lab::with(with_haproxy_at(&path)).await?;
    let one = Backend::start("one").await?;
    let id = text(&lab.create_load_balancer("web").await?, "id")?;
    listener_with_pool(&lab, &id, 80, &[&one]).await?;
    until_reason(&lab, &format!("/loadbalancers/{id}"), "HAProxy").await?;
    // A refused load balancer can be deleted like any other.
    let path = format!("/loadbalancers/{id}");
    lab.call("DELETE", &format!("{path}?cascade=true"), None).await?.expect(204)?;
    lab.until_gone(&path).await
}

#[tokio::test]
async fn a_taken_port_is_named_and_heals_when_it_is_free() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let path = place.path().join("haproxy");
    symlink("/usr/sbin/haproxy", &path)?;
    let lab = Lab::with(with_haproxy_at(&path)).await?;
    let one = Backend::start("one").await?;
    let (load_balancer, _, vip) = serving(&lab, &[&one]).await?;
    let id = text(&load_balancer, "id")?;

    let taken = shifted(&load_balancer, 9090)?;
    let thief = TcpListener::bind(taken).await?;
    let (listener, _) = listener_with_pool(&lab, &id, 9090, &[&one]).await?;
    let listener = format!("/listeners/{}", text(&listener, "id")?);
    until_reason(&lab, &listener, "9090").await?;
    balanced_over(vip, &["one"], Duration::from_secs(5)).await?;

    drop(thief);
    eventually("the listener heals", Duration::from_secs(45), async || {
        let object = lab.show(&listener).await?;
        ensure!(object["provisioning_status"] == "ACTIVE", "{object}");
        Ok(())
    })
    .await?;
    balanced_over(taken, &["one"], SETTLE).await
}

/// A full disk: writes are refused with 503, what serves goes on, and space heals all of it.
#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers_by_itself() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let disk = place.path().join("disk");
    std::fs::create_dir(&disk)?;
    // A small disk of its own, and processes of its own: all of it ends with the service, even
    // the HAProxies, whose directories have other names inside than outside.
    let mount = format!("mount -t tmpfs -o size=6m tmpfs {} && exec \"$@\"", disk.display());
    let own = ["--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let shell = ["sh", "-c", &mount, "sh"];
    let wrapper: Vec<&str> = ["unshare"].into_iter().chain(own).chain(shell).collect();
    let data = disk.join("data").display().to_string();
    let lab = Lab::with(Plan {
        wrapper: wrapper.into_iter().map(str::to_owned).collect(),
        arguments: ["--data".to_owned(), data].to_vec(),
        ..Plan::default()
    })
    .await?;
    let one = Backend::start("one").await?;
    let (_, _, vip) = serving(&lab, &[&one]).await?;

    let inside = std::path::PathBuf::from(format!("/proc/{}/root", lab.pid()?));
    let filler = inside.join(disk.strip_prefix("/")?).join("filler");
    let _ = std::fs::write(&filler, vec![0_u8; 8 << 20]);
    let refused = eventually("a write is refused", SETTLE, async || {
        let body = json!({"loadbalancer": {
            "name": "x".repeat(255), "vip_subnet_id": lab.vip_subnet().await?,
        }});
        let answer = lab.call("POST", "/loadbalancers", Some(body)).await?;
        ensure!(answer.status != 201, "still room");
        Ok(answer)
    })
    .await?;
    ensure!(refused.status == 503, "{refused:?}");
    ensure!(refused.head.to_ascii_lowercase().contains("retry-after"), "{refused:?}");
    lab.call("GET", "/loadbalancers", None).await?.expect(200)?;
    http::get(vip, "/").await?.expect(200)?;

    std::fs::remove_file(&filler)?;
    let healed = eventually("writes are taken again", SETTLE, async || {
        lab.create_load_balancer("after").await
    })
    .await?;
    lab.until_active(&text(&healed, "id")?).await?;
    balanced_over(vip, &["one"], SETTLE).await
}
