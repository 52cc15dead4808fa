//! The holder's end: says what is there of a file, and sends what is asked for, at the pace that the
//! owner of this computer set. Who asks is known from the handshake; every member may read models.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Instant;

use pumasi_models::store::tree::{self, SendError, Shape};
use pumasi_protocol::{BlobId, CopyAsk, CopyFrame, CopyPart, GroupRange, NodeId, limits};

use super::super::super::conduct::Kind;
use super::super::super::limits::{COPY_ASK_BYTES, COPY_WRITE_BYTES};
use super::super::DataPlane;
use super::{Duplex, WireError, read_frame, write_frame};
use crate::copies::{Held, Pace, Reading, Shelved, Whole};

/// Serves one reader until it is gone, asks nonsense, or is not welcome any more.
pub(super) fn serve(from: NodeId, stream: &mut dyn Duplex, plane: &DataPlane) {
    let mut reader = Reader { from, stream, plane, open: None };
    while let Some(ask) = reader.next_ask() {
        let answered = match ask {
            CopyAsk::Open(blob) => reader.open(blob),
            CopyAsk::Groups(range) => reader.send(range),
        };
        if answered.is_err() {
            return;
        }
    }
}

struct Reader<'a> {
    from: NodeId,
    stream: &'a mut dyn Duplex,
    plane: &'a DataPlane,
    open: Option<(Held, Reading)>,
}

/// The reader is to be given up.
struct End;

impl Reader<'_> {
    fn next_ask(&mut self) -> Option<CopyAsk> {
        let inner = &self.plane.inner;
        match read_frame(&mut self.stream, COPY_ASK_BYTES) {
            Ok(ask) => {
                let may = inner.conduct.spend(self.from, Kind::CopyAsk, 1, Instant::now());
                (may && self.plane.is_welcome(&self.from)).then_some(ask)
            }
            Err(WireError::Gone(_)) => None,
            Err(WireError::Frame(_)) => {
                inner.conduct.blame(self.from, Instant::now());
                None
            }
        }
    }

    fn open(&mut self, blob: BlobId) -> Result<(), End> {
        let shelf = &self.plane.inner.shelf;
        let frame = match shelf.find(&blob) {
            Shelved::Held(held) => {
                let reading = shelf.read(blob, self.from);
                let readers = shelf.readers(&blob, &self.from);
                let frame =
                    CopyFrame::Held { size: held.shape().bytes, part: part(&held), readers };
                self.open = Some((held, reading));
                frame
            }
            Shelved::Preparing(permille) => CopyFrame::Preparing { permille },
            Shelved::Absent => CopyFrame::NotFound,
        };
        self.say(&frame)
    }

    fn say(&mut self, frame: &CopyFrame) -> Result<(), End> {
        let said = write_frame(&mut self.stream, frame, limits::COPY_FRAME_BYTES);
        said.and_then(|()| self.stream.flush()).map_err(|_| End)
    }

    fn send(&mut self, range: GroupRange) -> Result<(), End> {
        let Some((held, _)) = &self.open else { return self.say(&CopyFrame::Lacking) };
        let shape = held.shape();
        let groups = range.within(shape.groups()).filter(|groups| held.has(groups));
        let Some(groups) = groups else { return self.say(&CopyFrame::Lacking) };
        let out = Paced { out: &mut self.stream, pace: &self.plane.inner.pace };
        let mut out = BufWriter::with_capacity(COPY_WRITE_BYTES, out);
        write_frame(&mut out, &CopyFrame::Groups, limits::COPY_FRAME_BYTES).map_err(|_| End)?;
        let sent = match held {
            Held::Whole(whole) => {
                let Whole { shape, data, tree } = &**whole;
                tree::send(shape, data, tree, &groups, &mut out)
            }
            Held::Part(partial) => partial.send(&groups, &mut out),
        };
        if let Err(SendError::Disk(error)) = sent {
            tracing::warn!(%error, "a model file cannot be read for another computer");
        }
        sent.map_err(|_| End)?;
        out.flush().map_err(|_| End)
    }
}

/// Writes at the pace that all share. In small parts, so that a slow pace is not silence.
struct Paced<'a, W> {
    out: W,
    pace: &'a Pace,
}

impl<W: Write> Write for Paced<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pace.wait(bytes.len() as u64);
        // Waiting again for what did not go out at once would count it twice.
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn part(held: &Held) -> CopyPart {
    match held {
        Held::Whole(_) => CopyPart::Whole,
        Held::Part(partial) => CopyPart::Pieces(pieces(&partial.shape(), partial)),
    }
}

/// One bit for each piece that is there whole.
fn pieces(shape: &Shape, partial: &Arc<pumasi_models::store::partial::Partial>) -> Vec<u8> {
    let count = usize::try_from(shape.pieces()).unwrap_or(limits::COPY_PIECES);
    let mut bits = vec![0; count.min(limits::COPY_PIECES).div_ceil(8)];
    partial.with_groups(|groups| {
        for piece in (0..shape.pieces()).filter(|piece| groups.covers(shape.piece(*piece))) {
            if let Some(byte) = usize::try_from(piece / 8).ok().and_then(|byte| bits.get_mut(byte))
            {
                *byte |= 1 << (piece % 8);
            }
        }
    });
    bits
}
