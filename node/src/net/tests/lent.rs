//! Streams on which providers are asked through a member: what a hostile asker sends, and what a hostile
//! member answers. The host here is a double; who may ask what is tried with whole nodes.

#![allow(clippy::wildcard_enum_match_arm, reason = "foreign enums that grow")]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use pumasi_protocol::providing::{
    ProviderAsk, ProviderCall, ProviderFrame, ProviderMiss, SharedProvider,
};
use pumasi_protocol::stream::OwnerFrame;
use pumasi_protocol::{frame, limits};
use pumasi_tests::peer;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::watch;

use super::hostile::Attack;
use super::*;

/// Answers with what it was asked, or never ends; counts.
#[derive(Debug, Default)]
struct Double {
    changes: watch::Sender<u64>,
    asked: AtomicUsize,
    dropped: Arc<AtomicUsize>,
}

/// Counts that it is gone.
struct Under(Arc<AtomicUsize>);

impl Drop for Under {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl ProviderHost for Double {
    fn shared_with(&self, _: NodeId) -> Vec<SharedProvider> {
        vec![shared("gpu")]
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn may_use(&self, _: NodeId, _: &str) -> bool {
        true
    }

    fn ask(
        &self,
        _: NodeId,
        call: ProviderCall,
        body: Bytes,
    ) -> BoxFuture<'static, Result<Lent, ProviderMiss>> {
        self.asked.fetch_add(1, SeqCst);
        let under = Under(Arc::clone(&self.dropped));
        let endless = call.provider == "endless";
        async move {
            let pieces = match endless {
                true => futures::stream::repeat(Ok(Bytes::from_static(&[7; 4096]))).boxed(),
                false => futures::stream::iter([Ok(body)]).boxed(),
            };
            let pieces = pieces.map(move |piece| {
                let _under = &under;
                piece
            });
            Ok(Lent { status: 200, headers: Vec::new(), body: pieces.boxed() })
        }
        .boxed()
    }
}

fn shared(id: &str) -> SharedProvider {
    SharedProvider {
        id: id.to_owned(),
        kind: "openai-compatible".to_owned(),
        outside: false,
        keeps_nothing: true,
        any_model: true,
        is_spent: false,
        models: Vec::new(),
    }
}

fn call(body: u32) -> ProviderCall {
    ProviderCall {
        provider: "gpu".to_owned(),
        path: "/chat/completions".to_owned(),
        headers: Vec::new(),
        body,
    }
}

/// A victim that lends, and a hostile member's data connection to it.
async fn lending() -> (Attack, Arc<Double>, Connection) {
    let attack = Attack::begin().await;
    let host = Arc::new(Double::default());
    attack.victim.net.share_providers(Arc::clone(&host) as _);
    let dialled = peer::dial(&attack.endpoint, &attack.key, attack.data(), peer::DATA).await;
    let connection = dialled.expect("a member is let in");
    (attack, host, connection)
}

/// Sends a head and a body; whether the stream is ended behind it is the caller's affair.
async fn put(connection: &Connection, call: ProviderCall, body: &[u8]) -> (SendStream, RecvStream) {
    let (mut out, input) = connection.open_bi().await.expect("a stream");
    let head = OwnerFrame::Provider(Box::new(ProviderAsk::Call(call)));
    let head = frame::encode(&head, limits::FRAME_BYTES).expect("it is small");
    // The other side may have had enough by now.
    let _ = out.write_all(&head).await;
    let _ = out.write_all(body).await;
    (out, input)
}

/// The first frame of an answer; none: the stream was reset, or ended.
async fn first(input: &mut RecvStream) -> Option<ProviderFrame> {
    let mut prefix = [0; 4];
    let read = timeout(PATIENCE, input.read_exact(&mut prefix)).await.expect("in time");
    read.ok()?;
    let mut body = vec![0; u32::from_le_bytes(prefix) as usize];
    input.read_exact(&mut body).await.ok()?;
    Some(frame::decode_body(&body).expect("a frame"))
}

fn missed(word: &str) -> Option<ProviderFrame> {
    Some(ProviderFrame::Missed(ProviderMiss::bare(word)))
}

#[tokio::test]
async fn cat_p23_heads_and_bodies_that_are_not_what_they_say_ask_nobody() {
    let (_attack, host, connection) = lending().await;
    let long = |length: usize| "x".repeat(length);
    let heads = [
        ProviderCall { body: 0, ..call(0) },
        ProviderCall { body: limits::PROVIDER_BODY_BYTES + 1, ..call(0) },
        ProviderCall { provider: long(1_000), ..call(2) },
        ProviderCall { path: long(100_000), ..call(2) },
        ProviderCall { headers: vec![("a".to_owned(), long(2_000)); 1_000], ..call(2) },
    ];
    for head in heads {
        let (mut out, mut input) = put(&connection, head, b"{}").await;
        let _ = out.finish();
        assert_eq!(first(&mut input).await, missed("refused"));
    }
    // Less than it says, and more.
    let (mut out, mut input) = put(&connection, call(10), b"{}").await;
    out.finish().expect("it is open");
    assert_eq!(first(&mut input).await, missed("refused"));
    let (mut out, mut input) = put(&connection, call(2), b"{}{}").await;
    out.finish().expect("it is open");
    assert_eq!(first(&mut input).await, missed("refused"));
    assert_eq!(host.asked.load(SeqCst), 0);
    let (mut out, mut input) = put(&connection, call(2), b"{}").await;
    out.finish().expect("it is open");
    let begun = ProviderFrame::Begun { status: 200, headers: Vec::new() };
    assert_eq!(first(&mut input).await, Some(begun), "and what is right is answered");
}

#[tokio::test]
async fn cat_p23_bodies_that_never_come_take_no_more_memory_than_one_member_may() {
    let (_attack, host, connection) = lending().await;
    let mut held = Vec::new();
    // Together far more than the room of one member, and not a byte of it comes.
    for _ in 0..64 {
        held.push(put(&connection, call(limits::PROVIDER_BODY_BYTES), b"").await);
    }
    drop(held);
    let answered = async {
        loop {
            let (mut out, mut input) = put(&connection, call(2), b"{}").await;
            let _ = out.finish();
            if let Some(ProviderFrame::Begun { .. }) = first(&mut input).await {
                return;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("once they are gone there is room again");
    assert_eq!(host.asked.load(SeqCst), 1);
}

#[tokio::test]
async fn cat_p23_who_does_not_read_holds_up_its_answer_and_who_leaves_ends_it() {
    let (_attack, host, connection) = lending().await;
    let endless = ProviderCall { provider: "endless".to_owned(), ..call(2) };
    let (mut out, mut input) = put(&connection, endless, b"{}").await;
    out.finish().expect("it is open");
    assert!(matches!(first(&mut input).await, Some(ProviderFrame::Begun { .. })));
    assert_eq!(host.dropped.load(SeqCst), 0, "it waits for its reader");
    input.stop(1u32.into()).expect("it is open");
    let ended = async {
        while host.dropped.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("the provider's answer is dropped");
}

#[tokio::test]
async fn cat_p06_a_removed_member_is_asked_for_no_more_and_its_old_streams_end() {
    let (attack, host, connection) = lending().await;
    let endless = ProviderCall { provider: "endless".to_owned(), ..call(2) };
    let (mut out, mut input) = put(&connection, endless.clone(), b"{}").await;
    out.finish().expect("it is open");
    assert!(first(&mut input).await.is_some());
    attack.victim.net.revoke(attack.id()).await.expect("an admin removes");
    let ended = async {
        while host.dropped.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("what it was answered ends");
    timeout(PATIENCE, connection.closed()).await.expect("and its connection");
    let asked = host.asked.load(SeqCst);
    let again = peer::dial(&attack.endpoint, &attack.key, attack.data(), peer::DATA).await;
    if let Ok(connection) = again
        && let Ok((mut out, mut input)) = connection.open_bi().await
    {
        // What it sent before, once more.
        let head = OwnerFrame::Provider(Box::new(ProviderAsk::Call(endless)));
        let head = frame::encode(&head, limits::FRAME_BYTES).expect("it is small");
        let _ = (out.write_all(&head).await, out.write_all(b"{}").await, out.finish());
        assert!(input.read_to_end(64).await.map_or(true, |bytes| bytes.is_empty()));
    }
    assert_eq!(host.asked.load(SeqCst), asked);
}

/// Answers the victim's calls by hand.
async fn answering(connection: &Connection, answer: &[u8]) {
    while let Ok((mut out, mut input)) = connection.accept_bi().await {
        let mut prefix = [0; 4];
        if input.read_exact(&mut prefix).await.is_err() {
            continue;
        }
        let mut head = vec![0; u32::from_le_bytes(prefix) as usize];
        input.read_exact(&mut head).await.expect("a frame");
        match frame::decode_body::<OwnerFrame>(&head) {
            Ok(OwnerFrame::Provider(ask)) if matches!(*ask, ProviderAsk::Call(_)) => {
                let _ = out.write_all(answer).await;
                let _ = out.finish();
            }
            _ => {}
        }
    }
}

/// What comes of a call whose answer is this: the pieces, and how it ended.
async fn heard(answer: Vec<u8>) -> Result<(usize, Option<String>), String> {
    let (attack, _host, connection) = lending().await;
    // It listens to what is shared as soon as it has the connection.
    let watching = connection.accept_bi().await.expect("the victim is there");
    let victim = attack.victim.net.clone();
    let id = attack.id();
    let asking = async move {
        let borrowed = victim.borrow(id, call(0), Bytes::from_static(b"{}")).await;
        let mut answer = borrowed.map_err(|miss| miss.word)?;
        let mut bytes = 0;
        while let Some(piece) = answer.body.next().await {
            match piece {
                Ok(piece) => bytes += piece.len(),
                Err(miss) => return Ok((bytes, Some(miss.word))),
            }
        }
        Ok((bytes, None))
    };
    tokio::select! {
        heard = timeout(PATIENCE, asking) => {
            drop(watching);
            heard.expect("in time")
        }
        () = answering(&connection, &answer) => panic!("the victim goes on"),
    }
}

fn encoded(value: &ProviderFrame) -> Vec<u8> {
    frame::encode(value, limits::FRAME_BYTES).expect("it is small")
}

#[tokio::test]
async fn cat_p23_answers_of_a_hostile_member_are_read_within_bounds() {
    let begun = encoded(&ProviderFrame::Begun { status: 200, headers: Vec::new() });
    let ended = encoded(&ProviderFrame::Ended(None));
    let piece = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).expect("it is small").to_le_bytes();
        [&length[..], bytes].concat()
    };
    let zero = [0_u8; 4];
    let whole = [&begun[..], &piece(b"hello"), &zero, &ended].concat();
    assert_eq!(heard(whole).await, Ok((5, None)));
    let half = [&begun[..], &piece(b"hello")].concat();
    assert_eq!(heard(half).await, Ok((5, Some("reset".to_owned()))), "no end is no end");
    let short = [&begun[..], &9_u32.to_le_bytes(), b"hell"].concat();
    assert_eq!(heard(short).await, Ok((4, Some("reset".to_owned()))));
    let huge = [&begun[..], &u32::MAX.to_le_bytes(), b"x"].concat();
    assert_eq!(heard(huge).await, Ok((0, Some("garbled".to_owned()))));
    let other = [&begun[..], &zero, &begun[..]].concat();
    assert_eq!(heard(other).await, Ok((0, Some("garbled".to_owned()))));
    let told = ProviderFrame::Ended(Some(ProviderMiss::bare("cut_off")));
    let broken = [&begun[..], &piece(b"a"), &zero, &encoded(&told)].concat();
    assert_eq!(heard(broken).await, Ok((1, Some("cut_off".to_owned()))));
    for (answer, word) in [
        (encoded(&ProviderFrame::Missed(ProviderMiss::bare("no_model"))), "no_model"),
        (encoded(&ProviderFrame::Begun { status: 302, headers: Vec::new() }), "garbled"),
        (encoded(&ProviderFrame::Shared(Vec::new())), "garbled"),
        (u32::MAX.to_le_bytes().to_vec(), "garbled"),
        (Vec::new(), "reset"),
        (vec![1, 0, 0, 0, 0xff], "garbled"),
    ] {
        assert_eq!(heard(answer).await, Err(word.to_owned()));
    }
}

#[tokio::test]
async fn what_a_member_shares_is_heard_and_forgotten_with_its_connection() {
    let (a, b) = pair().await;
    let host = Arc::new(Double::default());
    b.net.share_providers(Arc::clone(&host) as _);
    let mut offers = a.net.offers();
    let id = b.id();
    let heard = offers.wait_for(|offers| offers.get(&id).is_some_and(|o| o[0].id == "gpu"));
    timeout(PATIENCE, heard).await.expect("in time").expect("the network runs");
    b.net.shutdown().await;
    let gone = offers.wait_for(|offers| !offers.contains_key(&id));
    timeout(PATIENCE, gone).await.expect("in time").expect("the network runs");
}
