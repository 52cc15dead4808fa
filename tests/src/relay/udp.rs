//! Datagrams: whoever sends from a port to a port is answered for on the other side under his own
//! address and port, so that replies find back.

use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Ends, Fate, Sky, UDP_PORTS, Way, spawn};

/// Larger than any datagram on these links.
const DATAGRAM: usize = 65_536;

/// Sockets that answer for senders of one way, by the sender's port.
type Doors = Arc<Mutex<BTreeMap<u16, UdpSocket>>>;

struct Relay {
    ends: Ends,
    sky: Sky,
    seed: u64,
    /// For each way, the sockets on its far side, which carry the sender's address.
    doors: [Doors; 2],
    clocks: [Sender<Late>; 2],
}

/// A datagram on its way.
struct Late {
    due: Instant,
    order: u64,
    from: u16,
    to: u16,
    bytes: Vec<u8>,
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.order) == (other.due, other.order)
    }
}

impl Eq for Late {}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives its greatest; the earliest is wanted.
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

/// Answers for all known ports of both sides; further ones follow as they speak.
pub(super) fn start(ends: Ends, sky: &Sky, seed: u64) -> io::Result<()> {
    let (there, there_late) = mpsc::channel();
    let (back, back_late) = mpsc::channel();
    let relay = Arc::new(Relay {
        ends,
        sky: sky.clone(),
        seed,
        doors: [Doors::default(), Doors::default()],
        clocks: [there, back],
    });
    for (way, late) in Way::BOTH.into_iter().zip([there_late, back_late]) {
        let keeper = Arc::clone(&relay);
        spawn("datagrams", move || keeper.keep_time(way, &late));
        for port in UDP_PORTS {
            relay.door(way, port)?;
        }
    }
    Ok(())
}

impl Relay {
    /// The socket on the far side of a way that carries the sender's address and this port; who
    /// writes to it goes the other way.
    fn door(self: &Arc<Self>, way: Way, port: u16) -> io::Result<UdpSocket> {
        let mut doors = self.doors[way.index()].lock().expect("nothing panics under this lock");
        if let Some(known) = doors.get(&port) {
            return known.try_clone();
        }
        let (sender, _) = self.ends.of(way);
        let socket = UdpSocket::bind(SocketAddr::from((sender, port)))?;
        doors.insert(port, socket.try_clone()?);
        let (relay, listening) = (Arc::clone(self), socket.try_clone()?);
        spawn("door", move || relay.listen(way.reverse(), port, &listening));
        Ok(socket)
    }

    /// Takes what is sent to this port, and sends it on its way.
    fn listen(&self, way: Way, to: u16, socket: &UdpSocket) {
        let mut buffer = vec![0; DATAGRAM];
        let seed = self.seed ^ (u64::from(to) << 8) ^ way.index() as u64;
        let mut number = 0_u64;
        loop {
            // An error is one datagram's (its port was closed): the next one may pass.
            let Ok((length, sender)) = socket.recv_from(&mut buffer) else { continue };
            number += 1;
            let weather = self.sky.over(way);
            let now = Instant::now();
            let late = |after: Duration, order| Late {
                due: now + after,
                order,
                from: sender.port(),
                to,
                bytes: buffer[..length].to_vec(),
            };
            let clock = &self.clocks[way.index()];
            // The keeper lives as long as the process.
            match weather.fate(seed, number, length) {
                Fate::Lost => {}
                Fate::Arrives(after) => drop(clock.send(late(after, number))),
                Fate::Doubled(first, second) => {
                    drop(clock.send(late(first, number)));
                    drop(clock.send(late(second, number)));
                }
            }
        }
    }

    /// Lets each datagram of a way arrive in its time.
    fn keep_time(self: &Arc<Self>, way: Way, late: &Receiver<Late>) {
        let mut heap: BinaryHeap<Late> = BinaryHeap::new();
        loop {
            let wait = heap.peek().map(|next| next.due.saturating_duration_since(Instant::now()));
            match wait {
                Some(Duration::ZERO) => {
                    if let Some(due) = heap.pop() {
                        self.deliver(way, &due);
                    }
                }
                Some(wait) => match late.recv_timeout(wait) {
                    Ok(more) => heap.push(more),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                },
                None => match late.recv() {
                    Ok(more) => heap.push(more),
                    Err(_) => return,
                },
            }
        }
    }

    fn deliver(self: &Arc<Self>, way: Way, late: &Late) {
        let (_, receiver) = self.ends.of(way);
        // What cannot be sent is lost, as datagrams are.
        if let Ok(door) = self.door(way, late.from) {
            let _ = door.send_to(&late.bytes, SocketAddr::from((receiver, late.to)));
        }
    }
}
