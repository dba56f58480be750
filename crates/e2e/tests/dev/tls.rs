//! TLS from the key manager to the client, through everything that can end on the way.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use evenkeel_e2e::lab::{Lab, Plan, SETTLE, binary, kill, text};
use evenkeel_e2e::member::Backend;
use evenkeel_e2e::tls::{Curl, clear_keys};
use evenkeel_e2e::{eventually, http};
use evenkeel_vault::MasterKeys;
use evenkeel_vault::fixtures::Authority;
use serde_json::{Value, json};
use tokio::process::Command;

use evenkeel_e2e::graph::{add_member, shifted};

fn keeping() -> Plan {
    Plan { keep: true, ..Plan::default() }
}

/// A load balancer that ends TLS before one member, served; its listener and its socket.
async fn terminating(
    lab: &Lab,
    member: &Backend,
    fields: Value,
) -> anyhow::Result<(String, String, SocketAddr)> {
    let load_balancer = lab.create_load_balancer("tls").await?;
    let id = text(&load_balancer, "id")?;
    let mut listener = json!({
        "loadbalancer_id": id, "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
    });
    if let (Some(listener), Value::Object(fields)) = (listener.as_object_mut(), fields) {
        listener.extend(fields);
    }
    let listener = lab.create("/listeners", json!({"listener": listener})).await?;
    let body = json!({"pool": {
        "listener_id": listener["id"], "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
    }});
    let pool = lab.create("/pools", body).await?;
    add_member(lab, &pool, member).await?;
    lab.until_active(&id).await?;
    Ok((id, text(&listener, "id")?, shifted(&load_balancer, 443)?))
}

async fn serves(curl: &Curl, host: &str, vip: SocketAddr) -> anyhow::Result<()> {
    eventually(&format!("{host} is served"), SETTLE, async || {
        let answer = curl.get(host, vip).await?;
        ensure!(answer == "one", "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_host_is_served_with_its_certificate_and_a_new_one_takes_its_place()
-> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (old, new) = (Authority::new("Old"), Authority::new("New"));
    let between = old.intermediate("Between");
    let default = lab.certificate(&between.server(&["a.example.test"])).await?;
    let second = lab.certificate(&old.server(&["b.example.test"])).await?;
    let fields = json!({"default_tls_container_ref": default, "sni_container_refs": [second]});
    let (id, listener, vip) = terminating(&lab, &one, fields).await?;
    let trusts_old = Curl::trusting(old.certificate())?;
    serves(&trusts_old, "a.example.test", vip).await?;
    serves(&trusts_old, "b.example.test", vip).await?;
    ensure!(trusts_old.get("c.example.test", vip).await.is_err(), "nobody certified this name");
    ensure!(Curl::trusting(new.certificate())?.get("a.example.test", vip).await.is_err());

    let replacement = lab.certificate(&new.server(&["a.example.test"])).await?;
    let body = json!({"listener": {"default_tls_container_ref": replacement}});
    lab.call("PUT", &format!("/listeners/{listener}"), Some(body)).await?.expect(200)?;
    lab.until_active(&id).await?;
    serves(&Curl::trusting(new.certificate())?, "a.example.test", vip).await?;
    serves(&trusts_old, "b.example.test", vip).await?;
    ensure!(trusts_old.get("a.example.test", vip).await.is_err(), "the old one is still served");
    Ok(())
}

#[tokio::test]
async fn clients_are_let_in_by_their_certificates() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let one = Backend::start("one").await?;
    let (servers, clients) = (Authority::new("Servers"), Authority::new("Clients"));
    let (alice, mallory) = (clients.client("alice"), clients.client("mallory"));
    let stranger = Authority::new("Strangers").client("eve");
    let host = "www.example.test";
    let fields = json!({
        "default_tls_container_ref": lab.certificate(&servers.server(&[host])).await?,
        "client_ca_tls_container_ref": lab.secret(clients.certificate()).await?,
        "client_crl_container_ref": lab.secret(&clients.revocations(&[&mallory])).await?,
        "client_authentication": "MANDATORY",
    });
    let (_, _, vip) = terminating(&lab, &one, fields).await?;
    let curl = || Curl::trusting(servers.certificate());
    serves(&curl()?.showing(&alice)?, host, vip).await?;
    for (who, curl) in [
        ("whoever shows nothing", curl()?),
        ("whoever is revoked", curl()?.showing(&mallory)?),
        ("a stranger", curl()?.showing(&stranger)?),
    ] {
        ensure!(curl.get(host, vip).await.is_err(), "{who} is let in");
    }
    Ok(())
}

/// Neither the key manager's secrets, nor evenkeel, nor a key in clear is there any more: what is
/// sealed in the ledger and in the database is enough.
#[tokio::test]
async fn what_was_named_once_serves_without_a_key_manager() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let one = Backend::start("one").await?;
    let authority = Authority::new("CA");
    let host = "www.example.test";
    let pem = lab.secret(&authority.server(&[host]).pem()).await?;
    let fields = json!({"default_tls_container_ref": pem});
    let (id, listener, vip) = terminating(&lab, &one, fields).await?;
    let curl = Curl::trusting(authority.certificate())?;
    serves(&curl, host, vip).await?;

    lab.key_manager("DELETE", &pem, None).await?.expect(204)?;
    lab.kill().await?;
    serves(&curl, host, vip).await?;
    // As after a boot.
    lab.haproxies()?.into_iter().for_each(kill);
    std::fs::remove_dir_all(clear_keys(&lab.data())?)?;
    lab.restart(&[]).await?;
    serves(&curl, host, vip).await?;

    let before = lab.haproxies()?;
    before.iter().copied().for_each(kill);
    eventually("another HAProxy serves", SETTLE, async || {
        ensure!(lab.haproxies()? != before, "{before:?}");
        curl.get(host, vip).await.map(drop)
    })
    .await?;
    let path = format!("/listeners/{listener}");
    let body = json!({"listener": {"insert_headers": {"X-Forwarded-Proto": "true"}}});
    lab.call("PUT", &path, Some(body)).await?.expect(200)?;
    lab.until_active(&id).await?;
    serves(&curl, host, vip).await?;
    let again = json!({"listener": {"default_tls_container_ref": pem}});
    let refused = lab.call("PUT", &path, Some(again)).await?.expect(400)?;
    ensure!(refused.body.contains("Could not retrieve certificate: ['http"), "{}", refused.body);
    lab.call("DELETE", &format!("/loadbalancers/{id}?cascade=true"), None).await?.expect(204)?;
    lab.until_gone(&format!("/loadbalancers/{id}")).await
}

/// Runs `evenkeel keys` on the data of a lab.
async fn keys(data: &Path, word: &str) -> anyhow::Result<String> {
    let mut command = Command::new(binary()?);
    let output = command.args(["keys", word, "--data"]).arg(data).output().await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}");
    Ok(String::from_utf8(output.stdout)?)
}

/// The names of the master keys.
async fn names(data: &Path) -> anyhow::Result<Vec<String>> {
    let shown = keys(data, "show").await?;
    let named = shown.lines().filter(|line| line.contains("seals") || line.contains("opens"));
    Ok(named.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect())
}

#[tokio::test]
async fn the_master_key_is_changed_under_load_and_after_a_kill() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    let one = Backend::start("one").await?;
    let authority = Authority::new("CA");
    let host = "www.example.test";
    let identity = authority.server(&[host]);
    let reference = lab.certificate(&identity).await?;
    let fields = json!({"default_tls_container_ref": reference});
    let (id, _, vip) = terminating(&lab, &one, fields.clone()).await?;
    let data = lab.data();
    let first = names(&data).await?;
    ensure!(first.len() == 1, "{first:?}");

    // One that is broken off is ended by the service that runs, or by the next one.
    let mut broken_off = Command::new(binary()?);
    broken_off.args(["keys", "rotate", "--data"]).arg(&data).kill_on_drop(true);
    let child = broken_off.stdout(std::process::Stdio::null()).spawn()?;
    let creating = async {
        for port in 1000..1040 {
            let body = json!({"listener": {
                "loadbalancer_id": id, "protocol": "TERMINATED_HTTPS", "protocol_port": port,
                "default_tls_container_ref": reference,
            }});
            lab.create("/listeners", body).await?;
            lab.secret("something").await?;
        }
        anyhow::Ok(())
    };
    let rotating = async {
        drop(child);
        keys(&data, "rotate").await
    };
    let (created, rotated) = tokio::join!(creating, rotating);
    created?;
    rotated?;
    let second = names(&data).await?;
    ensure!(second.len() == 1 && second != first, "{second:?}");

    lab.kill().await?;
    keys(&data, "rotate").await?;
    let third = names(&data).await?;
    ensure!(third.len() == 1 && third != second, "{third:?}");
    lab.restart(&[]).await?;
    lab.until_active(&id).await?;
    let body = json!({"loadbalancer": {"name": "still"}});
    lab.call("PUT", &format!("/loadbalancers/{id}"), Some(body)).await?.expect(200)?;
    lab.until_active(&id).await?;
    serves(&Curl::trusting(authority.certificate())?, host, vip).await?;
    let container = lab.key_manager("GET", &reference, None).await?.expect(200)?.json();
    let key = text(&container["secret_refs"][1], "secret_ref")?;
    let kept = lab.key_manager("GET", &format!("{key}/payload"), None).await?.expect(200)?;
    ensure!(kept.body == identity.key, "another key was kept");
    Ok(())
}

#[tokio::test]
async fn a_lost_master_key_is_not_replaced_unasked() -> anyhow::Result<()> {
    let mut lab = Lab::with(keeping()).await?;
    lab.secret("something").await?;
    lab.kill().await?;
    let (path, aside) = (lab.data().join("master.key"), lab.data().join("aside"));
    std::fs::rename(&path, &aside)?;
    match lab.restart(&[]).await {
        Ok(()) => bail!("it starts without the key"),
        Err(error) => ensure!(error.to_string().contains("bring it back"), "{error:#}"),
    }
    ensure!(!path.exists(), "another key was made");
    MasterKeys::open_or_make(&path)?;
    match lab.restart(&[]).await {
        Ok(()) => bail!("it starts with another key"),
        Err(error) => ensure!(error.to_string().contains("opens nothing"), "{error:#}"),
    }
    std::fs::rename(&aside, &path)?;
    lab.restart(&[]).await?;
    http::get(lab.api(), "/").await?.expect(200)?;
    Ok(())
}

/// Logs in as another user; a token for his own project.
async fn token(lab: &Lab, user: &str) -> anyhow::Result<String> {
    let body = json!({"auth": {"identity": {
        "methods": ["password"], "password": {"user": {"name": user, "password": "any"}},
    }}});
    let target = "/identity/v3/auth/tokens";
    let answer = http::request(lab.api(), "POST", target, &[], Some(&body)).await?.expect(201)?;
    let mut headers = answer.head.lines().filter_map(|line| line.split_once(": "));
    let token = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-subject-token"));
    token.map(|(_, token)| token.to_owned()).context("no token")
}

/// Neither what belongs to others, nor what is elsewhere, is to be told from what is not there.
#[tokio::test]
async fn a_foreign_secret_is_no_other_than_none() -> anyhow::Result<()> {
    let lab = Lab::start().await?;
    let identity = Authority::new("CA").server(&["www.example.test"]);
    let alt = [format!("X-Auth-Token: {}", token(&lab, "alt").await?)];
    let body = json!({"payload": identity.pem(), "payload_content_type": "text/plain"});
    let path = "/key-manager/v1/secrets";
    let made = http::request(lab.api(), "POST", path, &alt, Some(&body)).await?.expect(201)?;
    let theirs = text(&made.json(), "secret_ref")?;
    let (at, id) = theirs.rsplit_once('/').context("a reference is a path")?;
    let nobodys = format!("{at}/00000000-0000-4000-8000-000000000000");
    let load_balancer = lab.create_load_balancer("tls").await?;
    for reference in [
        theirs.clone(),
        nobodys,
        format!("http://169.254.169.254/v1/secrets/{id}"),
        format!("{theirs}/payload"),
        "file:///etc/passwd".to_owned(),
    ] {
        let body = json!({"listener": {
            "loadbalancer_id": load_balancer["id"], "protocol": "TERMINATED_HTTPS",
            "protocol_port": 443, "default_tls_container_ref": reference,
        }});
        let refused = lab.call("POST", "/listeners", Some(body)).await?.expect(400)?.json();
        let told = format!("Could not retrieve certificate: ['{reference}']");
        ensure!(refused["faultstring"] == told, "{refused}");
    }
    Ok(())
}
