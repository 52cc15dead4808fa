//! Copies of model files between real data planes: right whatever holders do, or not at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use pumasi_models::open::open_model;
use pumasi_models::store::partial::{Fetched, Partial};
use pumasi_models::store::tree::{self, Shape};
use pumasi_protocol::BlobId;
use tokio::sync::oneshot;

use super::*;
use crate::copies::{CopyError, Copying, Lendable, Lent, Pace, Stage, Wanted};

/// Bytes that differ from place to place.
fn model(bytes: u64) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(bytes).expect("small")];
    blake3::Hasher::new().update(b"a model").finalize_xof().fill(&mut content);
    content
}

fn blob(content: &[u8]) -> BlobId {
    BlobId(*blake3::hash(content).as_bytes())
}

impl Node {
    /// Lends `content` as if it were the file that `named` is.
    fn lend(&self, content: &[u8], named: &[u8]) -> PathBuf {
        let path = self.dir.path().join("lent.gguf");
        std::fs::write(&path, content).expect("written");
        let tree = self.dir.path().join("lent.tree");
        if content != named {
            // Whoever lies says that it has the right tree.
            let right = self.dir.path().join("right.gguf");
            std::fs::write(&right, named).expect("written");
            let file = std::fs::File::open(&right).expect("there");
            let out = std::fs::File::create_new(&tree).expect("made");
            let go_on = &mut |_| std::ops::ControlFlow::Continue(());
            tree::build(file, named.len() as u64, out, go_on).expect("built").expect("whole");
        }
        let identity = open_model(&path).expect("there").identity;
        let lent = Lendable { blob: blob(named), path: path.clone(), identity, tree };
        self.net.data.shelf().set_files(vec![lent]);
        path
    }

    fn wanted(&self, blob: BlobId, sources: Vec<NodeId>) -> Wanted {
        Wanted { blob, folder: self.dir.path().join("partial"), sources, room: 1 << 40 }
    }

    fn copy(&self, wanted: Wanted) -> (Copying, oneshot::Receiver<Result<Fetched, CopyError>>) {
        let (told, outcome) = oneshot::channel();
        let done = |result| drop(told.send(result));
        (self.net.copy(wanted, done), outcome)
    }

    async fn copied(&self, blob: BlobId, sources: Vec<NodeId>) -> Result<Fetched, CopyError> {
        let (_, outcome) = self.copy(self.wanted(blob, sources));
        timeout(PATIENCE, outcome).await.expect("in time").expect("it ends")
    }
}

fn check(fetched: Result<Fetched, CopyError>, content: &[u8]) {
    let fetched = fetched.expect("fetched");
    assert!(std::fs::read(&fetched.path).expect("there") == content, "the content is right");
}

/// A mesh of so many that know each other's addresses.
async fn mesh(count: usize) -> Vec<Node> {
    let mut nodes = vec![Node::founder("first").await];
    for n in 1..count {
        nodes.push(Node::joined(&format!("node-{n}"), &nodes[0]).await);
    }
    let ids: Vec<NodeId> = nodes.iter().map(Node::id).collect();
    for node in &mut nodes {
        node.until_members(count).await;
        let connect = ids.iter().filter(|id| **id != node.net.me());
        for other in connect {
            let mut known = node.net.data.connection_of(*other).await;
            while known.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                known = node.net.data.connection_of(*other).await;
            }
        }
    }
    nodes
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_comes_whole_and_right_over_tcp() {
    let (a, b) = pair().await;
    for size in [0, 1, 16_385, 3 * (1 << 20) + 7] {
        let content = model(size);
        b.lend(&content, &content);
        std::fs::remove_file(b.dir.path().join("lent.tree")).ok();
        let (copying, outcome) = a.copy(a.wanted(blob(&content), vec![b.id()]));
        let fetched = timeout(PATIENCE, outcome).await.expect("in time").expect("it ends");
        check(fetched, &content);
        let progress = copying.progress();
        assert_eq!((progress.size, progress.held), (Some(size), size));
        let [source] = progress.sources[..] else { panic!("one source") };
        assert_eq!((source.node, source.bytes, source.is_tcp), (b.id(), size, true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tcp_is_closed_it_comes_over_quic() {
    let founder = Node::founder("first").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dir = TempDir::new().expect("a folder");
    let store = Store::open(dir.path(), 1_000).expect("a new store");
    let plain = NetConfig::loopback(name("second"), store.incarnation());
    let data_port = taken.local_addr().expect("bound").port();
    let second = Node::start_with(dir, store, NetConfig { data_port, ..plain }).await;
    drop(taken);
    let token = founder.net.invite(Invite::one()).await.expect("an admin invites");
    let who = JoinAs { name: name("second"), person: None };
    second.net.join(&token, who).await.expect("joins");
    let content = model(3 * (1 << 20) + 7);
    second.lend(&content, &content);
    let (copying, outcome) = founder.copy(founder.wanted(blob(&content), vec![second.id()]));
    check(timeout(PATIENCE, outcome).await.expect("in time").expect("it ends"), &content);
    assert!(!copying.progress().sources[0].is_tcp);
}

#[tokio::test(flavor = "multi_thread")]
async fn cat_p23_a_liar_is_dropped_and_the_others_finish() {
    let nodes = mesh(3).await;
    let [reader, liar, honest] = &nodes[..] else { panic!("three") };
    let content = model(6 << 20);
    let mut wrong = content.clone();
    wrong.iter_mut().step_by(10_000).for_each(|byte| *byte ^= 1);
    // The size is proven by the last group, so that the lie is in the middle.
    let keep = content.len() - 16_384;
    wrong[keep..].copy_from_slice(&content[keep..]);
    liar.lend(&wrong, &content);
    let (copying, outcome) = reader.copy(reader.wanted(blob(&content), vec![liar.id()]));
    until("the liar is dropped", || {
        copying.progress().sources.iter().any(|source| source.stage == Stage::Dropped)
    })
    .await;
    let held = copying.progress();
    assert!(held.sources[0].bytes == 0 && held.held == 0, "nothing of it was kept: {held:?}");
    honest.lend(&content, &content);
    copying.add_sources([honest.id()]);
    check(timeout(PATIENCE, outcome).await.expect("in time").expect("it ends"), &content);
    let dropped = copying.progress().sources[0];
    assert_eq!((dropped.node, dropped.stage), (liar.id(), Stage::Dropped), "not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn cat_p23_a_size_that_is_not_true_is_no_size() {
    let (a, b) = pair().await;
    let content = model(2 << 20);
    b.lend(&content[..(1 << 20) + 5], &content);
    let (copying, outcome) = a.copy(a.wanted(blob(&content), vec![b.id()]));
    until("the liar is tried", || {
        copying
            .progress()
            .sources
            .iter()
            .any(|s| matches!(s.stage, Stage::Dropped | Stage::Resting))
    })
    .await;
    assert_eq!(copying.progress().size, None);
    copying.stop();
    let ended = timeout(PATIENCE, outcome).await.expect("in time").expect("it ends");
    assert_eq!(ended.map(drop), Err(CopyError::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_room_for_is_not_begun() {
    let (a, b) = pair().await;
    let content = model(2 << 20);
    b.lend(&content, &content);
    let wanted = Wanted { room: 1_000_000, ..a.wanted(blob(&content), vec![b.id()]) };
    let (_, outcome) = a.copy(wanted);
    let ended = timeout(PATIENCE, outcome).await.expect("in time").expect("it ends");
    let no_room = CopyError::NoRoom { bytes: 2 << 20, room: 1_000_000 };
    assert_eq!(ended.map(drop), Err(no_room));
    assert!(!a.dir.path().join("partial").exists(), "nothing was written");
}

/// A node whose models go out slowly.
async fn slow(founder: &Node, called: &str, bytes_per_s: u64) -> Node {
    let dir = TempDir::new().expect("a folder");
    let store = Store::open(dir.path(), 1_000).expect("a new store");
    let plain = NetConfig::loopback(name(called), store.incarnation());
    let pace = Arc::new(Pace::new(Some(bytes_per_s)));
    let lent = Lent { pace, ..Lent::default() };
    let node = Node::start_with(dir, store, NetConfig { lent, ..plain }).await;
    let token = founder.net.invite(Invite::one()).await.expect("an admin invites");
    let who = JoinAs { name: name(called), person: None };
    node.net.join(&token, who).await.expect("joins");
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_cut_off_in_the_middle_of_a_model() {
    let founder = Node::founder("first").await;
    let removed = Node::joined("second", &founder).await;
    let holder = slow(&founder, "holder", 2 << 20).await;
    let content = model(40 << 20);
    holder.lend(&content, &content);
    let (copying, outcome) = removed.copy(removed.wanted(blob(&content), vec![holder.id()]));
    until("some of it comes", || copying.progress().held > 0).await;
    let heads = Vec::new();
    let revoke = Change::Revoke { node: removed.id(), heads };
    founder.net.change_roster(revoke).await.expect("an admin removes");
    let shelf = holder.net.data.shelf();
    until("nobody reads there", || shelf.readers(&blob(&content), &holder.id()).is_empty()).await;
    let at_the_end = copying.progress().held;
    assert!(at_the_end < content.len() as u64);
    copying.stop();
    let ended = timeout(PATIENCE, outcome).await.expect("in time").expect("it ends");
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_vanishes_is_replaced_and_a_stopped_copy_goes_on_where_it_was() {
    let mut founder = Node::founder("first").await;
    let holder = slow(&founder, "holder", 4 << 20).await;
    founder.until_up(holder.id()).await;
    let content = model(12 << 20);
    holder.lend(&content, &content);
    let (copying, outcome) = founder.copy(founder.wanted(blob(&content), vec![holder.id()]));
    until("some of it comes", || copying.progress().held > (1 << 20)).await;
    copying.stop();
    let ended = timeout(PATIENCE, outcome).await.expect("in time").expect("it ends");
    assert_eq!(ended.map(drop), Err(CopyError::Stopped));
    let held = copying.progress().held;

    let (copying, outcome) = founder.copy(founder.wanted(blob(&content), vec![holder.id()]));
    until("it goes on", || copying.progress().sources.iter().any(|s| s.bytes > 0)).await;
    let again: u64 = copying.progress().sources.iter().map(|source| source.bytes).sum();
    assert!(copying.progress().held >= held.max(again), "what was there is not fetched again");
    holder.net.shutdown().await;
    let other = Node::joined("other", &founder).await;
    founder.until_up(other.id()).await;
    other.lend(&content, &content);
    copying.add_sources([other.id()]);
    check(timeout(PATIENCE, outcome).await.expect("in time").expect("it ends"), &content);
    let progress = copying.progress();
    let fetched: u64 = progress.sources.iter().map(|source| source.bytes).sum();
    assert!(fetched + held <= content.len() as u64 + (1 << 20), "{fetched} after {held}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_copy_at_once_serve_each_other() {
    let founder = Node::founder("first").await;
    let seed = slow(&founder, "seed", 6 << 20).await;
    let mut readers =
        vec![Node::joined("one", &founder).await, Node::joined("two", &founder).await];
    let ids = [seed.id(), readers[0].id(), readers[1].id()];
    for reader in &mut readers {
        reader.until_members(4).await;
        for other in ids.iter().filter(|id| **id != reader.net.me()) {
            while reader.net.data.connection_of(*other).await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    let content = model(16 << 20);
    seed.lend(&content, &content);
    let copies: Vec<_> =
        readers.iter().map(|r| r.copy(r.wanted(blob(&content), vec![seed.id()]))).collect();
    let mut from_each_other = 0;
    for ((copying, outcome), reader) in copies.into_iter().zip(&readers) {
        check(timeout(PATIENCE, outcome).await.expect("in time").expect("it ends"), &content);
        let sources = copying.progress().sources;
        let others = sources.iter().filter(|s| s.node != seed.id() && s.node != reader.id());
        from_each_other += others.map(|source| source.bytes).sum::<u64>();
    }
    assert!(from_each_other >= 1 << 20, "{from_each_other} bytes did not come from the seed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_reader_that_comes_back_fetches_no_more_than_what_is_missing() {
    let (a, b) = pair().await;
    let content = model(4 << 20);
    b.lend(&content, &content);
    let shape = Shape {
        hash: pumasi_models::hash::FileHash::from_bytes(blob(&content).0),
        bytes: content.len() as u64,
    };
    let fetched = a.copied(blob(&content), vec![b.id()]).await;
    check(fetched, &content);
    // What a killed process leaves: some groups, one of them torn.
    let folder = a.dir.path().join("partial");
    let (data, _) = Partial::paths(&folder, &shape);
    let mut torn = content.clone();
    torn[3 << 20..].fill(0);
    torn[(1 << 20) + 77] ^= 1;
    std::fs::write(&data, &torn).expect("written");
    let (copying, outcome) = a.copy(a.wanted(blob(&content), vec![b.id()]));
    check(timeout(PATIENCE, outcome).await.expect("in time").expect("it ends"), &content);
    let bytes: u64 = copying.progress().sources.iter().map(|source| source.bytes).sum();
    assert_eq!(bytes, (1 << 20) + 16_384);
}
