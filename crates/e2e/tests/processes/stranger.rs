//! Whoever else comes to the agents' socket.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::pair::Pair;

const PATIENCE: Duration = Duration::from_secs(20);

/// How HTTP/2 begins: the preface, and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Connects, and tells how much it heard until the other end hung up.
const LISTEN: &str = "import socket, sys\n\
    s = socket.socket(socket.AF_UNIX); s.settimeout(15); s.connect(sys.argv[1])\n\
    try:\n s.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n\\0\\0\\0\\4\\0\\0\\0\\0\\0')\n print(len(s.recv(100)))\n\
    except (BrokenPipeError, ConnectionResetError):\n print(0)\n";

#[tokio::test]
async fn another_user_is_turned_away() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    let socket = pair.socket();
    ensure!(fs::metadata(&socket)?.mode() & 0o777 == 0o600, "others may open the socket");
    // Even if the doors stand open.
    for directory in socket.ancestors().skip(1).take(2) {
        fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    }
    fs::set_permissions(&socket, Permissions::from_mode(0o666))?;
    let mut stranger = Command::new("/usr/bin/setpriv");
    stranger.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3"]);
    let output = timeout(PATIENCE, stranger.args(["-c", LISTEN]).arg(&socket).output());
    let output = output.await.context("the stranger is kept waiting")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(said.trim() == "0", "{said} {}", String::from_utf8_lossy(&output.stderr));
    eventually("the log says so", PATIENCE, async || {
        let log = pair.log("server");
        ensure!(log.contains("turned away") && log.contains("user 65534"), "{log}");
        Ok(())
    })
    .await?;
    pair.serve("web").await.map(drop)
}

#[tokio::test]
async fn garbage_is_the_end_of_its_connection_only() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    let frame = [PREFACE, &[0xff; 4096]].concat();
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 4096], &frame] {
        let mut stream = UnixStream::connect(pair.socket()).await?;
        stream.write_all(garbage).await?;
        let mut heard = Vec::new();
        // A reset is an end as well.
        let ended = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        drop(ended.context("garbage is listened to for ever")?);
    }
    pair.serve("web").await.map(drop)
}

#[tokio::test]
async fn whoever_reads_nothing_delays_nobody() -> anyhow::Result<()> {
    let pair = Pair::start().await?;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = UnixStream::connect(pair.socket()).await?;
        stream.write_all(PREFACE).await?;
        slow.push(stream);
    }
    // And some that say nothing at all.
    for _ in 0..8 {
        slow.push(UnixStream::connect(pair.socket()).await?);
    }
    pair.serve("web").await.map(drop)
}
