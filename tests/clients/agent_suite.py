"""A coding agent's traffic, in Anthropic's dialect: what Claude Code and its like send, and how.

Two dozen tools with long schemas, a system prompt in cached blocks, beta headers and beta methods,
thinking, streamed arguments of calls, several turns with results of tools, and counts of tokens.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and providers' models in PUMASI_CLOUD (it speaks OpenAI's
language) and PUMASI_CLAUDE (it speaks Anthropic's).
"""

import json
import os
import unittest

import anthropic

OFFICE = os.environ["PUMASI_MODEL"]
CLOUD = os.environ["PUMASI_CLOUD"]
CLAUDE = os.environ["PUMASI_CLAUDE"]
EPHEMERAL = {"type": "ephemeral"}
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14"
LONG = "Uses the tool as its name says. Paths are absolute. What it prints is cut off at 30,000 characters. " * 12


def a_tool(name, **properties):
    """A tool as agents describe theirs: long sentences, nested objects, limits and formats."""
    return {
        "name": name,
        "description": LONG,
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": properties,
            "required": list(properties)[:1],
            "additionalProperties": False,
        },
    }


TEXT = {"type": "string", "description": "What it is about. " * 10}
COUNT = {"type": "number", "minimum": 0, "maximum": 600_000, "description": "How long, in milliseconds."}
EDITS = {
    "type": "array",
    "minItems": 1,
    "description": "The edits, made in this order.",
    "items": {
        "type": "object",
        "properties": {
            "old": {"type": "string"},
            "new": {"type": "string"},
            "all": {"type": "boolean", "default": False},
        },
        "required": ["old", "new"],
        "additionalProperties": False,
    },
}
TODOS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "content": {"type": "string", "minLength": 1},
            "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
        },
        "required": ["content", "status"],
    },
}
NAMES = (
    "Bash Read Edit Write Glob Grep LS WebFetch Task TodoWrite MultiEdit BashOutput KillShell "
    "NotebookEdit ExitPlanMode SlashCommand Skill a__get a__put a__list b__get b__put b__list b__find"
).split()
TOOLS = [
    a_tool(name, word=TEXT, timeout=COUNT, edits=EDITS, todos=TODOS, url={"type": "string", "format": "uri"})
    for name in NAMES
]
TOOLS[-1]["cache_control"] = EPHEMERAL
# The model of the tests holds 1,024 tokens: what it is offered is as many tools, with short schemas.
SHORT = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
SHORT_TOOLS = [{**tool, "input_schema": SHORT} for tool in TOOLS]
SYSTEM = [
    {"type": "text", "text": "You are an agent.", "cache_control": EPHEMERAL},
    {"type": "text", "text": "Be brief.", "cache_control": EPHEMERAL},
]


def block(text, **more):
    return {"type": "text", "text": text, **more}


class Suite(unittest.TestCase):
    """Each test is one thing that agents do."""

    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic(
            base_url=os.environ["PUMASI_URL"],
            auth_token="unused",
            api_key=None,
            max_retries=0,
            timeout=120,
            default_headers={"anthropic-beta": BETAS, "x-app": "cli", "user-agent": "agent/2.1 (external, cli)"},
        )

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def turn(self, model, messages, **options):
        """One turn as an agent takes it: streamed, with all tools; gives the message and its events."""
        request = {
            "model": model,
            "max_tokens": 100,
            "system": SYSTEM,
            "tools": SHORT_TOOLS if model == OFFICE else TOOLS,
            "messages": messages,
            "metadata": {"user_id": "user_1_account__session_2"},
            "extra_body": {"temperature": 0},
            **options,
        }
        with self.client.messages.stream(**request) as stream:
            events = list(stream)
            return stream.get_final_message(), events

    def test_a_task_over_several_turns(self):
        # The clouds of the tests answer as soon as a tool has said something.
        for model, steps in [(OFFICE, 3), (CLOUD, 1), (CLAUDE, 1)]:
            with self.subTest(model):
                self.a_task(model, steps)

    def a_task(self, model, steps):
        messages = [{"role": "user", "content": [block("use Bash: ls", cache_control=EPHEMERAL)]}]
        for step in range(steps):
            reply, events = self.turn(model, messages, tool_choice={"type": "tool", "name": "Bash"})
            self.assertEqual(reply.stop_reason, "tool_use")
            [call] = [part for part in reply.content if part.type == "tool_use"]
            self.assertEqual((call.name, "word" in call.input), ("Bash", True), f"step {step}")
            # The arguments came in pieces, within one block, and are what the message holds.
            pieces = [event.partial_json for event in events if event.type == "input_json"]
            self.assertEqual(json.loads("".join(pieces)), call.input)
            messages += [
                reply.to_param(),
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": call.id,
                            "content": [block(f"file-{step}")],
                            "is_error": step == 1,
                            "cache_control": EPHEMERAL,
                        }
                    ],
                },
            ]
        reply, events = self.turn(model, messages, tool_choice={"type": "none"})
        self.assertIn(f"file-{steps - 1}", "".join(part.text for part in reply.content if part.type == "text"))
        self.assertEqual(reply.stop_reason, "end_turn")
        kinds = [event.type for event in events]
        self.assertEqual((kinds[0], kinds[-1]), ("message_start", "message_stop"))

    def test_text_and_results_may_stand_in_one_turn(self):
        call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"word": "notes"}}
        messages = [
            {"role": "user", "content": "use Read: notes"},
            {"role": "assistant", "content": [block("I read it."), call]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rice"},
                    block("<reminder>The list is empty.</reminder>"),
                    block("upper: next"),
                ],
            },
        ]
        for model in [OFFICE, CLOUD, CLAUDE]:
            with self.subTest(model):
                reply, _ = self.turn(model, messages, tool_choice={"type": "none"})
                self.assertTrue(reply.content[0].text)

    def test_calls_of_one_turn_are_answered_together(self):
        calls = [
            {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {"word": "x"}} for name in ["Glob", "Grep"]
        ]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "none"} for call in calls]
        messages = [
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": calls},
            {"role": "user", "content": results},
        ]
        for model in [OFFICE, CLOUD, CLAUDE]:
            with self.subTest(model):
                reply, _ = self.turn(model, messages, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
                self.assertTrue(reply.content)

    def test_tokens_are_counted_with_tools_and_system(self):
        messages = [{"role": "user", "content": "upper: count"}]
        counted = self.client.messages.count_tokens(model=OFFICE, system=SYSTEM, tools=SHORT_TOOLS, messages=messages)
        bare = self.client.messages.count_tokens(model=OFFICE, messages=messages)
        self.assertGreater(counted.input_tokens, bare.input_tokens)
        reply, _ = self.turn(OFFICE, messages)
        usage = reply.usage
        self.assertEqual(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)
        cloud = self.client.messages.count_tokens(model=CLAUDE, system=SYSTEM, tools=TOOLS, messages=messages)
        self.assertGreater(cloud.input_tokens, 0)

    def test_thinking_is_asked_for_in_each_of_its_spellings(self):
        messages = [{"role": "user", "content": "upper: think"}]
        spellings = [
            {"type": "enabled", "budget_tokens": 1_024},
            {"type": "disabled"},
            {"type": "adaptive"},
        ]
        for thinking in spellings:
            with self.subTest(thinking["type"]):
                reply, _ = self.turn(OFFICE, messages, thinking=thinking, max_tokens=2_000, tools=[])
                self.assertIn("THINK", "".join(part.text for part in reply.content if part.type == "text"))

    def test_thoughts_are_handed_back_with_the_next_turn(self):
        asked = [{"role": "user", "content": "use Bash: ls"}]
        thinking = {"type": "enabled", "budget_tokens": 1_024}
        reply, _ = self.turn(OFFICE, asked, thinking=thinking, max_tokens=2_000, tools=SHORT_TOOLS[:1])
        messages = asked + [reply.to_param()]
        calls = [part for part in reply.content if part.type == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "done"} for call in calls]
        messages.append({"role": "user", "content": results or "upper: go on"})
        after, _ = self.turn(OFFICE, messages, thinking=thinking, max_tokens=2_000, tools=SHORT_TOOLS[:1])
        self.assertTrue(after.content)

    def test_the_beta_methods_are_the_same_endpoints(self):
        reply = self.client.beta.messages.create(
            model=OFFICE,
            max_tokens=100,
            betas=["interleaved-thinking-2025-05-14"],
            system=SYSTEM,
            messages=[{"role": "user", "content": "upper: beta"}],
            extra_body={"temperature": 0},
        )
        self.assertEqual(reply.content[0].text, "BETA")

    def test_a_small_request_beside_the_task(self):
        # Agents ask for a title, or whether the quota is used up, in requests of one token.
        reply = self.client.messages.create(
            model=OFFICE, max_tokens=1, messages=[{"role": "user", "content": "quota"}]
        )
        self.assertEqual((reply.stop_reason, reply.usage.output_tokens), ("max_tokens", 1))

    def test_what_is_ignored_is_named(self):
        raw = self.client.messages.with_raw_response.create(
            model=OFFICE, max_tokens=20, system=SYSTEM, tools=TOOLS, tool_choice={"type": "none"},
            messages=[{"role": "user", "content": [block("upper: x", cache_control=EPHEMERAL)]}],
        )
        ignored = raw.headers["x-pumasi-ignored"]
        self.assertIn("system[].cache_control", ignored)
        self.assertIn("tools[].cache_control", ignored)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
