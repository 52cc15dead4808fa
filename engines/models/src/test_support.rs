//! Writes GGUF bytes, valid or broken in one chosen place, for tests. The models it makes have
//! every tensor that llama.cpp asks for, with weights of zero.

mod shapes;

use crate::gguf::TensorType;

pub use shapes::Shape;

/// A metadata value to write.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named after the value types")]
pub enum Item {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    I32(i32),
    I64(i64),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    U32s(Vec<u32>),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Bools(Vec<bool>),
    /// A value type and the bytes after it, as they are.
    Raw(u32, Vec<u8>),
}

impl From<&str> for Item {
    fn from(text: &str) -> Self {
        Item::Text(text.to_owned())
    }
}

impl From<u32> for Item {
    fn from(number: u32) -> Self {
        Item::U32(number)
    }
}

impl From<f32> for Item {
    fn from(number: f32) -> Self {
        Item::F32(number)
    }
}

/// A tensor to write.
#[derive(Clone, Debug)]
pub struct TensorItem {
    /// Its name, not necessarily text.
    pub name: Vec<u8>,
    /// Its sizes.
    pub dimensions: Vec<u64>,
    /// Number of its type.
    pub type_id: u32,
    /// Its place; the next aligned one if `None`.
    pub offset: Option<u64>,
}

/// A GGUF file in the making.
#[derive(Clone, Debug)]
pub struct GgufBuilder {
    /// First four bytes.
    pub magic: [u8; 4],
    /// Version.
    pub version: u32,
    /// Metadata, in order.
    pub entries: Vec<(Vec<u8>, Item)>,
    /// Tensors, in order.
    pub tensors: Vec<TensorItem>,
    /// Number of tensors to claim, if not the real one.
    pub claimed_tensors: Option<u64>,
    /// Number of metadata entries to claim, if not the real one.
    pub claimed_entries: Option<u64>,
    /// Alignment to write by; `general.alignment` has to be set beside it.
    pub alignment: u64,
}

/// Sizes of a small model.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "named after the metadata keys")]
pub struct Sizes {
    pub embedding: u32,
    pub blocks: u32,
    pub heads: u32,
    pub heads_kv: u32,
    pub feed_forward: u32,
    pub vocabulary: u32,
    pub context: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            embedding: 64,
            blocks: 2,
            heads: 4,
            heads_kv: 2,
            feed_forward: 96,
            vocabulary: 300,
            context: 512,
        }
    }
}

impl Default for GgufBuilder {
    fn default() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            entries: Vec::new(),
            tensors: Vec::new(),
            claimed_tensors: None,
            claimed_entries: None,
            alignment: 32,
        }
    }
}

impl GgufBuilder {
    /// A whole llama model of these sizes, Q8_0 with F32 norms, tied embeddings.
    pub fn llama(sizes: Sizes) -> Self {
        let mut file = Self::default();
        file.set("general.architecture", "llama");
        file.set("general.name", "Tiny");
        file.set("general.license", "MIT");
        file.set("general.file_type", 7);
        file.set("llama.vocab_size", sizes.vocabulary);
        file.set("llama.context_length", sizes.context);
        file.set("llama.embedding_length", sizes.embedding);
        file.set("llama.block_count", sizes.blocks);
        file.set("llama.feed_forward_length", sizes.feed_forward);
        file.set("llama.attention.head_count", sizes.heads);
        file.set("llama.attention.head_count_kv", sizes.heads_kv);
        file.set("llama.attention.layer_norm_rms_epsilon", 1e-5);
        file.set("llama.rope.dimension_count", sizes.embedding / sizes.heads);
        file.set("llama.rope.freq_base", 10_000.0);
        file.set_vocabulary(sizes.vocabulary);
        file.add_llama_tensors(sizes);
        file
    }

    fn set_vocabulary(&mut self, count: u32) {
        let tokens = (0..count).map(|id| format!("t{id}")).collect();
        self.set("tokenizer.ggml.model", "gpt2");
        self.set("tokenizer.ggml.pre", "gpt-2");
        self.set("tokenizer.ggml.tokens", Item::Texts(tokens));
        self.set("tokenizer.ggml.token_type", Item::I32s(vec![1; count as usize]));
        self.set("tokenizer.ggml.merges", Item::Texts(vec!["t 1".to_owned()]));
        self.set("tokenizer.ggml.bos_token_id", 1);
        self.set("tokenizer.ggml.eos_token_id", 2);
        self.set("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}");
    }

    fn add_llama_tensors(&mut self, sizes: Sizes) {
        let wide = u64::from(sizes.embedding);
        let inner = u64::from(sizes.feed_forward);
        let keys = wide / u64::from(sizes.heads) * u64::from(sizes.heads_kv);
        let (weight, norm) = (TensorType::Q8_0, TensorType::F32);
        self.tensor("token_embd.weight", &[wide, sizes.vocabulary.into()], weight);
        self.tensor("output_norm.weight", &[wide], norm);
        for block in 0..sizes.blocks {
            let name = |role: &str| format!("blk.{block}.{role}.weight");
            self.tensor(&name("attn_norm"), &[wide], norm);
            self.tensor(&name("attn_q"), &[wide, wide], weight);
            self.tensor(&name("attn_k"), &[wide, keys], weight);
            self.tensor(&name("attn_v"), &[wide, keys], weight);
            self.tensor(&name("attn_output"), &[wide, wide], weight);
            self.tensor(&name("ffn_norm"), &[wide], norm);
            self.tensor(&name("ffn_gate"), &[wide, inner], weight);
            self.tensor(&name("ffn_up"), &[wide, inner], weight);
            self.tensor(&name("ffn_down"), &[inner, wide], weight);
        }
    }

    /// Sets a metadata value, in place if the key is there.
    pub fn set(&mut self, key: &str, item: impl Into<Item>) {
        let item = item.into();
        match self.entries.iter_mut().find(|(known, _)| known == key.as_bytes()) {
            Some((_, known)) => *known = item,
            None => self.entries.push((key.as_bytes().to_vec(), item)),
        }
    }

    /// Adds an entry even if the key is there already.
    pub fn push(&mut self, key: &[u8], item: impl Into<Item>) {
        self.entries.push((key.to_vec(), item.into()));
    }

    /// Removes a metadata entry.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(known, _)| known != key.as_bytes());
    }

    /// Adds a tensor at the next free place.
    pub fn tensor(&mut self, name: &str, dimensions: &[u64], kind: TensorType) {
        self.tensors.push(TensorItem {
            name: name.as_bytes().to_vec(),
            dimensions: dimensions.to_vec(),
            type_id: kind.id(),
            offset: None,
        });
    }

    /// The tensor with this name, to break it.
    ///
    /// # Panics
    /// If there is none.
    pub fn tensor_mut(&mut self, name: &str) -> &mut TensorItem {
        let found = self.tensors.iter_mut().find(|tensor| tensor.name == name.as_bytes());
        found.expect("the test names a tensor that it has added")
    }

    /// The bytes before the weights, not padded.
    pub fn header(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.claimed_tensors.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.claimed_entries.unwrap_or(self.entries.len() as u64).to_le_bytes());
        for (key, item) in &self.entries {
            write_text(&mut out, key);
            write_item(&mut out, item);
        }
        let mut next = 0;
        for tensor in &self.tensors {
            write_text(&mut out, &tensor.name);
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            tensor.dimensions.iter().for_each(|size| out.extend(size.to_le_bytes()));
            out.extend(tensor.type_id.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(next).to_le_bytes());
            next = (next + tensor.all_bytes()).next_multiple_of(self.alignment.max(1));
        }
        out
    }

    /// The whole file; its weights are zero.
    pub fn build(&self) -> Vec<u8> {
        let mut out = self.header();
        let alignment = self.alignment.max(1) as usize;
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(alignment) + tensor.bytes() as usize, 0);
        }
        out
    }
}

impl TensorItem {
    /// Bytes of its data; 0 where the description is broken on purpose.
    fn bytes(&self) -> u64 {
        // What is larger than any test's model is broken on purpose as well.
        Some(self.all_bytes()).filter(|&bytes| bytes < 1 << 26).unwrap_or(0)
    }

    /// The same without a bound.
    fn all_bytes(&self) -> u64 {
        let elements = self.dimensions.iter().try_fold(1, |all: u64, &size| all.checked_mul(size));
        let kind = TensorType::from_id(self.type_id);
        elements.zip(kind).and_then(|(elements, kind)| kind.bytes_for(elements)).unwrap_or(0)
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}

fn write_item(out: &mut Vec<u8>, item: &Item) {
    let mut scalar = |id: u32, bytes: &[u8]| {
        out.extend(id.to_le_bytes());
        out.extend(bytes);
    };
    match item {
        Item::U8(number) => scalar(0, &number.to_le_bytes()),
        Item::U16(number) => scalar(2, &number.to_le_bytes()),
        Item::U32(number) => scalar(4, &number.to_le_bytes()),
        Item::I32(number) => scalar(5, &number.to_le_bytes()),
        Item::F32(number) => scalar(6, &number.to_le_bytes()),
        Item::Bool(flag) => scalar(7, &[u8::from(*flag)]),
        Item::U64(number) => scalar(10, &number.to_le_bytes()),
        Item::I64(number) => scalar(11, &number.to_le_bytes()),
        Item::Raw(id, bytes) => scalar(*id, bytes),
        Item::Text(text) => {
            scalar(8, &[]);
            write_text(out, text.as_bytes());
        }
        Item::Texts(texts) => {
            scalar(9, &array_head(8, texts.len()));
            texts.iter().for_each(|text| write_text(out, text.as_bytes()));
        }
        Item::U32s(all) => write_array(out, 4, all, |number| number.to_le_bytes()),
        Item::I32s(all) => write_array(out, 5, all, |number| number.to_le_bytes()),
        Item::F32s(all) => write_array(out, 6, all, |number| number.to_le_bytes()),
        Item::Bools(all) => write_array(out, 7, all, |flag| [u8::from(*flag)]),
    }
}

fn write_array<T, const N: usize>(
    out: &mut Vec<u8>,
    id: u32,
    all: &[T],
    bytes: impl Fn(&T) -> [u8; N],
) {
    out.extend(9_u32.to_le_bytes());
    out.extend(array_head(id, all.len()));
    all.iter().for_each(|one| out.extend(bytes(one)));
}

/// Element type and length of a list, as they stand before its elements.
pub fn array_head(element: u32, length: usize) -> Vec<u8> {
    let mut head = element.to_le_bytes().to_vec();
    head.extend((length as u64).to_le_bytes());
    head
}
