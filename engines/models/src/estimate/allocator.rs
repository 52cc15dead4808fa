//! How much one graph of computations takes at its widest, by the rules of ggml's allocator: places
//! are reused as soon as nothing reads them any more, and the best fitting free one is taken.
//!
//! Source: `ggml_gallocr_alloc_graph_impl` and `ggml_dyn_tallocr_alloc` in ggml-alloc.c.

/// Places begin at multiples of this (`TENSOR_ALIGNMENT` of the CPU's buffers).
const ALIGNMENT: u64 = 64;

/// More than any memory has, so that sums of absurd plans stay within 64 bits.
const VALUE_BYTES_MAX: u64 = 1 << 50;

/// A value in a graph, by its number.
pub(super) type Value = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Made by an operation; `reuses`: it may overwrite what it is made from.
    Made { reuses: bool },
    /// Another look at a value.
    View(Value),
    /// Given before anything is computed.
    Input,
    /// In memory that is not the graph's.
    External,
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    bytes: u64,
    from: Vec<Value>,
    /// Read after the graph: never overwritten.
    kept: bool,
    readers: usize,
    views: usize,
    place: Option<u64>,
    live: bool,
}

/// Operations in the order in which they run.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    fn add(&mut self, kind: Kind, bytes: u64, from: &[Value]) -> Value {
        let bytes = bytes.min(VALUE_BYTES_MAX);
        let from = from.to_vec();
        let (kept, readers, views, place, live) = (false, 0, 0, None, false);
        self.nodes.push(Node { kind, bytes, from, kept, readers, views, place, live });
        self.nodes.len() - 1
    }

    pub(super) fn input(&mut self, bytes: u64) -> Value {
        self.add(Kind::Input, bytes, &[])
    }

    pub(super) fn make(&mut self, bytes: u64, from: &[Value]) -> Value {
        self.add(Kind::Made { reuses: false }, bytes, from)
    }

    /// An operation that may write over one of its sources.
    pub(super) fn reuse(&mut self, bytes: u64, from: &[Value]) -> Value {
        self.add(Kind::Made { reuses: true }, bytes, from)
    }

    pub(super) fn view(&mut self, of: Value, from: &[Value]) -> Value {
        let (whole, bytes) = match self.nodes[of].kind {
            Kind::View(whole) => (whole, self.nodes[of].bytes),
            Kind::Made { .. } | Kind::Input | Kind::External => (of, self.nodes[of].bytes),
        };
        self.add(Kind::View(whole), bytes, from)
    }

    /// A view of a part.
    pub(super) fn part(&mut self, of: Value, bytes: u64) -> Value {
        let part = self.view(of, &[of]);
        self.nodes[part].bytes = bytes.min(VALUE_BYTES_MAX);
        part
    }

    /// What is written into memory of somebody else.
    pub(super) fn store(&mut self, from: &[Value]) {
        self.add(Kind::External, 0, from);
    }

    pub(super) fn keep(&mut self, value: Value) {
        self.nodes[value].kept = true;
    }

    /// Bytes of the buffer that all places fit into.
    pub(super) fn peak(mut self) -> u64 {
        let mut memory = Memory { free: vec![(0, u64::MAX / 2)], peak: 0 };
        for index in 0..self.nodes.len() {
            if let Kind::View(whole) = self.nodes[index].kind {
                self.nodes[whole].views += 1;
            }
            if self.nodes[index].kind == Kind::Input {
                self.place(index, &mut memory);
            }
            for from in self.nodes[index].from.clone() {
                self.nodes[from].readers += 1;
            }
        }
        for index in 0..self.nodes.len() {
            self.place(index, &mut memory);
            for from in self.nodes[index].from.clone() {
                self.nodes[from].readers -= 1;
                self.release(from, &mut memory);
            }
        }
        memory.peak
    }

    fn place(&mut self, index: Value, memory: &mut Memory) {
        let node = &self.nodes[index];
        let reuses = match node.kind {
            Kind::View(_) | Kind::External => return,
            Kind::Input => false,
            Kind::Made { reuses } => reuses,
        };
        if node.place.is_some() {
            return;
        }
        let overwritten = if reuses { self.overwritten(index) } else { None };
        let place = match overwritten {
            Some(parent) => {
                self.nodes[parent].live = false;
                self.nodes[parent].place
            }
            None => Some(memory.take(self.nodes[index].bytes)),
        };
        (self.nodes[index].place, self.nodes[index].live) = (place, true);
    }

    /// The source whose place this node takes over.
    fn overwritten(&self, index: Value) -> Option<Value> {
        let node = &self.nodes[index];
        node.from.iter().find_map(|&from| {
            let parent = &self.nodes[from];
            if parent.readers != 1 || parent.views != 0 || parent.bytes != node.bytes {
                return None;
            }
            let owner = match parent.kind {
                Kind::View(whole) => whole,
                Kind::Made { .. } | Kind::Input => from,
                Kind::External => return None,
            };
            let whole = &self.nodes[owner];
            let alone = owner == from || (whole.views == 1 && whole.readers == 0);
            (alone && whole.live && !whole.kept && !parent.kept).then_some(owner)
        })
    }

    /// Frees what nobody reads any more.
    fn release(&mut self, index: Value, memory: &mut Memory) {
        let node = &self.nodes[index];
        if node.readers > 0 || node.views > 0 {
            return;
        }
        let owner = match node.kind {
            Kind::View(whole) => {
                self.nodes[whole].views -= 1;
                whole
            }
            Kind::Made { .. } | Kind::Input | Kind::External => index,
        };
        let owner = &mut self.nodes[owner];
        if owner.live && !owner.kept && owner.views == 0 && owner.readers == 0 {
            owner.live = false;
            if let Some(place) = owner.place {
                memory.give(place, owner.bytes);
            }
        }
    }
}

/// Free places in order, the last of which has no end.
struct Memory {
    free: Vec<(u64, u64)>,
    peak: u64,
}

impl Memory {
    fn take(&mut self, bytes: u64) -> u64 {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        let last = self.free.len() - 1;
        let fitting = (0..last).filter(|&index| self.free[index].1 >= bytes);
        // Of equals, ggml takes the last.
        let best = fitting.rev().min_by_key(|&index| self.free[index].1).unwrap_or(last);
        let place = self.free[best].0;
        self.free[best] = (place + bytes, self.free[best].1.saturating_sub(bytes));
        if self.free[best].1 == 0 && best != last {
            self.free.remove(best);
        }
        self.peak = self.peak.max(place.saturating_add(bytes));
        place
    }

    fn give(&mut self, place: u64, bytes: u64) {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        if bytes == 0 {
            return;
        }
        let at = self.free.partition_point(|(start, _)| *start < place);
        self.free.insert(at, (place, bytes));
        if at + 1 < self.free.len() && place + bytes == self.free[at + 1].0 {
            self.free[at].1 = self.free[at].1.saturating_add(self.free[at + 1].1);
            self.free.remove(at + 1);
        }
        if at > 0 && self.free[at - 1].0 + self.free[at - 1].1 == place {
            self.free[at - 1].1 = self.free[at - 1].1.saturating_add(self.free[at].1);
            self.free.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_overwrites_itself_takes_one_place() {
        let mut graph = Graph::default();
        let input = graph.input(640);
        let mut value = graph.make(1_280, &[input]);
        for _ in 0..5 {
            value = graph.reuse(1_280, &[value]);
        }
        graph.keep(value);
        assert_eq!(graph.peak(), 640 + 1_280);
    }

    #[test]
    fn what_is_still_read_is_not_overwritten() {
        let mut graph = Graph::default();
        let input = graph.input(64);
        let first = graph.make(128, &[input]);
        let second = graph.reuse(128, &[first]);
        // Reads the first again, so that the second needed a place of its own.
        let sum = graph.reuse(128, &[second, first]);
        graph.keep(sum);
        assert_eq!(graph.peak(), 64 + 2 * 128);
    }

    #[test]
    fn a_freed_place_is_taken_by_what_fits_best() {
        let mut graph = Graph::default();
        let input = graph.input(64);
        let large = graph.make(1_024, &[input]);
        let small = graph.make(256, &[large]);
        let next = graph.make(512, &[small]);
        graph.keep(next);
        // The place of the large one is free by then.
        assert_eq!(graph.peak(), 64 + 1_024 + 256);
    }
}
