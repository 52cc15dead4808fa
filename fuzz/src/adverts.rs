//! What members tell everybody: signed envelopes, and states. Bytes of strangers end at the
//! signature, so a body is also signed here by a member, as a hostile one would.

use pumasi_protocol::advert::{Gossip, Queue};
use pumasi_protocol::envelope::{Addresses, Envelope, EnvelopeError, Opened, order};
use pumasi_protocol::{
    Admission, AdvertDelta, BlobId, Capabilities, Device, DeviceKind, EngineKind, ModelAdvert,
    ModelState, NodeAdvert, Rate, StateMessage, limits,
};

use crate::keys::{key, mesh, name, node};
use crate::{body, seed};

/// See the module.
///
/// # Panics
/// When something is believed that no member said, or that cannot be.
pub fn run(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 4 {
        0 => stranger(bytes),
        1 => gossip(bytes),
        2 => addresses(bytes),
        _ => state(bytes),
    }
}

fn stranger(bytes: &[u8]) {
    let log = mesh();
    match Envelope::open(bytes, log.roster()) {
        Ok(
            Opened::Gossip { from, .. } | Opened::Addresses { from, .. } | Opened::Opaque { from },
        ) => {
            assert!(log.roster().contains(&from), "believed a stranger");
        }
        Err(_) => {}
    }
}

/// A member says anything that is gossip.
fn gossip(bytes: &[u8]) {
    let Some(said) = body::<Gossip>(bytes, limits::GOSSIP_BYTES) else { return };
    let log = mesh();
    let Ok(sealed) = Envelope::seal(&key(1), &log.roster().mesh, &said) else { return };
    match Envelope::open(&sealed, log.roster()) {
        Ok(Opened::Gossip { from, gossip }) => {
            assert_eq!((from, order(&gossip)), (node(1), order(&said)));
            hear(gossip);
        }
        Ok(Opened::Addresses { .. } | Opened::Opaque { .. }) => panic!("gossip is gossip"),
        Err(error) => assert!(
            matches!(error, EnvelopeError::WrongNode | EnvelopeError::Implausible),
            "{error:?}"
        ),
    }
}

/// What a view does with it.
fn hear(gossip: Gossip) {
    let mut known = advert();
    match gossip {
        Gossip::Advert(advert) => {
            assert!(advert.is_plausible() && advert.models.len() <= limits::ADVERT_MODELS);
            assert!(!advert.is_newer_than(&advert));
        }
        Gossip::Delta(delta) => {
            known.apply(&delta);
        }
        Gossip::Leaving { .. } => {}
    }
}

fn addresses(bytes: &[u8]) {
    let Some(said) = body::<Addresses>(bytes, limits::GOSSIP_BYTES) else { return };
    let log = mesh();
    let Ok(sealed) = Envelope::seal_addresses(&key(1), &log.roster().mesh, &said) else { return };
    if let Ok(Opened::Addresses { addresses, .. }) = Envelope::open(&sealed, log.roster()) {
        assert!(addresses.control.len() <= limits::ADVERT_ADDRESSES);
        assert!(addresses.data.len() <= limits::ADVERT_ADDRESSES);
    }
}

fn state(bytes: &[u8]) {
    let Ok(Some(message)) = StateMessage::decode(bytes) else { return };
    let written = message.encode().expect("it came in fewer bytes");
    assert_eq!(StateMessage::decode(&written), Ok(Some(message)));
}

fn advert() -> NodeAdvert {
    let device = Device {
        name: "card".to_owned(),
        kind: DeviceKind::Cpu,
        backend: "cpu".to_owned(),
        memory_total: 1 << 34,
        memory_free: 1 << 33,
    };
    let model = ModelAdvert {
        name: "a/b:c".to_owned().try_into().expect("a name"),
        file: BlobId([1; 32]),
        size: 1 << 30,
        engine: EngineKind::Llama,
        capabilities: Capabilities::default(),
        context: 4_096,
        state: ModelState::Loaded { slots: 4, busy: 1 },
        memory: 1 << 30,
        prefill: Rate(500_000),
        decode: Rate(20_000),
        load_ms: 900,
        usual_tokens: 100,
    };
    NodeAdvert {
        node: node(1),
        incarnation: 3,
        sequence: 4,
        name: name("second"),
        version: "0.1.0".to_owned(),
        platform: "linux".to_owned(),
        devices: vec![device],
        memory_total: 1 << 34,
        memory_free: 1 << 33,
        engines: vec![EngineKind::Llama],
        models: vec![model],
        queue: Queue::default(),
        admission: Admission::Accepting,
        data: vec!["10.0.0.1:7".parse().expect("an address")],
        prefixes: vec![1, 2, 3],
    }
}

/// One of each.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let advert = advert();
    let delta = AdvertDelta {
        node: node(1),
        incarnation: 3,
        sequence: 5,
        queue: Queue::default(),
        admission: Admission::Accepting,
        memory_free: 1,
        models: vec![(0, ModelState::Loading(3))],
    };
    let addresses = Addresses {
        incarnation: 3,
        sequence: 4,
        control: vec!["10.0.0.1:7".parse().expect("an address")],
        data: vec!["[fd00::1]:7".parse().expect("an address")],
    };
    let gossip = Gossip::Advert(Box::new(advert));
    let sealed = Envelope::seal(&key(1), &mesh().roster().mesh, &gossip).expect("small");
    let beat = StateMessage::Beat { sequence: 3 }.encode().expect("small");
    vec![
        [&[0], sealed.as_slice()].concat(),
        seed(1, &gossip),
        seed(1, &Gossip::Delta(delta)),
        seed(1, &Gossip::Leaving { node: node(1), incarnation: 3 }),
        seed(2, &addresses),
        [&[3], beat.as_slice()].concat(),
    ]
}
