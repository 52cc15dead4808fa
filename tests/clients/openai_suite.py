"""The official `openai` client against a node: what programs written for that API rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and that node's name in PUMASI_NODE.
"""

import json
import math
import os
import unittest

import openai

MODEL = os.environ["PUMASI_MODEL"]
NODE = os.environ["PUMASI_NODE"]
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up a word.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string", "maxLength": 20}},
            "required": ["word"],
            "additionalProperties": False,
        },
    },
}
PLAN = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "green"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["colour", "count"],
    "additionalProperties": False,
}


def user(text):
    return [{"role": "user", "content": text}]


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

    def chat(self, text, **options):
        options.setdefault("temperature", 0)
        options.setdefault("messages", user(text))
        return self.client.chat.completions.create(model=MODEL, **options)

    def test_models_are_listed_and_retrieved(self):
        self.assertIn(MODEL, [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve(MODEL).id, MODEL)

    def test_a_chat_is_answered_with_usage(self):
        reply = self.chat("upper: hello")
        self.assertEqual(reply.object, "chat.completion")
        self.assertEqual(reply.model, MODEL)
        choice = reply.choices[0]
        self.assertEqual((choice.message.role, choice.message.content), ("assistant", "HELLO"))
        self.assertEqual(choice.finish_reason, "stop")
        usage = reply.usage
        self.assertGreater(usage.prompt_tokens, 0)
        self.assertGreater(usage.completion_tokens, 0)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)

    def test_headers_name_the_node_that_answered(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user("upper: far"), temperature=0
        )
        self.assertEqual(raw.headers["x-pumasi-node"], NODE)
        self.assertTrue(raw.headers["x-pumasi-why"])
        self.assertTrue(raw.headers["x-request-id"])
        self.assertEqual(raw.parse().choices[0].message.content, "FAR")

    def test_a_stream_is_the_same_answer_in_pieces(self):
        # A reader that is slower than the engine gets what is there at once: a busy machine may do that.
        self.assertTrue(any(self.pieces_of_a_stream() > 1 for _ in range(10)))

    def pieces_of_a_stream(self):
        stream = self.chat("repeat: one two three four five six", stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        self.assertTrue(all(chunk.object == "chat.completion.chunk" for chunk in chunks))
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        self.assertEqual(deltas[0].role, "assistant")
        self.assertEqual("".join(delta.content or "" for delta in deltas), "one two three four five six")
        ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        self.assertEqual([end for end in ends if end], ["stop"])
        self.assertEqual(len([chunk for chunk in chunks if chunk.usage]), 1)
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        return len([delta for delta in deltas if delta.content])

    def test_the_streaming_helper_accumulates(self):
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("upper: helper"), temperature=0
        ) as stream:
            for _ in stream:
                pass
            self.assertEqual(stream.get_final_completion().choices[0].message.content, "HELPER")

    def test_a_stream_that_is_left_early_frees_the_slot(self):
        for _ in range(6):
            stream = self.chat("repeat: " + "go on " * 20, stream=True)
            next(iter(stream))
            stream.close()
        self.assertEqual(self.chat("upper: free").choices[0].message.content, "FREE")

    def test_the_ceiling_ends_an_answer_by_length(self):
        for field in ("max_tokens", "max_completion_tokens"):
            reply = self.chat("repeat: one two three four", **{field: 3})
            self.assertEqual(reply.choices[0].finish_reason, "length")
            self.assertEqual(reply.usage.completion_tokens, 3)

    def test_a_stop_string_ends_an_answer_before_itself(self):
        reply = self.chat("repeat: one two three", stop=" t")
        self.assertEqual(reply.choices[0].message.content, "one")
        self.assertEqual(reply.choices[0].finish_reason, "stop")

    def test_the_same_seed_draws_the_same_answer(self):
        options = {"temperature": 1.5, "seed": 3, "max_tokens": 24}
        first, second = (self.chat("hello", **options) for _ in range(2))
        self.assertEqual(first.choices[0].message.content, second.choices[0].message.content)

    def test_several_answers_to_one_question(self):
        reply = self.chat("upper: twice", n=2)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1])
        self.assertEqual([choice.message.content for choice in reply.choices], ["TWICE"] * 2)

    def test_logprobs_belong_to_the_text(self):
        choice = self.chat("upper: ab", logprobs=True, top_logprobs=3).choices[0]
        content = choice.logprobs.content
        self.assertEqual("".join(entry.token for entry in content), choice.message.content)
        for entry in content:
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(len(entry.top_logprobs), 3)
            self.assertEqual(entry.token, entry.top_logprobs[0].token)

    def test_a_conversation_with_a_system_message_and_text_parts(self):
        parts = [{"type": "text", "text": "upper: par"}, {"type": "text", "text": "ts"}]
        messages = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "upper: before"},
            {"role": "assistant", "content": "BEFORE"},
            {"role": "user", "content": parts},
        ]
        self.assertIn("PAR", self.chat("", messages=messages).choices[0].message.content)

    def test_a_required_tool_is_called_with_valid_arguments(self):
        choice = self.chat(
            "use look_up: rice", tools=[LOOK_UP], tool_choice="required", max_tokens=120
        ).choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        call = choice.message.tool_calls[0]
        self.assertEqual((call.type, call.function.name), ("function", "look_up"))
        self.assertTrue(call.id)
        self.assertEqual(list(json.loads(call.function.arguments)), ["word"])

    def test_a_streamed_tool_call_is_the_same_in_pieces(self):
        stream = self.chat(
            "use look_up: rice", tools=[LOOK_UP], tool_choice="required", max_tokens=120, stream=True
        )
        names, arguments, ends = [], "", []
        for chunk in stream:
            for choice in chunk.choices:
                ends += [choice.finish_reason] if choice.finish_reason else []
                for call in choice.delta.tool_calls or []:
                    names += [call.function.name] if call.function.name else []
                    arguments += call.function.arguments or ""
        self.assertEqual((names, ends), (["look_up"], ["tool_calls"]))
        self.assertEqual(list(json.loads(arguments)), ["word"])

    def test_a_tools_answer_is_taken_into_account(self):
        call = {"name": "look_up", "arguments": json.dumps({"word": "rice"})}
        messages = user("use look_up: rice") + [
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]},
            {"role": "tool", "tool_call_id": "c1", "content": "a grain"},
        ]
        reply = self.chat("", messages=messages, tools=[LOOK_UP])
        self.assertTrue(reply.choices[0].message.content or reply.choices[0].message.tool_calls)

    def test_a_schema_is_kept_to(self):
        schema = {"name": "plan", "schema": PLAN, "strict": True}
        reply = self.chat(
            "hello", response_format={"type": "json_schema", "json_schema": schema}, max_tokens=120
        )
        self.assertEqual(reply.choices[0].finish_reason, "stop")
        plan = json.loads(reply.choices[0].message.content)
        self.assertEqual(sorted(plan), ["colour", "count"])
        self.assertIn(plan["colour"], ["red", "green"])
        self.assertIn(plan["count"], range(10))

    def test_a_completion_continues_raw_text(self):
        reply = self.client.completions.create(
            model=MODEL, prompt="hello", max_tokens=4, temperature=0
        )
        self.assertEqual(reply.object, "text_completion")
        self.assertIsInstance(reply.choices[0].text, str)
        chunks = self.client.completions.create(
            model=MODEL, prompt="hello", max_tokens=4, temperature=0, stream=True
        )
        text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
        self.assertEqual(text, reply.choices[0].text)

    def test_embeddings_have_unit_length_in_both_encodings(self):
        floats = self.client.embeddings.create(
            model=MODEL, input=["rice", "barley"], encoding_format="float"
        )
        self.assertEqual([entry.index for entry in floats.data], [0, 1])
        for entry in floats.data:
            self.assertAlmostEqual(math.hypot(*entry.embedding), 1.0, places=3)
        self.assertGreater(floats.usage.prompt_tokens, 0)
        packed = self.client.embeddings.create(model=MODEL, input="rice")
        for one, other in zip(packed.data[0].embedding, floats.data[0].embedding):
            self.assertAlmostEqual(one, other, places=3)

    def test_an_unknown_model_is_a_not_found_error(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="never-was", messages=user("hello"))
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("never-was")

    def test_invalid_requests_are_bad_request_errors_that_name_the_field(self):
        cases = [
            ("temperature", {"temperature": 9}),
            ("max_tokens", {"max_tokens": 0}),
            ("messages", {"messages": []}),
            ("top_logprobs", {"logprobs": True, "top_logprobs": 1000}),
        ]
        for field, options in cases:
            with self.subTest(field), self.assertRaises(openai.BadRequestError) as caught:
                self.chat("hello", **options)
            self.assertIn(field, caught.exception.param)
            self.assertEqual(caught.exception.type, "invalid_request_error")

    def test_a_prompt_beyond_the_context_is_a_bad_request_error(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat("repeat: " + "long " * 2_000)
        self.assertEqual(caught.exception.code, "context_length_exceeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
