//! From what serves to what shall serve: the cheapest way there. Pure.

use crate::command::{Command, ServerName};
use crate::configuration::{Backend, Configuration, Frontend, Server};
use crate::material;

/// What leads from one configuration to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is the very same.
    Nothing,
    /// What serves stays as it is; only its generation is noted.
    Note,
    /// A few commands on the runtime socket, in this order.
    Commands(Vec<Command>),
    /// Another process, which takes over the listening sockets.
    Reload,
}

/// The cheapest way from `applied` to `wanted`.
pub fn between(applied: &Configuration, wanted: &Configuration) -> Change {
    let Some(commands) = commands(applied, wanted) else {
        return Change::Reload;
    };
    if !commands.is_empty() {
        Change::Commands(commands)
    } else if applied.generation == wanted.generation {
        Change::Nothing
    } else {
        Change::Note
    }
}

/// The commands, or `None` if commands do not lead there.
///
/// Everywhere below each part is named, so that one that is added later is not forgotten.
fn commands(applied: &Configuration, wanted: &Configuration) -> Option<Vec<Command>> {
    let Configuration { generation: _, global, shared, tells_metrics, frontends, backends } =
        wanted;
    let same_outline = applied.global == *global
        && applied.shared == *shared
        && applied.tells_metrics == *tells_metrics
        && applied.frontends.len() == frontends.len()
        && applied.backends.len() == backends.len();
    if !same_outline {
        return None;
    }
    let mut commands = Vec::new();
    for (old, new) in applied.frontends.iter().zip(frontends) {
        frontend(old, new, &mut commands)?;
    }
    for (old, new) in applied.backends.iter().zip(backends) {
        backend(old, new, &mut commands)?;
    }
    Some(commands)
}

fn frontend(old: &Frontend, new: &Frontend, commands: &mut Vec<Command>) -> Option<()> {
    let Frontend { id, max_connections, section, material } = new;
    if old.id != *id || old.section != *section {
        return None;
    }
    if old.max_connections != *max_connections {
        commands.push(Command::SetMaxConnections(*id, *max_connections));
    }
    commands.extend(material::of_listener(&old.material, material)?);
    Some(())
}

fn backend(old: &Backend, new: &Backend, commands: &mut Vec<Command>) -> Option<()> {
    let Backend { id, section, remembers_clients, takes_servers, servers, material } = new;
    let same = old.id == *id
        && old.section == *section
        && old.remembers_clients == *remembers_clients
        && old.takes_servers == *takes_servers;
    if !same {
        return None;
    }
    // Before any server comes that shall have it.
    commands.extend(material::of_pool(&old.material, material)?);
    let name = |server: &Server| ServerName { backend: *id, member: server.id };
    // Who comes first comes before who goes, so that a pool is never empty in between.
    for wanted in servers {
        match old.servers.iter().find(|server| server.id == wanted.id) {
            Some(applied) => server(name(wanted), applied, wanted, commands)?,
            None if *takes_servers => {
                commands.push(Command::Add(*id, Box::new(wanted.clone())));
            }
            None => return None,
        }
    }
    for applied in &old.servers {
        if !servers.iter().any(|server| server.id == applied.id) {
            if !takes_servers {
                return None;
            }
            commands.push(Command::Retire(name(applied)));
        }
    }
    Some(())
}

fn server(name: ServerName, old: &Server, new: &Server, commands: &mut Vec<Command>) -> Option<()> {
    let Server { id: _, number, address, weight, backup, disabled, check, options } = new;
    let same = old.number == *number
        && old.backup == *backup
        && old.check == *check
        && old.options == *options
        && old.address == *address;
    if !same {
        return None;
    }
    if old.weight != *weight {
        commands.push(Command::SetWeight(name, *weight));
    }
    if old.disabled != *disabled {
        commands.push(Command::SetDisabled(name, *disabled));
    }
    Some(())
}
