//! Copies of model files between members, over TCP and TLS 1.3 with the keys of the mesh, at the port of
//! the data plane: it costs half the processor time of QUIC. Where TCP is closed, a stream of the
//! data plane carries the same bytes. One thread serves one reader, and waits where it must.

use std::io::{self, BufReader, IoSlice, Read, Write};
use std::net::TcpStream;

use pumasi_protocol::frame::{self, FrameError};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) mod connections;
mod listen;
mod quic;
mod serve;
mod source;

pub(super) use connections::Connections;
pub(super) use listen::{begin_quic, bind, listen};
pub(crate) use source::{Source, SourceError, Taken};

use super::super::limits::COPY_SOCKET_BYTES;

/// What both sides must name in the handshake.
const PROTOCOL: &[u8] = b"pumasi-copy/1";

/// A way to a member and back that waits.
pub(super) trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WireError {
    /// The other side is gone or silent.
    Gone(io::ErrorKind),
    /// No such frame.
    Frame(FrameError),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.kind())
    }
}

fn read_frame<T: DeserializeOwned>(input: &mut impl Read, limit: usize) -> Result<T, WireError> {
    let mut prefix = [0; frame::PREFIX];
    input.read_exact(&mut prefix)?;
    let length = frame::body_length(prefix, limit).map_err(WireError::Frame)?;
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    frame::decode_body(&body).map_err(WireError::Frame)
}

fn write_frame<T: Serialize>(out: &mut impl Write, value: &T, limit: usize) -> io::Result<()> {
    let bytes = frame::encode(value, limit).map_err(|_| io::ErrorKind::InvalidInput)?;
    out.write_all(&bytes)
}

/// A socket from which much is read at a time: rustls asks for 4 KiB.
struct Socket(BufReader<TcpStream>);

impl Socket {
    fn new(stream: TcpStream) -> Self {
        Self(BufReader::with_capacity(COPY_SOCKET_BYTES, stream))
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.get_mut().write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A silent partner is given up after a while.
fn set_patience(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(super::super::limits::COPY_SILENCE))?;
    stream.set_write_timeout(Some(super::super::limits::COPY_SILENCE))
}
