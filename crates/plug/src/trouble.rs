//! What kept a VIP from being plugged, in words for tenants, with the cure for operators.

use std::io;

use evenkeel_driver::PlugError;

/// What is said of most failures: the kernel's own words are in the agent's log.
const LOOK: &str = "it is tried again; if this stays so, the operator looks at the agent's log and \
                    types `evenkeel doctor` on the node";

/// The kernel did not do what was attempted.
pub(crate) fn kernel(attempt: &str) -> impl FnOnce(io::Error) -> PlugError + use<> {
    let attempt = format!("could not {attempt}");
    move |source| {
        let cure = if source.kind() == io::ErrorKind::PermissionDenied {
            "the agent needs the rights of root over the node's network"
        } else {
            LOOK
        };
        unavailable(attempt, cure, Some(source))
    }
}

/// A name is taken by what somebody else has made.
pub(crate) fn strange(what: &str, name: &str) -> PlugError {
    unavailable(
        format!("the {what} {name} of the node was made by somebody else and is left alone"),
        "the operator removes or renames it, then it goes on by itself",
        None,
    )
}

/// As every trouble is said.
pub(crate) fn unavailable(
    attempt: impl Into<String>,
    cure: impl Into<String>,
    source: Option<io::Error>,
) -> PlugError {
    PlugError::Unavailable { attempt: attempt.into(), cure: cure.into(), source }
}

/// Does what may block apart from the runtime.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlugError> + Send + 'static,
) -> Result<T, PlugError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(kernel("work on the network")(io::Error::other(error))),
    }
}
