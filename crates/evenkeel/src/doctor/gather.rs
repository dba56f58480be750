//! From the node to facts. Nothing is changed, and nothing waits for ever.

mod machine;
mod place;
mod programs;
mod switch;

use std::io;
use std::path::Path;
use std::time::Duration;

use evenkeel_haproxy::GroupOptions;
use evenkeel_plumbing::process::descriptor_limit;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::facts::{Facts, Server, Use};
use super::finding::Trial;
use crate::wanted::Wanted;

/// How long one program or socket may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at everything.
pub(super) async fn facts(wanted: &Wanted) -> Facts {
    let switch = match &wanted.switch {
        None => None,
        Some(switch) => Some(switch::look(switch).await),
    };
    Facts {
        rights: machine::rights(),
        kernel: machine::kernel(),
        haproxy: programs::haproxy(&wanted.haproxy).await,
        nft: programs::nft().await,
        routers: programs::routers(&wanted.namespaces),
        switch,
        groups: machine::groups(Path::new("/sys/fs/cgroup")),
        limits: wanted.group.as_ref().map(GroupOptions::shortcomings),
        descriptors: descriptor_limit(),
        requests: wanted.log_requests.then(machine::waiting_lines).flatten(),
        places: vec![
            place::look(Use::State, &wanted.state),
            place::look(Use::Secrets, &wanted.secrets),
            place::look(Use::Logs, &wanted.logs),
        ],
        users: wanted.users.as_ref().map(machine::users),
        is_clock_plausible: machine::is_clock_plausible(),
        server: Server {
            socket: wanted.socket.clone(),
            answers: of(answers(&wanted.socket).await),
        },
        agent: place::agent(&wanted.state),
    }
}

async fn answers(socket: &Path) -> io::Result<()> {
    timeout(PATIENCE, UnixStream::connect(socket)).await?.map(drop)
}

/// No right means that nothing was found out.
fn of(ended: io::Result<()>) -> Trial {
    match ended {
        Ok(()) => Trial::Works,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Trial::Untried("no right to look".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Trial::Untried("it stands on what is missing".to_owned())
        }
        Err(error) => Trial::Fails(error.to_string()),
    }
}
