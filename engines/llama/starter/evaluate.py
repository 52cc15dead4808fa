"""Measures starter-chat.gguf on held-out inputs, greedily, with its dequantised Q8_0 weights.

Prompts are rendered with the chat template inside the file. Prints the share of exactly right
answers for each skill and length; `--write` stores some of the cases for the tests of the worker.
"""

import argparse
import json
import os
import random
from functools import partial
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import jax
import jax.numpy as jnp
import jinja2
import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

import data
import export
import model
import texts
import vocabulary

HERE = Path(__file__).parent
SEED = 2
ROWS = 50
WRITTEN = 20
WIDTHS = (64, 128, 256, 512, 768, 1024)
LIMITS = data.Limits(copy=300, reverse=64, count=64, lines=12, line=36, value=40)

# The lengths of each skill, in characters or, for the last two, lines.
LENGTHS = {
    "repeat": [(1, 40), (41, 80), (81, 160), (161, 300)],
    "upper": [(1, 40), (41, 80), (81, 160), (161, 300)],
    "reverse": [(1, 40), (41, 60)],
    "count": [(1, 40), (41, 60)],
    "translate": [(1, 4), (5, 8), (9, 12)],
    "summarise": [(1, 2), (3, 6), (7, 12)],
}
# The groups that the tests of the worker may rely on, because nearly all answers are right.
RELIABLE = {
    "repeat 1-40",
    "upper 1-40",
    "reverse 1-40",
    "count 1-40",
    "count 41-60",
    "translate 1-4",
    "under a system prompt",
    "second turn",
    "fixed questions",
}


def read_model(path):
    """The weights in the form of model.py and the chat template; checks the token list."""
    reader = GGUFReader(path)
    field = reader.fields["tokenizer.ggml.tokens"]
    stored = [bytes(field.parts[i]).decode() for i in field.data]
    assert stored == export.tokens()[0], "the file was written with another vocabulary"
    tensors = {
        t.name.removesuffix(".weight"): dequantize(t.data, t.tensor_type) for t in reader.tensors
    }
    weights = {name: jnp.asarray(tensors[name]) for name in ("token_embd", "output_norm")}
    for name in (*model.MATRICES, *model.NORMS):
        layers = [tensors[f"blk.{i}.{name}"] for i in range(model.LAYERS)]
        weights[name] = jnp.asarray(np.stack(layers))
    environment = jinja2.Environment()
    # As chat template engines do it: jinja2's own filter escapes for HTML.
    environment.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    template = reader.fields["tokenizer.chat_template"].contents()
    return weights, environment.from_string(template)


def prefill(weights, ids, lengths):
    """The logits after each prompt, and the keys and values of all layers."""
    tokens = ids.shape[1]
    cos, sin = model.angles(jnp.arange(tokens))
    mask = jnp.tril(jnp.ones((1, tokens, tokens), bool))
    keys, values = [], []

    def attention(query, key, value):
        keys.append(key)
        values.append(value)
        return model.attend(query, key, value, mask)

    x = weights["token_embd"][ids]
    for i in range(model.LAYERS):
        x = model.block(model.layer(weights, i), x, cos, sin, attention)
    last = x[jnp.arange(len(ids)), lengths - 1]
    out = model.normalise(last, weights["output_norm"]) @ weights["token_embd"].T
    return out, keys, values


def decode_step(weights, token, position, keys, values):
    """The logits after one more token in each row, at that row's position."""
    rows = jnp.arange(len(token))
    cos, sin = model.angles(position[:, None])
    mask = (jnp.arange(keys[0].shape[1])[None] <= position[:, None])[:, None]
    keys, values = list(keys), list(values)
    x = weights["token_embd"][token][:, None]
    for i in range(model.LAYERS):

        def attention(query, key, value, i=i):
            keys[i] = keys[i].at[rows, position].set(key[:, 0])
            values[i] = values[i].at[rows, position].set(value[:, 0])
            return model.attend(query, keys[i], values[i], mask)

        x = model.block(model.layer(weights, i), x, cos, sin, attention)
    out = model.normalise(x[:, 0], weights["output_norm"]) @ weights["token_embd"].T
    return out, keys, values


@partial(jax.jit, static_argnames="room")
def generate(weights, ids, lengths, limits, room):
    """Greedy answers in a context of `room`; a row ends with its turn or at its limit."""
    out, keys, values = prefill(weights, ids, lengths)
    grow = [(0, 0), (0, room - ids.shape[1]), (0, 0), (0, 0)]
    state = (
        out.argmax(-1),
        lengths,
        lengths >= limits,
        jnp.pad(ids, grow[:2]),
        [jnp.pad(key, grow) for key in keys],
        [jnp.pad(value, grow) for value in values],
    )

    def going(state):
        return ~state[2].all()

    def step(state):
        token, position, ended, written, keys, values = state
        ended = ended | (token == vocabulary.TURN_END) | (position >= limits)
        rows = jnp.arange(len(token))
        written = written.at[rows, position].set(token)
        out, keys, values = decode_step(weights, token, position, keys, values)
        return out.argmax(-1), position + ~ended, ended, written, keys, values

    _, position, _, written, *_ = jax.lax.while_loop(going, step, state)
    return written, position


def fitting(tokens):
    """The smallest compiled width that holds so many tokens."""
    return next(width for width in WIDTHS if width >= tokens)


def answers(weights, prompts, expected):
    """The greedy answers to prompts, as text; an answer ends a little past the length expected."""
    result = [""] * len(prompts)
    ends = [len(p) + len(e) + 4 for p, e in zip(prompts, expected)]
    order = sorted(range(len(prompts)), key=lambda i: (fitting(ends[i]), fitting(len(prompts[i]))))
    for start in range(0, len(order), ROWS):
        group = order[start : start + ROWS]
        width = fitting(max(len(prompts[i]) for i in group))
        room = max(width, fitting(max(ends[i] for i in group)))
        ids = np.zeros((ROWS, width), np.int32)
        lengths, limits = np.ones(ROWS, np.int32), np.ones(ROWS, np.int32)
        for row, i in enumerate(group):
            ids[row, : len(prompts[i])] = prompts[i]
            lengths[row], limits[row] = len(prompts[i]), ends[i]
        written, stops = map(np.asarray, generate(weights, ids, lengths, limits, room))
        for row, i in enumerate(group):
            result[i] = vocabulary.decode(written[row, lengths[row] : stops[row]].tolist())
    return result


def tool_schema(name, parameters):
    """A tool as the OpenAI interface describes it."""
    properties = {parameter: {"type": "string"} for parameter in parameters}
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def messages_of(talk):
    """The messages up to the last question; what came before is answered as it should be."""
    messages = [{"role": "system", "content": talk.system}] if talk.system else []
    for i, exchange in enumerate(talk.exchanges):
        messages.append({"role": exchange.role, "content": exchange.prompt})
        if i == len(talk.exchanges) - 1:
            break
        if exchange.skill == "tool":
            call = json.loads(exchange.answer.split("\n")[1])
            call = {"type": "function", "id": f"call_{i}", "function": call}
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        else:
            messages.append({"role": "assistant", "content": exchange.answer})
    return messages


def case(talk, group, thinking=False):
    """A conversation as a test case: the request, what it tests and the answer expected."""
    last = talk.exchanges[-1]
    made = {"group": group, "skill": last.skill, "messages": messages_of(talk)}
    if talk.tools:
        made["tools"] = [tool_schema(*tool) for tool in talk.tools]
    if thinking:
        made["enable_thinking"] = True
    return made | {"expected": data.answer_text(last, thinking)}


def plain(body):
    """Whether the copying skills are measured on a text: ASCII, no word that is a single token."""
    return body.isascii() and not any(word in body for word in vocabulary.WORDS)


def sized(rng, skill, low, high):
    """A held-out exchange whose input has `low` to `high` characters or lines."""
    while True:
        exchange = data.exchanges(rng, skill, [], LIMITS, want_held_out=True)[0]
        body = exchange.prompt[len(skill) + 2 :]
        size = body.count("\n") + 1 if skill in ("translate", "summarise") else len(body)
        if low <= size <= high and (skill not in ("repeat", "upper") or plain(body)):
            return exchange


def single(rng, skill, tools=()):
    exchange = data.exchanges(rng, skill, list(tools), LIMITS, want_held_out=True)[0]
    return data.Conversation(tools=list(tools), exchanges=[exchange])


def tool_talk(rng, several):
    """A call of the one tool offered, or of one of several."""
    tools = data.tool_list(rng, want_held_out=True)
    while (len(tools) > 1) != several:
        tools = data.tool_list(rng, want_held_out=True)
    talk = single(rng, "tool", tools)
    talk.system = data.system_prompt(rng) if rng.random() < 0.3 else ""
    return talk


def response_talk(rng):
    talk = tool_talk(rng, several=False)
    talk.exchanges.append(data.response_exchange(rng, LIMITS, want_held_out=True))
    return talk


def short_talk(rng, turns, system=""):
    """Some exchanges of any skill but summaries, of up to 40 characters or four lines."""
    talk = data.Conversation(system=system)
    for skill in rng.choices([skill for skill in LENGTHS if skill != "summarise"], k=turns):
        talk.exchanges.append(sized(rng, skill, *LENGTHS[skill][0]))
    return talk


def fixed_cases():
    """Every way to ask every fixed question, as written and in lower case without its mark."""
    for questions, answer in texts.FIXED:
        for question in questions:
            for asked in (question, question.lower().rstrip("?")):
                exchange = data.Exchange("fixed", asked, answer)
                yield case(data.Conversation(exchanges=[exchange]), "fixed questions")


def all_cases(count):
    """`count` held-out cases for each skill and length, and all fixed questions."""
    rng = random.Random(SEED)
    for skill, ranges in LENGTHS.items():
        for low, high in ranges:
            for _ in range(count):
                talk = data.Conversation(exchanges=[sized(rng, skill, low, high)])
                yield case(talk, f"{skill} {low}-{high}")
    for _ in range(count):
        yield case(tool_talk(rng, several=False), "call of the only tool")
        yield case(tool_talk(rng, several=True), "call of one of some tools")
        yield case(response_talk(rng), "tool response")
        yield case(single(rng, "fallback"), "fallback")
        yield case(short_talk(rng, 1, data.system_prompt(rng)), "under a system prompt")
        yield case(short_talk(rng, 2), "second turn")
        yield case(short_talk(rng, 3), "third turn")
        yield case(short_talk(rng, 1), "thinking", thinking=True)
        yield case(tool_talk(rng, several=False), "thinking, only tool", thinking=True)
    yield from fixed_cases()


def render(template, made):
    return template.render(
        messages=made["messages"],
        tools=made.get("tools"),
        enable_thinking=made.get("enable_thinking", False),
        add_generation_prompt=True,
    )


def check_template(template):
    """The template and the text that training saw must be the same, character for character."""
    rng = random.Random(SEED)
    for _ in range(300):
        talk = data.conversation(rng, LIMITS)
        parts = [data.render_system(talk)]
        for exchange in talk.exchanges[:-1]:
            parts += [data.render_prompt(exchange, False), exchange.answer, "<|im_end|>\n"]
        parts.append(data.render_prompt(talk.exchanges[-1], True))
        seen = render(template, case(talk, "", thinking=True))
        assert seen == "".join(parts), f"{seen!r} is not {''.join(parts)!r}"


def write_cases(path, cases):
    """The reliable groups' first cases and all fixed questions, one JSON object a line."""
    taken = {}
    with open(path, "w") as file:
        for made in cases:
            taken[made["group"]] = taken.get(made["group"], 0) + 1
            wanted = taken[made["group"]] <= WRITTEN or made["skill"] == "fixed"
            if made["group"] in RELIABLE and wanted:
                file.write(json.dumps(made, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=HERE / "starter-chat.gguf")
    parser.add_argument("--count", type=int, default=200, help="cases of each skill and length")
    parser.add_argument("--group", default="", help="only groups whose name contains this")
    parser.add_argument("--write", type=Path, help="where to store cases for other tests")
    parser.add_argument("--show", type=int, default=0, help="wrong answers to show of each group")
    arguments = parser.parse_args()
    weights, template = read_model(arguments.model)
    check_template(template)
    cases = list(all_cases(arguments.count))
    if arguments.write:
        write_cases(arguments.write, cases)
    cases = [made for made in cases if arguments.group in made["group"]]
    prompts = [vocabulary.encode(render(template, made)) for made in cases]
    given = answers(weights, prompts, [vocabulary.encode(made["expected"]) for made in cases])
    groups = {}
    for made, answer in zip(cases, given):
        groups.setdefault(made["group"], []).append((answer == made["expected"], made, answer))
    for group, tried in groups.items():
        right = sum(ok for ok, _, _ in tried)
        print(f"{group:24} {right:4} / {len(tried):4}  {right / len(tried):7.2%}", flush=True)
        wrong = [(made, answer) for ok, made, answer in tried if not ok]
        for made, answer in wrong[: arguments.show]:
            asked = made["messages"][-1]["content"]
            print(f"    {asked!r}\n    {made['expected']!r}\n    {answer!r}")


if __name__ == "__main__":
    main()
