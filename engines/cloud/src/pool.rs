//! The connections to one place: kept while they are quiet, and one exchange over one of them at a time.
//! An exchange runs in its caller's task and holds no buffer while it waits, so that an open stream costs
//! next to nothing.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::call::CallError;
use crate::connector::{Connector, Line};
use crate::limits;
use crate::wire::{self, Head};

/// What is sent: a head with the key in it, and a body.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: Zeroizing<Vec<u8>>,
    pub(crate) body: Bytes,
}

/// The beginning of an answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) head: Head,
    pub(crate) line: Line,
    /// What came behind the head.
    pub(crate) early: Bytes,
    /// How long the connection took to make, if it was made for this.
    pub(crate) took: Option<Duration>,
}

/// Connections to one place.
pub(crate) struct Pool {
    connector: Connector,
    /// The newest is last.
    idle: Mutex<Vec<(Line, Instant)>>,
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Line, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest connection that is kept and lives.
    fn take(&self) -> Option<Line> {
        let mut idle = self.idle();
        while let Some((mut line, since)) = idle.pop() {
            if since.elapsed() > limits::IDLE_TIME {
                idle.clear();
            } else if line.is_quiet() {
                return Some(line);
            }
        }
        None
    }

    /// Keeps a connection for later.
    pub(crate) fn put(&self, line: Line) {
        let mut idle = self.idle();
        let kept = idle.iter().position(|(_, since)| since.elapsed() <= limits::IDLE_TIME);
        let old = kept.unwrap_or(idle.len());
        idle.drain(..old);
        if idle.len() < limits::IDLE_CONNECTIONS {
            idle.push((line, Instant::now()));
        }
    }

    /// Sends a message and waits for the head of its answer. If a kept connection turns out to be dead
    /// before any byte of an answer, a new one is made: whoever closed it did not want the message.
    pub(crate) async fn exchange(&self, message: &Message) -> Result<Exchange, CallError> {
        if let Some(line) = self.take()
            && let Some(outcome) = over(line, message, None).await
        {
            return outcome;
        }
        let began = Instant::now();
        // In a box: what is handed on over a kept connection carries none of it.
        let line = Box::pin(self.connector.connect()).await?;
        let took = began.elapsed();
        over(line, message, Some(took)).await.unwrap_or(Err(CallError::Reset))
    }
}

/// One exchange; none where the connection ended before any byte came.
async fn over(
    mut line: Line,
    message: &Message,
    took: Option<Duration>,
) -> Option<Result<Exchange, CallError>> {
    // An answer may come before all is sent, as when it is too much: it counts.
    let _ = send(&mut line, message).await;
    let mut bytes = BytesMut::new();
    loop {
        match more(&mut line, &mut bytes).await {
            Ok(0) | Err(_) if bytes.is_empty() => return None,
            Ok(0) | Err(_) => return Some(Err(CallError::Reset)),
            Ok(_) => {}
        }
        match parse(&mut bytes) {
            Ok(None) => {}
            Ok(Some(head)) => {
                return Some(Ok(Exchange { head, line, early: bytes.freeze(), took }));
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

async fn more(line: &mut Line, bytes: &mut BytesMut) -> io::Result<usize> {
    poll_fn(|cx| poll_more(line, cx, |read| bytes.extend_from_slice(read))).await
}

/// A head, taken off the bytes; those that only say "go on" are passed over.
fn parse(bytes: &mut BytesMut) -> Result<Option<Head>, CallError> {
    while let Some((head, size)) = wire::head(bytes)? {
        bytes.advance(size);
        match head.status {
            // Nobody asked for another protocol.
            101 => return Err(CallError::NotHttp),
            100..=199 => {}
            _ => return Ok(Some(head)),
        }
    }
    Ok(None)
}

/// Both together: one call of the system, and for what is small one packet.
async fn send(line: &mut Line, message: &Message) -> io::Result<()> {
    let mut both = message.head.as_slice().chain(message.body.as_ref());
    line.write_all_buf(&mut both).await?;
    line.flush().await
}

/// Reads what is there and hands it over; how much it was. The space for it is on the stack, so that who
/// waits holds none.
pub(crate) fn poll_more(
    line: &mut Line,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut space = [MaybeUninit::<u8>::uninit(); limits::READ_BYTES];
    let mut read = ReadBuf::uninit(&mut space);
    ready!(Pin::new(line).poll_read(cx, &mut read))?;
    take(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_say_go_on_are_passed_over() {
        let mut bytes = BytesMut::from(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n",
        );
        assert_eq!(parse(&mut bytes), Ok(None));
        bytes.extend_from_slice(b"content-length: 1\r\n\r\nx");
        let head = parse(&mut bytes).expect("a head").expect("whole");
        assert_eq!((head.status, &bytes[..]), (200, &b"x"[..]));
        let mut other = BytesMut::from("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n");
        assert_eq!(parse(&mut other), Err(CallError::NotHttp));
    }
}
