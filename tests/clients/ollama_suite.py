"""The official `ollama` client against a node: what programs written for that API rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and that node's name in PUMASI_NODE.
"""

import json
import math
import os
import time
import unittest

import ollama

MODEL = os.environ["PUMASI_MODEL"]
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up a word.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string"}},
            "required": ["word"],
        },
    },
}
PLAN = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["colour", "count"],
    "additionalProperties": False,
}
STEADY = {"temperature": 0, "num_predict": 100}


def user(text):
    return [{"role": "user", "content": text}]


class Suite(unittest.TestCase):
    """Each test is one thing that programs do."""

    @classmethod
    def setUpClass(cls):
        cls.client = ollama.Client(host=os.environ["PUMASI_URL"], timeout=120)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def chat(self, text, **options):
        options.setdefault("options", STEADY)
        options.setdefault("messages", user(text))
        return self.client.chat(model=MODEL, **options)

    def test_models_are_listed_shown_and_running_once_loaded(self):
        self.assertIn(MODEL, [model.model for model in self.client.list().models])
        shown = self.client.show(MODEL)
        self.assertIn("completion", shown.capabilities)
        self.assertIn("tools", shown.capabilities)
        self.chat("upper: load")
        # The other node says that it has loaded the model; what it says takes a moment to come.
        deadline = time.monotonic() + 60
        while MODEL not in [model.model for model in self.client.ps().models]:
            self.assertLess(time.monotonic(), deadline)

    def test_a_chat_is_answered_with_counts_and_durations(self):
        reply = self.chat("upper: hello")
        self.assertEqual((reply.message.role, reply.message.content), ("assistant", "HELLO"))
        self.assertEqual((reply.done, reply.done_reason, reply.model), (True, "stop", MODEL))
        self.assertGreater(reply.prompt_eval_count, 0)
        self.assertGreater(reply.eval_count, 0)
        self.assertGreaterEqual(reply.total_duration, reply.eval_duration)

    def test_latest_is_the_model_without_a_tag(self):
        reply = self.client.chat(model=MODEL + ":latest", messages=user("upper: tag"), options=STEADY)
        self.assertEqual(reply.message.content, "TAG")

    def test_a_stream_is_the_same_answer_in_pieces(self):
        pieces = list(self.chat("repeat: one two three four", stream=True))
        self.assertEqual("".join(piece.message.content for piece in pieces), "one two three four")
        self.assertEqual([piece.done for piece in pieces][-1], True)
        self.assertNotIn(True, [piece.done for piece in pieces][:-1])
        self.assertGreater(pieces[-1].eval_count, 0)

    def test_a_stream_that_is_left_early_frees_the_slot(self):
        for _ in range(6):
            stream = self.chat("repeat: " + "go on " * 20, stream=True)
            next(stream)
            stream.close()
        self.assertEqual(self.chat("upper: free").message.content, "FREE")

    def test_a_generation_is_templated_or_raw(self):
        reply = self.client.generate(model=MODEL, prompt="upper: once", options=STEADY)
        self.assertEqual(reply.response, "ONCE")
        pieces = self.client.generate(model=MODEL, prompt="upper: twice", options=STEADY, stream=True)
        self.assertEqual("".join(piece.response for piece in pieces), "TWICE")
        raw = self.client.generate(model=MODEL, prompt="hello", raw=True, options={"num_predict": 3})
        self.assertEqual(raw.done_reason, "length")

    def test_the_ceiling_and_a_stop_string_end_an_answer(self):
        short = self.chat("repeat: one two three four", options={"temperature": 0, "num_predict": 3})
        self.assertEqual((short.done_reason, short.eval_count), ("length", 3))
        stopped = self.chat("repeat: one two three", options={**STEADY, "stop": [" t"]})
        self.assertEqual(stopped.message.content, "one")

    def test_a_tool_is_called_whole_and_streamed_and_its_result_taken(self):
        reply = self.chat("use look_up: rice", tools=[LOOK_UP])
        call = reply.message.tool_calls[0].function
        self.assertEqual((call.name, list(call.arguments)), ("look_up", ["word"]))
        pieces = self.chat("use look_up: rice", tools=[LOOK_UP], stream=True)
        calls = [call for piece in pieces for call in piece.message.tool_calls or []]
        self.assertEqual([dict(call.function.arguments) for call in calls], [dict(call_arguments(reply))])
        result = {"role": "tool", "tool_name": "look_up", "content": "a grain"}
        messages = user("use look_up: rice") + [reply.message, result]
        after = self.chat("", messages=messages, tools=[LOOK_UP])
        self.assertTrue(after.message.content or after.message.tool_calls)

    def test_a_python_function_is_a_tool(self):
        def look_up(word: str) -> str:
            """Looks up a word.

            Args:
              word: The word.
            """
            return word

        reply = self.chat("use look_up: rice", tools=[look_up])
        self.assertEqual(reply.message.tool_calls[0].function.name, "look_up")

    def test_a_schema_is_kept_to(self):
        plan = json.loads(self.chat("hello", format=PLAN).message.content)
        self.assertEqual(sorted(plan), ["colour", "count"])
        self.assertIn(plan["colour"], ["red", "green"])

    def test_log_probabilities_belong_to_the_text(self):
        reply = self.chat("upper: ab", logprobs=True, top_logprobs=2)
        self.assertEqual("".join(entry.token for entry in reply.logprobs), reply.message.content)
        self.assertEqual(len(reply.logprobs[0].top_logprobs), 2)

    def test_embeddings_have_unit_length(self):
        several = self.client.embed(model=MODEL, input=["rice", "barley"])
        self.assertEqual(len(several.embeddings), 2)
        self.assertAlmostEqual(math.hypot(*several.embeddings[0]), 1.0, places=3)
        self.assertGreater(several.prompt_eval_count, 0)
        one = self.client.embeddings(model=MODEL, prompt="rice")
        for left, right in zip(one.embedding, several.embeddings[0]):
            self.assertAlmostEqual(left, right, places=3)

    def test_errors_are_sentences_with_their_status(self):
        cases = [
            (404, {"model": "never-was", "messages": user("x")}),
            (400, {"model": MODEL, "messages": user("x"), "options": {"temperature": 9}}),
            (400, {"model": MODEL, "messages": user("repeat: " + "long " * 2_000)}),
        ]
        for status, request in cases:
            with self.subTest(request=str(request)[:60]), self.assertRaises(ollama.ResponseError) as caught:
                self.client.chat(**request)
            self.assertEqual(caught.exception.status_code, status)
            self.assertIsInstance(caught.exception.error, str)
        with self.assertRaises(ollama.ResponseError) as caught:
            list(self.client.chat(model="never-was", messages=user("x"), stream=True))
        self.assertEqual(caught.exception.status_code, 404)
        with self.assertRaises(ollama.ResponseError):
            self.client.show("never-was")


def call_arguments(reply):
    return reply.message.tool_calls[0].function.arguments


if __name__ == "__main__":
    unittest.main(verbosity=2)
