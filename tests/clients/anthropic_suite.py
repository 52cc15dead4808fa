"""The official `anthropic` client against a node: what programs written for that API rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and that node's name in PUMASI_NODE.
"""

import json
import os
import unittest

import anthropic

MODEL = os.environ["PUMASI_MODEL"]
NODE = os.environ["PUMASI_NODE"]
LOOK_UP = {
    "name": "look_up",
    "description": "Looks up a word.",
    "input_schema": {
        "type": "object",
        "properties": {"word": {"type": "string", "maxLength": 20}},
        "required": ["word"],
        "additionalProperties": False,
    },
}
PLAN = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}
# A field of the API that this client has no argument for.
STEADY = {"temperature": 0}


def user(text):
    return [{"role": "user", "content": text}]


class Suite(unittest.TestCase):
    """Each test is one thing that programs do."""

    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic(
            base_url=os.environ["PUMASI_URL"], api_key="unused", max_retries=0, timeout=120
        )

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def ask(self, text, **options):
        options.setdefault("max_tokens", 100)
        options.setdefault("extra_body", STEADY)
        options.setdefault("messages", user(text))
        return self.client.messages.create(model=MODEL, **options)

    def test_models_are_listed_and_retrieved(self):
        listed = {model.id: model for model in self.client.models.list()}
        self.assertIn(MODEL, listed)
        self.assertEqual(self.client.models.retrieve(MODEL).id, MODEL)
        self.assertEqual(listed[MODEL].created_at.tzname(), "UTC")

    def test_a_message_is_answered_with_usage(self):
        reply = self.ask("upper: hello")
        self.assertEqual((reply.type, reply.role, reply.model), ("message", "assistant", MODEL))
        self.assertEqual([(block.type, block.text) for block in reply.content], [("text", "HELLO")])
        self.assertEqual((reply.stop_reason, reply.stop_sequence), ("end_turn", None))
        usage = reply.usage
        self.assertGreater(usage.input_tokens + usage.cache_read_input_tokens, 0)
        self.assertGreater(usage.output_tokens, 0)
        self.assertTrue(reply._request_id)

    def test_headers_name_the_node_that_answered(self):
        raw = self.client.messages.with_raw_response.create(
            model=MODEL, max_tokens=50, messages=user("upper: far"), extra_body=STEADY
        )
        self.assertEqual(raw.headers["x-pumasi-node"], NODE)
        self.assertEqual(raw.parse().content[0].text, "FAR")

    def test_a_stream_accumulates_to_the_same_message(self):
        whole = self.ask("repeat: one two three four")
        with self.client.messages.stream(
            model=MODEL, max_tokens=100, extra_body=STEADY, messages=user("repeat: one two three four")
        ) as stream:
            pieces = list(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual("".join(pieces), "one two three four")
        self.assertEqual(final.content[0].text, whole.content[0].text)
        self.assertEqual(final.stop_reason, whole.stop_reason)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def test_raw_events_come_in_their_order(self):
        events = [event.type for event in self.ask("upper: order", stream=True)]
        self.assertEqual(events[:2], ["message_start", "content_block_start"])
        self.assertEqual(events[-3:], ["content_block_stop", "message_delta", "message_stop"])

    def test_a_stream_that_is_left_early_frees_the_slot(self):
        for _ in range(6):
            stream = self.ask("repeat: " + "go on " * 20, stream=True)
            next(iter(stream))
            stream.close()
        self.assertEqual(self.ask("upper: free").content[0].text, "FREE")

    def test_the_ceiling_and_a_stop_sequence_end_an_answer(self):
        short = self.ask("repeat: one two three four", max_tokens=3)
        self.assertEqual((short.stop_reason, short.usage.output_tokens), ("max_tokens", 3))
        stopped = self.ask("repeat: one two three", stop_sequences=[" t"])
        self.assertEqual((stopped.stop_reason, stopped.stop_sequence), ("stop_sequence", " t"))
        self.assertEqual(stopped.content[0].text, "one")

    def test_tokens_are_counted_as_they_are_used(self):
        counted = self.client.messages.count_tokens(model=MODEL, messages=user("upper: count"))
        usage = self.ask("upper: count").usage
        self.assertEqual(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)

    def test_a_conversation_with_cached_system_blocks(self):
        system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
        messages = user("upper: before") + [
            {"role": "assistant", "content": [{"type": "text", "text": "BEFORE"}]},
            {"role": "user", "content": [{"type": "text", "text": "upper: paris"}]},
        ]
        raw = self.client.messages.with_raw_response.create(
            model=MODEL, max_tokens=50, extra_body=STEADY, system=system, messages=messages
        )
        self.assertEqual(raw.headers["x-pumasi-ignored"], "system[].cache_control")
        self.assertIn("PARIS", raw.parse().content[0].text)

    def test_a_required_tool_is_called_and_its_result_taken(self):
        reply = self.ask("use look_up: rice", tools=[LOOK_UP], tool_choice={"type": "any"})
        self.assertEqual(reply.stop_reason, "tool_use")
        call = next(block for block in reply.content if block.type == "tool_use")
        self.assertEqual((call.name, list(call.input)), ("look_up", ["word"]))
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "a grain"}
        messages = user("use look_up: rice") + [reply.to_param(), {"role": "user", "content": [result]}]
        self.assertTrue(self.ask("", messages=messages, tools=[LOOK_UP]).content)

    def test_a_streamed_tool_call_has_the_same_input(self):
        with self.client.messages.stream(
            model=MODEL, max_tokens=100, extra_body=STEADY, tools=[LOOK_UP],
            tool_choice={"type": "tool", "name": "look_up"}, messages=user("use look_up: rice"),
        ) as stream:
            partial = "".join(event.partial_json for event in stream if event.type == "input_json")
            final = stream.get_final_message()
        call = next(block for block in final.content if block.type == "tool_use")
        self.assertEqual(json.loads(partial), call.input)
        self.assertEqual(list(call.input), ["word"])

    def test_an_agents_many_tools_and_metadata_are_taken(self):
        tools = [{**LOOK_UP, "name": f"mcp__server__tool_{i}_{'x' * 60}"} for i in range(60)]
        tools[-1]["cache_control"] = {"type": "ephemeral"}
        reply = self.ask("upper: agent", tools=tools, tool_choice={"type": "none"}, metadata={"user_id": "u"})
        self.assertEqual(reply.content[0].text, "AGENT")

    def test_a_schema_is_kept_to(self):
        reply = self.ask("hello", output_config={"format": {"type": "json_schema", "schema": PLAN}})
        plan = json.loads(reply.content[0].text)
        self.assertEqual(sorted(plan), ["colour", "count"])
        self.assertIn(plan["colour"], ["red", "green"])

    def test_thinking_may_be_asked_for(self):
        reply = self.ask("upper: think", max_tokens=2_000, thinking={"type": "enabled", "budget_tokens": 1_024})
        self.assertIn("THINK", "".join(block.text for block in reply.content if block.type == "text"))

    def test_an_unknown_model_is_a_not_found_error(self):
        with self.assertRaises(anthropic.NotFoundError) as caught:
            self.client.messages.create(model="never-was", max_tokens=5, messages=user("hello"))
        self.assertEqual(caught.exception.body["error"]["type"], "not_found_error")
        with self.assertRaises(anthropic.NotFoundError):
            self.client.models.retrieve("never-was")

    def test_invalid_requests_are_bad_request_errors_that_name_the_field(self):
        cases = [
            ("max_tokens", {"max_tokens": 0}),
            ("temperature", {"extra_body": {"temperature": 9}}),
            ("messages", {"messages": []}),
            ("tools", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ]
        for field, options in cases:
            with self.subTest(field), self.assertRaises(anthropic.BadRequestError) as caught:
                self.ask("hello", **options)
            error = caught.exception.body["error"]
            self.assertEqual(error["type"], "invalid_request_error")
            self.assertIn(field, error["message"])

    def test_a_prompt_beyond_the_context_is_a_bad_request_error(self):
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask("repeat: " + "long " * 2_000)
        self.assertEqual(caught.exception.body["error"]["code"], "context_length_exceeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
