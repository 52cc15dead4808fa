"""The official `mcp` client against a node: the tools for agents, on every way to them.

Run by the test `official_clients`, with the node's address in PUMASI_URL, its token in PUMASI_TOKEN, its
data directory in PUMASI_DATA, the program in PUMASI_PROGRAM, a model that only another node of the mesh
holds in PUMASI_MODEL, that node's name in PUMASI_NODE, a provider's model in PUMASI_CLOUD, and the way to
the tools in PUMASI_WAY: `streams` or `http`.
"""

import json
import os
import time
import unittest
import urllib.request
from contextlib import asynccontextmanager

import anyio
import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client

URL = os.environ["PUMASI_URL"]
TOKEN = os.environ["PUMASI_TOKEN"]
OFFICE = os.environ["PUMASI_MODEL"]
NODE = os.environ["PUMASI_NODE"]
CLOUD = os.environ["PUMASI_CLOUD"]
LOOKING = {"list_models", "list_computers", "list_jobs", "job_status", "job_result", "ask_model", "embed_texts"}
CHANGING = {"submit_job": False, "cancel_job": True}
PROTOCOLS = ["auto", "legacy"]


def on_standard_streams(mode, *options):
    program = mcp.StdioServerParameters(
        command=os.environ["PUMASI_PROGRAM"],
        args=["mcp", *(options or ["--data-dir", os.environ["PUMASI_DATA"]])],
    )
    return mcp.Client(program, mode=mode, read_timeout_seconds=120)


@asynccontextmanager
async def over_http(mode, key=TOKEN):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False) as http:
        transport = streamable_http_client(URL + "/mcp", http_client=http)
        async with mcp.Client(transport, mode=mode, read_timeout_seconds=120) as client:
            yield client


WAYS = {"streams": on_standard_streams, "http": over_http}


def a_key(*scopes):
    body = json.dumps({"name": "agent", "scopes": list(scopes)}).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(URL + "/api/v1/keys", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["secret"]


def text(result):
    return "".join(block.text for block in result.content)


class Suite(unittest.IsolatedAsyncioTestCase):
    """Each test is one thing that agents do, in both generations of the protocol."""

    async def each(self, what):
        for mode in PROTOCOLS:
            with self.subTest(mode):
                async with WAYS[os.environ["PUMASI_WAY"]](mode) as client:
                    await what(client)

    async def good(self, client, tool, **arguments):
        result = await client.call_tool(tool, arguments)
        self.assertFalse(result.is_error, text(result))
        return result.structured_content

    async def refused(self, client, tool, **arguments):
        result = await client.call_tool(tool, arguments)
        self.assertTrue(result.is_error, text(result))
        return text(result)

    async def test_the_tools_say_what_they_take_give_and_change(self):
        async def look(client):
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            self.assertEqual(set(tools), LOOKING | set(CHANGING))
            for name, tool in tools.items():
                hints = tool.annotations
                self.assertEqual(hints.read_only_hint, name in LOOKING, name)
                if name in CHANGING:
                    self.assertEqual(hints.destructive_hint, CHANGING[name], name)
                self.assertGreater(len(tool.description), 20)
                self.assertIs(tool.input_schema["additionalProperties"], False)
                self.assertEqual(tool.output_schema["type"], "object")

        await self.each(look)

    async def test_models_and_computers_are_listed(self):
        async def look(client):
            models = {model["name"]: model for model in (await self.good(client, "list_models"))["models"]}
            self.assertEqual(models[OFFICE]["computers"], [NODE])
            self.assertIn("generate", models[OFFICE]["can"])
            self.assertEqual(models[CLOUD]["computers"], ["near"])
            computers = (await self.good(client, "list_computers"))["computers"]
            self.assertEqual([computer["name"] for computer in computers], ["near", NODE])
            self.assertEqual(computers[0]["presence"], "here")

        await self.each(look)

    async def test_a_model_is_asked(self):
        async def ask(client):
            question = {"model": OFFICE, "prompt": "upper: hello", "system": "Be brief.", "temperature": 0}
            result = await client.call_tool("ask_model", question)
            self.assertEqual(text(result), "HELLO")
            answer = result.structured_content
            self.assertEqual((answer["answer"], answer["computer"], answer["cut_off"]), ("HELLO", NODE, False))
            short = await self.good(client, "ask_model", model=OFFICE, prompt="repeat: one two three", max_tokens=2)
            self.assertTrue(short["cut_off"])
            cloud = await self.good(client, "ask_model", model=CLOUD, prompt="good morning")
            self.assertEqual((cloud["answer"], cloud["provider"]), ("You said: good morning", "lab"))

        await self.each(ask)

    async def test_texts_become_vectors(self):
        async def embed(client):
            vectors = (await self.good(client, "embed_texts", model=OFFICE, texts=["rice", "barley"]))["vectors"]
            self.assertEqual(len(vectors), 2)
            self.assertAlmostEqual(sum(number * number for number in vectors[0]), 1.0, places=2)

        await self.each(embed)

    async def test_a_job_is_handed_in_looked_at_and_fetched(self):
        async def hand_in(client):
            question = {"model": OFFICE, "prompt": "reverse: pumasi"}
            job = (await self.good(client, "submit_job", **question))["id"]
            deadline = time.monotonic() + 60
            while (await self.good(client, "job_status", job=job))["state"] != "completed":
                self.assertLess(time.monotonic(), deadline)
                await anyio.sleep(0.05)
            self.assertEqual((await self.good(client, "job_result", job=job))["answer"], "isamup")
            listed = (await self.good(client, "list_jobs", limit=5))["jobs"]
            self.assertIn(job, [entry["id"] for entry in listed])
            self.assertIn("job_result", await self.refused(client, "cancel_job", job=job))

        await self.each(hand_in)

    async def test_the_same_word_is_the_same_job(self):
        async def twice(client):
            word = f"word-{time.monotonic_ns()}"
            jobs = [
                (await self.good(client, "submit_job", model=OFFICE, prompt="upper: x", idempotency_key=word))["id"]
                for _ in range(2)
            ]
            self.assertEqual(jobs[0], jobs[1])
            other = await self.refused(client, "submit_job", model=OFFICE, prompt="upper: y", idempotency_key=word)
            self.assertIn("idempotency", other)

        await self.each(twice)

    async def test_a_job_is_cancelled(self):
        async def cancel(client):
            # The prompt fits, and the copy of it takes a while.
            job = (await self.good(client, "submit_job", model=OFFICE, prompt="repeat: " + "a b " * 110))["id"]
            result = await client.call_tool("cancel_job", {"job": job})
            state = (await self.good(client, "job_status", job=job))["state"]
            # It may have been quicker.
            self.assertIn(state, ["completed"] if result.is_error else ["cancelled"])

        await self.each(cancel)

    async def test_wrong_arguments_are_told_with_what_is_right(self):
        async def ask(client):
            cases = [
                ("ask_model", {"model": OFFICE}, "prompt"),
                ("ask_model", {"model": OFFICE, "prompt": 7}, "string"),
                ("ask_model", {"model": OFFICE, "prompt": "x", "tempreature": 1}, "tempreature"),
                ("ask_model", {"model": OFFICE, "prompt": "x", "temperature": 9}, "temperature"),
                ("ask_model", {"model": OFFICE, "prompt": "x" * 1_100_000}, "shorten"),
                ("ask_model", {"model": OFFICE, "prompt": "repeat: " + "long " * 2_000}, "context_length_exceeded"),
                ("ask_model", {"model": "never-was", "prompt": "x"}, "list_models"),
                ("embed_texts", {"model": OFFICE, "texts": []}, "1 to 32"),
                ("list_jobs", {"limit": "many"}, "limit"),
                ("job_status", {"job": "../../v1/keys"}, "list_jobs"),
                ("job_result", {"job": "018f2b6e-7a10-7000-8000-000000000000"}, "list_jobs"),
            ]
            for tool, arguments, said in cases:
                with self.subTest(tool, said=said):
                    self.assertIn(said, await self.refused(client, tool, **arguments))
            with self.assertRaises(mcp.MCPError) as caught:
                await client.call_tool("no_such_tool", {})
            self.assertIn("no tool", str(caught.exception))

        await self.each(ask)

    async def test_a_call_that_is_given_up_cancels_its_job(self):
        model = CLOUD.split("/")[0] + "/slow-60000"

        async def live(client):
            jobs = (await self.good(client, "list_jobs", live=True, limit=50))["jobs"]
            return [job for job in jobs if job["model"] == model]

        async def give_up(client):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "ask_model", {"model": model, "prompt": "x"})
                deadline = time.monotonic() + 60
                while not await live(client):
                    self.assertLess(time.monotonic(), deadline)
                    await anyio.sleep(0.05)
                tasks.cancel_scope.cancel()
            while await live(client):
                self.assertLess(time.monotonic(), deadline, "it goes on")
                await anyio.sleep(0.05)
            self.assertTrue(await self.good(client, "list_models"))

        await self.each(give_up)

    async def test_who_waits_long_is_told_that_it_goes_on(self):
        model = CLOUD.split("/")[0] + "/slow-6000"

        async def wait(client):
            heard = []

            async def note(progress, total, message):
                heard.append(progress)

            question = {"model": model, "prompt": "x"}
            result = await client.call_tool("ask_model", question, progress_callback=note)
            self.assertEqual(text(result), "You said: x")
            self.assertTrue(heard)

        await self.each(wait)

    async def test_a_key_opens_over_http_what_it_opens_elsewhere(self):
        asking, looking = a_key("inference"), a_key("view")
        for mode in PROTOCOLS:
            async with over_http(mode, asking) as client:
                answer = await self.good(client, "ask_model", model=OFFICE, prompt="upper: key")
                self.assertEqual(answer["answer"], "KEY")
                for tool in ["list_computers", "list_jobs"]:
                    self.assertIn("scope_missing", await self.refused(client, tool))
            async with over_http(mode, looking) as client:
                self.assertTrue((await self.good(client, "list_computers"))["computers"])
                self.assertIn("scope_missing", await self.refused(client, "ask_model", model=OFFICE, prompt="x"))
            # A program of this computer may ask models without any.
            async with over_http(mode, None) as client:
                self.assertEqual((await self.good(client, "ask_model", model=OFFICE, prompt="upper: a"))["answer"], "A")
                self.assertIn("bearer", await self.refused(client, "list_jobs"))

    async def test_without_a_node_the_sentence_says_what_to_do(self):
        async with on_standard_streams("auto", "--data-dir", "/nonexistent/pumasi") as client:
            self.assertTrue((await client.list_tools()).tools)
            self.assertIn("pumasi up", await self.refused(client, "list_models"))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
