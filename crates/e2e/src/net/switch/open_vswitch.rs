//! A real Open vSwitch of the test's own: its database, its daemon, its bridge `br-int`.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::eventually;
use crate::net::command::run;
use crate::net::{Place, Segment};

const DIRECTORY: &str = "/run/openvswitch";
const DATABASE: &str = "/run/openvswitch/conf.db";
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// How long a daemon may take to answer.
const START: Duration = Duration::from_secs(15);

/// The two daemons. They end with it.
#[derive(Debug)]
pub struct OpenVswitch {
    database: Mutex<Child>,
    daemon: Mutex<Child>,
}

impl OpenVswitch {
    pub(super) async fn start() -> anyhow::Result<Self> {
        std::fs::create_dir_all(DIRECTORY)?;
        run(&format!("ovsdb-tool create {DATABASE} {SCHEMA}")).await?;
        let database = Mutex::new(database().await?);
        run("ovs-vsctl --no-wait init").await?;
        let switch = Self { database, daemon: Mutex::new(daemon()?) };
        run("ovs-vsctl add-br br-int -- set bridge br-int datapath_type=netdev").await?;
        Ok(switch)
    }

    /// Ends the database and the daemon, as a power cut would.
    ///
    /// # Errors
    ///
    /// They cannot be ended.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.stop_daemon().await?;
        self.stop_database().await
    }

    /// Starts both again, on the same database.
    ///
    /// # Errors
    ///
    /// They do not start.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.resume_database().await?;
        self.resume_daemon().await
    }

    /// Ends the daemon alone: what it switches, and its devices, wherever they are, are gone.
    ///
    /// # Errors
    ///
    /// It cannot be ended.
    pub async fn stop_daemon(&self) -> anyhow::Result<()> {
        Ok(self.daemon.lock().await.kill().await?)
    }

    /// Starts the daemon again, which makes what the database says.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn resume_daemon(&self) -> anyhow::Result<()> {
        *self.daemon.lock().await = daemon()?;
        self.until_whole().await
    }

    /// Ends the database alone: the daemon switches on, and learns nothing new.
    ///
    /// # Errors
    ///
    /// It cannot be ended.
    pub async fn stop_database(&self) -> anyhow::Result<()> {
        Ok(self.database.lock().await.kill().await?)
    }

    /// Starts the database again, with what it had.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub async fn resume_database(&self) -> anyhow::Result<()> {
        *self.database.lock().await = database().await?;
        Ok(())
    }

    /// Waits until the daemon has done what the database says.
    ///
    /// # Errors
    ///
    /// It does not, for seconds.
    pub async fn until_whole(&self) -> anyhow::Result<()> {
        run("ovs-vsctl --timeout=15 set bridge br-int external_ids:lab=whole").await.map(drop)
    }

    /// What the database says of a port's interface, or of the port itself.
    ///
    /// # Errors
    ///
    /// There is no such record.
    pub async fn column(&self, table: &str, port: &str, column: &str) -> anyhow::Result<String> {
        Ok(run(&format!("ovs-vsctl get {table} {port} {column}")).await?.trim().to_owned())
    }

    /// The ports of `br-int`, in order.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn ports(&self) -> anyhow::Result<Vec<String>> {
        let listed = run("ovs-vsctl list-ports br-int").await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    pub(super) async fn plug(
        &self,
        place: &Place,
        segment: &Segment,
        device: &str,
    ) -> anyhow::Result<()> {
        let (tag, place) = (segment.vlan, place.name());
        run(&format!(
            "ovs-vsctl add-port br-int {device} tag={tag} -- set interface {device} type=internal"
        ))
        .await?;
        run(&format!("ip link set {device} netns {place}")).await.map(drop)
    }
}

async fn database() -> anyhow::Result<Child> {
    let child = started("ovsdb-server", &["--remote=punix:/run/openvswitch/db.sock", DATABASE])?;
    eventually("the switch's database answers", START, async || {
        run("ovs-vsctl --no-wait --timeout=2 list-br").await
    })
    .await?;
    Ok(child)
}

fn daemon() -> anyhow::Result<Child> {
    started("ovs-vswitchd", &["unix:/run/openvswitch/db.sock"])
}

fn started(program: &str, arguments: &[&str]) -> anyhow::Result<Child> {
    let log = File::create(Path::new(DIRECTORY).join(program).with_extension("log"))?;
    let mut command = Command::new(program);
    command.args(arguments).args(["--pidfile", "--log-file=/dev/null"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().with_context(|| format!("{program} of openvswitch-switch is missing"))
}
