//! A relay between two nodes that sees every datagram and byte between them and does to them what a bad
//! network does: drops, delays, reorders, doubles, narrows, cuts; each direction by itself, from a seed.
//!
//! It runs in a network namespace between two others ([`crate::wire::Wire`] lays them out): each side's
//! address is answered for by the relay, so that the nodes notice nothing and no port is special.

mod fate;
mod tcp;
mod udp;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::thread;

pub use fate::{Fate, Weather};

/// The port that each plane listens on in [`crate::wire::Wire`]'s nodes: TCP.
pub const TCP_PORTS: [u16; 1] = [7_863];
/// The same: UDP.
pub const UDP_PORTS: [u16; 3] = [7_863, 7_864, 7_865];

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the first side to the second.
    There,
    /// From the second side to the first.
    Back,
}

impl Way {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::There, Self::Back];

    /// The other one.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::There => Self::Back,
            Self::Back => Self::There,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::There => 0,
            Self::Back => 1,
        }
    }
}

/// The weather of both ways, as it is at this moment.
#[derive(Debug, Clone, Default)]
pub struct Sky(Arc<Mutex<[Weather; 2]>>);

impl Sky {
    /// What it is like.
    ///
    /// # Panics
    /// Never: nothing panics while it is held.
    #[must_use]
    pub fn over(&self, way: Way) -> Weather {
        self.0.lock().expect("nothing panics under this lock")[way.index()]
    }

    /// Changes it.
    ///
    /// # Panics
    /// Never: nothing panics while it is held.
    pub fn set(&self, way: Way, weather: Weather) {
        self.0.lock().expect("nothing panics under this lock")[way.index()] = weather;
    }
}

/// The two addresses that it stands between.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The address of the first side's node.
    pub first: Ipv4Addr,
    /// The address of the second side's node.
    pub second: Ipv4Addr,
}

impl Ends {
    /// Where what goes this way comes from, and where to.
    fn of(self, way: Way) -> (Ipv4Addr, Ipv4Addr) {
        match way {
            Way::There => (self.first, self.second),
            Way::Back => (self.second, self.first),
        }
    }
}

/// Relays until the process ends.
///
/// # Errors
/// When a port cannot be bound.
pub fn start(ends: Ends, sky: &Sky, seed: u64) -> std::io::Result<()> {
    udp::start(ends, sky, seed)?;
    for way in Way::BOTH {
        for port in TCP_PORTS {
            tcp::listen(ends, way, port, sky.clone())?;
        }
    }
    Ok(())
}

/// Reads one line each: `there drop=200 delay=30 jitter=20 double=10 bytes_per_s=100000`, `both clear`,
/// `back cut`. Ends with its input.
///
/// # Errors
/// When a line says nothing that is known.
pub fn obey(sky: &Sky, lines: impl Iterator<Item = String>) -> Result<(), String> {
    for line in lines {
        let (ways, words) = line.split_once(' ').ok_or_else(|| format!("no weather: {line}"))?;
        let weather: Weather = words.parse()?;
        match ways {
            "both" => Way::BOTH.into_iter().for_each(|way| sky.set(way, weather)),
            "there" => sky.set(Way::There, weather),
            "back" => sky.set(Way::Back, weather),
            other => return Err(format!("no way: {other}")),
        }
    }
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    // Without a thread the bytes of one flow are lost, which is what a relay of faults may do.
    drop(started);
}
