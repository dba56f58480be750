//! What every driver must do, a real HAProxy does.

use std::net::TcpStream;

use evenkeel_driver::conformance::every_driver;

use crate::serving::node::driver;

#[tokio::test]
async fn haproxy_is_a_driver() {
    let directory = tempfile::tempdir().unwrap();
    let make = || driver("/usr/sbin/haproxy".as_ref());
    let reaches = |socket| TcpStream::connect(socket).is_ok();
    every_driver(make, "127.77.9.3".parse().unwrap(), directory.path(), reaches).await;
}
