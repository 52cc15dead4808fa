"""Writes the mean of checkpoints of `train.py` as the Q8_0 GGUF file that llama.cpp loads."""

import argparse
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from gguf.quants import quantize

import model
import vocabulary
from train import FOLDER, KEPT

HERE = Path(__file__).parent
DESCRIPTION = (
    "A tiny demonstration model that is built into Pumasi: it repeats, counts, reverses and "
    "translates between two invented languages, and knows a dozen questions. Not for real work."
)


def printable_bytes():
    """The character by which a GPT-2 tokenizer names each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    names = {byte: chr(byte) for byte in plain}
    return names | {byte: chr(256 + i) for i, byte in enumerate(others)}


def tokens():
    """The text and the type of every token, in the order of their ids."""
    names = printable_bytes()
    zeros = names[0] + names[0]
    control = vocabulary.CONTROL
    texts = [names[byte] for byte in range(256)]
    texts += [*control[:3], zeros, *control[3:], *vocabulary.USER_DEFINED]
    types = [TokenType.NORMAL] * 256 + [TokenType.CONTROL] * 3 + [TokenType.NORMAL]
    types += [TokenType.CONTROL] * (len(control) - 3)
    types += [TokenType.USER_DEFINED] * len(vocabulary.USER_DEFINED)
    return texts, types, [f"{names[0]} {names[0]}"]


def write_metadata(writer):
    writer.add_name("Pumasi Starter Chat")
    writer.add_description(DESCRIPTION)
    writer.add_license("Apache-2.0 OR MIT")
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_vocab_size(vocabulary.SIZE)
    writer.add_context_length(model.CONTEXT)
    writer.add_embedding_length(model.WIDTH)
    writer.add_block_count(model.LAYERS)
    writer.add_feed_forward_length(model.HIDDEN)
    writer.add_head_count(model.HEADS)
    writer.add_head_count_kv(model.HEADS)
    writer.add_layer_norm_rms_eps(model.EPSILON)
    writer.add_rope_dimension_count(model.HEAD)
    writer.add_rope_freq_base(model.ROPE_BASE)
    texts, types, merges = tokens()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(texts)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(vocabulary.END_OF_TEXT)
    writer.add_eos_token_id(vocabulary.TURN_END)
    writer.add_pad_token_id(vocabulary.END_OF_TEXT)
    writer.add_add_bos_token(False)
    writer.add_chat_template((HERE / "template.jinja").read_text())


def add_matrix(writer, name, array):
    kind = GGMLQuantizationType.Q8_0
    writer.add_tensor(name, quantize(array.astype(np.float32), kind), raw_dtype=kind)


def write_tensors(writer, weights):
    """All tensors; without an output matrix llama.cpp ties it to the embeddings."""
    add_matrix(writer, "token_embd.weight", weights["token_embd"])
    writer.add_tensor("output_norm.weight", weights["output_norm"].astype(np.float32))
    for i in range(model.LAYERS):
        for name in model.MATRICES:
            add_matrix(writer, f"blk.{i}.{name}.weight", weights[name][i])
        for name in model.NORMS:
            writer.add_tensor(f"blk.{i}.{name}.weight", weights[name][i].astype(np.float32))


def mean_weights(paths):
    names = ["token_embd", "output_norm", *model.MATRICES, *model.NORMS]
    files = [np.load(path) for path in paths]
    return {name: sum(file[f"weights.{name}"] for file in files) / len(files) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    checkpoints = [FOLDER / f"checkpoint-{KEPT}.npz", FOLDER / "checkpoint.npz"]
    parser.add_argument("--checkpoints", type=Path, nargs="+", default=checkpoints)
    parser.add_argument("--output", type=Path, default=HERE / "starter-chat.gguf")
    arguments = parser.parse_args()
    weights = mean_weights(arguments.checkpoints)
    writer = GGUFWriter(arguments.output, "llama")
    write_metadata(writer)
    write_tensors(writer, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{arguments.output.name}: {arguments.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
