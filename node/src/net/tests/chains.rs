//! A member that others have not heard of shows its chain at their join door; nobody else gets in so.

use std::net::SocketAddr;

use pumasi_protocol::chain::{Chain, ChainAnswer};
use pumasi_protocol::limits::{CHAIN_BYTES, CHAIN_ENTRIES};
use pumasi_protocol::roster::SignedEntry;
use quinn::ConnectionError;

use super::*;
use crate::net::limits::{JOIN_ASK_BYTES, JOIN_FAILURES};
use crate::net::tls::{Accept, Certificate, SERVER_NAME};
use crate::net::{frames, join};

impl Node {
    async fn stop(self) -> TempDir {
        let Self { net, events, store, dir } = self;
        net.shutdown().await;
        drop((net, events, store));
        dir
    }

    fn presenter(&self) -> join::Presenter {
        let approvals = &self.net.pairing.approvals;
        let (certificate, membership) =
            (approvals.certificate.clone(), approvals.membership.clone());
        join::Presenter { me: self.id(), certificate, membership }
    }

    fn chain(&self) -> Vec<SignedEntry> {
        let of = |log: Option<&mut pumasi_protocol::roster::RosterLog>| {
            log.expect("a mesh").chain(&self.net.me(), CHAIN_BYTES)
        };
        self.net.pairing.approvals.membership.with_log(of)
    }
}

/// A member that was away while another was admitted, and that other; who admitted it is gone.
async fn apart() -> (Node, Node) {
    let (founder, second) = pair().await;
    let folder = second.stop().await;
    let third = Node::joined("third", &founder).await;
    founder.stop().await;
    (Node::start_in(folder, "second").await, third)
}

#[tokio::test]
async fn who_was_admitted_a_moment_ago_is_taken_where_nobody_heard_of_it() {
    let (mut b, mut c) = apart().await;
    assert!(!b.net.roster().expect("a mesh").contains(&c.id()));
    let control = b.net.listening().control[0];
    let refused = c.net.request(b.id(), Request::Advert).await;
    assert!(matches!(refused, Err(NetError::NotConnected)), "{refused:?}");
    assert!(c.presenter().present(b.id(), &b.net.listening().join).await);
    assert_eq!(b.net.roster(), c.net.roster());
    c.net.dial(control.to_string().parse().expect("an address")).expect("queued");
    let ids = (b.id(), c.id());
    tokio::join!(b.until_up(ids.1), c.until_up(ids.0));
    assert!(c.presenter().present(b.id(), &b.net.listening().join).await, "again is no harm");
}

#[tokio::test]
async fn a_chain_is_shown_to_members_keys_only() {
    let (b, c) = apart().await;
    let stranger = Node::start("stranger").await;
    let doors = stranger.net.listening().join;
    assert!(!c.presenter().present(b.id(), &doors).await, "another key answers there");
    assert!(!c.presenter().present(stranger.id(), &doors).await, "no member at all");
    assert!(stranger.net.roster().is_none());
}

/// What the door says to this chain, shown with this key; `None`: it closed.
async fn shown(door: SocketAddr, key: &Identity, chain: Vec<SignedEntry>) -> Option<ChainAnswer> {
    let tls = Certificate::make(key).client(join::CHAIN_PROTOCOL, Accept::Anybody);
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address"));
    let endpoint = endpoint.expect("a socket");
    let config = quinn::ClientConfig::new(tls);
    let dial = endpoint.connect_with(config, door, SERVER_NAME).expect("a good address");
    let talk = async {
        let connection = dial.await.ok()?;
        let (mut out, mut input) = connection.open_bi().await.ok()?;
        // A door that closes early has heard enough.
        let _ = frames::write(&mut out, &Chain(chain), 1 << 20).await;
        frames::read(&mut input, JOIN_ASK_BYTES).await.ok()
    };
    timeout(PATIENCE, talk).await.expect("the door answers or closes")
}

#[tokio::test]
async fn cat_p06_forged_foreign_and_overlong_chains_let_nobody_in() {
    let (b, c) = apart().await;
    let door = b.net.listening().join[0];
    let before = b.net.roster();
    let key = |node: &Node| Identity::from_seed(node.store.identity_seed());
    let good = c.chain();
    let mut forged = good.clone();
    forged[0].signature[7] ^= 1;
    let other = Node::founder("elsewhere").await;
    let stranger = Identity::from_seed([97; 32]);
    let long = vec![good[0].clone(); CHAIN_ENTRIES + 1];
    let no = Some(ChainAnswer::Stranger);
    assert_eq!(shown(door, &stranger, good.clone()).await, no, "somebody else's chain");
    assert_eq!(shown(door, &key(&c), forged).await, no);
    assert_eq!(shown(door, &key(&other), other.chain()).await, no, "of another mesh");
    assert_eq!(shown(door, &key(&c), Vec::new()).await, no);
    assert_eq!(shown(door, &key(&c), long).await, no);
    let huge = vec![SignedEntry { payload: vec![0; CHAIN_BYTES], ..good[0].clone() }; 2];
    assert_eq!(shown(door, &key(&c), huge).await, None, "more than a frame may hold");
    assert_eq!(b.net.roster(), before, "none of it was kept");
    assert_eq!(shown(door, &key(&c), good).await, Some(ChainAnswer::Member));
}

#[tokio::test]
async fn cat_p17_who_shows_nonsense_again_and_again_is_not_heard_for_a_while() {
    let b = Node::founder("first").await;
    let door = b.net.listening().join[0];
    let stranger = Identity::from_seed([97; 32]);
    for _ in 0..JOIN_FAILURES {
        let answer = shown(door, &stranger, Vec::new()).await;
        assert_eq!(answer, Some(ChainAnswer::Stranger));
    }
    assert_eq!(shown(door, &stranger, Vec::new()).await, None);
    let tls = Certificate::make(&stranger).client(join::CHAIN_PROTOCOL, Accept::Anybody);
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().expect("an address"));
    let endpoint = endpoint.expect("a socket");
    let dial = endpoint.connect_with(quinn::ClientConfig::new(tls), door, SERVER_NAME);
    let refused = timeout(PATIENCE, dial.expect("a good address")).await.expect("in time");
    assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
}

#[tokio::test]
async fn a_removed_member_is_not_taken_by_its_old_chain() {
    let (a, b) = pair().await;
    let chain = b.chain();
    let revoke = Change::Revoke { node: b.id(), heads: Vec::new() };
    a.net.change_roster(revoke).await.expect("an admin revokes");
    let key = Identity::from_seed(b.store.identity_seed());
    let answer = shown(a.net.listening().join[0], &key, chain).await;
    assert_eq!(answer, Some(ChainAnswer::Stranger));
    assert!(!a.net.roster().expect("a mesh").contains(&b.id()));
}
