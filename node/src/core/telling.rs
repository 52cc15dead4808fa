//! What this node tells the mesh of itself, and when: a full advert when something rare changes, its
//! state when something else does, or now and then. Pure; time is passed in.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pumasi_protocol::limits::STATE_PREFIXES;
use pumasi_protocol::{Device, ModelAdvert, ModelState, NodeAdvert, NodeState};

/// Full adverts are rare: at most this often.
const ADVERT_EVERY: Duration = Duration::from_secs(2);
/// And this often if only the free memory of devices changed, by this much.
const DEVICES_EVERY: Duration = Duration::from_secs(60);
const DEVICE_STEP: u64 = 1 << 30;
/// After an advert, states wait this long, so that nobody asks for what is still on its way.
const AFTER_ADVERT: Duration = Duration::from_secs(1);
/// Least time between two states: what the state plane grants the smallest mesh.
const STATE_PAUSE: Duration = Duration::from_millis(500);
/// A state is repeated after this time, so that others know that it still holds: three times
/// within the time to live of what they know.
const STATE_EVERY: Duration = Duration::from_secs(30);

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Telling {
    Advert(Box<NodeAdvert>),
    State(Box<NodeState>),
}

/// Remembers what was told.
#[derive(Debug, Default)]
pub(super) struct Teller {
    sequence: u64,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    /// The full advert with all later states.
    advert: NodeAdvert,
    /// Sequence of the full advert, and when it was.
    base: u64,
    at: Instant,
    state: Option<(NodeState, Instant)>,
}

impl Teller {
    /// This node's advert as others know it.
    pub(super) fn told(&self) -> Option<&NodeAdvert> {
        self.told.as_ref().map(|told| &told.advert)
    }

    /// What to tell at this moment, if the node is as `advert` says.
    pub(super) fn tell(&mut self, mut advert: NodeAdvert, now: Instant) -> Option<Telling> {
        let Some(told) = &mut self.told else { return Some(self.full(advert, now)) };
        let age = now.duration_since(told.at);
        if is_another(&told.advert, &advert) {
            // A state counts models by their places in the full advert: it cannot be told meanwhile.
            return (age >= ADVERT_EVERY).then(|| self.full(advert, now));
        }
        if age >= DEVICES_EVERY && has_moved(&told.advert.devices, &advert.devices) {
            return Some(self.full(advert, now));
        }
        if age < AFTER_ADVERT {
            return None;
        }
        advert.sequence = self.sequence + 1;
        let hot = sample(&told.advert.prefixes, &advert.prefixes);
        let state = NodeState::of(&advert, told.base, &hot);
        let is_due = told.state.as_ref().is_none_or(|(last, at)| {
            let since = now.duration_since(*at);
            since >= STATE_EVERY || since >= STATE_PAUSE && state.is_news_after(last)
        });
        if !is_due {
            return None;
        }
        self.sequence = advert.sequence;
        told.advert = advert;
        told.state = Some((state.clone(), now));
        Some(Telling::State(Box::new(state)))
    }

    fn full(&mut self, mut advert: NodeAdvert, now: Instant) -> Telling {
        self.sequence += 1;
        advert.sequence = self.sequence;
        let told = Told { advert: advert.clone(), base: self.sequence, at: now, state: None };
        self.told = Some(told);
        Telling::Advert(Box::new(advert))
    }
}

/// Whether something changed that no state can say.
fn is_another(old: &NodeAdvert, new: &NodeAdvert) -> bool {
    let same_device = |(old, new): (&Device, &Device)| {
        (&old.name, old.kind, &old.backend, old.memory_total)
            == (&new.name, new.kind, &new.backend, new.memory_total)
    };
    old.incarnation != new.incarnation
        || (&old.name, &old.version, &old.platform) != (&new.name, &new.version, &new.platform)
        || (&old.engines, &old.data, old.memory_total)
            != (&new.engines, &new.data, new.memory_total)
        || old.devices.len() != new.devices.len()
        || !old.devices.iter().zip(&new.devices).all(same_device)
        || old.models.len() != new.models.len()
        || !old.models.iter().zip(&new.models).all(is_same_model)
}

fn is_same_model((old, new): (&ModelAdvert, &ModelAdvert)) -> bool {
    let is_broken = |model: &ModelAdvert| model.state == ModelState::Unusable;
    (&old.name, old.file, old.size, old.engine) == (&new.name, new.file, new.size, new.engine)
        && (old.capabilities, old.context, old.memory, old.load_ms)
            == (new.capabilities, new.context, new.memory, new.load_ms)
        && is_broken(old) == is_broken(new)
}

/// Whether the free memory of a device changed by much.
fn has_moved(old: &[Device], new: &[Device]) -> bool {
    old.iter().zip(new).any(|(old, new)| old.memory_free.abs_diff(new.memory_free) >= DEVICE_STEP)
}

/// Of the prefixes that came, latest first: the latest, which is the longest of its prompt, and some
/// evenly from the rest, so that others find what they share with it.
fn sample(old: &[u64], new: &[u64]) -> Vec<u64> {
    if old == new {
        return Vec::new();
    }
    let known: BTreeSet<u64> = old.iter().copied().collect();
    let fresh: Vec<u64> = new.iter().copied().filter(|hash| !known.contains(hash)).collect();
    let few = fresh.len().min(STATE_PREFIXES);
    (0..few).map(|place| fresh[place * fresh.len() / few]).collect()
}

#[cfg(test)]
mod tests {
    use pumasi_protocol::advert::Queue;
    use pumasi_protocol::state::Taken;
    use pumasi_protocol::{Admission, BlobId, Capabilities, EngineKind, NodeId, Rate};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn advert() -> NodeAdvert {
        let model = ModelAdvert {
            name: "m".parse().expect("a name"),
            file: BlobId([1; 32]),
            size: 1,
            engine: EngineKind::Llama,
            capabilities: Capabilities::default(),
            context: 512,
            state: ModelState::Held,
            memory: 1,
            prefill: Rate(800_000),
            decode: Rate(62_000),
            load_ms: 5,
            usual_tokens: 96,
        };
        NodeAdvert {
            node: NodeId([1; 32]),
            incarnation: 7,
            sequence: 0,
            name: "n".parse().expect("a name"),
            version: "0.1.0".into(),
            platform: "Linux".into(),
            devices: Vec::new(),
            memory_total: 8 << 30,
            memory_free: 4 << 30,
            engines: vec![EngineKind::Llama],
            models: vec![model],
            queue: Queue::default(),
            admission: Admission::Accepting,
            data: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// Tells the node's advert, and brings what another knows of it up to date, as a peer would.
    fn tell(
        teller: &mut Teller,
        advert: &NodeAdvert,
        now: Instant,
        known: &mut NodeAdvert,
    ) -> bool {
        match teller.tell(advert.clone(), now) {
            None => return false,
            Some(Telling::Advert(full)) => *known = *full,
            Some(Telling::State(state)) => assert_eq!(known.take(&state), Taken::New),
        }
        true
    }

    #[test]
    fn a_peer_that_takes_everything_knows_what_is_told() {
        let (mut teller, start, mut own) = (Teller::default(), Instant::now(), advert());
        let mut known = advert();
        assert!(tell(&mut teller, &own, start, &mut known));
        assert!(!tell(&mut teller, &own, start + SECOND / 2, &mut known), "it is on its way");
        own.models[0].state = ModelState::Loaded { slots: 4, busy: 1 };
        own.admission = Admission::Paused;
        own.queue.interactive = 3;
        assert!(tell(&mut teller, &own, start + SECOND, &mut known));
        assert_eq!((&known.models, known.admission), (&own.models, own.admission));
        assert_eq!((known.queue, known.sequence), (own.queue, 2));
        assert_eq!(teller.told().map(|told| told.sequence), Some(2));
        // Another file: a full advert, but not at once.
        own.models[0].file = BlobId([2; 32]);
        assert!(!tell(&mut teller, &own, start + SECOND * 3 / 2, &mut known));
        assert!(tell(&mut teller, &own, start + SECOND * 2, &mut known));
        assert_eq!((known.models[0].file, known.sequence), (BlobId([2; 32]), 3));
    }

    #[test]
    fn i11_what_does_not_change_is_repeated_and_noise_is_not_told() {
        let (mut teller, start, mut own) = (Teller::default(), Instant::now(), advert());
        let mut known = advert();
        assert!(tell(&mut teller, &own, start, &mut known));
        assert!(tell(&mut teller, &own, start + SECOND, &mut known), "the first state");
        own.memory_free += 1 << 20;
        let mut told = 0;
        for second in 2..62 {
            told += u32::from(tell(&mut teller, &own, start + SECOND * second, &mut known));
        }
        assert_eq!(told, 2, "each half minute");
        own.admission = Admission::OwnerBusy;
        let now = start + SECOND * 62;
        assert!(tell(&mut teller, &own, now, &mut known));
        own.admission = Admission::Accepting;
        assert!(!tell(&mut teller, &own, now + STATE_PAUSE / 2, &mut known), "a moment later");
        assert!(tell(&mut teller, &own, now + STATE_PAUSE, &mut known));
    }

    #[test]
    fn of_many_new_prefixes_some_are_told_the_latest_first() {
        let new: Vec<u64> = (0..100).rev().collect();
        let told = sample(&[99, 98], &new);
        assert_eq!((told[0], told.len()), (97, STATE_PREFIXES));
        assert!(told.is_sorted_by(|a, b| a > b) && told[STATE_PREFIXES - 1] < 20, "{told:?}");
        assert_eq!(sample(&new, &new), Vec::<u64>::new());
        assert_eq!(sample(&[], &[5]), [5]);
    }
}
