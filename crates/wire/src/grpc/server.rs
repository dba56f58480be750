//! The control plane's end of links between processes.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::guest::Guest;
use super::socket::Socket;
use super::{KEEP_ALIVE, MESSAGE_BYTES, SERVICE, SESSION};
use crate::link::AgentEnd;
use crate::peer::Peer;
use crate::{FromAgent, proto};

/// How many connections there may be; more of them wait to be accepted.
const CONNECTIONS: usize = 64;

/// How many sessions one connection may have: one, and the next while the last is ending.
const SESSIONS: u32 = 2;

/// How often it is looked whether the socket is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Opens a session for a peer that was let in.
pub type Welcome = Arc<dyn Fn(Peer) -> AgentEnd + Send + Sync>;

/// Serves agents on `socket` until `stop`, then waits for the sessions under way, which whoever
/// opened them ends.
///
/// # Errors
///
/// The transport's, which cannot go on.
pub async fn serve(
    socket: Socket,
    welcome: Welcome,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let (send, receive) = mpsc::channel(1);
    let incoming = ReceiverStream::new(receive).map(Ok::<Guest, io::Error>);
    let listening = TaskTracker::new();
    let service = Service { welcome, listening: listening.clone() };
    let sessions = Server::builder()
        .max_concurrent_streams(SESSIONS)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let (served, ()) = tokio::join!(sessions, accept(socket, send, stop));
    listening.close();
    listening.wait().await;
    served
}

/// Lets in who may come, one after the other.
async fn accept(mut socket: Socket, send: mpsc::Sender<Guest>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // A place that was taken and is dropped is free again.
        let place = tokio::select! {
            () = stop.cancelled() => return,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let guest = tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {
                keep(&mut socket);
                continue;
            }
            accepted = socket.accept() => accepted,
        };
        match guest {
            Ok((stream, peer)) if socket.admits(peer) => {
                if send.send(Guest { stream, peer, _place: place }).await.is_err() {
                    return;
                }
            }
            Ok((_, peer)) => {
                tracing::warn!(%peer, "turned away: only root, our own user and [agents] users");
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept an agent");
                // Out of descriptors: wait for one to come back.
                look.tick().await;
            }
        }
    }
}

fn keep(socket: &mut Socket) {
    if !socket.is_there() {
        match socket.renew() {
            Ok(()) => tracing::warn!(path = %socket.path().display(), "socket was gone; made anew"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "agents cannot connect");
            }
        }
    }
}

#[derive(Clone)]
struct Service {
    welcome: Welcome,
    listening: TaskTracker,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl NamedService for Service {
    const NAME: &'static str = SERVICE;
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Words = Pin<Box<dyn Stream<Item = Result<proto::ToAgent, Status>> + Send>>;

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            if request.uri().path() != SESSION {
                return Ok(Status::unimplemented("there is no such call").into_http());
            }
            let codec = ProstCodec::<proto::ToAgent, proto::FromAgent>::default();
            let mut grpc = Grpc::new(codec)
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES);
            Ok(grpc.streaming(service, request).await)
        })
    }
}

impl StreamingService<proto::FromAgent> for Service {
    type Response = proto::ToAgent;
    type ResponseStream = Words;
    type Future = Answer<Result<Response<Words>, Status>>;

    fn call(&mut self, request: Request<Streaming<proto::FromAgent>>) -> Self::Future {
        let session = self.begin(request);
        Box::pin(async move { session })
    }
}

impl Service {
    fn begin(
        &self,
        request: Request<Streaming<proto::FromAgent>>,
    ) -> Result<Response<Words>, Status> {
        let peer = request.extensions().get::<Peer>().copied();
        let peer = peer.ok_or_else(|| Status::internal("a connection of nobody"))?;
        let AgentEnd { send, receive } = (self.welcome)(peer);
        self.listening.spawn(listen(request.into_inner(), send));
        let words = ReceiverStream::new(receive).map(|message| Ok(message.into()));
        Ok(Response::new(Box::pin(words)))
    }
}

/// Hands on what is heard, until either end hangs up.
async fn listen(mut heard: Streaming<proto::FromAgent>, send: mpsc::Sender<FromAgent>) {
    loop {
        // Dropped only when nobody wants to hear the rest.
        let message = tokio::select! {
            () = send.closed() => return,
            message = heard.message() => message,
        };
        match message.map(|message| message.map(FromAgent::try_from)) {
            Ok(Some(Ok(message))) => {
                if send.send(message).await.is_err() {
                    return;
                }
            }
            Ok(Some(Err(unread))) => tracing::warn!(reason = %unread, "message passed over"),
            Ok(None) => return,
            Err(status) => {
                tracing::debug!(reason = status.message(), "agent lost");
                return;
            }
        }
    }
}
