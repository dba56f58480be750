//! A PostgreSQL of the tests' own: Debian's binaries on a directory that is thrown away.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

const CURE: &str = "install it: apt-get install postgresql-15";

/// Where Debian keeps the servers' programs, one directory for each major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A running server. It ends with this value, or with the process that started it.
pub(crate) struct Server {
    process: Child,
    log: Option<JoinHandle<()>>,
    directory: TempDir,
}

impl Server {
    /// Starts a server with nothing of ours in it.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let directory = TempDir::with_prefix("evenkeel-postgres-").expect("a temporary directory");
        if let Some(user) = other_user() {
            let gid = Some(user.gid.as_raw());
            chown(directory.path(), Some(user.uid.as_raw()), gid).expect("root may chown");
        }
        initialise(&programs, directory.path());
        let mut process = serve(&programs, directory.path());
        let log = until_ready(process.stderr.take().expect("stderr is piped"));
        Self { process, log: Some(log), directory }
    }

    /// Makes a new, empty schema and gives the address of a session within it.
    ///
    /// A database of its own would do the same, and copies a thousand files for it.
    pub(crate) fn create_schema(&self, name: &str) -> String {
        let socket = self.directory.path().to_str().expect("the path is ASCII");
        let url = format!("postgresql://evenkeel@{}/postgres", socket.replace('/', "%2F"));
        let mut client =
            ::postgres::Client::connect(&url, ::postgres::NoTls).expect("the server is ready");
        client.batch_execute(&format!("CREATE SCHEMA {name}")).expect("the name is new");
        format!("{url}?options=-c%20search_path%3D{name}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).expect("a process id fits");
        // The fastest end that leaves no shared memory behind.
        let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        let _ = self.process.wait();
        if let Some(log) = self.log.take() {
            let _ = log.join();
        }
    }
}

fn programs() -> PathBuf {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    fs::read_dir(VERSIONS)
        .ok()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/postgres").exists() && path.join("bin/initdb").exists())
        .max_by_key(|path| version(path))
        .unwrap_or_else(|| panic!("there is no PostgreSQL below {VERSIONS}; {CURE}"))
        .join("bin")
}

/// Who runs the server, if not we: it refuses to run as root.
fn other_user() -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    let user = User::from_name("postgres").expect("/etc/passwd can be read");
    Some(user.unwrap_or_else(|| panic!("there is no user postgres; {CURE}")))
}

/// `program`, which will run as the server's user and end when we end.
#[expect(
    clippy::disallowed_methods,
    reason = "a server of the tests is no child of evenkeel; setpriv gives it its owner"
)]
fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    if let Some(user) = other_user() {
        command.arg(format!("--reuid={}", user.uid));
        command.arg(format!("--regid={}", user.gid));
        command.arg("--clear-groups");
    }
    command.arg("--pdeathsig=QUIT").arg("--").arg(program);
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn initialise(programs: &Path, directory: &Path) {
    let output = command(&programs.join("initdb"))
        .arg("--pgdata")
        .arg(directory.join("data"))
        .args(["--username=evenkeel", "--auth=trust", "--encoding=UTF8"])
        .args(["--no-locale", "--no-sync", "--no-instructions"])
        .output()
        .expect("setpriv is part of util-linux");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb failed: {complaint}");
}

fn serve(programs: &Path, directory: &Path) -> Child {
    let sockets = directory.to_str().expect("the path is ASCII");
    let settings = [
        // Only the socket in our directory, so that no port can be taken.
        "listen_addresses=",
        &format!("unix_socket_directories={sockets}"),
        // Nobody needs this data after a crash.
        "fsync=off",
        "full_page_writes=off",
        "max_connections=200",
        "shared_buffers=32MB",
        "autovacuum=off",
    ];
    command(&programs.join("postgres"))
        .arg("-D")
        .arg(directory.join("data"))
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv is part of util-linux")
}

/// Reads the log until the server accepts connections, and leaves a thread that reads on.
fn until_ready(stderr: ChildStderr) -> JoinHandle<()> {
    let mut lines = BufReader::new(stderr).lines();
    let mut seen = Vec::new();
    loop {
        let Some(Ok(line)) = lines.next() else {
            panic!("PostgreSQL did not start:\n{}", seen.join("\n"));
        };
        if line.contains("ready to accept connections") {
            break;
        }
        seen.push(line);
    }
    // A full pipe would stop the server.
    std::thread::spawn(move || for _ in lines.map_while(Result::ok) {})
}
