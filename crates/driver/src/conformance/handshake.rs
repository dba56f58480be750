//! Clients that speak TLS, by the `openssl` command.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_plumbing::program::Started;
use evenkeel_plumbing::{Confinement, Lifetime, Program};
use evenkeel_vault::fixtures::Identity;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, interval};

/// How long a client may take on a machine that is busy with other checks.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client got.
#[derive(Debug)]
pub(super) struct Got {
    /// All that `openssl s_client` says.
    pub(super) said: String,
}

impl Got {
    /// Whether this is the name in the certificate that was shown.
    pub(super) fn shows(&self, host: &str) -> bool {
        self.said.lines().any(|line| line == format!("subject=CN = {host}"))
    }

    /// Whether there was an answer to the request.
    pub(super) fn is_answered(&self) -> bool {
        self.said.contains("HTTP/1.1 200")
    }
}

/// Where clients keep what they show.
#[derive(Debug)]
pub(super) struct Clients {
    place: PathBuf,
}

impl Clients {
    pub(super) fn in_directory(place: PathBuf) -> Self {
        fs::create_dir_all(&place).expect("the directory is the check's");
        Self { place }
    }

    /// Asks once for `/`, naming a host if there is one, and showing a certificate.
    pub(super) async fn ask(
        &self,
        socket: SocketAddr,
        host: &str,
        shown: Option<&Identity>,
    ) -> Got {
        let name = if host.is_empty() {
            "-noservername".to_owned()
        } else {
            format!("-servername {host}")
        };
        let own = shown.map_or(String::new(), |identity| {
            format!("-cert {}", self.file("client.pem", &identity.pem()).display())
        });
        let request = "GET / HTTP/1.1\\r\\nHost: check\\r\\nConnection: close\\r\\n\\r\\n";
        let script = format!(
            "printf '{request}' | openssl s_client -ign_eof -connect {socket} {name} {own} 2>&1"
        );
        let program = self.program("/bin/sh", &["-c", &script]);
        let ended = program.run(PATIENCE).await.expect("openssl answers in time");
        Got { said: ended.said }
    }

    /// A member that speaks TLS on a port of its own, shows this, and answers requests.
    pub(super) async fn member(&self, shown: &Identity) -> (Started, SocketAddr) {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let free = TcpListener::bind(any).await.and_then(|it| it.local_addr());
        let socket = free.expect("there is a free port");
        let file = self.file("member.pem", &shown.pem()).display().to_string();
        let accept = socket.to_string();
        let words = ["s_server", "-quiet", "-www", "-accept", &accept, "-cert", &file];
        let member = self.program("/usr/bin/openssl", &words).start().await;
        let member = member.expect("openssl can be run");
        let deadline = Instant::now() + PATIENCE;
        let mut rounds = interval(Duration::from_millis(10));
        while TcpStream::connect(socket).await.is_err() {
            assert!(Instant::now() < deadline, "no member: {}", member.said());
            rounds.tick().await;
        }
        (member, socket)
    }

    /// Leaves nothing.
    pub(super) fn leave(self) -> io::Result<()> {
        fs::remove_dir_all(self.place)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.join(name);
        fs::write(&path, text).expect("the directory is the check's");
        path
    }

    fn program(&self, path: &str, words: &[&str]) -> Program {
        Program {
            path: Path::new(path).to_owned(),
            arguments: words.iter().map(Into::into).collect(),
            directory: self.place.clone(),
            lifetime: Lifetime::WithParent,
            confinement: Confinement::default(),
        }
    }
}
