//! Pairing by six digits, as the interface asks for it: showing them, listing who asks, letting in, and
//! starting a mesh.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pumasi_protocol::NodeName;
use pumasi_protocol::pairing::{Digits, PairingRefusal, Standing};
use pumasi_protocol::roster::NodeRole;
use pumasi_web::api;
use pumasi_web::mesh::AdmissionError;

use super::Core;
use super::admission::{Reply, joined_view, net_error, node_role};
use crate::config::JOIN_PORT;
use crate::net::{Approval, ApproveError, Asker, NetHandle};

impl Core {
    pub(super) fn pairing_view(&self) -> api::Pairing {
        view(&self.net, self.net.standing())
    }

    pub(super) fn ask_in(&self, again: bool) -> Result<api::Pairing, AdmissionError> {
        let standing = self.net.ask_in(again);
        match standing {
            // A page that shows digits may ask once more after they let it in.
            Ok(_) | Err(PairingRefusal::HasMesh) => Ok(view(&self.net, standing)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    pub(super) fn approve(&self, request: api::ApproveRequest, reply: Reply<api::Approved>) {
        let net = self.net.clone();
        tokio::spawn(async move {
            // Whoever does not wait any more sees it in the list of members.
            drop(reply.send(approve(&net, request).await));
        });
    }

    pub(super) fn found(&self, request: api::FoundRequest, reply: Reply<api::Joined>) {
        let net = self.net.clone();
        let (own_name, person) = self.founding_names();
        tokio::spawn(async move {
            drop(reply.send(found(&net, request, own_name, person).await));
        });
    }
}

async fn found(
    net: &NetHandle,
    request: api::FoundRequest,
    own_name: NodeName,
    person: NodeName,
) -> Result<api::Joined, AdmissionError> {
    let named = request.name.map(|name| name.parse()).transpose();
    let name = named.map_err(AdmissionError::Name)?.unwrap_or(own_name);
    let roster = net.found(name, person).await.map_err(|error| net_error(&error))?;
    Ok(joined_view(&roster))
}

async fn approve(
    net: &NetHandle,
    request: api::ApproveRequest,
) -> Result<api::Approved, AdmissionError> {
    let digits: Digits = request.digits.parse().map_err(|_| AdmissionError::BadDigits)?;
    let person = request.person.map(|name| name.parse()).transpose();
    let person = person.map_err(AdmissionError::Name)?;
    let role = request.role.map_or(NodeRole::Member, node_role);
    let roster = net.roster().ok_or(AdmissionError::NoMesh)?;
    if !roster.has_role(&net.me(), NodeRole::Admin) {
        return Err(AdmissionError::NotAllowed);
    }
    let (node, doors) = match request.address {
        Some(address) => (None, resolve(&address).await?),
        None => {
            let asker = pick(net.askers(), request.node.as_deref())?;
            (Some(asker.node), asker.doors)
        }
    };
    let approval = Approval { digits, node, doors, person, roles: BTreeSet::from([role]) };
    let approved = net.approve(approval).await.map_err(|error| approve_error(&error))?;
    let node = api::NodeRef::new(approved.node, approved.name.as_str());
    Ok(api::Approved { node, person: approved.person.map(|person| person.to_string()) })
}

/// The computer that is meant: by its name, the beginning of its id, or because it is the only one.
fn pick(mut askers: Vec<Asker>, wanted: Option<&str>) -> Result<Asker, AdmissionError> {
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
        let is_meant =
            |asker: &Asker| asker.name == wanted || asker.node.to_string().starts_with(wanted);
        askers.retain(is_meant);
    }
    match askers.len() {
        0 => Err(AdmissionError::NobodyAsks),
        1 => Ok(askers.remove(0)),
        _ => Err(AdmissionError::SeveralAsk),
    }
}

/// The addresses that a person's word stands for.
async fn resolve(text: &str) -> Result<Vec<SocketAddr>, AdmissionError> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, JOIN_PORT)]);
    }
    let named = if text.contains(':') { text.to_owned() } else { format!("{text}:{JOIN_PORT}") };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if named.len() > HOST_BYTES || !named.chars().all(allowed) {
        return Err(AdmissionError::BadAddress);
    }
    let found = tokio::net::lookup_host(named).await;
    found.map(Iterator::collect).map_err(|_| AdmissionError::NewcomerUnreachable)
}

/// Longest host name (RFC 1035) with a port.
const HOST_BYTES: usize = 260;

fn view(net: &NetHandle, standing: Result<Standing, PairingRefusal>) -> api::Pairing {
    let own = match standing {
        Err(PairingRefusal::HasMesh) => None,
        Err(_) | Ok(Standing::Closed) => Some(api::Doorstep::Closed),
        Ok(Standing::Shut) => Some(api::Doorstep::Shut),
        Ok(Standing::Open(shown, wrong)) => {
            let left_ms = shown.until_ms.saturating_sub(net.standing_ms());
            let left_s = u32::try_from(left_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
            Some(api::Doorstep::Open { digits: shown.digits.to_string(), left_s, wrong })
        }
    };
    let roster = net.roster();
    let may_approve = roster.is_some_and(|roster| roster.has_role(&net.me(), NodeRole::Admin));
    let asking = net.askers().into_iter().map(newcomer_view).collect();
    api::Pairing { own, may_approve, asking }
}

fn newcomer_view(asker: Asker) -> api::Newcomer {
    api::Newcomer {
        node: api::NodeRef { id: asker.node.to_string(), name: asker.name },
        version: asker.version,
        addresses: asker.doors.iter().map(ToString::to_string).collect(),
        since_ms: asker.since_ms,
    }
}

fn approve_error(error: &ApproveError) -> AdmissionError {
    match error {
        ApproveError::Unreachable => AdmissionError::NewcomerUnreachable,
        ApproveError::Unconfirmed => AdmissionError::Unconfirmed,
        ApproveError::Refused(refusal) => AdmissionError::Pairing(*refusal),
        ApproveError::Net(error) => net_error(error),
    }
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::NodeId;

    use super::*;

    fn asker(first: u8, name: &str) -> Asker {
        let (node, name) = (NodeId([first; 32]), name.to_owned());
        Asker { node, name, version: String::new(), doors: Vec::new(), since_ms: 0 }
    }

    #[test]
    fn the_computer_that_is_meant_is_named_or_the_only_one() {
        let two = || vec![asker(0xaa, "desk"), asker(0xab, "창가")];
        let picked = |wanted| pick(two(), wanted).map(|asker| asker.node.0[0]);
        assert_eq!(picked(None), Err(AdmissionError::SeveralAsk));
        assert_eq!(picked(Some("창가")), Ok(0xab));
        assert_eq!(picked(Some("aaaa")), Ok(0xaa));
        assert_eq!(picked(Some("a")), Err(AdmissionError::SeveralAsk));
        assert_eq!(picked(Some("lab")), Err(AdmissionError::NobodyAsks));
        assert_eq!(pick(Vec::new(), None), Err(AdmissionError::NobodyAsks));
        assert!(pick(vec![asker(1, "desk")], Some("")).is_ok());
    }

    #[tokio::test]
    async fn addresses_have_the_usual_port_unless_they_say_another() {
        let resolved = |text: &'static str| async move {
            resolve(text).await.map(|found| found[0].to_string())
        };
        assert_eq!(resolved("10.0.0.7").await, Ok("10.0.0.7:7865".to_owned()));
        assert_eq!(resolved(" [fd00::7]:1 ").await, Ok("[fd00::7]:1".to_owned()));
        assert_eq!(resolved("fd00::7").await, Ok("[fd00::7]:7865".to_owned()));
        assert_eq!(resolved("http://10.0.0.7").await, Err(AdmissionError::BadAddress));
        assert_eq!(resolve(&"a".repeat(300)).await, Err(AdmissionError::BadAddress));
    }
}
