//! Streams: accepted in the other side's name, opened anew towards it, and passed on piece by piece.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::{Ends, Sky, Way, spawn};

/// Bytes that are passed on at once.
const PIECE: usize = 16 * 1024;
/// How often a cut way is looked at again.
const LOOK: Duration = Duration::from_millis(20);
/// How long the other side may take to accept.
const DIAL: Duration = Duration::from_secs(5);

/// Accepts in the name of the receiver of this way.
pub(super) fn listen(ends: Ends, way: Way, port: u16, sky: Sky) -> io::Result<()> {
    let (_, receiver) = ends.of(way);
    let to = SocketAddr::from((receiver, port));
    let listener = TcpListener::bind(to)?;
    spawn("streams", move || {
        for stream in listener.incoming().flatten() {
            let sky = sky.clone();
            spawn("stream", move || relay(stream, to, way, &sky));
        }
    });
    Ok(())
}

fn relay(near: TcpStream, to: SocketAddr, way: Way, sky: &Sky) {
    // To whom it came from, a way that is cut is one on which nobody answers.
    let Ok(far) = TcpStream::connect_timeout(&to, DIAL) else { return };
    let (Ok(near_in), Ok(far_in)) = (near.try_clone(), far.try_clone()) else { return };
    let back = sky.clone();
    spawn("back", move || pass(far_in, near, way.reverse(), &back));
    pass(near_in, far, way, sky);
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: Way, sky: &Sky) {
    let mut buffer = vec![0; PIECE];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 {
            break;
        }
        while sky.over(way).cut {
            std::thread::sleep(LOOK);
        }
        let weather = sky.over(way);
        std::thread::sleep(weather.lag() + weather.transfer(length));
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other end may be gone.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
