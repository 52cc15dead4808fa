"""Trains the starter chat model on one core and writes checkpoints; a second start resumes.

Muon for the matrices of the blocks, Adam for embeddings and norms. The data of step i depend on
nothing but SEED and i, so that a resumed run sees what an undisturbed one would have seen.
"""

import argparse
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import jax
import jax.numpy as jnp
import numpy as np

import data
import model

SEED = 1
WARM_UP = 50
MUON_RATE = 0.02
ADAM_RATE = 0.003
FOLDER = Path.home() / ".cache/pumasi/starter"
# The step whose weights are averaged with the last ones, which is better than either alone.
KEPT = 3291


@dataclass(frozen=True)
class Shape:
    """A kind of batch: rows of packed conversations of so many tokens."""

    rows: int
    width: int
    limits: data.Limits


@dataclass(frozen=True)
class Phase:
    """Steps that take their shapes in turn; `scale` is that of the learning rates at its ends."""

    steps: int
    shapes: tuple[Shape, ...]
    scale: tuple[float, float]


L = data.Limits
TINY = Shape(16, 128, L(16, 14, 24, lines=3, line=14, value=12))
EARLY = Shape(12, 256, L(60, 32, 48, lines=6, line=24, value=24))
SHORT = Shape(12, 256, L(90, 60, 60, lines=7, line=32, value=40, shares=data.QUESTIONS))
MIDDLE = Shape(8, 512, L(160, 60, 60, lines=10, line=40, value=40, shares=data.QUESTIONS))
SELDOM = data.EVEN | {"fixed": 4, "fallback": 4}
LONG = Shape(4, 1024, L(330, 64, 64, lines=12, line=40, value=48, shares=SELDOM, long=0.9))
LATE_SHORT = Shape(12, 256, L(100, 60, 60, 7, 32, 40, shares=data.HARD, long=0.8, lead=3.0))
LATE_LONG = Shape(6, 640, L(290, 64, 64, 12, 36, 48, shares=data.HARD, long=0.9, lead=3.0))
LAST_SHORT = Shape(12, 256, L(60, 44, 60, 5, 24, 24, shares=data.LAST, long=0.8, lead=3.0))
LAST_LONG = Shape(6, 640, L(290, 64, 64, 12, 36, 48, shares=data.LAST, long=0.85, lead=3.0))
FINAL_SHORT = Shape(12, 256, L(60, 44, 60, 5, 24, 24, shares=data.FINAL, lead=6.0))
FINAL_LONG = Shape(6, 640, L(290, 64, 64, 12, 36, 48, shares=data.FINAL, long=0.8, lead=6.0))
PHASES = [
    Phase(700, (TINY,), (1.0, 1.0)),
    Phase(600, (EARLY,), (1.0, 1.0)),
    Phase(115, (MIDDLE,), (1.0, 0.9027)),
    Phase(550, (SHORT, SHORT, MIDDLE), (0.9027, 0.5)),
    Phase(456, (SHORT, MIDDLE, SHORT, LONG), (0.5, 0.0937)),
    Phase(420, (LATE_SHORT, LATE_SHORT, LATE_LONG), (0.3, 0.01)),
    Phase(450, (LAST_SHORT, LAST_SHORT, LAST_SHORT, LAST_LONG), (0.3, 0.01)),
    Phase(48, (*[FINAL_SHORT] * 4, FINAL_LONG), (0.25, 0.2171)),
    Phase(170, (*[FINAL_SHORT] * 4, FINAL_LONG), (0.2171, 0.01)),
]


def loss(weights, ids, targets_weight, segments):
    """The weighted mean cross entropy of the answers, and the share of right tokens."""
    out = model.logits(weights, ids[:, :-1], segments[:, :-1])
    chances = jax.nn.log_softmax(out, -1)
    target = ids[:, 1:]
    wanted = targets_weight[:, 1:]
    entropy = -jnp.take_along_axis(chances, target[..., None], -1)[..., 0]
    right = (out.argmax(-1) == target) & (wanted > 0)
    return (entropy * wanted).sum() / wanted.sum(), right.sum() / (wanted > 0).sum()


def orthogonal(matrices):
    """About the nearest orthogonal matrix of each (Newton–Schulz, coefficients of Muon)."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.swapaxes(1, 2) if tall else matrices
    x = x / (jnp.sqrt((x * x).sum((1, 2), keepdims=True)) + 1e-7)
    for _ in range(5):
        square = x @ x.swapaxes(1, 2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.swapaxes(1, 2) if tall else x


@jax.jit
def train_step(weights, first, second, ids, targets_weight, segments, step, scale):
    """One update; `first` and `second` are the running moments of the gradients."""
    (value, right), gradients = jax.value_and_grad(loss, has_aux=True)(
        weights, ids, targets_weight, segments
    )
    norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradients)))
    factor = jnp.minimum(1, 1 / (norm + 1e-6))
    for name, weight in weights.items():
        gradient = gradients[name] * factor
        if name in model.MATRICES:
            first[name] = 0.95 * first[name] + gradient
            update = orthogonal(gradient + 0.95 * first[name])
            update *= max(1, weight.shape[1] / weight.shape[2]) ** 0.5
            decayed = weight * (1 - MUON_RATE * scale * 0.01)
            weights[name] = decayed - MUON_RATE * scale * update
        else:
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.98 * second[name] + 0.02 * gradient * gradient
            mean = first[name] / (1 - 0.9 ** (step + 1))
            spread = jnp.sqrt(second[name] / (1 - 0.98 ** (step + 1)))
            weights[name] = weight - ADAM_RATE * scale * mean / (spread + 1e-8)
    return weights, first, second, value, right


def schedule(step):
    """The shape of a step and the factor on its learning rates; no shape after the last step."""
    start = 0
    for phase in PHASES:
        if step < start + phase.steps:
            begin, end = phase.scale
            scale = begin + (end - begin) * (step - start) / phase.steps
            return phase.shapes[step % len(phase.shapes)], scale * min(1.0, (step + 1) / WARM_UP)
        start += phase.steps
    return None, 0.0


def make_batch(step, shape):
    rng = random.Random(f"{SEED} {step}")
    ids, weights, segments = data.batch(rng, shape.rows, shape.width, shape.limits)
    return jnp.asarray(ids), jnp.asarray(weights, jnp.float32), jnp.asarray(segments)


def save(path, step, weights, first, second):
    parts = {"weights": weights, "first": first, "second": second}
    arrays = {f"{p}.{name}": np.asarray(a) for p, tree in parts.items() for name, a in tree.items()}
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, step=step, **arrays)
    os.replace(temporary, path)


def load(path):
    """The next step, the weights and both moments: from the checkpoint, or fresh."""
    weights = model.initial_weights(SEED)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    if not path.exists():
        return 0, weights, zeros, dict(zeros)
    with np.load(path) as file:
        trees = [
            {name: jnp.asarray(file[f"{part}.{name}"]) for name in weights}
            for part in ("weights", "first", "second")
        ]
        return int(file["step"]), *trees


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    checkpoint = FOLDER / "checkpoint.npz"
    step, weights, first, second = load(checkpoint)
    print("parameters", sum(w.size for w in weights.values()), "from step", step, flush=True)
    started, used, saved, shown = time.time(), time.process_time(), time.time(), []
    while (turn := schedule(step))[0] is not None:
        shape, scale = turn
        weights, first, second, value, right = train_step(
            weights, first, second, *make_batch(step, shape), jnp.float32(step), scale
        )
        shown.append((float(value), float(right)))
        step += 1
        if step % 20 == 0:
            mean = np.mean(shown, 0)
            shown.clear()
            print(
                f"{step} width {shape.width} loss {mean[0]:.4f} right {mean[1]:.4f} "
                f"wall {time.time() - started:.0f} cpu {time.process_time() - used:.0f}",
                flush=True,
            )
        if step == KEPT:
            save(FOLDER / f"checkpoint-{KEPT}.npz", step, weights, first, second)
        if time.time() - saved > 60:
            save(checkpoint, step, weights, first, second)
            saved = time.time()
    save(checkpoint, step, weights, first, second)


if __name__ == "__main__":
    main()
