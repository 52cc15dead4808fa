//! The bytes that members of the previous version send and understand: each layout is held by a file,
//! read as it was written and written as it is read.

use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use pumasi_protocol::advert::{Gossip, Queue};
use pumasi_protocol::envelope::{Addresses, Envelope, Opened};
use pumasi_protocol::frame;
use pumasi_protocol::limits::PAIRING_BYTES;
use pumasi_protocol::pairing::{
    Approver, Digits, Hello, Here, Newcomer, PairingMessage, PairingRefusal, Parties,
};
use pumasi_protocol::providing::{
    ProviderAsk, ProviderCall, ProviderFrame, ProviderMiss, SharedModel, SharedPrice,
    SharedProvider,
};
use pumasi_protocol::roster::{Change, Roster, RosterLog, SignedEntry};
use pumasi_protocol::state::{Coarse, ModelNow, Seen};
use pumasi_protocol::stream::OwnerFrame;
use pumasi_protocol::{
    Admission, AdvertDelta, BlobId, Capabilities, Device, DeviceKind, EngineKind, MeshId,
    ModelAdvert, ModelState, NodeAdvert, NodeId, NodeState, Rate, StateMessage,
};

fn bytes(golden: &str) -> Vec<u8> {
    hex::decode(golden.trim()).expect("hexadecimal digits")
}

fn check_state(message: &StateMessage, golden: &str) {
    let written = message.encode().expect("it is small");
    assert_eq!(hex::encode(&written), golden.trim());
    assert_eq!(StateMessage::decode(&bytes(golden)), Ok(Some(message.clone())));
}

#[test]
fn cat_x32_states_of_version_1_are_read_and_written() {
    let loaded = ModelState::Loaded { slots: 4, busy: 2 };
    let model = ModelNow {
        index: 3,
        state: loaded,
        prefill: Coarse::of(900),
        decode: Coarse::of(640),
        usual_tokens: Coarse::of(150),
    };
    let state = NodeState {
        incarnation: [1, 2],
        base: 3,
        sequence: 300,
        waiting: (1, 2),
        work_ms: Coarse::of(3_000),
        admission: Admission::Draining,
        memory_free: 30,
        models: vec![model, ModelNow { index: 4, state: ModelState::Loading(500), ..model }],
        hot: vec![u64::MAX, 5],
    };
    check_state(&StateMessage::State(state), include_str!("golden/state_1.hex"));
    let node = NodeId([7; 32]);
    let seen = vec![Seen::of(&node, 70_000, 9)];
    let others = [
        (StateMessage::Beat { sequence: 300 }, include_str!("golden/beat_1.hex")),
        (
            StateMessage::Ping { nonce: 70_000, seen: seen.clone() },
            include_str!("golden/ping_1.hex"),
        ),
        (StateMessage::Pong { nonce: 70_000, seen }, include_str!("golden/pong_1.hex")),
        (StateMessage::Doubt { nonce: 5, node }, include_str!("golden/doubt_1.hex")),
        (StateMessage::Opinion { nonce: 5, heard: true }, include_str!("golden/opinion_1.hex")),
        (StateMessage::Down { node }, include_str!("golden/down_1.hex")),
    ];
    for (message, golden) in others {
        check_state(&message, golden);
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn roster() -> Roster {
    let name = || "name".parse().expect("good");
    let (mesh_name, node_name, person) = (name(), name(), name());
    let found = Change::Found { mesh_name, node_name, person, nonce: [0; 16] };
    let found = SignedEntry::sign(&key(), None, Vec::new(), 0, &found).expect("small");
    RosterLog::begin(found).expect("founds").roster().clone()
}

fn check_gossip(gossip: Gossip, golden: &str) {
    let (roster, from) = (roster(), NodeId(key().verifying_key().to_bytes()));
    let written = Envelope::seal(&key(), &roster.mesh, &gossip).expect("it is small");
    assert_eq!(hex::encode(&written), golden.trim());
    assert_eq!(Envelope::open(&bytes(golden), &roster), Ok(Opened::Gossip { from, gossip }));
}

#[test]
fn cat_x32_gossip_of_version_1_is_read_and_written() {
    let node = NodeId(key().verifying_key().to_bytes());
    let queue = Queue { interactive: 1, batch: 2, work_ms: 3_000 };
    let delta = AdvertDelta {
        node,
        incarnation: 1_700_000_000_000,
        sequence: 9,
        queue,
        admission: Admission::Paused,
        memory_free: 1 << 30,
        models: vec![(0, ModelState::Loaded { slots: 4, busy: 1 }), (1, ModelState::Held)],
    };
    check_gossip(Gossip::Delta(delta), include_str!("golden/delta_1.hex"));
    let model = ModelAdvert {
        name: "starter-chat".parse().expect("a name"),
        file: BlobId([3; 32]),
        size: 2_000_000,
        engine: EngineKind::Llama,
        capabilities: Capabilities::default(),
        context: 1_024,
        state: ModelState::Loading(7),
        memory: 9_000_000,
        prefill: Rate(900_000),
        decode: Rate(40_000),
        load_ms: 30,
        usual_tokens: 12,
    };
    let device = Device {
        name: "CPU".into(),
        kind: DeviceKind::Cpu,
        backend: "CPU".into(),
        memory_total: 8 << 30,
        memory_free: 4 << 30,
    };
    let address: SocketAddr = "[fd00::7]:7864".parse().expect("an address");
    let advert = NodeAdvert {
        node,
        incarnation: 1_700_000_000_000,
        sequence: 8,
        name: "desk".parse().expect("a name"),
        version: "0.1.0".into(),
        platform: "Linux x86_64".into(),
        devices: vec![device],
        memory_total: 8 << 30,
        memory_free: 4 << 30,
        engines: vec![EngineKind::Llama],
        models: vec![model],
        queue,
        admission: Admission::OwnerBusy,
        data: vec![address],
        prefixes: vec![1, u64::MAX],
    };
    check_gossip(Gossip::Advert(Box::new(advert)), include_str!("golden/advert_1.hex"));
    let leaving = Gossip::Leaving { node, incarnation: 1_700_000_000_000 };
    check_gossip(leaving, include_str!("golden/leaving_1.hex"));
}

#[test]
fn cat_x32_addresses_of_version_1_are_read_and_written() {
    let (roster, from) = (roster(), NodeId(key().verifying_key().to_bytes()));
    let at = |text: &str| -> Vec<SocketAddr> { vec![text.parse().expect("an address")] };
    let (control, data) = (at("10.0.0.7:7863"), at("[fd00::7]:7864"));
    let addresses = Addresses { incarnation: 1_700_000_000_000, sequence: 2, control, data };
    let written = Envelope::seal_addresses(&key(), &roster.mesh, &addresses).expect("small");
    let golden = include_str!("golden/addresses_1.hex");
    assert_eq!(hex::encode(&written), golden.trim());
    let opened = Envelope::open(&bytes(golden), &roster);
    assert_eq!(opened, Ok(Opened::Addresses { from, addresses }));
}

#[test]
fn cat_x32_pairing_of_version_1_is_read_and_written() {
    let name = |text: &str| text.parse().expect("a name");
    let hello = Hello {
        mesh: MeshId([3; 32]),
        mesh_name: name("office"),
        name: name("front desk"),
        element: [4; 32],
    };
    let here = Here { name: name("창가"), person: Some(name("kim")), element: [5; 32] };
    let messages = [
        (PairingMessage::Hello(hello), include_str!("golden/pairing_hello_1.hex")),
        (PairingMessage::Here(here), include_str!("golden/pairing_here_1.hex")),
        (PairingMessage::Proof([6; 32]), include_str!("golden/pairing_proof_1.hex")),
        (
            PairingMessage::Refused(PairingRefusal::Failed),
            include_str!("golden/pairing_refused_1.hex"),
        ),
        (PairingMessage::Joined, include_str!("golden/pairing_joined_1.hex")),
    ];
    for (message, golden) in messages {
        let written = frame::encode_body(&message, PAIRING_BYTES).expect("it is small");
        assert_eq!(hex::encode(&written), golden.trim());
        assert_eq!(frame::decode_body(&bytes(golden)), Ok(message));
    }
}

/// What the crate calculates must stay, too: two versions would not agree otherwise.
#[test]
fn cat_x32_proofs_of_version_1_are_calculated_alike() {
    let name = |text: &str| text.parse().expect("a name");
    let digits = "048291".parse::<Digits>().expect("six digits");
    let parties = Parties { approver: NodeId([1; 32]), newcomer: NodeId([2; 32]) };
    let hello = Hello {
        mesh: MeshId([3; 32]),
        mesh_name: name("office"),
        name: name("front desk"),
        element: [0; 32],
    };
    let here = Here { name: name("창가"), person: None, element: [0; 32] };
    let (approver, hello) = Approver::begin(digits, parties, hello, [7; 64]);
    let (newcomer, here) =
        Newcomer::answer(digits, parties, &hello, here, [8; 64]).expect("a sound element");
    let (_, first) = approver.answer(&here).expect("a sound element");
    let second = newcomer.check(&first).expect("the same digits");
    let said = [hello.element, here.element, first, second].map(hex::encode).join("\n");
    assert_eq!(said, include_str!("golden/pairing_exchange_1.hex").trim());
}

/// Streams of providers between members: asked, and answered.
fn check_frame<T>(value: &T, golden: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let written = frame::encode_body(value, 64 * 1024).expect("it is small");
    assert_eq!(hex::encode(&written), golden.trim());
    assert_eq!(&frame::decode_body::<T>(&bytes(golden)).expect("it is read"), value);
}

#[test]
fn cat_x32_calls_of_providers_of_version_1_are_read_and_written() {
    let call = ProviderCall {
        provider: "openai".to_owned(),
        path: "/v1/messages".to_owned(),
        headers: vec![("anthropic-version".to_owned(), "2023-06-01".to_owned())],
        body: 70_000,
    };
    let asks = [
        (ProviderAsk::Watch, include_str!("golden/provider_watch_1.hex")),
        (ProviderAsk::Call(call), include_str!("golden/provider_call_1.hex")),
    ];
    for (ask, golden) in asks {
        check_frame(&OwnerFrame::Provider(Box::new(ask)), golden);
    }
    let model = SharedModel {
        name: "gpt-4o".to_owned(),
        context: Some(128_000),
        chats: Some(true),
        embeds: None,
        price: Some(SharedPrice { input: 2_500_000, output: 10_000_000, cached: None }),
        rests: false,
    };
    let shared = SharedProvider {
        id: "openai".to_owned(),
        kind: "openai".to_owned(),
        outside: true,
        keeps_nothing: false,
        any_model: true,
        is_spent: false,
        models: vec![model],
    };
    let miss = ProviderMiss { word: "rate_limited".to_owned(), wait_ms: Some(20_000) };
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let frames = [
        (ProviderFrame::Shared(vec![shared]), include_str!("golden/provider_shared_1.hex")),
        (
            ProviderFrame::Begun { status: 200, headers },
            include_str!("golden/provider_begun_1.hex"),
        ),
        (ProviderFrame::Missed(miss.clone()), include_str!("golden/provider_missed_1.hex")),
        (ProviderFrame::Ended(Some(miss)), include_str!("golden/provider_broken_1.hex")),
        (ProviderFrame::Ended(None), include_str!("golden/provider_ended_1.hex")),
    ];
    for (frame, golden) in frames {
        check_frame(&frame, golden);
    }
}
