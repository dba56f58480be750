//! Certificates that are replaced while they serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use evenkeel_driver::DriverError;
use evenkeel_model::tls::ClientAuthentication::Mandatory;
use evenkeel_model::tls::MaterialKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::client::{Secured, reference, s_client, serial_of};
use crate::authority::{Authority, Issued, shell};

impl Secured {
    /// Puts another certificate for `www.example` into the slot of the default one.
    fn renew(&mut self) -> Issued {
        let issued = self.authority.server("www.example");
        self.put(MaterialKind::Certificate, "www", issued.pem());
        issued
    }

    /// Whether a client with this certificate is let in.
    async fn lets_in(&self, issued: &Issued) -> bool {
        self.curl(&format!("--cert {}", issued.path())).await.status == 200
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_by_the_same_process_and_nobody_notices() {
    let mut secured = Secured::new("127.77.24.1").await;
    let api = secured.host("api.example");
    secured.apply().await;
    let pid = secured.node.pid().await;
    let socket = secured.vip();

    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let client = tokio::spawn({
        let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
        async move {
            while !over.load(Ordering::Relaxed) {
                for host in ["www.example", "api.example"] {
                    let arguments = format!("-servername {host}");
                    let said = s_client(socket, &arguments).await;
                    let shown = format!("subject=CN = {host}");
                    assert!(said.contains(&shown) && said.contains("HTTP/1.1 200"), "{said}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    for _ in 0..5 {
        let renewed = secured.renew();
        secured.apply().await;
        assert_eq!(secured.serial("www.example").await, serial_of(&renewed).await);
    }
    let renewed = secured.authority.server("api.example");
    secured.put(MaterialKind::Certificate, "api.example", renewed.pem());
    secured.apply().await;
    let shown = secured.serial("api.example").await;
    assert!(shown == serial_of(&renewed).await && shown != serial_of(&api).await, "{shown}");
    over.store(true, Ordering::Relaxed);
    client.await.unwrap();
    assert!(asked.load(Ordering::Relaxed) > 3);
    assert_eq!(secured.node.pid().await, pid);
    secured.node.close().await;
}

#[tokio::test]
async fn connections_outlive_the_certificate_that_they_were_made_with() {
    let mut secured = Secured::new("127.77.24.2").await;
    secured.apply().await;
    let socket = secured.vip();
    let directory = tempfile::tempdir().unwrap();
    // It asks, waits until the file is there, and asks again on the same connection.
    let script = format!(
        "(printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'; while [ ! -e go ]; do sleep 0.05; done; \
         printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n') | \
         timeout 20 openssl s_client -ign_eof -connect {socket} 2>&1 | tee said | grep -c '^one'"
    );
    let place = directory.path().to_owned();
    let client = tokio::spawn(async move { shell(&place, &script).await });
    let said = directory.path().join("said");
    let mut rounds = tokio::time::interval(std::time::Duration::from_millis(20));
    while !std::fs::read_to_string(&said).unwrap_or_default().contains("HTTP/1.1 200") {
        rounds.tick().await;
    }
    let renewed = secured.renew();
    secured.apply().await;
    assert_eq!(secured.serial("www.example").await, serial_of(&renewed).await);
    std::fs::write(directory.path().join("go"), "").unwrap();
    let answers = client.await.unwrap();
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200").count(), 2, "{answers} {said}");
    secured.node.close().await;
}

#[tokio::test]
async fn hosts_come_and_go_without_a_new_process() {
    let mut secured = Secured::new("127.77.24.3").await;
    secured.apply().await;
    let pid = secured.node.pid().await;
    let default = secured.serial("api.example").await;

    let api = secured.host("api.example");
    let shop = secured.host("shop.example");
    secured.apply().await;
    assert_eq!(secured.serial("api.example").await, serial_of(&api).await);
    assert_eq!(secured.serial("shop.example").await, serial_of(&shop).await);

    // Another order is no difference.
    secured.first().tls.sni_containers.reverse();
    secured.apply().await;
    secured.first().tls.sni_containers = vec![reference("shop.example")];
    secured.apply().await;
    assert_eq!(secured.serial("api.example").await, default);
    assert_eq!(secured.serial("shop.example").await, serial_of(&shop).await);
    assert_eq!(secured.node.pid().await, pid);

    // What was added while it ran is there for another process, too.
    secured.node.kill().await;
    secured.node.apply_again().await.unwrap();
    assert_eq!(secured.serial("shop.example").await, serial_of(&shop).await);
    secured.node.close().await;
}

#[tokio::test]
async fn who_is_revoked_is_refused_from_the_next_connection_on() {
    let mut secured = Secured::new("127.77.24.4").await;
    let alice = secured.authority.client("alice");
    secured.ask_clients(Mandatory);
    let nobody = secured.authority.revoke(&[]);
    secured.list_revoked(nobody);
    secured.apply().await;
    let pid = secured.node.pid().await;
    assert!(secured.lets_in(&alice).await);
    let directory = tempfile::tempdir().unwrap();
    let session = directory.path().join("session");
    let (shows, session) = (alice.path(), session.display());
    for version in ["-tls1_2 -no_ticket", "-tls1_2", "-tls1_3"] {
        std::fs::write(directory.path().join("session"), "").unwrap();
        let arguments = format!("{version} -cert {shows} -sess_out {session}");
        assert!(secured.s_client(&arguments).await.contains("HTTP/1.1 200"));
    }

    let list = secured.authority.revoke(&[&alice]);
    secured.list_revoked(list);
    secured.apply().await;
    assert_eq!(secured.node.pid().await, pid);
    assert!(!secured.lets_in(&alice).await);
    // Nor is a session of before a way in.
    let said = secured.s_client(&format!("-tls1_3 -cert {shows} -sess_in {session}")).await;
    assert!(!said.contains("HTTP/1.1 200") && !said.contains("Reused"), "{said}");
    secured.node.close().await;
}

#[tokio::test]
async fn other_authorities_let_others_in_without_a_new_process() {
    let mut secured = Secured::new("127.77.24.5").await;
    let alice = secured.authority.client("alice");
    let other = Authority::new("other");
    let eve = other.client("eve");
    secured.ask_clients(Mandatory);
    secured.apply().await;
    let pid = secured.node.pid().await;
    assert!(secured.lets_in(&alice).await && !secured.lets_in(&eve).await);
    secured.put(MaterialKind::Authorities, "ca", other.pem());
    secured.apply().await;
    assert!(!secured.lets_in(&alice).await && secured.lets_in(&eve).await);
    assert_eq!(secured.node.pid().await, pid);

    // With their own list they change at one moment, which takes another process.
    let list = other.revoke(&[]);
    secured.list_revoked(list);
    secured.apply().await;
    assert_ne!(secured.node.pid().await, pid);
    assert!(secured.lets_in(&eve).await);
    secured.node.close().await;
}

#[tokio::test]
async fn what_is_too_long_for_the_socket_comes_by_another_process() {
    let mut secured = Secured::new("127.77.24.6").await;
    secured.ask_clients(Mandatory);
    secured.apply().await;
    let pid = secured.node.pid().await;
    let alice = secured.authority.client("alice");
    let mut many = secured.authority.pem();
    while many.len() < 16 * 1024 {
        many.push_str(&secured.authority.client("filler").identity.certificate);
    }
    secured.put(MaterialKind::Authorities, "ca", many);
    secured.apply().await;
    assert_ne!(secured.node.pid().await, pid);
    assert!(secured.lets_in(&alice).await);
    secured.node.close().await;
}

#[tokio::test]
async fn a_bad_certificate_is_refused_without_a_path_and_the_good_one_serves_on() {
    let mut secured = Secured::new("127.77.24.7").await;
    let good = secured.renew();
    secured.apply().await;
    let pid = secured.node.pid().await;
    let other = secured.authority.server("www.example");
    // The key of another.
    let mismatched = format!("{}{}", other.identity.certificate, good.identity.key);
    for bad in [mismatched.as_str(), "-----BEGIN JUNK-----\n"] {
        secured.put(MaterialKind::Certificate, "www", bad);
        secured.node.material = secured.held.material();
        let error = secured.node.apply().await.unwrap_err();
        assert!(matches!(error, DriverError::Rejected { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("'www'"), "{text}");
        assert!(!text.contains('/') && !text.contains(".pem") && !text.contains("BEGIN"), "{text}");
        let shown = secured.serial("www.example").await;
        assert_eq!(shown, serial_of(&good).await, "what served serves on");
        secured.node.graph.generation =
            evenkeel_model::Generation::new(secured.node.graph.generation.get() - 1);
    }
    // Back to what serves: nothing needs to be done, and the file is right again.
    secured.put(MaterialKind::Certificate, "www", good.pem());
    secured.apply().await;
    assert_eq!(secured.serial("www.example").await, serial_of(&good).await);
    secured.node.kill().await;
    secured.node.apply_again().await.unwrap();
    assert_ne!(secured.node.pid().await, pid);
    assert_eq!(secured.serial("www.example").await, serial_of(&good).await);
    secured.node.close().await;
}

#[tokio::test]
async fn what_somebody_else_has_begun_on_the_socket_is_not_mistaken_for_ours() {
    let mut secured = Secured::new("127.77.24.8").await;
    let api = secured.host("api.example");
    secured.apply().await;
    // HAProxy would put the next content, whatever it is for, into what was begun.
    let listener = secured.first().id;
    let path = secured.node.site.secrets.join(format!("{listener}.pem"));
    let stranger = secured.authority.server("stranger");
    let socket = secured.node.site.directory.join("admin.sock");
    let mut socket = UnixStream::connect(socket).await.unwrap();
    let begun = format!("set ssl cert {} <<\n{}\n", path.display(), stranger.pem());
    socket.write_all(begun.as_bytes()).await.unwrap();
    let mut said = String::new();
    socket.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("Transaction created"), "{said}");
    let renewed = secured.renew();
    secured.apply().await;
    assert_eq!(secured.serial("www.example").await, serial_of(&renewed).await);
    assert_eq!(secured.serial("api.example").await, serial_of(&api).await);
    secured.node.close().await;
}
