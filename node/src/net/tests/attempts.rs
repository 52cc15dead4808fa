//! Attempts over the data plane: events in order, cancel both ways, and peers that break the rules.

use pumasi_protocol::frame;
use pumasi_protocol::limits::{FRAME_BYTES, TOKENS_PER_EVENT};
use pumasi_protocol::stream::OwnerFrame;
use quinn::{ClientConfig, Connection, Endpoint};

use super::*;
use crate::net::data::PROTOCOL;
use crate::net::tls::{Accept, Certificate, SERVER_NAME};

fn model() -> pumasi_protocol::ModelName {
    "starter-chat".parse().expect("a good name")
}

async fn opened(node: &mut Node) -> AttemptOpened {
    let event = node.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    let NetEvent::AttemptOpened(opened) = event else { unreachable!("waited for it") };
    *opened
}

async fn next(attempt: &mut Attempt) -> AttemptEvent {
    let event = timeout(PATIENCE, attempt.events.recv()).await.expect("in time");
    event.expect("no end before the last event")
}

#[tokio::test]
async fn an_attempt_carries_its_work_there_and_its_events_back_in_order() {
    let (a, mut b) = pair().await;
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), work());
    let there = opened(&mut b).await;
    assert_eq!((there.from, there.attempt, &there.model), (a.id(), attempt_id(1), &model()));
    assert_eq!(there.work, work());
    let sent = [started(), tokens(0), tokens(1), finished(Finish::Stop)];
    for event in &sent {
        there.events.send(event.clone()).await.expect("the owner listens");
    }
    for event in sent {
        assert_eq!(next(&mut attempt).await, event);
    }
    assert_eq!(timeout(PATIENCE, attempt.events.recv()).await, Ok(None));
}

#[tokio::test]
async fn many_attempts_share_one_connection_in_both_directions() {
    let (mut a, mut b) = pair().await;
    let mut all = Vec::new();
    for n in 0..40 {
        let (owner, executor) = if n % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let attempt = owner.net.open_attempt(executor.id(), attempt_id(n), model(), work());
        let there = opened(executor).await;
        assert_eq!(there.attempt, attempt_id(n));
        all.push((attempt, there));
    }
    for (_, there) in &all {
        there.events.send(finished(Finish::Stop)).await.expect("the owner listens");
    }
    for (mut attempt, _) in all {
        assert_eq!(next(&mut attempt).await, finished(Finish::Stop));
    }
}

#[tokio::test]
async fn a_cancel_reaches_the_executor_and_the_last_event_still_comes() {
    let (a, mut b) = pair().await;
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), work());
    let there = opened(&mut b).await;
    there.events.send(started()).await.expect("the owner listens");
    assert_eq!(next(&mut attempt).await, started());
    attempt.cancel.cancel();
    timeout(PATIENCE, there.cancelled.cancelled()).await.expect("the executor hears of it");
    there.events.send(finished(Finish::Cancelled)).await.expect("the owner listens");
    assert_eq!(next(&mut attempt).await, finished(Finish::Cancelled));
}

#[tokio::test]
async fn an_executor_that_ignores_a_cancel_does_not_hold_its_owner() {
    let (a, mut b) = pair().await;
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), work());
    let _there = opened(&mut b).await;
    attempt.cancel.cancel();
    assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::Cancelled));
}

#[tokio::test]
async fn an_owner_that_stops_listening_cancels() {
    let (a, mut b) = pair().await;
    let attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), work());
    let there = opened(&mut b).await;
    drop(attempt.events);
    timeout(PATIENCE, there.cancelled.cancelled()).await.expect("the executor hears of it");
    timeout(PATIENCE, there.events.closed()).await.expect("nobody wants events any more");
}

#[tokio::test]
async fn an_executor_that_gives_up_without_a_last_event_is_a_broken_connection() {
    let (a, mut b) = pair().await;
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), work());
    drop(opened(&mut b).await);
    assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::Connection));
}

#[tokio::test]
async fn an_attempt_on_a_node_that_is_not_there_fails_as_connection() {
    let a = Node::founder("first").await;
    let nobody = NodeId([1; 32]);
    let mut attempt = a.net.open_attempt(nobody, attempt_id(1), model(), work());
    assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::Connection));
}

#[tokio::test]
async fn cat_p20_events_out_of_order_end_the_attempt_as_a_broken_protocol() {
    let (a, mut b) = pair().await;
    let huge = vec![
        OutputToken { id: 1, bytes: Vec::new(), logprob: None, top: Vec::new() };
        TOKENS_PER_EVENT + 1
    ];
    let cases = [
        vec![tokens(0)],
        vec![started(), started()],
        vec![started(), tokens(0), tokens(2)],
        vec![started(), tokens(0), tokens(0)],
        vec![started(), AttemptEvent::Tokens { index: 0, tokens: huge }],
    ];
    for (n, events) in (0..).zip(cases) {
        let mut attempt = a.net.open_attempt(b.id(), attempt_id(n), model(), work());
        let there = opened(&mut b).await;
        let (bad, good) = events.split_last().expect("not empty");
        for event in good {
            there.events.send(event.clone()).await.expect("the owner listens");
            assert_eq!(next(&mut attempt).await, *event);
        }
        there.events.send(bad.clone()).await.expect("the owner listens");
        assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::PeerProtocol));
        timeout(PATIENCE, there.cancelled.cancelled()).await.expect("the executor is told");
    }
}

#[tokio::test]
async fn cat_p21_work_beyond_the_limits_is_refused_before_the_loop_sees_it() {
    let (a, b) = pair().await;
    let mut generate = Generate::new(Prompt::Text("a".to_owned()));
    generate.stop = vec![String::new()];
    let bad = Work::Generate(Box::new(generate));
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(1), model(), bad);
    assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::BadRequest));
    let too_long = Work::Generate(Box::new(Generate::new(Prompt::Text("a".repeat(FRAME_BYTES)))));
    let mut attempt = a.net.open_attempt(b.id(), attempt_id(2), model(), too_long);
    assert_eq!(next(&mut attempt).await, AttemptEvent::Failed(Fault::BadRequest));
}

/// A member's connection that bypasses our own code above TLS.
async fn raw(from: &Node, to: &Node) -> (Endpoint, Connection) {
    let identity = Identity::from_seed(from.store.identity_seed());
    let tls = Certificate::make(&identity).client(PROTOCOL, Accept::Node(to.id()));
    let endpoint = Endpoint::client("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let at = to.net.listening().data[0];
    let config = ClientConfig::new(tls);
    let dial = endpoint.connect_with(config, at, SERVER_NAME).expect("an address");
    let connection = timeout(PATIENCE, dial).await.expect("in time").expect("a member");
    (endpoint, connection)
}

async fn answer(
    connection: &Connection,
    bytes: &[u8],
) -> Result<AttemptEvent, super::super::frames::StreamError> {
    let (mut out, mut input) = connection.open_bi().await.expect("streams are free");
    out.write_all(bytes).await.expect("sent");
    out.finish().expect("open");
    let read = super::super::frames::read::<AttemptEvent>(&mut input, FRAME_BYTES);
    timeout(PATIENCE, read).await.expect("in time")
}

#[tokio::test]
async fn cat_p05_broken_first_frames_are_answered_and_end_only_their_stream() {
    let (a, mut b) = pair().await;
    let (_endpoint, connection) = raw(&a, &b).await;
    let open = OwnerFrame::Open { attempt: attempt_id(1), model: model(), work: work() };
    let good = frame::encode(&open, FRAME_BYTES).expect("small");
    let too_long = u32::try_from(FRAME_BYTES + 1).expect("fits").to_le_bytes();
    let unknown_kind = [1, 0, 0, 0, 9];
    let trailing = [&(good.len() as u32 - 3).to_le_bytes()[..], &good[4..], &[0]].concat();
    let unsupported = AttemptEvent::Failed(Fault::Refused(pumasi_protocol::Refusal::Unsupported));
    let cases: [&[u8]; 6] = [
        &[0; 4],
        &too_long,
        &u32::MAX.to_le_bytes(),
        &good[..good.len() - 1],
        &unknown_kind,
        &trailing,
    ];
    for bytes in cases {
        assert_eq!(answer(&connection, bytes).await, Ok(unsupported.clone()), "{bytes:?}");
    }
    let refused = AttemptEvent::Failed(Fault::BadRequest);
    let cancel_first = frame::encode(&OwnerFrame::Cancel, FRAME_BYTES).expect("small");
    assert_eq!(answer(&connection, &cancel_first).await, Ok(refused.clone()));
    assert_eq!(answer(&connection, &[]).await, Ok(refused));
    let (served, there) = tokio::join!(answer(&connection, &good), async {
        let there = opened(&mut b).await;
        there.events.send(finished(Finish::Stop)).await.expect("the owner listens");
        there
    });
    assert_eq!(served, Ok(finished(Finish::Stop)));
    assert_eq!(there.from, a.id());
}
