"""Writes a llama-shaped GGUF with random weights, for measuring speed where no model can be fetched.

The blocks are random quantized bytes whose scale gives each matrix the standard deviation of a fresh
initialisation, so that nothing overflows; the output is noise. The shape "1b" is that of a 1.04
billion parameter model (2048 wide, 16 blocks, 32 heads over 8 key/value heads), "135m" that of a
135 million one, "20m" a small one for runs by the hundred.
"""

import argparse
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType

SHAPES = {
    # name: width, blocks, heads, key/value heads, feed-forward width, vocabulary
    "1b": (2048, 16, 32, 8, 8192, 32_000),
    "135m": (576, 30, 9, 3, 1536, 49_152),
    "20m": (384, 8, 6, 2, 1024, 8_192),
}
# bytes of a block of 32 weights, the standard deviation of its random integers
KINDS = {
    "q4_0": (GGMLQuantizationType.Q4_0, LlamaFileType.MOSTLY_Q4_0, 18, 4.61),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0, 34, 73.9),
}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: chr(byte) for byte in printable}
    table |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def add_vocabulary(writer: GGUFWriter, size: int) -> None:
    letters = byte_characters()
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = [f"w{index}" for index in range(size - len(letters) - len(control))]
    kinds = [TokenType.NORMAL] * 256 + [TokenType.CONTROL] * 3 + [TokenType.NORMAL] * len(words)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*letters, *control, *words])
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{letters[0]} {letters[0]}"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write(path: Path, shape: str, kind: str) -> None:
    width, blocks, heads, kv_heads, feed_forward, vocabulary = SHAPES[shape]
    quantization, file_type, block_bytes, deviation = KINDS[kind]
    random = np.random.default_rng(1)

    def matrix(name: str, rows: int, columns: int, std: float) -> None:
        count = rows * columns // 32
        data = np.frombuffer(random.bytes(count * block_bytes), np.uint8).reshape(count, block_bytes).copy()
        data[:, :2] = np.frombuffer(np.float16(std / deviation).tobytes(), np.uint8)
        writer.add_tensor(name, data.reshape(rows, -1), raw_dtype=quantization)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(width, np.float32))

    writer = GGUFWriter(path, "llama")
    writer.add_name(f"synthetic {shape}")
    writer.add_file_type(file_type)
    writer.add_vocab_size(vocabulary)
    writer.add_context_length(8192)
    writer.add_embedding_length(width)
    writer.add_block_count(blocks)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(500_000.0)
    add_vocabulary(writer, vocabulary)
    matrix("token_embd.weight", vocabulary, width, 0.02)
    ones("output_norm.weight")
    kv_width = kv_heads * width // heads
    for block in range(blocks):
        name = f"blk.{block}."
        ones(name + "attn_norm.weight")
        ones(name + "ffn_norm.weight")
        matrix(name + "attn_q.weight", width, width, width**-0.5)
        matrix(name + "attn_k.weight", kv_width, width, width**-0.5)
        matrix(name + "attn_v.weight", kv_width, width, width**-0.5)
        matrix(name + "attn_output.weight", width, width, (2 * blocks * width) ** -0.5)
        matrix(name + "ffn_gate.weight", feed_forward, width, width**-0.5)
        matrix(name + "ffn_up.weight", feed_forward, width, width**-0.5)
        matrix(name + "ffn_down.weight", width, feed_forward, (2 * blocks * feed_forward) ** -0.5)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="1b")
    parser.add_argument("--kind", choices=KINDS, default="q4_0")
    arguments = parser.parse_args()
    write(arguments.path, arguments.shape, arguments.kind)
