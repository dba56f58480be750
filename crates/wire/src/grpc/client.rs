//! The agent's end of a link between two processes.

use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

use super::{CONNECT, KEEP_ALIVE, MESSAGE_BYTES, SESSION};
use crate::link::{self, AgentEnd};
use crate::{ToAgent, proto};

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The path cannot be said in an address.
    #[error("the path of the control plane's socket, {0}, is not plain text; choose another one")]
    Path(PathBuf),
    /// Nobody listens there.
    #[error("nobody answers at {path}; is evenkeel server running, and its [agents] socket there?")]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// What the transport said.
        #[source]
        source: tonic::transport::Error,
    },
    /// Somebody does, but begins no session.
    #[error(
        "{path} begins no session; does evenkeel server admit this user? Its log says what it \
         thinks"
    )]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Box<tonic::Status>,
    },
}

/// Begins a session by the Unix socket `path`. It lasts as long as the returned end is held, or
/// until the control plane hangs up.
///
/// # Errors
///
/// [`ConnectError`]: there is none.
pub async fn connect(path: &Path) -> Result<AgentEnd, ConnectError> {
    let address = path.to_str().ok_or_else(|| ConnectError::Path(path.to_owned()))?;
    let nobody = |source| ConnectError::Nobody { path: path.to_owned(), source };
    let refused = |source| ConnectError::Refused { path: path.to_owned(), source };
    let endpoint = Endpoint::from_shared(format!("unix:{address}"))
        .map_err(nobody)?
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.map_err(nobody)?;
    let (agent, control) = link::pair();
    let words = ReceiverStream::new(control.receive).map(proto::FromAgent::from);
    let mut grpc = Grpc::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES);
    grpc.ready().await.map_err(nobody)?;
    let codec = ProstCodec::<proto::FromAgent, proto::ToAgent>::default();
    let session = grpc.streaming(Request::new(words), PathAndQuery::from_static(SESSION), codec);
    let heard = tokio::time::timeout(CONNECT, session).await;
    let heard = heard
        .map_err(|_| refused(Box::new(tonic::Status::deadline_exceeded("no answer in time"))))?
        .map_err(|status| refused(Box::new(status)))?;
    tokio::spawn(listen(grpc, heard.into_inner(), control.send));
    Ok(agent)
}

/// Hands on what is heard, until either end hangs up. The agent's end owns it: it ends when that is
/// dropped.
async fn listen(
    // Held, as the connection lasts no longer than this.
    _grpc: Grpc<Channel>,
    mut heard: Streaming<proto::ToAgent>,
    send: mpsc::Sender<ToAgent>,
) {
    loop {
        // Dropped only when nobody wants to hear the rest.
        let message = tokio::select! {
            () = send.closed() => return,
            message = heard.message() => message,
        };
        match message.map(|message| message.map(ToAgent::try_from)) {
            Ok(Some(Ok(message))) => {
                if send.send(message).await.is_err() {
                    return;
                }
            }
            Ok(Some(Err(unread))) => tracing::warn!(reason = %unread, "message passed over"),
            Ok(None) => return,
            Err(status) => {
                tracing::info!(reason = status.message(), "control plane lost");
                return;
            }
        }
    }
}
