//! The state plane between real networks: states arrive, addresses are remembered at once.

use pumasi_protocol::NodeState;

use super::*;

/// Answers the request for this node's advert that comes with each new connection.
async fn tell_advert(node: &mut Node, sequence: u64) -> NodeAdvert {
    let own = advert(node, sequence);
    let asked = |event: &NetEvent| matches!(event, NetEvent::Request { .. });
    let NetEvent::Request { request: Request::Advert, reply, .. } = node.until(asked).await else {
        panic!("something else was asked");
    };
    reply.send(Response::Advert(Box::new(own.clone()))).expect("still asked");
    own
}

async fn next_state(node: &mut Node) -> (NodeId, NodeState) {
    let event = node.until(|event| matches!(event, NetEvent::State { .. })).await;
    let NetEvent::State { node, state } = event else { unreachable!("waited for it") };
    (node, *state)
}

#[tokio::test]
async fn states_reach_a_member_in_their_order_and_cost_few_bytes() {
    let (mut a, mut b) = pair().await;
    let own = tell_advert(&mut a, 1).await;
    b.until(|event| matches!(event, NetEvent::Gossip { .. })).await;
    let mut sequence = 1;
    // Whether the other side counts on this one yet cannot be seen from here.
    let heard = loop {
        sequence += 1;
        let state = NodeState::of(&NodeAdvert { sequence, ..own.clone() }, 1, &[7]);
        a.net.tell_state(Box::new(state)).expect("queued");
        if let Ok(heard) = timeout(Duration::from_secs(1), next_state(&mut b)).await {
            break heard;
        }
    };
    assert_eq!((heard.0, heard.1.sequence, &heard.1.hot), (a.id(), sequence, &vec![7]));
    let older = NodeState::of(&NodeAdvert { sequence: sequence - 1, ..own.clone() }, 1, &[]);
    let newer = NodeState::of(&NodeAdvert { sequence: sequence + 1, ..own }, 1, &[]);
    a.net.tell_state(Box::new(older)).expect("queued");
    a.net.tell_state(Box::new(newer)).expect("queued");
    assert_eq!(next_state(&mut b).await.1.sequence, sequence + 1);
    let rates = loop {
        match b.net.state_traffic() {
            Some(rates) if rates.received > 0 && rates.sent > 0 => break rates,
            Some(_) | None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(rates.received < 100_000, "{rates:?}");
}

#[tokio::test]
async fn who_misses_the_advert_that_a_state_builds_on_asks_for_it() {
    let (mut a, mut b) = pair().await;
    let own = tell_advert(&mut a, 1).await;
    b.until(|event| matches!(event, NetEvent::Gossip { .. })).await;
    // A full advert of sequence 5 was lost on its way.
    let telling = async {
        for sequence in 6.. {
            let state = NodeState::of(&NodeAdvert { sequence, ..own.clone() }, 5, &[]);
            a.net.tell_state(Box::new(state)).expect("queued");
            let asked = a.until(|event| matches!(event, NetEvent::Request { .. }));
            if timeout(Duration::from_secs(1), asked).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, telling).await.expect("it asks");
    drop(b);
}

#[tokio::test]
async fn addresses_are_on_the_disk_when_a_node_has_joined() {
    let first = Node::founder("first").await;
    let second = Node::joined("second", &first).await;
    let stored = second.store.setting("net.addresses").expect("it can be read");
    let stored = stored.expect("something was stored");
    assert!(stored.starts_with(&first.id().to_string()), "{stored}");
}
