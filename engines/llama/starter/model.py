"""The network of the starter chat model: the llama architecture of llama.cpp, in JAX.

RMS norms, rotary positions in interleaved pairs, SwiGLU and tied embeddings; weights are
(output, input) matrices, stacked over the layers under the names of a GGUF block.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vocabulary import SIZE

WIDTH = 128
LAYERS = 4
HEADS = 4
HEAD = WIDTH // HEADS
HIDDEN = 384
CONTEXT = 1024
EPSILON = 1e-5
ROPE_BASE = 500_000.0

MATRICES = {
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (WIDTH, WIDTH),
    "attn_v": (WIDTH, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_gate": (HIDDEN, WIDTH),
    "ffn_up": (HIDDEN, WIDTH),
    "ffn_down": (WIDTH, HIDDEN),
}
NORMS = ("attn_norm", "ffn_norm")

FREQUENCIES = ROPE_BASE ** (-np.arange(0, HEAD, 2) / HEAD)


def initial_weights(seed):
    """Random weights, except that the first layer's heads begin as looks at the tokens before.

    Copying needs such heads, and finding them by chance is the slowest part of training. All
    embeddings share one constant component. From it, head h of layer 0 makes constant keys, and
    queries turned by h + 1 positions, so that its attention peaks h + 1 tokens back.
    """
    rng = np.random.default_rng(seed)
    weights = {"token_embd": rng.normal(0, 0.05, (SIZE, WIDTH)), "output_norm": np.ones(WIDTH)}
    weights["token_embd"][:, 0] = 0.3
    for name, (rows, columns) in MATRICES.items():
        scale = columns**-0.5
        if name in ("attn_output", "ffn_down"):
            scale /= (2 * LAYERS) ** 0.5
        weights[name] = rng.normal(0, scale, (LAYERS, rows, columns))
    for name in NORMS:
        weights[name] = np.ones((LAYERS, WIDTH))
    constant = 0.3 / np.sqrt(0.05**2 + 0.3**2 / WIDTH)
    for name in ("attn_q", "attn_k"):
        weights[name][0] *= 0.15
    pairs = 8
    for head in range(HEADS):
        for pair in range(pairs):
            row = head * HEAD + 2 * pair
            angle = FREQUENCIES[pair] * (head + 1)
            turned = np.array([np.cos(angle), -np.sin(angle)])
            weights["attn_k"][0, row : row + 2, 0] = np.array([6.0, 0.0]) / constant
            weights["attn_q"][0, row : row + 2, 0] = 6.0 * turned / constant
    return {name: jnp.asarray(array, jnp.float32) for name, array in weights.items()}


def normalise(x, scale):
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPSILON) * scale


def rotate(x, cos, sin):
    """Rotary positions on (…, heads, HEAD); `cos` and `sin` are (…, 1, HEAD / 2)."""
    a, b = x[..., 0::2], x[..., 1::2]
    return jnp.stack([a * cos - b * sin, a * sin + b * cos], -1).reshape(x.shape)


def angles(positions):
    """The cosine and sine of every rotary pair at the given positions."""
    turned = positions[..., None, None] * jnp.asarray(FREQUENCIES, jnp.float32)
    return jnp.cos(turned), jnp.sin(turned)


# Attention of packed rows goes over so many queries at a time, to skip the keys after them.
STRIDE = 128


def attend(query, key, value, mask):
    """Softmax attention over (rows, tokens, heads, HEAD); `mask` is (rows, queries, keys)."""
    scores = jnp.einsum("bthd,bshd->bhts", query, key) * HEAD**-0.5
    shares = jax.nn.softmax(jnp.where(mask[:, None], scores, -1e30), -1)
    return jnp.einsum("bhts,bshd->bthd", shares, value)


def block(weights, x, cos, sin, attention):
    """One layer; `attention` maps query, key and value to the mixed values."""
    rows, tokens, _ = x.shape
    heads = (rows, tokens, HEADS, HEAD)
    a = normalise(x, weights["attn_norm"])
    query = rotate((a @ weights["attn_q"].T).reshape(heads), cos, sin)
    key = rotate((a @ weights["attn_k"].T).reshape(heads), cos, sin)
    value = (a @ weights["attn_v"].T).reshape(heads)
    mixed = attention(query, key, value).reshape(rows, tokens, WIDTH)
    x = x + mixed @ weights["attn_output"].T
    a = normalise(x, weights["ffn_norm"])
    gated = jax.nn.silu(a @ weights["ffn_gate"].T) * (a @ weights["ffn_up"].T)
    return x + gated @ weights["ffn_down"].T


def layer(weights, i):
    """The weights of layer i."""
    return {name: weights[name][i] for name in (*MATRICES, *NORMS)}


def attend_packed(query, key, value, segments):
    """Attention in packed rows: a token sees itself and the earlier ones of its own segment."""
    tokens = segments.shape[1]
    parts = []
    for start in range(0, tokens, STRIDE):
        end = min(start + STRIDE, tokens)
        causal = jnp.arange(start, end)[:, None] >= jnp.arange(end)[None]
        mask = causal & (segments[:, start:end, None] == segments[:, None, :end])
        parts.append(attend(query[:, start:end], key[:, :end], value[:, :end], mask))
    return jnp.concatenate(parts, 1)


def logits(weights, ids, segments):
    """The next-token logits of packed rows."""
    cos, sin = angles(jnp.arange(ids.shape[1]))
    x = weights["token_embd"][ids]
    for i in range(LAYERS):
        x = block(layer(weights, i), x, cos, sin, lambda q, k, v: attend_packed(q, k, v, segments))
    return normalise(x, weights["output_norm"]) @ weights["token_embd"].T
