//! The reader's end: a connection to one holder, over TCP if its port is open, else over QUIC.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Instant;

use pumasi_models::store::partial::Partial;
use pumasi_models::store::tree::{self, Keep, ReceiveError, Shape};
use pumasi_protocol::stream::OwnerFrame;
use pumasi_protocol::{BlobId, CopyAsk, CopyFrame, GroupRange, NodeId, limits};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::super::frames;
use super::super::super::limits::{
    COPY_ASK_BYTES, COPY_DIAL, COPY_READ_BYTES, DATA_DIAL, OPEN_DEADLINE,
};
use super::super::super::tls::{Accept, SERVER_NAME};
use super::super::DataPlane;
use super::connections::Entry;
use super::{Duplex, PROTOCOL, Socket, WireError, quic, read_frame, set_patience, write_frame};

/// Why a holder gives nothing (more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    /// It cannot be reached, broke off, or is silent.
    #[error("it cannot be reached or stopped sending")]
    Gone,
    /// It sent what no honest node sends.
    #[error("it sent something else")]
    Wrong,
    /// This computer's disk refused.
    #[error("this computer's disk refused ({0})")]
    Disk(std::io::ErrorKind),
}

/// What became of groups that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// They are here: so many bytes.
    Groups(u64),
    /// They are not there.
    Lacking,
}

/// A holder that can be asked. For one thread, which waits.
pub(crate) struct Source {
    node: NodeId,
    plane: DataPlane,
    stream: BufReader<Box<dyn Duplex>>,
    /// Cut when the holder is not welcome any more.
    entry: Option<Entry>,
}

impl Source {
    /// Connects to a member. Not for a thread of the runtime.
    pub(crate) fn connect(
        plane: &DataPlane,
        node: NodeId,
        runtime: &Handle,
    ) -> Result<Self, SourceError> {
        let connection = runtime.block_on(plane.connection(node)).ok_or(SourceError::Gone)?;
        let tcp = tcp(plane, node, connection.remote_address());
        let (stream, entry): (Box<dyn Duplex>, _) = match tcp {
            Some((stream, entry)) => (Box::new(stream), Some(entry)),
            None => (Box::new(over_quic(&connection, runtime)?), None),
        };
        let stream = BufReader::with_capacity(COPY_READ_BYTES, stream);
        Ok(Self { node, plane: plane.clone(), stream, entry })
    }

    /// Whether it is reached over TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        self.entry.is_some()
    }

    /// Asks what is there of a file.
    pub(crate) fn open(&mut self, blob: BlobId) -> Result<CopyFrame, SourceError> {
        self.ask(&CopyAsk::Open(blob))?;
        let frame = self.hear()?;
        let is_answer = match frame {
            CopyFrame::Held { .. }
            | CopyFrame::Preparing { .. }
            | CopyFrame::NotFound
            | CopyFrame::Busy => true,
            CopyFrame::Groups | CopyFrame::Lacking => false,
        };
        if is_answer { Ok(frame) } else { Err(self.blame()) }
    }

    /// Asks for groups; [`Self::take`] waits for them, in the order of the asks.
    pub(crate) fn ask_groups(&mut self, groups: &Range<u64>) -> Result<(), SourceError> {
        let count = u32::try_from(groups.end - groups.start).expect("a piece at most");
        self.ask(&CopyAsk::Groups(GroupRange { first: groups.start, count }))
    }

    /// Takes groups into an unfinished file.
    pub(crate) fn take(
        &mut self,
        partial: &Partial,
        groups: &Range<u64>,
    ) -> Result<Taken, SourceError> {
        self.taking(|stream| partial.receive(groups, stream))
    }

    /// Takes the last group of a file and keeps nothing: it proves the file's size.
    pub(crate) fn prove_size(&mut self, shape: &Shape) -> Result<(), SourceError> {
        struct Nothing;
        impl Keep for Nothing {
            fn group(&mut self, _: u64, _: &[u8]) -> std::io::Result<()> {
                Ok(())
            }
        }
        let last = shape.groups() - 1..shape.groups();
        self.ask_groups(&last)?;
        match self.taking(|stream| tree::receive(shape, None, &last, stream, &mut Nothing))? {
            Taken::Groups(_) => Ok(()),
            Taken::Lacking => Err(SourceError::Gone),
        }
    }

    fn taking(
        &mut self,
        receive: impl FnOnce(&mut BufReader<Box<dyn Duplex>>) -> Result<u64, ReceiveError>,
    ) -> Result<Taken, SourceError> {
        match self.hear()? {
            CopyFrame::Groups => {}
            CopyFrame::Lacking => return Ok(Taken::Lacking),
            CopyFrame::Held { .. }
            | CopyFrame::Preparing { .. }
            | CopyFrame::NotFound
            | CopyFrame::Busy => return Err(self.blame()),
        }
        receive(&mut self.stream).map(Taken::Groups).map_err(|error| match error {
            ReceiveError::Source(_) => SourceError::Gone,
            ReceiveError::Wrong { .. } => self.blame(),
            ReceiveError::Disk(kind) => SourceError::Disk(kind),
        })
    }

    fn ask(&mut self, ask: &CopyAsk) -> Result<(), SourceError> {
        let out = self.stream.get_mut();
        let asked = write_frame(out, ask, COPY_ASK_BYTES).and_then(|()| out.flush());
        asked.map_err(|_| SourceError::Gone)
    }

    fn hear(&mut self) -> Result<CopyFrame, SourceError> {
        match read_frame::<CopyFrame>(&mut self.stream, limits::COPY_FRAME_BYTES) {
            Ok(frame) if frame.is_within_limits() => Ok(frame),
            Ok(_) | Err(WireError::Frame(_)) => Err(self.blame()),
            Err(WireError::Gone(_)) => Err(SourceError::Gone),
        }
    }

    fn blame(&self) -> SourceError {
        self.plane.inner.conduct.blame(self.node, Instant::now());
        SourceError::Wrong
    }
}

type Tls = StreamOwned<ClientConnection, Socket>;

fn tcp(plane: &DataPlane, node: NodeId, address: SocketAddr) -> Option<(Tls, Entry)> {
    let stream = TcpStream::connect_timeout(&address, COPY_DIAL).ok()?;
    stream.set_read_timeout(Some(DATA_DIAL)).ok()?;
    stream.set_write_timeout(Some(DATA_DIAL)).ok()?;
    let entry = plane.inner.copies.enter(node, &stream).ok()?;
    let accept = Accept::Member(node, plane.inner.members.clone());
    let config = plane.inner.certificate.client_tls(PROTOCOL, accept);
    let name = ServerName::try_from(SERVER_NAME).expect("a name that rustls takes");
    let tls = ClientConnection::new(config, name).ok()?;
    let mut stream = StreamOwned::new(tls, Socket::new(stream));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    set_patience(stream.sock.0.get_ref()).ok()?;
    Some((stream, entry))
}

fn over_quic(
    connection: &quinn::Connection,
    runtime: &Handle,
) -> Result<quic::Stream, SourceError> {
    runtime.block_on(async {
        let opened = timeout(OPEN_DEADLINE, connection.open_bi()).await;
        let (mut out, input) =
            opened.map_err(|_| SourceError::Gone)?.map_err(|_| SourceError::Gone)?;
        let first = frames::write(&mut out, &OwnerFrame::Copy, limits::BLOB_FRAME_BYTES).await;
        first.map_err(|_| SourceError::Gone)?;
        Ok(quic::Stream::with(out, input, runtime.clone()))
    })
}
