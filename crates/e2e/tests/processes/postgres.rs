//! A PostgreSQL of a test's own, and a server that keeps its data there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use evenkeel_e2e::net::command::run;
use evenkeel_plumbing::process::is_root;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::pair::{Pair, kill};

const START: Duration = Duration::from_secs(30);

/// Where Debian keeps its programs, a directory for each major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A running PostgreSQL. It ends with this value, or with the test.
#[derive(Debug)]
struct Postgres {
    process: Child,
    directory: TempDir,
}

impl Postgres {
    async fn start() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("evenkeel-postgres-")?;
        let place = directory.path().display();
        if is_root() {
            run(&format!("chown postgres:postgres {place}")).await?;
        }
        let mut made = command("initdb")?;
        made.arg(format!("--pgdata={place}/data"));
        made.args(["--username=evenkeel", "--auth=trust", "--no-locale", "--encoding=UTF8"]);
        let made = made.arg("--no-sync").output().await?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut serving = command("postgres")?;
        serving.arg("-D").arg(directory.path().join("data"));
        // Only the socket in our directory, so that no port can be taken; nobody needs the data.
        let sockets = format!("unix_socket_directories={place}");
        for setting in ["listen_addresses=", &sockets, "fsync=off", "shared_buffers=32MB"] {
            serving.args(["-c", setting]);
        }
        let mut process = serving.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        timeout(START, until_ready(&mut process)).await.context("PostgreSQL is not ready")??;
        Ok(Self { process, directory })
    }

    fn url(&self) -> String {
        let socket = self.directory.path().display().to_string().replace('/', "%2F");
        format!("postgresql://evenkeel@{socket}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The fastest end that leaves no shared memory behind.
        let pid = self.process.id().map(|pid| pid.to_string());
        let _ = pid.map(|pid| Command::new("kill").args(["-QUIT", &pid]).spawn());
    }
}

/// A program of PostgreSQL, which refuses to be root, and ends when we do.
fn command(program: &str) -> anyhow::Result<Command> {
    let mut command = Command::new("setpriv");
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig=QUIT", "--"]).arg(programs()?.join(program)).stdin(Stdio::null());
    Ok(command)
}

fn programs() -> anyhow::Result<PathBuf> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions.map(|it| it.path()).max_by_key(|path| number(path));
    let newest = newest.context("there is no PostgreSQL; apt-get install postgresql-15")?;
    Ok(newest.join("bin"))
}

/// Reads the log until connections are accepted, and leaves a task that reads on: a full pipe would
/// stop the server.
async fn until_ready(process: &mut Child) -> anyhow::Result<()> {
    let log = process.stderr.take().context("it is piped")?;
    let mut lines = BufReader::new(log).lines();
    loop {
        let line = lines.next_line().await?.context("PostgreSQL ended")?;
        if line.contains("ready to accept connections") {
            break;
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(())
}

#[tokio::test]
async fn a_server_keeps_its_data_in_postgresql() -> anyhow::Result<()> {
    let postgres = Postgres::start().await?;
    let mut pair = Pair::start_on(Some(&postgres.url())).await?;
    let web = pair.serve("web").await?;
    ensure!(!pair.path("evenkeel.db").exists(), "it keeps them in a file");
    kill(&mut pair.server).await?;
    pair.answers(&web).await?;
    pair.start_server().await?;
    pair.log_in().await?;
    pair.serve("more").await?;
    ensure!(pair.haproxies().len() == 2, "{:?}", pair.haproxies());
    Ok(())
}
