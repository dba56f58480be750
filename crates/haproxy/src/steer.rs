//! Changing a process that runs, through its socket.

use std::io;

use evenkeel_driver::DriverError;

use crate::command::{Command, ServerName};
use crate::instance::{Instance, disk};
use crate::ping::Target;
use crate::record::Applied;
use crate::socket::SocketError;

/// What takes back the verdicts of our own probes on servers that are not probed so any more.
pub(crate) fn released(applied: &Applied, wanted: &Applied) -> Vec<Command> {
    let is_probed = |name| wanted.pinged.iter().any(|target| target.is_told_to(name));
    let is_enabled = |name: ServerName| {
        let backends = &wanted.configuration.backends;
        let backend = backends.iter().find(|backend| backend.id == name.backend);
        let mut servers = backend.into_iter().flat_map(|backend| &backend.servers);
        servers.any(|server| server.id == name.member && !server.disabled)
    };
    let names = applied.pinged.iter().flat_map(Target::servers);
    let released = names.filter(|name| !is_probed(*name) && is_enabled(*name));
    released.map(|name| Command::SetDisabled(name, false)).collect()
}

/// Changes the running process through its socket. The file is on the disk first, so that a start
/// in between starts with the new one.
pub(crate) async fn steer(
    instance: &Instance<'_>,
    applied: &Applied,
    wanted: Applied,
    commands: &[Command],
) -> Result<(), DriverError> {
    let generation = wanted.configuration.generation;
    let mut retired = still_there(instance, &applied.retired).await;
    for command in commands {
        if let Command::Retire(server) = command {
            retired.push(*server);
        }
    }
    let applied = Applied { retired, ..wanted };
    instance.notes().note_applied(&applied).await.map_err(disk)?;
    let socket = instance.socket();
    for command in commands {
        socket.carry_out(command).await.map_err(unsteerable)?;
        if let Command::Retire(server) = command {
            // Refused while it has connections; then it is tried again when it is looked at.
            let _ = socket.carry_out(&Command::Delete(*server)).await;
        }
    }
    socket.note(generation).await.map_err(unsteerable)
}

/// Deletes retired servers whose last connection has ended, and gives those that still have some.
pub(crate) async fn still_there(
    instance: &Instance<'_>,
    retired: &[ServerName],
) -> Vec<ServerName> {
    let mut still_there = Vec::new();
    for server in retired {
        match instance.socket().carry_out(&Command::Delete(*server)).await {
            Ok(()) => {}
            Err(SocketError::Refused { answer, .. }) if answer.contains("No such server") => {}
            Err(_) => still_there.push(*server),
        }
    }
    still_there
}

fn unsteerable(error: SocketError) -> DriverError {
    DriverError::Unavailable {
        attempt: "could not change the running HAProxy".to_owned(),
        cure: "it is tried again".to_owned(),
        source: Some(io::Error::other(error)),
    }
}
