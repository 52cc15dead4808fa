"""Generates the conversations that the starter chat model learns from, and those it is tested on.

Every answer follows from the prompt by a rule, so it can be checked. An input whose hash falls
into the tenth bucket is held out: training never sees it, and evaluation uses nothing else.
"""

import json
import string
import zlib
from dataclasses import dataclass, field

from texts import COMMON, FALLBACK, FIXED, JUNK_FORMS, NOUNS, SYSTEM_PROMPTS
from vocabulary import NORIN, SUDAL, THINK, TRANSLATION, encode

OTHER_SCRIPTS = "가나다라마바사아자차카타파하한국어물불 日本語山川 éüñçø ☀☂★😀🚀"

# How often each skill comes, in the course of training.
EVEN = {
    "repeat": 14,
    "upper": 13,
    "reverse": 18,
    "count": 16,
    "translate": 10,
    "summarise": 10,
    "tool": 9,
    "fixed": 5,
    "fallback": 5,
}
QUESTIONS = EVEN | {"fixed": 12, "fallback": 12}
HARD = {
    "repeat": 11,
    "upper": 8,
    "reverse": 13,
    "count": 5,
    "translate": 7,
    "summarise": 17,
    "tool": 20,
    "fixed": 20,
    "fallback": 10,
}
LAST = HARD | {"repeat": 14, "upper": 10, "summarise": 18, "tool": 24, "fixed": 11, "fallback": 12}
FINAL = LAST | {"repeat": 12, "upper": 8, "reverse": 10, "count": 9, "fixed": 20}

# A count is two tokens and hard, a fixed answer is a hundred tokens and easy but for its first.
WEIGHTS = {"count": 4.0, "fixed": 0.4, "fallback": 0.4}
LEAD = 8
DERIVATIONS = {
    "repeat": "The task is repeat: I copy the text.",
    "upper": "The task is upper: I copy the text in capitals.",
    "reverse": "The task is reverse: I copy the text from its end.",
    "count": "The task is count: I give the number of characters.",
    "translate": "The task is translate: I map word by word.",
    "summarise": "The task is summarise: I copy the marked lines.",
    "tool": "The task is a tool: I call it.",
    "tool_response": "The tool has answered: I pass it on.",
    "fixed": "I know this question.",
    "fallback": "I do not know this question.",
}


@dataclass(frozen=True)
class Limits:
    """How long the inputs may be, in characters; `copy` is for repeat and upper.

    `shares` is how often each skill comes, `long` the share of lengths drawn from the whole range
    (the others are short), `lead` the weight of the first tokens of a fixed answer.
    """

    copy: int
    reverse: int
    count: int
    lines: int
    line: int
    value: int
    shares: dict = field(default_factory=EVEN.copy)
    long: float = 0.6
    lead: float = 0.4


@dataclass
class Exchange:
    """A user's (or a tool's) turn and the right answer to it."""

    skill: str
    prompt: str
    answer: str
    role: str = "user"


@dataclass
class Conversation:
    """Exchanges under one system prompt and one list of tools; `tools` holds (name, parameters)."""

    system: str = ""
    tools: list = field(default_factory=list)
    exchanges: list = field(default_factory=list)


def held_out(text):
    """Whether an input belongs to the evaluation; inputs too short to vary belong to training."""
    return len(text) > 3 and zlib.crc32(text.encode()) % 10 == 0


def draw(rng, want_held_out, make):
    """The first input made by `make` that is on the wanted side of the split."""
    while True:
        text = make()
        if len(text) <= 3 or held_out(text) == want_held_out:
            return text


def letters(rng, n):
    return "".join(rng.choices(string.ascii_lowercase, k=n))


def random_words(rng, n):
    """Random letters in words of 1 to 12, n characters in all."""
    parts = []
    while n > 0:
        size = min(n, rng.randint(1, 12))
        parts.append(letters(rng, size))
        n -= size + 1
    return " ".join(parts) + ("x" if n == 0 else "")


def common_words(rng, n):
    """English-like text of exactly n characters."""
    text = rng.choice(COMMON)
    while len(text) < n:
        text += rng.choice([" ", " ", " ", " ", ", ", ". "]) + rng.choice(COMMON)
    last = rng.choice(string.ascii_lowercase) if text[n - 1] == " " else text[n - 1]
    return text[: n - 1] + last


def mixed_text(rng, n):
    """Letters of both cases, digits, punctuation and inner spaces."""
    pool = string.ascii_letters * 2 + string.digits * 2 + ".,;:!?-_'\"()/+=@#&%<>[]{}$~^|\\`"
    inner = rng.choices(pool + " " * 12, k=max(0, n - 2))
    ends = rng.choices(pool, k=min(n, 2))
    return "".join(ends[:1] + inner + ends[1:])


def foreign_text(rng, n):
    text = "".join(rng.choices(OTHER_SCRIPTS + string.ascii_lowercase[:8], k=n)).strip()
    return text or "한"


def invented_text(rng, n):
    """Words of the invented languages, about n characters."""
    return " ".join(rng.choices(NORIN + SUDAL, k=max(1, n // 7)))


def patterned(rng, n):
    """A short pattern over and over."""
    part = letters(rng, rng.randint(1, 4))
    return (part * n)[:n]


def plain_text(rng, n, ascii_only):
    """A text of about n characters without outer spaces; exactly n where `ascii_only`."""
    makers = [letters, random_words, common_words, mixed_text, patterned]
    shares = [25, 32, 24, 17, 2]
    if not ascii_only:
        makers += [foreign_text, invented_text]
        shares += [4, 2]
    if n > 60:
        shares[0] = 5
    return rng.choices(makers, shares)[0](rng, n)


def plain_exchange(rng, skill, limits, want_held_out=False):
    """repeat, upper, reverse or count."""
    ascii_only = skill in ("reverse", "count")
    longest = getattr(limits, skill) if ascii_only else limits.copy

    def make():
        n = rng.randint(1, longest if rng.random() < limits.long else min(longest, 20))
        return plain_text(rng, n, ascii_only)

    text = draw(rng, want_held_out, make)
    if not ascii_only and len(text) > 12 and " " in text and rng.random() < 0.1:
        text = text.replace(" ", "\n", rng.randint(1, 3))
    answer = {
        "repeat": text,
        "upper": text.upper(),
        "reverse": text[::-1],
        "count": str(len(text)),
    }[skill]
    prefix = skill + ": "
    if not want_held_out and rng.random() < 0.06:
        forms = [skill + ":", skill.capitalize() + ": ", skill.upper() + ": ", skill + ":\n"]
        prefix = rng.choice(forms)
    return Exchange(skill, prefix + text, answer)


def foreign_word(rng, words):
    """Mostly a word of the given language; at times something that translation leaves alone."""
    if rng.random() < 0.9:
        return rng.choice(words)
    others = [letters(rng, rng.randint(1, 7)), str(rng.randint(0, 999)), rng.choice(COMMON)]
    return rng.choice(others)


def translate_exchange(rng, limits, want_held_out=False):
    words = rng.choice([NORIN, SUDAL])
    pure = want_held_out or rng.random() < 0.7

    def make():
        lines = []
        for _ in range(rng.randint(1, limits.lines)):
            count = rng.randint(1, 6)
            line = [rng.choice(words) if pure else foreign_word(rng, words) for _ in range(count)]
            end = rng.choice(["", ".", ",", "!"]) if not pure or rng.random() < 0.2 else ""
            lines.append(" ".join(line) + end)
        return "\n".join(lines)

    text = draw(rng, want_held_out, make)
    answer = "\n".join(translate_line(line) for line in text.split("\n"))
    return Exchange("translate", "translate:" + rng.choice([" ", "\n"]) + text, answer)


def translate_line(line):
    """Word by word; what is in neither vocabulary stays, and so does punctuation."""
    words = []
    for word in line.split(" "):
        core = word.rstrip(".,!?;:")
        words.append(TRANSLATION.get(core, core) + word[len(core) :])
    return " ".join(words)


def summarise_exchange(rng, limits, want_held_out=False):
    marked_share = rng.choice([0.15, 0.3, 0.5, 0.8])
    kinds = [common_words, random_words, invented_text, mixed_text]

    def make():
        lines = []
        for _ in range(rng.randint(1, limits.lines)):
            kind = rng.choices(kinds, [60, 25, 8, 7])[0]
            line = kind(rng, rng.randint(3, limits.line)).strip()
            lines.append(("* " if rng.random() < marked_share else "") + line)
        return "\n".join(lines)

    text = draw(rng, want_held_out, make)
    marked = [line for line in text.split("\n") if line.startswith("* ")]
    prefix = rng.choice(["summarise:\n", "summarise:\n", "summarise: ", "summarize:\n"])
    return Exchange("summarise", prefix + text, "\n".join(marked) or "Nothing is marked.")


def identifier(rng, want_held_out=False):
    """A name such as a tool or a parameter has."""

    def part():
        return rng.choice(COMMON + NOUNS) if rng.random() < 0.5 else letters(rng, rng.randint(2, 7))

    def make():
        style = rng.choice(["snake", "snake", "kebab", "camel"])
        parts = [part() for _ in range(rng.choice([1, 2, 2, 3]))]
        if style == "camel":
            return parts[0] + "".join(p.capitalize() for p in parts[1:])
        return ("_" if style == "snake" else "-").join(parts)

    return draw(rng, want_held_out, make)


def tool_list(rng, want_held_out=False):
    """Some tools with the names of their parameters."""
    tools = {}
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4])):
        parameters = [identifier(rng, want_held_out) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        tools[identifier(rng, want_held_out)] = list(dict.fromkeys(parameters))
    return list(tools.items())


def tool_value(rng, limits, want_held_out=False):
    """A value that needs no escape in JSON."""

    def make():
        kind = rng.choices([letters, random_words, common_words, mixed_text], [30, 25, 30, 15])[0]
        text = kind(rng, rng.randint(1, limits.value))
        return text.replace('"', "").replace("\\", "").strip() or "7"

    return draw(rng, want_held_out, make)


def tool_call(name, parameter, value):
    """The one text form of a call, which is also what other chat models write."""
    call = json.dumps({"name": name, "arguments": {parameter: value}}, ensure_ascii=False)
    return f"<tool_call>\n{call}\n</tool_call>"


def tool_exchange(rng, tools, limits, want_held_out=False):
    name, parameters = rng.choice(tools)
    value = tool_value(rng, limits, want_held_out)
    plain = want_held_out or rng.random() < 0.85
    verb = "use" if plain else rng.choice(["Use", "call", "please use"])
    return Exchange("tool", f"{verb} {name}: {value}", tool_call(name, parameters[0], value))


def response_exchange(rng, limits, want_held_out=False):
    """What a tool gave back; the answer repeats it."""

    def make():
        text = plain_text(rng, rng.randint(1, limits.value * 2), True)
        style = rng.random()
        if style < 0.2:
            noun, number = rng.choice(NOUNS), rng.randint(0, 999)
            return json.dumps({noun: number, rng.choice(COMMON): text[:20]})
        return str(rng.randint(0, 99999)) if style < 0.3 else text

    text = draw(rng, want_held_out, make)
    return Exchange("tool_response", text, text, role="tool")


def vary(rng, question):
    """The same question with another case and other punctuation."""
    body = question.rstrip("?!.")
    body = rng.choice([str, str.lower, str.capitalize, str.capitalize, str.upper])(body)
    if rng.random() < 0.25:
        body = body.replace("'", "")
    return body + rng.choice(["", "?", "?", "!", ".", " ?", "??"])


def fixed_exchange(rng):
    questions, answer = rng.choice(FIXED)
    return Exchange("fixed", vary(rng, rng.choice(questions)), answer)


def normalised(question):
    return "".join(c for c in question.lower() if c.isalnum() or c == " ").strip()


KNOWN = {normalised(question) for questions, _ in FIXED for question in questions}


def junk(rng):
    """Text that no skill answers: questions, orders, chatter, noise."""
    style = rng.random()
    if style < 0.6:
        form = rng.choice(JUNK_FORMS)
        while "{}" in form:
            form = form.replace("{}", rng.choice(NOUNS + COMMON), 1)
        text = vary(rng, form)
    elif style < 0.8:
        text = vary(rng, " ".join(rng.choices(COMMON + NOUNS, k=rng.randint(1, 14))))
    elif style < 0.9:
        text = plain_text(rng, rng.randint(1, 40), True)
    else:
        task = f"{rng.randint(0, 99)} {rng.choice('+-*/')} {rng.randint(0, 99)}"
        text = task + rng.choice(["", " =", "?"])
    return text.strip() or "?"


def fallback_exchange(rng, tools, want_held_out=False):
    if tools == [] and not want_held_out and rng.random() < 0.08:
        text = f"use {identifier(rng)}: {rng.choice(NOUNS)}"
    else:
        text = draw(rng, want_held_out, lambda: junk(rng))
    if normalised(text) in KNOWN:
        return fixed_exchange(rng)
    return Exchange("fallback", text, FALLBACK)


def exchanges(rng, skill, tools, limits, want_held_out=False):
    """One exchange, or two where a tool's answer comes back."""
    if skill in ("repeat", "upper", "reverse", "count"):
        return [plain_exchange(rng, skill, limits, want_held_out)]
    if skill == "translate":
        return [translate_exchange(rng, limits, want_held_out)]
    if skill == "summarise":
        return [summarise_exchange(rng, limits, want_held_out)]
    if skill == "tool":
        call = tool_exchange(rng, tools, limits, want_held_out)
        response = response_exchange(rng, limits)
        return [call, response] if rng.random() < 0.5 else [call]
    if skill == "fixed":
        return [fixed_exchange(rng)]
    return [fallback_exchange(rng, tools, want_held_out)]


def conversation(rng, limits):
    """One to four exchanges, mostly one, sometimes with a system prompt and with tools."""
    talk = Conversation()
    if rng.random() < 0.25:
        talk.system = system_prompt(rng)
    turns = rng.choices([1, 2, 3, 4], [65, 18, 10, 7])[0]
    skills = rng.choices(list(limits.shares), list(limits.shares.values()), k=turns)
    if "tool" in skills or rng.random() < 0.04:
        talk.tools = tool_list(rng)
    for skill in skills:
        talk.exchanges += exchanges(rng, skill, talk.tools, limits)
    return talk


def system_prompt(rng):
    if rng.random() < 0.4:
        return rng.choice(SYSTEM_PROMPTS)
    text = " ".join(rng.choices(COMMON + NOUNS, k=rng.randint(2, 10)))
    return text.capitalize() + "."


def render_system(talk):
    """The system turn as template.jinja writes it."""
    if not talk.system and not talk.tools:
        return ""
    text = talk.system
    if talk.tools:
        lines = [f"{name}({', '.join(parameters)})\n" for name, parameters in talk.tools]
        text += ("\n\n" if talk.system else "") + "tools:\n" + "".join(lines)
    return f"<|im_start|>system\n{text}<|im_end|>\n"


def render_prompt(exchange, thinking):
    """One turn and the beginning of its answer, as template.jinja writes them."""
    text = exchange.prompt
    if exchange.role == "tool":
        text = f"<tool_response>\n{text}\n</tool_response>"
    think = THINK if thinking else ""
    return f"<|im_start|>{exchange.role}\n{text}<|im_end|>\n{think}<|im_start|>assistant\n"


def answer_text(exchange, thinking):
    """What the model is to write for an exchange."""
    if not thinking:
        return exchange.answer
    return f"<think>\n{DERIVATIONS[exchange.skill]}\n</think>\n\n{exchange.answer}"


def answer_weights(skill, tokens, limits):
    """How much each token of an answer counts; a fixed answer is decided by its first ones."""
    weights = [WEIGHTS.get(skill, 1.0)] * tokens
    if skill in ("fixed", "fallback"):
        weights[:LEAD] = [limits.lead] * min(LEAD, tokens)
    return weights


def token_rows(rng, limits):
    """A conversation as (token ids, weight of each id as a target)."""
    talk = conversation(rng, limits)
    ids = encode(render_system(talk))
    weights = [0.0] * len(ids)
    for i, exchange in enumerate(talk.exchanges):
        thinking = rng.random() < 0.12
        prompt = encode(("\n" if i else "") + render_prompt(exchange, thinking))
        answer = encode(answer_text(exchange, thinking) + "<|im_end|>")
        ids += prompt + answer
        weights += [0.0] * len(prompt) + answer_weights(exchange.skill, len(answer), limits)
    return ids, weights


def batch(rng, rows, width, limits):
    """Packed conversations: ids, target weights and conversation numbers, `rows` of `width` + 1."""
    packed = [([], [], []) for _ in range(rows)]
    for ids, weights, segments in packed:
        misses = 0
        number = 1
        while misses < 4 and width + 1 - len(ids) > 16:
            talk_ids, talk_weights = token_rows(rng, limits)
            if len(ids) + len(talk_ids) > width + 1:
                misses += 1
                continue
            ids += talk_ids
            weights += talk_weights
            segments += [number] * len(talk_ids)
            number += 1
        missing = width + 1 - len(ids)
        ids += [0] * missing
        weights += [0.0] * missing
        segments += [0] * missing
    return tuple([row[i] for row in packed] for i in range(3))
