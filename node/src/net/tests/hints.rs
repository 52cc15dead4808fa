//! Addresses on somebody's word: a member's, or that of a record which anybody can send. Those that
//! mean nobody, everybody or this computer are not remembered, and so never dialled.

use std::net::SocketAddr;

use pumasi_protocol::envelope::{Addresses, Envelope};
use pumasi_tests::peer::gossip;

use super::hostile::Attack;
use super::*;
use crate::net::control::Notice;
use crate::net::discovery::Sighting;

/// Whom nobody may make this node dial, over whatever he speaks with it.
const NOBODY: [&str; 4] = ["0.0.0.0:9", "224.0.0.251:9", "255.255.255.255:9", "10.0.0.7:0"];

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// Where the node believes a member to be.
async fn route(node: &Node, member: NodeId) -> Vec<SocketAddr> {
    let survey = node.net.survey().await;
    let route = survey.members.into_iter().find(|route| route.node == member);
    route.expect("a member").addresses
}

#[tokio::test]
async fn cat_p18_a_member_does_not_make_others_dial_nobody_or_everybody() {
    let attack = Attack::begin().await;
    let (_connection, mut out, _input) = attack.gossip().await;
    let mesh = attack.victim.net.roster().expect("a mesh").mesh;
    // Over loopback one may name loopback.
    let good = addresses(&["127.0.0.1:9"]);
    let all = [addresses(&NOBODY), good.clone()].concat();
    let told = Addresses {
        incarnation: u64::MAX - 1,
        sequence: 1,
        control: all.clone(),
        data: all.clone(),
    };
    let sealed = Envelope::seal_addresses(&attack.signing(), &mesh, &told).expect("it is small");
    let packet = gossip::message(&attack.key, 1, &attack.topic, &sealed);
    out.write_all(&packet).await.expect("it is connected");
    let known = async {
        loop {
            let known = route(&attack.victim, attack.id()).await;
            if known.contains(&good[0]) {
                return known;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let known = timeout(PATIENCE, known).await.expect("it is told");
    assert!(addresses(&NOBODY).iter().all(|bad| !known.contains(bad)), "{known:?}");
    let data = attack.victim.net.data.addresses(attack.id());
    assert_eq!(data, good);
}

#[tokio::test]
async fn cat_p18_records_do_not_make_a_node_dial_itself_nobody_or_everybody() {
    let (a, b) = pair().await;
    let bad = [addresses(&NOBODY), addresses(&["127.0.0.1:9", "[::1]:9"])].concat();
    let newcomer = NodeId([77; 32]);
    for (node, asks) in [(newcomer, true), (b.id(), false)] {
        let candidate = Candidate {
            node,
            name: "desk".to_owned(),
            mesh: None,
            join: bad.clone(),
            version: "0.1.0".to_owned(),
            asks,
        };
        let record = "desk._pumasi._udp.local.".to_owned();
        let sighting = Sighting { candidate, control: bad.clone(), run: Some(1), record };
        a.net.pairing.approvals.membership.tell(Notice::Seen(sighting));
    }
    // They are taken in their order.
    let seen = async {
        while !a.net.survey().await.seen.iter().any(|seen| seen.candidate.node == b.id()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("it is seen");
    let known = route(&a, b.id()).await;
    assert!(bad.iter().all(|bad| !known.contains(bad)), "{known:?}");
    let askers = a.net.askers();
    let [asker] = askers.as_slice() else { panic!("one asks: {askers:?}") };
    assert_eq!((asker.node, asker.doors.len()), (newcomer, 0), "nor their join doors");
}
