//! From what serves to what shall serve: the cheapest way there. Pure.

use crate::command::{Command, ServerName};
use crate::configuration::{Backend, Configuration, Frontend, Server};

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
fn commands(applied: &Configuration, wanted: &Configuration) -> Option<Vec<Command>> {
    let same_outline = applied.global == wanted.global
        && applied.shared == wanted.shared
        && applied.frontends.len() == wanted.frontends.len()
        && applied.backends.len() == wanted.backends.len();
    if !same_outline {
        return None;
    }
    let mut commands = Vec::new();
    for (old, new) in applied.frontends.iter().zip(&wanted.frontends) {
        frontend(old, new, &mut commands)?;
    }
    for (old, new) in applied.backends.iter().zip(&wanted.backends) {
        backend(old, new, &mut commands)?;
    }
    Some(commands)
}

fn frontend(old: &Frontend, new: &Frontend, commands: &mut Vec<Command>) -> Option<()> {
    if old.id != new.id || old.section != new.section {
        return None;
    }
    if old.max_connections != new.max_connections {
        commands.push(Command::SetMaxConnections(new.id, new.max_connections));
    }
    Some(())
}

fn backend(old: &Backend, new: &Backend, commands: &mut Vec<Command>) -> Option<()> {
    let same = old.id == new.id
        && old.section == new.section
        && old.remembers_clients == new.remembers_clients
        && old.takes_servers == new.takes_servers;
    if !same {
        return None;
    }
    let name = |server: &Server| ServerName { pool: new.id, member: server.id };
    // Who comes first comes before who goes, so that a pool is never empty in between.
    for wanted in &new.servers {
        match old.servers.iter().find(|server| server.id == wanted.id) {
            Some(applied) => server(name(wanted), applied, wanted, commands)?,
            None if new.takes_servers => {
                commands.push(Command::Add(new.id, Box::new(wanted.clone())));
            }
            None => return None,
        }
    }
    for applied in &old.servers {
        if !new.servers.iter().any(|server| server.id == applied.id) {
            if !new.takes_servers {
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
