"""The official `google-genai` client against a node: what programs written for that API rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and that node's name in PUMASI_NODE.
"""

import json
import math
import os
import unittest
from typing import Literal

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

MODEL = os.environ["PUMASI_MODEL"]
LOOK_UP = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="look_up",
            description="Looks up a word.",
            parameters=types.Schema(
                type="OBJECT", properties={"word": types.Schema(type="STRING")}, required=["word"]
            ),
        )
    ]
)
MUST_CALL = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
NO_AUTOMATION = types.AutomaticFunctionCallingConfig(disable=True)


class Plan(BaseModel):
    colour: Literal["red", "green"]


def config(**options):
    options.setdefault("temperature", 0)
    options.setdefault("max_output_tokens", 100)
    return types.GenerateContentConfig(**options)


class Suite(unittest.TestCase):
    """Each test is one thing that programs do."""

    @classmethod
    def setUpClass(cls):
        options = types.HttpOptions(base_url=os.environ["PUMASI_URL"], timeout=120_000)
        cls.client = genai.Client(api_key="unused", http_options=options)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def ask(self, contents, **options):
        return self.client.models.generate_content(model=MODEL, contents=contents, config=config(**options))

    def stream(self, contents, **options):
        return self.client.models.generate_content_stream(
            model=MODEL, contents=contents, config=config(**options)
        )

    def test_models_are_listed_and_retrieved(self):
        self.assertIn("models/" + MODEL, [model.name for model in self.client.models.list()])
        self.assertGreater(self.client.models.get(model=MODEL).input_token_limit, 0)

    def test_content_is_answered_with_usage(self):
        reply = self.ask("upper: hello")
        self.assertEqual(reply.text, "HELLO")
        self.assertEqual(reply.candidates[0].finish_reason, types.FinishReason.STOP)
        usage = reply.usage_metadata
        self.assertGreater(usage.prompt_token_count, 0)
        self.assertEqual(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count)
        self.assertEqual(reply.model_version, MODEL)

    def test_a_stream_is_the_same_answer_in_pieces(self):
        pieces = list(self.stream("repeat: one two three four"))
        self.assertEqual("".join(piece.text or "" for piece in pieces), "one two three four")
        self.assertEqual(pieces[-1].candidates[0].finish_reason, types.FinishReason.STOP)
        self.assertGreater(pieces[-1].usage_metadata.candidates_token_count, 0)

    def test_a_stream_that_is_left_early_frees_the_slot(self):
        for _ in range(6):
            stream = self.stream("repeat: " + "go on " * 20)
            next(stream)
            stream.close()
        self.assertEqual(self.ask("upper: free").text, "FREE")

    def test_a_chat_keeps_its_history(self):
        chat = self.client.chats.create(model=MODEL, config=config(system_instruction="Be brief."))
        self.assertEqual(chat.send_message("upper: one").text, "ONE")
        self.assertEqual(chat.send_message("upper: two").text, "TWO")
        self.assertEqual(len(chat.get_history()), 4)

    def test_the_ceiling_and_a_stop_sequence_end_an_answer(self):
        short = self.ask("repeat: one two three four", max_output_tokens=3)
        self.assertEqual(short.candidates[0].finish_reason, types.FinishReason.MAX_TOKENS)
        self.assertEqual(self.ask("repeat: one two three", stop_sequences=[" t"]).text, "one")

    def test_several_candidates_are_several_answers(self):
        reply = self.ask("upper: twice", candidate_count=2)
        texts = [candidate.content.parts[0].text for candidate in reply.candidates]
        self.assertEqual(texts, ["TWICE", "TWICE"])

    def test_tokens_are_counted_as_they_are_used(self):
        counted = self.client.models.count_tokens(model=MODEL, contents="upper: count")
        self.assertEqual(counted.total_tokens, self.ask("upper: count").usage_metadata.prompt_token_count)

    def test_a_function_is_called_and_its_response_taken(self):
        reply = self.ask("use look_up: rice", tools=[LOOK_UP], tool_config=MUST_CALL)
        call = reply.function_calls[0]
        self.assertEqual((call.name, list(call.args)), ("look_up", ["word"]))
        answer = types.Part.from_function_response(name="look_up", response={"result": "a grain"})
        contents = [
            types.Content(role="user", parts=[types.Part(text="use look_up: rice")]),
            reply.candidates[0].content,
            types.Content(role="user", parts=[answer]),
        ]
        after = self.ask(contents, tools=[LOOK_UP])
        self.assertTrue(after.text or after.function_calls)

    def test_a_streamed_call_is_whole(self):
        pieces = self.stream("use look_up: rice", tools=[LOOK_UP], tool_config=MUST_CALL)
        calls = [call for piece in pieces for call in piece.function_calls or []]
        self.assertEqual([(call.name, list(call.args)) for call in calls], [("look_up", ["word"])])

    def test_a_python_function_is_a_tool(self):
        def look_up(word: str) -> str:
            """Looks up a word."""
            return word

        reply = self.ask(
            "use look_up: rice", tools=[look_up], tool_config=MUST_CALL, automatic_function_calling=NO_AUTOMATION
        )
        self.assertEqual(reply.function_calls[0].name, "look_up")

    def test_schemas_are_kept_to(self):
        typed = self.ask("hello", response_mime_type="application/json", response_schema=Plan)
        self.assertIsInstance(typed.parsed, Plan)
        only = {"required": ["n"], "additionalProperties": False}
        schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, **only}
        plain = self.ask("hello", response_mime_type="application/json", response_json_schema=schema)
        self.assertIn(json.loads(plain.text)["n"], [1, 2])

    def test_log_probabilities_belong_to_the_text(self):
        reply = self.ask("upper: ab", response_logprobs=True, logprobs=2)
        chosen = reply.candidates[0].logprobs_result.chosen_candidates
        self.assertEqual("".join(entry.token for entry in chosen), reply.text)
        self.assertLessEqual(reply.candidates[0].avg_logprobs, 0)

    def test_embeddings_have_unit_length(self):
        reply = self.client.models.embed_content(model=MODEL, contents=["rice", "barley"])
        self.assertEqual(len(reply.embeddings), 2)
        self.assertAlmostEqual(math.hypot(*reply.embeddings[0].values), 1.0, places=3)

    def test_errors_have_googles_status(self):
        with self.assertRaises(errors.ClientError) as caught:
            self.client.models.generate_content(model="never-was", contents="hello")
        self.assertEqual((caught.exception.code, caught.exception.status), (404, "NOT_FOUND"))
        for options in ({"temperature": 9}, {"max_output_tokens": 0}):
            with self.subTest(options), self.assertRaises(errors.ClientError) as caught:
                self.ask("hello", **options)
            self.assertEqual((caught.exception.code, caught.exception.status), (400, "INVALID_ARGUMENT"))
        with self.assertRaises(errors.ClientError) as caught:
            list(self.stream("repeat: " + "long " * 2_000))
        self.assertEqual(caught.exception.code, 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
