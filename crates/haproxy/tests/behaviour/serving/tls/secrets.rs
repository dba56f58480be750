//! Keys lie nowhere but in memory, and for their owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use evenkeel_driver::{Driver, DriverError};
use evenkeel_model::observed::Served;
use evenkeel_model::protocol::ListenerProtocol;
use evenkeel_model::tls::ClientAuthentication::Optional;
use evenkeel_model::tls::MaterialKind;

use super::client::{Secured, reference};

/// The names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether the text is in any file below a directory.
fn is_below(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    })
}

#[tokio::test]
async fn keys_are_in_memory_for_their_owner_and_nowhere_else() {
    let mut secured = Secured::new("127.77.25.1").await;
    let api = secured.host("api.example");
    secured.ask_clients(Optional);
    secured.apply().await;
    let secrets = secured.node.site.secrets.clone();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&secrets), 0o700);
    let listener = secured.first().id;
    let there = names(&secrets);
    assert_eq!(there.len(), 4, "{there:?}");
    for name in ["pem", "list", "authorities.pem"] {
        assert!(there.contains(&format!("{listener}.{name}")), "{name}: {there:?}");
    }
    for name in &there {
        assert_eq!(mode(&secrets.join(name)), 0o600, "{name}");
    }
    let secret = api.identity.key.lines().nth(1).unwrap();
    assert!(is_below(&secrets, secret));
    // What a reload writes, too.
    secured.listener(ListenerProtocol::TerminatedHttps, 8444);
    secured.apply().await;
    let place = &secured.node.site.directory;
    assert!(!is_below(place, secret) && !is_below(place, "PRIVATE KEY"));
    assert!(!is_below(place, api.identity.certificate.lines().nth(1).unwrap()));

    let (secrets, place) = (secrets.clone(), place.clone());
    secured.node.driver.remove(&secured.node.site).await.unwrap();
    assert!(!secrets.exists() && names(&place).is_empty());
    secured.node.close().await;
}

#[tokio::test]
async fn what_is_not_used_any_more_is_removed() {
    let mut secured = Secured::new("127.77.25.2").await;
    secured.host("api.example");
    secured.ask_clients(Optional);
    secured.apply().await;
    let secrets = secured.node.site.secrets.clone();
    let listener = secured.first().id;
    secured.first().tls.sni_containers.clear();
    secured.first().tls.client_authentication = evenkeel_model::tls::ClientAuthentication::None;
    secured.apply().await;
    assert_eq!(names(&secrets), [format!("{listener}.list"), format!("{listener}.pem")]);
    secured.first().protocol = ListenerProtocol::Http;
    secured.apply().await;
    assert!(!secrets.exists());
    secured.node.close().await;
}

#[tokio::test]
async fn after_a_reboot_they_are_written_again() {
    let mut secured = Secured::new("127.77.25.3").await;
    secured.apply().await;
    secured.node.kill().await;
    fs::remove_dir_all(&secured.node.site.secrets).unwrap();
    secured.node.restart();
    secured.node.apply_again().await.unwrap();
    assert_eq!(secured.curl("").await.status, 200);
    secured.node.close().await;
}

#[tokio::test]
async fn what_is_lost_while_it_serves_is_written_again() {
    let mut secured = Secured::new("127.77.25.4").await;
    secured.apply().await;
    let pid = secured.node.pid().await;
    fs::remove_dir_all(&secured.node.site.secrets).unwrap();
    secured.node.apply_again().await.unwrap();
    assert_eq!(secured.node.pid().await, pid);
    assert_eq!(names(&secured.node.site.secrets).len(), 2);
    secured.node.close().await;
}

#[tokio::test]
async fn nothing_is_written_where_it_could_reach_a_disk() {
    let mut secured = Secured::new("127.77.25.5").await;
    let good = secured.node.site.secrets.clone();
    // Not a file system in memory on any machine.
    let bad = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    secured.node.site.secrets = bad.path().join("secrets");
    secured.node.material = secured.held.material();
    let error = secured.node.apply().await.unwrap_err();
    assert!(matches!(error, DriverError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("tmpfs"), "{error}");
    assert!(names(&secured.node.site.secrets).is_empty());
    secured.node.site.secrets = good;
    secured.node.apply().await.unwrap();
    assert_eq!(secured.curl("").await.status, 200);
    secured.node.close().await;
}

#[tokio::test]
async fn keys_that_an_apply_has_left_are_something_to_remove() {
    let secured = Secured::new("127.77.25.7").await;
    let (driver, site) = (&secured.node.driver, &secured.node.site);
    assert_eq!(driver.observe(site).await.unwrap().served, Served::Absent);
    // The agent was killed before it noted anything else.
    fs::create_dir(&site.secrets).unwrap();
    fs::write(site.secrets.join("a.pem"), "a key").unwrap();
    assert_eq!(driver.observe(site).await.unwrap().served, Served::Remains);
    driver.remove(site).await.unwrap();
    assert!(!site.secrets.exists());
    assert_eq!(driver.observe(site).await.unwrap().served, Served::Absent);
    secured.node.close().await;
}

#[tokio::test]
async fn nothing_is_written_where_others_could_put_something_in_its_place() {
    let mut secured = Secured::new("127.77.25.8").await;
    let good = secured.node.site.secrets.clone();
    let place = tempfile::tempdir_in("/dev/shm").unwrap();
    let (open, target) = (place.path().join("open"), place.path().join("target"));
    fs::create_dir(&open).unwrap();
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let link = place.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    secured.node.material = secured.held.material();
    for bad in [open.join("secrets"), link] {
        secured.node.site.secrets = bad;
        let error = secured.node.apply().await.unwrap_err();
        assert!(error.to_string().contains("others can replace"), "{error}");
        assert!(names(&secured.node.site.secrets).is_empty());
    }
    secured.node.site.secrets = good;
    secured.node.apply().await.unwrap();
    secured.node.close().await;
}

#[tokio::test]
async fn material_that_has_not_come_is_asked_for() {
    let mut secured = Secured::new("127.77.25.6").await;
    secured.first().tls.sni_containers.push(reference("missing"));
    secured.node.material = secured.held.material();
    let error = secured.node.apply().await.unwrap_err();
    assert!(error.to_string().contains("the content of missing is not there"), "{error}");
    assert!(!error.is_final(), "it may come");
    let issued = secured.authority.server("a");
    secured.put(MaterialKind::Certificate, "missing", issued.pem());
    secured.apply().await;
    assert_eq!(secured.curl("").await.status, 200);
    secured.node.close().await;
}
