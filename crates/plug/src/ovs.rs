//! Open vSwitch: a port on the integration bridge for each attachment.

mod device;
mod port;
mod watch;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use evenkeel_driver::PlugError;
use evenkeel_model::{Attachment, LoadBalancerId};
use evenkeel_plumbing::{Namespace, Namespaces, Ovsdb, OvsdbError, ovsdb};

use crate::names;
use crate::trouble::{off_runtime, strange, unavailable};
use crate::wiring::{Wired, Wires, Wiring};
use device::Devices;
use port::{Port, Wanted};
use watch::Watch;

/// How the node's Open vSwitch is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OvsOptions {
    /// Where its database listens.
    pub socket: PathBuf,
    /// The bridge on which ports are made. It is never made or removed.
    pub bridge: String,
    /// Who keeps networks apart.
    pub tagging: Tagging,
    /// Whether a pair of devices joins a namespace and the bridge, rather than a port that the
    /// switch makes itself: such a pair outlives the switch, and is slower in userspace.
    pub veth: bool,
}

impl Default for OvsOptions {
    fn default() -> Self {
        Self {
            socket: ovsdb::SOCKET.into(),
            bridge: "br-int".to_owned(),
            tagging: Tagging::default(),
            veth: false,
        }
    }
}

/// Who keeps networks apart on the bridge. There is no port without a tag, ever: it would hear all
/// networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tagging {
    /// The attachment says its VLAN, and we set it.
    #[default]
    Own,
    /// Neutron's agent of the node. We make a port that reaches nobody, and wait until that agent
    /// has given it its VLAN, which we never change.
    Neutron,
}

/// Plugs into Open vSwitch.
#[derive(Debug)]
pub struct OpenVswitch {
    database: Ovsdb,
    options: OvsOptions,
    names: Namespaces,
    /// Where the switch is: the namespace of the agent.
    root: Namespace,
    watch: Watch,
}

impl OpenVswitch {
    /// The switch in the namespace of this process. It need not run yet.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn new(names: Namespaces, options: OvsOptions) -> io::Result<Self> {
        let root = Namespace::current()?;
        let database = Ovsdb::new(&options.socket);
        let watch = Watch::start(database.clone());
        Ok(Self { database, options, names, root, watch })
    }

    fn devices(&self, load_balancer: LoadBalancerId, namespace: &str) -> Devices {
        Devices {
            names: self.names.clone(),
            root: self.root.clone(),
            namespace: namespace.to_owned(),
            mark: names::mark(load_balancer),
            veth: self.options.veth,
        }
    }

    /// The port of this name, if it is there and the load balancer's.
    async fn port(&self, load_balancer: LoadBalancerId, name: &str) -> Result<Found, PlugError> {
        let rows = self.database.ask(&port::select(name, &self.options.bridge)).await;
        let rows = rows.map_err(failed("ask Open vSwitch for a port"))?;
        if !port::has_bridge(&rows) {
            return Err(self.no_bridge());
        }
        Ok(match Port::read(&rows) {
            None => Found::Absent,
            Some(port) if port.owner == Some(load_balancer) => Found::Ours(Box::new(port)),
            Some(_) => Found::Strange,
        })
    }

    /// The names of the ports of a load balancer.
    async fn ports_of(&self, load_balancer: LoadBalancerId) -> Result<Vec<String>, PlugError> {
        let rows = self.database.ask(&[port::select_of(load_balancer)]).await;
        Ok(port::names(&rows.map_err(failed("ask Open vSwitch for ports"))?))
    }

    fn no_bridge(&self) -> PlugError {
        unavailable(
            format!("Open vSwitch of the node has no bridge {}", self.options.bridge),
            "the operator makes it or names another one, then it goes on by itself",
            None,
        )
    }

    /// Makes the port, whose name is free, and returns when the switch has.
    async fn add(&self, wanted: &Wanted) -> Result<(), PlugError> {
        let adding = wanted.insert(&self.options.bridge);
        let applied = self.database.change("add port", &adding).await;
        let applied = applied.map_err(failed("make a port in Open vSwitch"))?;
        if !port::has_inserted(&applied.results) {
            return Err(self.no_bridge());
        }
        if applied.by_switch { Ok(()) } else { Err(idle()) }
    }

    /// Makes the port and its devices, after whatever is there of it is gone.
    async fn plug_anew(
        &self,
        devices: &Devices,
        wanted: &Wanted,
        attachment: &Attachment,
        stale: Option<Port>,
    ) -> Result<(), PlugError> {
        // A port that is deleted and added before the switch looks has not been away, for it.
        if let Some(stale) = stale
            && !self.unplug(devices, &stale).await?
        {
            return Err(idle());
        }
        let (at, name, attached) = (devices.clone(), wanted.name.clone(), attachment.clone());
        off_runtime(move || at.prepare(&name, &attached)).await?;
        self.add(wanted).await?;
        match self.port(wanted.owner, &wanted.name).await? {
            Found::Ours(port) if port.is_made => Ok(()),
            Found::Ours(port) => {
                self.unplug(devices, &port).await?;
                Err(not_made(&port))
            }
            Found::Absent | Found::Strange => Err(strange("Open vSwitch port", &wanted.name)),
        }
    }

    /// Removes a port and its devices; whether the switch knows already.
    async fn unplug(&self, devices: &Devices, port: &Port) -> Result<bool, PlugError> {
        // First what nobody finds any more when the port is gone and the switch does not run.
        let (at, name, is_made) = (devices.clone(), port.name.clone(), port.is_made);
        off_runtime(move || at.delete(&name, is_made)).await?;
        let removed = self.database.change("delete port", &port.delete()).await;
        Ok(removed.map_err(failed("remove a port from Open vSwitch"))?.by_switch)
    }
}

#[async_trait]
impl Wiring for OpenVswitch {
    async fn ensure(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: &Attachment,
    ) -> Result<Wired, PlugError> {
        let wanted = Wanted::new(load_balancer, attachment, &self.options)?;
        let devices = self.devices(load_balancer, namespace);
        self.watch.remember(load_balancer);
        let found = match self.port(load_balancer, &wanted.name).await? {
            Found::Absent => None,
            Found::Ours(port) if port.id == Some(attachment.port) => Some(*port),
            // Another port, even one of this load balancer, of whose id the first part is the same.
            Found::Ours(_) | Found::Strange => {
                return Err(strange("Open vSwitch port", &wanted.name));
            }
        };
        let (at, name) = (devices.clone(), wanted.name.clone());
        let are_usable = off_runtime(move || at.are_usable(&name)).await?;
        let is_live = match found {
            Some(port) if are_usable && port.is_made && wanted.is(&port) => port.is_live(),
            stale => {
                self.plug_anew(&devices, &wanted, attachment, stale).await?;
                wanted.is_live_at_once()
            }
        };
        let (name, attached) = (wanted.name, attachment.clone());
        let device = off_runtime(move || devices.dress(&name, &attached)).await?;
        Ok(Wired { device, is_live })
    }

    async fn read(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        attachment: Option<&Attachment>,
    ) -> Result<Wires, PlugError> {
        let devices = self.devices(load_balancer, namespace);
        let Some(attachment) = attachment else {
            let some = !self.ports_of(load_balancer).await?.is_empty()
                || off_runtime(move || devices.are_any()).await?;
            return Ok(if some { Wires::Remains } else { Wires::Absent });
        };
        let wanted = Wanted::new(load_balancer, attachment, &self.options)?;
        let Found::Ours(port) = self.port(load_balancer, &wanted.name).await? else {
            return Ok(Wires::Remains);
        };
        if !port.is_made || !wanted.is(&port) {
            return Ok(Wires::Remains);
        }
        let attached = attachment.clone();
        let device = off_runtime(move || devices.dressed(&wanted.name, &attached)).await?;
        let whole = |device| Wires::Whole(Wired { device, is_live: port.is_live() });
        Ok(device.map_or(Wires::Remains, whole))
    }

    async fn remove(
        &self,
        load_balancer: LoadBalancerId,
        namespace: &str,
        kept: &[Attachment],
    ) -> Result<(), PlugError> {
        let devices = self.devices(load_balancer, namespace);
        let kept: BTreeSet<String> = kept.iter().map(|it| names::tap(it.port)).collect();
        for name in self.ports_of(load_balancer).await? {
            if kept.contains(&name) {
                continue;
            }
            if let Found::Ours(port) = self.port(load_balancer, &name).await? {
                // A switch that does not run learns of it when it starts.
                self.unplug(&devices, &port).await?;
            }
        }
        if kept.is_empty() {
            self.watch.forget(load_balancer);
        }
        off_runtime(move || devices.delete_all_but(&kept)).await
    }

    async fn list(&self) -> Result<Vec<LoadBalancerId>, PlugError> {
        let rows = self.database.ask(&[port::select_all()]).await;
        Ok(port::owners(&rows.map_err(failed("list the ports of Open vSwitch"))?))
    }

    async fn disturbed(&self, load_balancer: LoadBalancerId) {
        self.watch.disturbed(load_balancer).await;
    }
}

/// What a name means in the switch.
enum Found {
    Absent,
    Ours(Box<Port>),
    Strange,
}

/// The database did not do what was attempted.
fn failed(attempt: &str) -> impl FnOnce(OvsdbError) -> PlugError + use<> {
    let attempt = format!("could not {attempt}");
    move |error| {
        let (attempt, cure) = (format!("{attempt}: {error}"), error.cure());
        unavailable(attempt, cure, error.into_source())
    }
}

fn idle() -> PlugError {
    unavailable(
        "Open vSwitch does not do what its database says",
        "the operator starts ovs-vswitchd on the node, then it goes on by itself",
        None,
    )
}

fn not_made(port: &Port) -> PlugError {
    let why = port.error.as_deref().unwrap_or("it does not say why");
    unavailable(
        format!("Open vSwitch could not make the port {}: {why}", port.name),
        "it is tried again; the operator removes what has that name, or reads the log of \
         ovs-vswitchd",
        None,
    )
}
