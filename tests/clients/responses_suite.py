"""The official `openai` client's responses against a node: what programs written for that API rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and that node's name in PUMASI_NODE.
"""

import json
import os
import unittest
from typing import Literal

import openai
from pydantic import BaseModel

MODEL = os.environ["PUMASI_MODEL"]
LOOK_UP = {
    "type": "function",
    "name": "look_up",
    "description": "Looks up a word.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
}


class Plan(BaseModel):
    colour: Literal["red", "green"]


class Suite(unittest.TestCase):
    """Each test is one thing that programs do."""

    @classmethod
    def setUpClass(cls):
        cls.client = openai.OpenAI(
            base_url=os.environ["PUMASI_URL"] + "/v1", api_key="unused", max_retries=0, timeout=120
        )

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def ask(self, text, **options):
        options.setdefault("temperature", 0)
        options.setdefault("max_output_tokens", 100)
        return self.client.responses.create(model=MODEL, input=text, **options)

    def test_a_response_is_answered_with_usage(self):
        reply = self.ask("upper: hello", instructions="Be brief.")
        self.assertEqual((reply.output_text, reply.status, reply.model), ("HELLO", "completed", MODEL))
        self.assertEqual(reply.instructions, "Be brief.")
        self.assertGreater(reply.usage.input_tokens, 0)
        self.assertEqual(reply.usage.total_tokens, reply.usage.input_tokens + reply.usage.output_tokens)

    def test_a_stream_ends_with_the_whole_response(self):
        events = list(self.ask("repeat: one two three four", stream=True))
        numbers = [event.sequence_number for event in events]
        self.assertEqual(numbers, list(range(len(events))))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), "one two three four")
        self.assertEqual(events[0].type, "response.created")
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.output_text, "one two three four")

    def test_the_streaming_helper_accumulates(self):
        with self.client.responses.stream(model=MODEL, input="upper: helper", temperature=0) as stream:
            for _ in stream:
                pass
            self.assertEqual(stream.get_final_response().output_text, "HELPER")

    def test_the_ceiling_leaves_a_response_incomplete(self):
        reply = self.ask("repeat: one two three four", max_output_tokens=3)
        self.assertEqual((reply.status, reply.incomplete_details.reason), ("incomplete", "max_output_tokens"))

    def test_a_function_is_called_and_its_output_taken(self):
        said = [{"role": "user", "content": "use look_up: rice"}]
        reply = self.ask(said, tools=[LOOK_UP], tool_choice="required")
        call = reply.output[-1]
        self.assertEqual((call.type, call.name), ("function_call", "look_up"))
        self.assertEqual(list(json.loads(call.arguments)), ["word"])
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "a grain"}
        after = self.ask(said + [item.to_dict() for item in reply.output] + [result], tools=[LOOK_UP])
        self.assertTrue(after.output)

    def test_a_streamed_call_is_the_same_in_pieces(self):
        events = list(self.ask("use look_up: rice", tools=[LOOK_UP], tool_choice="required", stream=True))
        deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
        done = [event for event in events if event.type == "response.function_call_arguments.done"]
        self.assertEqual("".join(deltas), done[0].arguments)

    def test_a_schema_is_parsed(self):
        reply = self.client.responses.parse(
            model=MODEL, input="hello", text_format=Plan, temperature=0, max_output_tokens=200
        )
        self.assertIsInstance(reply.output_parsed, Plan)

    def test_tokens_are_counted_as_they_are_used(self):
        counted = self.client.responses.input_tokens.count(model=MODEL, input="upper: count")
        self.assertEqual(counted.input_tokens, self.ask("upper: count").usage.input_tokens)

    def test_log_probabilities_belong_to_the_text(self):
        reply = self.ask("upper: ab", top_logprobs=2, include=["message.output_text.logprobs"])
        logprobs = reply.output[0].content[0].logprobs
        self.assertEqual("".join(entry.token for entry in logprobs), "AB")

    def test_what_is_not_stored_is_a_clear_error(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask("hello", previous_response_id="resp_1")
        self.assertEqual(caught.exception.code, "previous_response_not_found")
        self.assertIn("nothing is stored", str(caught.exception))

    def test_unknown_models_and_invalid_fields_are_errors(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.create(model="never-was", input="hello")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask("hello", temperature=9)
        self.assertEqual(caught.exception.param, "temperature")


if __name__ == "__main__":
    unittest.main(verbosity=2)
