"""LlamaIndex's `OpenAILike` against a node: what programs built on LlamaIndex rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and a provider's model in PUMASI_CLOUD.
"""

import asyncio
import os
import unittest

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

URL = os.environ["PUMASI_URL"]
OFFICE = os.environ["PUMASI_MODEL"]
CLOUD = os.environ["PUMASI_CLOUD"]


def look_up(word: str) -> str:
    """Looks up a word."""
    return f"{word} is a grain"


LOOK_UP = FunctionTool.from_defaults(fn=look_up)


def model(name):
    return OpenAILike(
        model=name,
        api_base=URL + "/v1",
        api_key="unused",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=1_024,
        temperature=0,
        max_tokens=100,
        max_retries=0,
        timeout=120,
    )


def user(text):
    return [ChatMessage(role="user", content=text)]


class Suite(unittest.TestCase):
    """Each test is one thing that programs do."""

    def test_a_chat_is_answered_by_another_computer_and_by_a_cloud(self):
        said = [ChatMessage(role="system", content="Be brief.")] + user("upper: hello")
        self.assertEqual(model(OFFICE).chat(said).message.content, "HELLO")
        self.assertEqual(model(CLOUD).chat(user("good morning")).message.content, "You said: good morning")

    def test_a_completion_is_a_chat_of_one_turn(self):
        self.assertEqual(model(OFFICE).complete("reverse: pumasi").text, "isamup")

    def test_a_stream_is_the_same_answer_in_pieces(self):
        for name, asked, answer in [
            (OFFICE, "repeat: one two three four", "one two three four"),
            (CLOUD, "a b c", "You said: a b c"),
        ]:
            with self.subTest(name):
                pieces = list(model(name).stream_chat(user(asked)))
                self.assertEqual("".join(piece.delta or "" for piece in pieces), answer)
                self.assertEqual(pieces[-1].message.content, answer)

    def test_it_works_without_waiting(self):
        async def ask():
            return await asyncio.gather(*(model(OFFICE).achat(user(f"upper: {word}")) for word in ["one", "two"]))

        self.assertEqual([reply.message.content for reply in asyncio.run(ask())], ["ONE", "TWO"])

    def test_a_tool_is_called_whole_and_streamed(self):
        for name, asked in [(OFFICE, "use look_up: rice"), (CLOUD, "rice")]:
            with self.subTest(name):
                llm = model(name)
                reply = llm.chat_with_tools([LOOK_UP], user_msg=asked, tool_required=True)
                [call] = llm.get_tool_calls_from_response(reply)
                self.assertEqual((call.tool_name, list(call.tool_kwargs)), ("look_up", ["word"]))
                last = None
                for last in llm.stream_chat_with_tools([LOOK_UP], user_msg=asked, tool_required=True):
                    pass
                [streamed] = llm.get_tool_calls_from_response(last)
                self.assertEqual((streamed.tool_name, streamed.tool_kwargs), ("look_up", call.tool_kwargs))

    def test_a_tool_is_called_and_run(self):
        reply = model(OFFICE).predict_and_call([LOOK_UP], user_msg="use look_up: rice")
        self.assertIn("is a grain", str(reply))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
