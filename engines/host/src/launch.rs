//! One thread that starts all worker processes. A worker asks Linux for a signal when its parent
//! *thread* ends, so it must be started by a thread that lives as long as the process.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

fn serve(orders: &mpsc::Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        let _runtime = order.runtime.enter();
        // If nobody waits any more, the child is dropped here, which kills it.
        let _ = order.reply.send(order.command.spawn());
    }
}

fn launcher() -> io::Result<mpsc::Sender<Order>> {
    static LAUNCHER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    if let Some(orders) = LAUNCHER.get() {
        return Ok(orders.clone());
    }
    let (orders, receiver) = mpsc::channel();
    std::thread::Builder::new().name("launch".into()).spawn(move || serve(&receiver))?;
    Ok(LAUNCHER.get_or_init(|| orders).clone())
}

/// Spawns `command` from the launching thread.
pub(crate) async fn spawn(command: Command) -> io::Result<Child> {
    let (reply, child) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    let order = Order { command, runtime: Handle::current(), reply };
    launcher()?.send(order).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}
