//! A stream of the data plane for threads that wait.

use std::io::{self, Read, Write};
use std::time::Duration;

use quinn::{RecvStream, SendStream};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::super::limits::COPY_SILENCE;

/// Both directions; made within the runtime, used outside of it.
pub(super) struct Stream {
    out: SendStream,
    input: RecvStream,
    runtime: Handle,
}

impl Stream {
    pub(super) fn new(out: SendStream, input: RecvStream) -> Self {
        Self { out, input, runtime: Handle::current() }
    }

    pub(super) fn with(out: SendStream, input: RecvStream, runtime: Handle) -> Self {
        Self { out, input, runtime }
    }
}

/// Longer than it takes the connection to notice that the other side is gone.
const PATIENCE: Duration = COPY_SILENCE;

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let input = &mut self.input;
        let reading = async { timeout(PATIENCE, input.read(bytes)).await };
        let read = self.runtime.block_on(reading);
        let read = read.map_err(|_| io::ErrorKind::TimedOut)?;
        Ok(read.map_err(|_| io::ErrorKind::ConnectionReset)?.unwrap_or(0))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = &mut self.out;
        let writing = async { timeout(PATIENCE, out.write(bytes)).await };
        let written = self.runtime.block_on(writing);
        let written = written.map_err(|_| io::ErrorKind::TimedOut)?;
        Ok(written.map_err(|_| io::ErrorKind::ConnectionReset)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
