"""LangChain's chat models against a node, in three dialects: what programs built on LangChain rely on.

Run by the test `official_clients`, with the node's address in PUMASI_URL, a model that only another
node of the mesh holds in PUMASI_MODEL, and a provider's model in PUMASI_CLOUD.
"""

import asyncio
import os
import unittest

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ["PUMASI_URL"]
OFFICE = os.environ["PUMASI_MODEL"]
CLOUD = os.environ["PUMASI_CLOUD"]


@tool
def look_up(word: str) -> str:
    """Looks up a word."""
    return "a grain"


def openai_model(model):
    return ChatOpenAI(
        model=model, base_url=URL + "/v1", api_key="unused", temperature=0, max_tokens=100, max_retries=0
    )


def anthropic_model(model):
    return ChatAnthropic(
        model=model, base_url=URL, api_key="unused", max_tokens=100, max_retries=0, temperature=0
    )


def ollama_model(model):
    return ChatOllama(model=model, base_url=URL, temperature=0, num_predict=100)


# ChatOllama has no way to say that a tool must be called; the model calls it when it is asked to.
MAKERS = {
    "openai": (openai_model, {"tool_choice": "look_up"}),
    "anthropic": (anthropic_model, {"tool_choice": "look_up"}),
    "ollama": (ollama_model, {}),
}


class Suite(unittest.TestCase):
    """Each test is one thing that programs do, in each dialect."""

    def each(self, model):
        for name, (make, must_call) in MAKERS.items():
            with self.subTest(name, model=model):
                yield make(model), must_call

    def test_a_chat_is_answered_by_another_computer_and_by_a_cloud(self):
        for chat, _ in self.each(OFFICE):
            reply = chat.invoke([SystemMessage("Be brief."), HumanMessage("upper: hello")])
            self.assertEqual(reply.text, "HELLO")
            self.assertGreater(reply.usage_metadata["output_tokens"], 0)
        for chat, _ in self.each(CLOUD):
            self.assertEqual(chat.invoke("good morning").text, "You said: good morning")

    def test_a_stream_is_the_same_answer_in_pieces(self):
        for chat, _ in self.each(OFFICE):
            whole = None
            for piece in chat.stream("repeat: one two three four"):
                whole = piece if whole is None else whole + piece
            self.assertEqual(whole.text, "one two three four")
        for chat, _ in self.each(CLOUD):
            self.assertEqual("".join(piece.text for piece in chat.stream("a b c")), "You said: a b c")

    def test_a_chain_with_a_prompt_and_a_parser(self):
        prompt = ChatPromptTemplate.from_messages([("user", "reverse: {word}")])
        for chat, _ in self.each(OFFICE):
            self.assertEqual((prompt | chat | StrOutputParser()).invoke({"word": "pumasi"}), "isamup")

    def test_several_are_asked_at_once(self):
        for chat, _ in self.each(OFFICE):
            replies = asyncio.run(chat.abatch(["upper: one", "upper: two", "upper: three"]))
            self.assertEqual([reply.text for reply in replies], ["ONE", "TWO", "THREE"])

    def test_a_tool_is_called_and_its_answer_taken(self):
        for model, asked in [(OFFICE, "use look_up: rice"), (CLOUD, "rice")]:
            for chat, must_call in self.each(model):
                said = [HumanMessage(asked)]
                reply = chat.bind_tools([look_up], **must_call).invoke(said)
                [call] = reply.tool_calls
                self.assertEqual((call["name"], list(call["args"])), ("look_up", ["word"]))
                result = ToolMessage(look_up.invoke(call["args"]), tool_call_id=call["id"])
                after = chat.bind_tools([look_up]).invoke(said + [reply, result])
                self.assertIsInstance(after, AIMessage)
                self.assertIn("a grain", after.text)

    def test_a_streamed_tool_call_is_put_together(self):
        for model, asked in [(OFFICE, "use look_up: rice"), (CLOUD, "rice")]:
            for chat, must_call in self.each(model):
                whole = None
                for piece in chat.bind_tools([look_up], **must_call).stream(asked):
                    whole = piece if whole is None else whole + piece
                [call] = whole.tool_calls
                self.assertEqual((call["name"], call["args"]), ("look_up", {"word": "rice"}))

    def test_structured_output_is_kept_to(self):
        schema = {
            "title": "plan",
            "description": "A plan.",
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": ["red", "green"]}},
            "required": ["colour"],
            "additionalProperties": False,
        }
        chat = openai_model(OFFICE).with_structured_output(schema, method="json_schema", strict=True)
        self.assertIn(chat.invoke("hello")["colour"], ["red", "green"])

    def test_embeddings(self):
        # What is embedded is sent as text: the node does not know the tokens of another tokeniser.
        embeddings = OpenAIEmbeddings(
            model=OFFICE, base_url=URL + "/v1", api_key="unused", check_embedding_ctx_length=False
        )
        one, other = embeddings.embed_documents(["rice", "barley"])
        self.assertEqual(len(one), len(other))
        for left, right in zip(embeddings.embed_query("rice"), one):
            self.assertAlmostEqual(left, right, places=3)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
