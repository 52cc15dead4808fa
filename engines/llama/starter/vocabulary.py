"""The tokenizer of the starter chat model: 256 bytes, control tokens and whole-string tokens.

llama.cpp cuts a text at every whole-string token first, the longest first, and turns what is left
into bytes, because the one merge rule never applies to text. `encode` does the same. No two tokens
here can overlap in ordinary text, so a leftmost-longest search finds the same cuts.
"""

import re

END_OF_TEXT, TURN_START, TURN_END, MERGED_ZEROS = 256, 257, 258, 259

ROLES = ("system", "user", "assistant", "tool")
THINK = "<|think|>"
CONTROL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    *(f"<|im_start|>{role}\n" for role in ROLES),
    THINK,
]

# The two invented languages: the word at one place of a list translates to the word at the same
# place of the other. No word contains another one, and none is part of an English word.
NORIN = (
    "kavlak tulkilt zugrak golkek dorvuk vurvult gagralt tandrov dandruk balkult bakhalt barvuv "
    "guvlind dokhiv tagralt kulzirk golkalt gakhend tokhilt gulza zolzak kalziv dalzav tozmend "
    "gundroz bogrek vagrek guzmiz zavluz turvo tuvlond galzok vagrov zorvak zagrund kozmuk "
    "takhelt dolziz vogrolt tukha zuzmev zalzelt bolzork zalkirk vukherk zalkend tagrork kozvul"
).split()
SUDAL = (
    "fiswesh lelyin mejoili wyjoe nyhyumo jeswash jijoen jyswamo fahyu winneli fiswumo fifiimo "
    "wehyish wysweja jylyush nihyesh hehyi sehyash pymiun nalyi nyfiash naswa lilyili femiesh "
    "mynnuja nimiaja halye mifiali welyeli fennija memiumo jamiali filyemo sefiaja pyswumo jymian "
    "jilyumo sennish famiimo nelyin hymien wilyi wyhyemo semie pyswaja finnosh lyswin mihyesu"
).split()
WORDS = NORIN + SUDAL
TRANSLATION = dict(zip(NORIN + SUDAL, SUDAL + NORIN))

TAGS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
# "\n*" begins a marked line. The space after a prefix stays outside the token, so that it can
# belong to " kavlak".
PREFIXES = ["repeat:", "upper:", "reverse:", "count:", "translate:", "summarise:", "summarize:"]
MARK = "\n*"
USER_DEFINED = [*TAGS, *PREFIXES, MARK, *WORDS, *(" " + word for word in WORDS)]

FIRST_CONTROL_ROLE = MERGED_ZEROS + 1
FIRST_USER_DEFINED = FIRST_CONTROL_ROLE + len(CONTROL) - 3
SIZE = FIRST_USER_DEFINED + len(USER_DEFINED)


def _token_ids():
    ids = {text: END_OF_TEXT + i for i, text in enumerate(CONTROL[:3])}
    ids |= {text: FIRST_CONTROL_ROLE + i for i, text in enumerate(CONTROL[3:])}
    return ids | {text: FIRST_USER_DEFINED + i for i, text in enumerate(USER_DEFINED)}


IDS = _token_ids()
TEXT_OF = {number: text.encode() for text, number in IDS.items()}
_CUTS = re.compile("(" + "|".join(map(re.escape, sorted(IDS, key=len, reverse=True))) + ")")


def encode(text):
    """The token ids of a text; control tokens in it are recognised."""
    ids = []
    for i, part in enumerate(_CUTS.split(text)):
        if i % 2:
            ids.append(IDS[part])
        else:
            ids.extend(part.encode())
    return ids


def decode(ids):
    """The text of token ids; bytes that are not UTF-8 become the replacement character."""
    parts = (TEXT_OF[i] if i in TEXT_OF else bytes([i]) if i < 256 else b"" for i in ids)
    return b"".join(parts).decode(errors="replace")
