//! Whether DNS-SD works on this computer: one responder must find another on the same host.

use std::time::Duration;

use super::facts::Multicast;
use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};

const SERVICE: &str = "_pumasi-check._udp.local.";
/// Two processes on one host find each other within about a second (measured).
const PATIENCE: Duration = Duration::from_secs(3);

/// Tries it, unless discovery is off.
pub(super) async fn look(discovery: bool) -> Multicast {
    if !discovery {
        return Multicast::Off;
    }
    match found_itself().await {
        Ok(true) => Multicast::Works,
        Ok(false) => Multicast::Lost,
        Err(error) => {
            tracing::debug!(%error, "multicast cannot be used");
            Multicast::Failed
        }
    }
}

async fn found_itself() -> Result<bool, mdns_sd::Error> {
    let (announcer, seeker) = (ServiceDaemon::new()?, ServiceDaemon::new()?);
    let name = format!("check-{}", std::process::id());
    let host = format!("{name}.local.");
    let service = ServiceInfo::new(SERVICE, &name, &host, "", 1, None)?.enable_addr_auto();
    let full_name = service.get_fullname().to_owned();
    let events = seeker.browse(SERVICE)?;
    announcer.register(service)?;
    let search = async {
        while let Ok(event) = events.recv_async().await {
            if matches!(&event, ServiceEvent::ServiceFound(_, found) if *found == full_name) {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(PATIENCE, search).await.unwrap_or(false);
    for daemon in [announcer, seeker] {
        // Both end with this process in any case.
        let _ = daemon.shutdown();
    }
    Ok(found)
}
