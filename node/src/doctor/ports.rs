//! Whether the ports of the settings are free, or held by the node that runs.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use pumasi_web::api::Check;

use super::{good, trouble};
use crate::config::Config;
use crate::runtime::Running;

/// One finding for each port.
pub(super) fn check(config: &Config, running: Option<&Running>) -> Vec<Check> {
    if let Some(running) = running {
        let list = |addresses: &[SocketAddr]| {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        return vec![good(
            "ports",
            format!(
                "the node listens: HTTP {}, mesh {}, data {}, join {}",
                running.http,
                list(&running.mesh),
                list(&running.data),
                list(&running.join)
            ),
        )];
    }
    let at = |port| SocketAddr::new(config.listen, port);
    vec![
        one("http", "HTTP", config.http, tcp(config.http)),
        one("mesh-port", "the control plane", at(config.mesh_port), tcp(at(config.mesh_port))),
        one("mesh-port", "the control plane", at(config.mesh_port), udp(at(config.mesh_port))),
        one("data-port", "the data plane", at(config.data_port), udp(at(config.data_port))),
        one("join-port", "the join door", at(config.join_port), udp(at(config.join_port))),
    ]
}

fn tcp(address: SocketAddr) -> std::io::Result<()> {
    TcpListener::bind(address).map(drop)
}

fn udp(address: SocketAddr) -> std::io::Result<()> {
    UdpSocket::bind(address).map(drop)
}

fn one(flag: &str, what: &str, address: SocketAddr, bound: std::io::Result<()>) -> Check {
    match bound {
        Ok(()) => good("ports", format!("{what} can listen on {address}")),
        Err(error) => trouble(
            "ports",
            format!("{what} cannot listen on {address}: {error}"),
            &format!("End the program that holds the port, or choose another with --{flag}."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pumasi_web::api::CheckOutcome;

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_moves_it() {
        let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = holder.local_addr().expect("it is bound");
        let found = one("http", "HTTP", address, tcp(address));
        assert_eq!(found.outcome, CheckOutcome::Trouble);
        assert!(found.advice.expect("there is advice").contains("--http"));
        assert!(found.message.contains(&address.to_string()));
    }
}
