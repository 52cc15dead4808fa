//! Members find each other, talk, and notice when one is gone.

use super::*;

#[tokio::test]
async fn members_exchange_adverts_requests_and_scheduler_messages() {
    let (mut a, mut b) = pair().await;
    // The state sync on connecting asks for the advert of the other side.
    let asked = b.until(|event| matches!(event, NetEvent::Request { .. })).await;
    let NetEvent::Request { from, request: Request::Advert, reply } = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(from, a.id());
    reply.send(Response::Advert(Box::new(advert(&b, 1)))).expect("still asked");
    let heard = a.until(|event| matches!(event, NetEvent::Gossip { .. })).await;
    let NetEvent::Gossip { from, gossip: Gossip::Advert(heard) } = heard else {
        panic!("{heard:?}");
    };
    assert_eq!((from, *heard), (b.id(), advert(&b, 1)));

    let (id, to) = (a.id(), b.id());
    let answering = async {
        let asked =
            b.until(|e| matches!(e, NetEvent::Request { request: Request::Jobs { .. }, .. }));
        let NetEvent::Request { reply, .. } = asked.await else { unreachable!("waited for it") };
        reply.send(Response::NotFound).expect("still asked");
    };
    let (answer, ()) =
        tokio::join!(a.net.request(to, Request::Jobs { live: true, before: None }), answering);
    assert_eq!(answer.expect("answered"), Response::NotFound);

    let control = Control::Gone { attempt: attempt_id(1) };
    a.net.send_control(b.id(), control.clone()).expect("queued");
    let got = b.until(|event| matches!(event, NetEvent::Control { .. })).await;
    assert!(matches!(got, NetEvent::Control { from, control: c } if from == id && c == control));
}

#[tokio::test]
async fn gossip_reaches_a_member_and_old_gossip_does_not() {
    let (a, mut b) = pair().await;
    let run = a.store.incarnation();
    // Whether the other side has subscribed yet cannot be seen from here: publish until it is heard.
    let mut sequence = 0;
    let first = loop {
        sequence += 1;
        a.net.publish(delta(a.id(), run, sequence)).expect("queued");
        let heard = b.until(|event| matches!(event, NetEvent::Gossip { .. }));
        if let Ok(NetEvent::Gossip { from, gossip }) =
            timeout(Duration::from_millis(200), heard).await
        {
            assert_eq!(from, a.id());
            break gossip;
        }
    };
    assert!(matches!(first, Gossip::Delta(_)));
    a.net.publish(delta(a.id(), run, sequence + 2)).expect("queued");
    a.net.publish(delta(a.id(), run, sequence + 1)).expect("queued");
    a.net.publish(delta(a.id(), run - 1, sequence + 9)).expect("queued");
    a.net.publish(delta(a.id(), run, sequence + 3)).expect("queued");
    let mut heard = Vec::new();
    while heard.last() != Some(&(sequence + 3)) {
        let event = b.until(|event| matches!(event, NetEvent::Gossip { .. })).await;
        let NetEvent::Gossip { gossip: Gossip::Delta(delta), .. } = event else { continue };
        heard.push(delta.sequence);
    }
    assert!(!heard.contains(&(sequence + 1)), "{heard:?}");
    assert!(!heard.contains(&(sequence + 9)), "{heard:?}");
}

#[tokio::test]
async fn a_pair_has_one_control_connection_and_a_warm_data_plane() {
    let (mut a, mut b) = pair().await;
    let (lower, higher) = if a.id() < b.id() { (&mut a, &mut b) } else { (&mut b, &mut a) };
    let attempt = lower.net.open_attempt(higher.id(), attempt_id(1), name_of_model(), work());
    let opened = higher.until(|event| matches!(event, NetEvent::AttemptOpened(_))).await;
    let NetEvent::AttemptOpened(opened) = opened else { unreachable!("waited for it") };
    assert_eq!((opened.from, opened.attempt), (lower.id(), attempt_id(1)));
    drop(attempt);
}

fn name_of_model() -> pumasi_protocol::ModelName {
    "starter-chat".parse().expect("a good name")
}

#[tokio::test]
async fn a_member_that_ends_is_down_and_comes_back_by_itself() {
    let (mut a, b) = pair().await;
    let gone = b.id();
    let Node { net, events, store, dir } = b;
    net.shutdown().await;
    drop((net, events));
    a.until_down(gone).await;
    let refused = a.net.request(gone, Request::Advert).await;
    assert!(matches!(refused, Err(NetError::NotConnected)), "{refused:?}");
    a.net.send_control(gone, Control::Gone { attempt: attempt_id(1) }).expect("queued");
    a.until(|event| matches!(event, NetEvent::ControlFailed { to, .. } if *to == gone)).await;

    // It comes back on other ports, and knows where the first one is from before.
    let seat = a.net.listening().control[0].to_string();
    drop(store);
    let mut again = Node::start_in(dir, "second").await;
    assert_eq!(again.id(), gone);
    again.net.dial(seat.parse().expect("an address")).expect("queued");
    let first = a.id();
    tokio::join!(a.until_up(gone), again.until_up(first));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let a = Node::start("first").await;
    let taken = a.net.listening().control[0].port();
    let dir = TempDir::new().expect("a folder");
    let store = Store::open(dir.path(), 1_000).expect("a new store");
    let identity = Identity::from_seed(store.identity_seed());
    let config = NetConfig { control_port: taken, ..NetConfig::loopback(name("second"), 1) };
    let started = NetHandle::start(config, identity, store).await;
    let error = started.map(|_| ()).expect_err("the port is taken");
    assert!(matches!(error, NetError::PortTaken { port, .. } if port == taken), "{error}");
}

#[tokio::test]
async fn members_that_only_know_the_founder_find_each_other() {
    let mut a = Node::founder("first").await;
    let mut b = Node::joined("second", &a).await;
    let mut c = Node::joined("third", &a).await;
    let (ida, idb, idc) = (a.id(), b.id(), c.id());
    tokio::join!(async { a.until_members(3).await }, async { b.until_up(idc).await }, async {
        c.until_up(idb).await
    },);
    assert!(b.net.roster().expect("a mesh").contains(&ida));
}
