//! One connection to the database: requests, answers, and what it tells unasked.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Deserializer, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{DATABASE, OvsdbError};

/// How long the database may take to answer, and to take what it is told.
const ANSWER: Duration = Duration::from_secs(5);

/// How long nothing need be heard of the database before it is asked whether it lives.
const QUIET: Duration = Duration::from_secs(15);

/// The longest message, in bytes: some ten thousand ports.
const LONGEST: usize = 16 << 20;

/// How many messages may come before the answer that is waited for.
const EARLY: usize = 1024;

#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    unread: Vec<u8>,
    /// What was told while an answer was waited for.
    early: VecDeque<Value>,
    last: u64,
}

impl Connection {
    pub(super) async fn open(socket: &Path) -> Result<Self, OvsdbError> {
        let opening = within(ANSWER, UnixStream::connect(socket)).await?;
        let stream = opening
            .map_err(|source| OvsdbError::Unreachable { socket: socket.to_owned(), source })?;
        Ok(Self { stream, unread: Vec::new(), early: VecDeque::new(), last: 0 })
    }

    /// What each operation gave.
    pub(super) async fn transact(
        &mut self,
        operations: &[Value],
    ) -> Result<Vec<Value>, OvsdbError> {
        let mut params = vec![json!(DATABASE)];
        params.extend_from_slice(operations);
        let Value::Array(results) = self.call("transact", Value::Array(params)).await? else {
            return Err(OvsdbError::Garbled("the results are no list".to_owned()));
        };
        // If all operations went well and the whole did not, that is said behind them.
        let refusal = results.iter().find(|it| it.get("error").is_some_and(|it| !it.is_null()));
        match refusal {
            Some(refusal) => Err(OvsdbError::Refused(refusal.to_string())),
            None => Ok(results),
        }
    }

    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, OvsdbError> {
        self.last += 1;
        let id = json!(self.last);
        self.send(&json!({ "method": method, "params": params, "id": id })).await?;
        let deadline = Instant::now() + ANSWER;
        loop {
            let message = timeout_at(deadline, self.receive());
            let mut message = message.await.map_err(|_| OvsdbError::Silent(ANSWER))??;
            if message.get("id") != Some(&id) {
                self.keep(message)?;
            } else if let Some(error) = message.get("error").filter(|it| !it.is_null()) {
                return Err(OvsdbError::Refused(error.to_string()));
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// The next table updates. It may be dropped and called again: what was read stays, and a
    /// message that was sent in part makes the database break off.
    pub(super) async fn update(&mut self) -> Result<Value, OvsdbError> {
        let mut was_asked = false;
        loop {
            if let Some(update) = self.early.pop_front() {
                return Ok(update);
            }
            match timeout(QUIET, self.receive()).await {
                Ok(message) => {
                    was_asked = false;
                    self.keep(message?)?;
                }
                Err(_) if was_asked => return Err(OvsdbError::Silent(QUIET)),
                Err(_) => {
                    was_asked = true;
                    self.send(&json!({ "method": "echo", "params": [], "id": "alive" })).await?;
                }
            }
        }
    }

    /// Keeps table updates; answers to what is not waited for are dropped.
    fn keep(&mut self, mut message: Value) -> Result<(), OvsdbError> {
        if message.get("method") != Some(&json!("update")) {
            return Ok(());
        }
        if self.early.len() >= EARLY {
            return Err(OvsdbError::Garbled("no answer among very many messages".to_owned()));
        }
        self.early.extend(message.pointer_mut("/params/1").map(Value::take));
        Ok(())
    }

    /// The next message that is no question whether we live; those are answered.
    async fn receive(&mut self) -> Result<Value, OvsdbError> {
        loop {
            let message = self.message().await?;
            if message.get("method") != Some(&json!("echo")) {
                return Ok(message);
            }
            let (id, params) = (&message["id"], &message["params"]);
            self.send(&json!({ "id": id, "result": params, "error": null })).await?;
        }
    }

    async fn message(&mut self) -> Result<Value, OvsdbError> {
        loop {
            // A long one comes in pieces, and is looked at only when it may be whole.
            if self.unread.last() != Some(&b'}') {
                self.read().await?;
                continue;
            }
            // Messages follow each other with nothing in between.
            let mut messages = Deserializer::from_slice(&self.unread).into_iter();
            match messages.next() {
                Some(Ok(message)) => {
                    let length = messages.byte_offset();
                    self.unread.drain(..length);
                    return Ok(message);
                }
                Some(Err(error)) if !error.is_eof() => {
                    return Err(OvsdbError::Garbled(error.to_string()));
                }
                Some(Err(_)) | None => self.read().await?,
            }
        }
    }

    async fn read(&mut self) -> Result<(), OvsdbError> {
        if self.unread.len() > LONGEST {
            return Err(OvsdbError::Garbled(format!("more than {LONGEST} bytes at once")));
        }
        self.unread.reserve(64 << 10);
        match self.stream.read_buf(&mut self.unread).await {
            Ok(0) => Err(OvsdbError::BrokenOff(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(OvsdbError::BrokenOff(error)),
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), OvsdbError> {
        let text = message.to_string();
        let sending = within(ANSWER, self.stream.write_all(text.as_bytes())).await?;
        sending.map_err(OvsdbError::BrokenOff)
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Result<T, OvsdbError> {
    timeout(time, work).await.map_err(|_| OvsdbError::Silent(time))
}
