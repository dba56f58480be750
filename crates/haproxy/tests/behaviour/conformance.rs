//! What every driver must do, a real HAProxy does.

use std::net::{SocketAddr, TcpStream};

use evenkeel_driver::Site;
use evenkeel_driver::conformance::{
    Node, every_driver, every_driver_that_ends_tls, every_driver_that_keeps_clients,
    every_driver_that_reads_requests, every_driver_that_serves,
    every_driver_that_takes_connections,
};
use evenkeel_haproxy::HaproxyDriver;
use evenkeel_plumbing::{Identity, Process};

use crate::confined;
use crate::serving::node::driver;

struct Machine;

impl Node for Machine {
    type Driver = HaproxyDriver;

    fn driver(&self) -> HaproxyDriver {
        driver("/usr/sbin/haproxy".as_ref())
    }

    fn reaches(&self, socket: SocketAddr) -> bool {
        TcpStream::connect(socket).is_ok()
    }

    fn furnished(&self, site: Site) -> Site {
        confined::furnished(site)
    }

    fn crash(&self, site: &Site) {
        let text = std::fs::read_to_string(site.directory.join("haproxy.pid")).unwrap();
        let identity = Identity::of(text.trim().parse().unwrap()).unwrap();
        Process::adopt(identity).unwrap().unwrap().kill();
    }
}

#[tokio::test]
async fn haproxy_is_a_driver() {
    let directory = tempfile::tempdir().unwrap();
    every_driver(Machine, "127.77.9.3".parse().unwrap(), directory.path()).await;
}

#[tokio::test]
async fn haproxy_is_a_driver_that_serves() {
    let directory = tempfile::tempdir().unwrap();
    every_driver_that_serves(Machine, "127.77.9.4".parse().unwrap(), directory.path()).await;
}

#[tokio::test]
async fn haproxy_is_a_driver_that_takes_connections() {
    let directory = tempfile::tempdir().unwrap();
    let vip = "127.77.9.8".parse().unwrap();
    every_driver_that_takes_connections(Machine, vip, directory.path()).await;
}

#[tokio::test]
async fn haproxy_is_a_driver_that_reads_requests() {
    let directory = tempfile::tempdir().unwrap();
    every_driver_that_reads_requests(Machine, "127.77.9.6".parse().unwrap(), directory.path())
        .await;
}

#[tokio::test]
async fn haproxy_is_a_driver_that_keeps_clients() {
    let directory = tempfile::tempdir().unwrap();
    every_driver_that_keeps_clients(Machine, "127.77.9.7".parse().unwrap(), directory.path()).await;
}

#[tokio::test]
async fn haproxy_is_a_driver_that_ends_tls() {
    let directory = tempfile::tempdir().unwrap();
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let vip = "127.77.9.5".parse().unwrap();
    let secrets = memory.path().join("secrets");
    every_driver_that_ends_tls(Machine, vip, directory.path(), &secrets).await;
}
