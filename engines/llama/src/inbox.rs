//! What the engine waits for: commands of the node, prepared requests, the end. A reader thread
//! takes frames from stdin; the end of stdin ends the process, whatever the engine is doing.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};

use pumasi_protocol::frame::{self, PREFIX};
use pumasi_protocol::limits::FRAME_BYTES;
use pumasi_protocol::worker::Command;

use crate::limits::{EXIT_GRACE, WAITING_COMMANDS};
use crate::pipes;
use crate::prepare::Ready;

/// One thing to react to.
#[derive(Debug)]
pub(crate) enum Input {
    /// A command of the node.
    Command(Command),
    /// A request is ready for a slot, or failed to be.
    Prepared(Box<Ready>),
    /// Nothing more will come: exit.
    Closed,
}

/// What must reach the engine even while it is inside the C++ library.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    cancel_load: AtomicBool,
    closing: AtomicBool,
}

impl Interrupt {
    /// Whether the load that is under way must end.
    pub(crate) fn ends_load(&self) -> bool {
        self.cancel_load.load(Ordering::Relaxed) || self.is_closing()
    }

    /// Whether the process must end.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// A new load begins.
    pub(crate) fn begin_load(&self) {
        self.cancel_load.store(false, Ordering::Relaxed);
    }
}

/// The engine's single queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) inputs: Receiver<Input>,
    pub(crate) sender: SyncSender<Input>,
    pub(crate) interrupt: Arc<Interrupt>,
}

impl Inbox {
    /// Starts the reader thread on `source`.
    pub(crate) fn start<R: Read + Send + 'static>(source: R) -> io::Result<Self> {
        let (sender, inputs) = mpsc::sync_channel(WAITING_COMMANDS);
        let interrupt = Arc::new(Interrupt::default());
        let (commands, flags) = (sender.clone(), Arc::clone(&interrupt));
        std::thread::Builder::new().name("frames in".into()).spawn(move || {
            read_commands(source, &commands, &flags);
            flags.closing.store(true, Ordering::Relaxed);
            // The engine may be gone already, or its queue full: the flag tells it too.
            let _ = commands.try_send(Input::Closed);
            std::thread::sleep(EXIT_GRACE);
            pipes::end_now();
        })?;
        Ok(Self { inputs, sender, interrupt })
    }
}

/// Reads until the end, a shutdown, or bytes that are no command.
fn read_commands<R: Read>(mut source: R, commands: &SyncSender<Input>, interrupt: &Interrupt) {
    let mut body = Vec::new();
    loop {
        let command = match read_command(&mut source, &mut body) {
            Ok(command) => command,
            Err(error) => {
                if error.kind() != io::ErrorKind::UnexpectedEof {
                    tracing::error!(%error, "stdin holds no command");
                }
                return;
            }
        };
        match command {
            Command::Shutdown => return,
            Command::CancelLoad => interrupt.cancel_load.store(true, Ordering::Relaxed),
            Command::Load(_)
            | Command::Generate { .. }
            | Command::Embed { .. }
            | Command::Document { .. }
            | Command::Input { .. }
            | Command::Tempo { .. }
            | Command::Cancel(_) => {
                if commands.send(Input::Command(command)).is_err() {
                    return;
                }
            }
        }
    }
}

fn read_command<R: Read>(source: &mut R, body: &mut Vec<u8>) -> io::Result<Command> {
    let mut prefix = [0; PREFIX];
    source.read_exact(&mut prefix)?;
    let length = frame::body_length(prefix, FRAME_BYTES).map_err(io::Error::other)?;
    body.clear();
    // Grows with what arrives, so that a stated length alone takes no memory.
    if source.by_ref().take(length as u64).read_to_end(body)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    frame::decode_body(body).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pumasi_protocol::worker::RequestId;

    fn frames(commands: &[Command]) -> Vec<u8> {
        commands.iter().flat_map(|c| frame::encode(c, FRAME_BYTES).expect("small")).collect()
    }

    fn read_all(bytes: &[u8]) -> (Vec<Command>, bool) {
        let (sender, inputs) = mpsc::sync_channel(16);
        let interrupt = Interrupt::default();
        read_commands(bytes, &sender, &interrupt);
        drop(sender);
        let commands = inputs.iter().filter_map(|input| match input {
            Input::Command(command) => Some(command),
            Input::Prepared(_) | Input::Closed => None,
        });
        (commands.collect(), interrupt.ends_load())
    }

    #[test]
    fn a_cancelled_load_is_a_flag_because_the_engine_is_inside_the_library() {
        let cancel = Command::Cancel(RequestId(3));
        let bytes = frames(&[Command::CancelLoad, cancel.clone(), Command::Shutdown, cancel]);
        assert_eq!(read_all(&bytes), (vec![Command::Cancel(RequestId(3))], true));
    }

    #[test]
    fn cat_e04_half_frames_and_garbage_end_the_reading() {
        let whole = frames(&[Command::Cancel(RequestId(1)), Command::Cancel(RequestId(2))]);
        let first = vec![Command::Cancel(RequestId(1))];
        assert_eq!(read_all(&whole[..whole.len() - 1]), (first.clone(), false));
        let mut garbage = frames(&first);
        garbage.extend([0xff; 64]);
        assert_eq!(read_all(&garbage), (first, false));
    }
}
