"""The document of the API against a node: it is valid, and what the node answers is as it says.

Run by the test `official_clients`, with the node's address in PUMASI_URL, its token in PUMASI_TOKEN, a
model that only another node of the mesh holds in PUMASI_MODEL, and a provider's model in PUMASI_CLOUD.
"""

import json
import os
import time
import unittest
import urllib.error
import urllib.request

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URL = os.environ["PUMASI_URL"]
TOKEN = os.environ["PUMASI_TOKEN"]
OFFICE = os.environ["PUMASI_MODEL"]
CLOUD = os.environ["PUMASI_CLOUD"]
HERE = "urn:document"
ENDLESS = {"watch"}


def ask(method, path, body=None, headers=()):
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", **dict(headers)}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, method=method, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def plain(path):
    with urllib.request.urlopen(URL + path, timeout=60) as answer:
        return answer.read().decode()


def chat(text, model=OFFICE, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 60, **more}


class Suite(unittest.TestCase):
    """What the document says is true of this node."""

    @classmethod
    def setUpClass(cls):
        cls.document = json.loads(plain("/api/openapi.json"))
        resource = Resource.from_contents(cls.document, default_specification=DRAFT202012)
        cls.registry = Registry().with_resource(HERE, resource)

    def validator(self, pointer):
        return Draft202012Validator({"$ref": f"{HERE}#{pointer}"}, registry=self.registry)

    def operation(self, method, path):
        return self.document["paths"][path][method]

    def holds(self, method, path, status, media, value):
        """The answer's status and form are in the document, and the value is as its schema says."""
        responses = self.operation(method, path)["responses"]
        name = str(status) if str(status) in responses else "default"
        self.assertTrue(status < 400 or name == "default", f"{method} {path}: {status}")
        self.assertIn(media, responses[name]["content"], f"{method} {path}")
        at = [part.replace("~", "~0").replace("/", "~1") for part in ["paths", path, method, "responses", name]]
        at += ["content", media.replace("/", "~1"), "schema"]
        errors = list(self.validator("/" + "/".join(at)).iter_errors(value))
        self.assertEqual([], [f"{method} {path} {error.json_path}: {error.message}" for error in errors])

    def answered(self, method, path, body=None, asked=None, status=200, **headers):
        """Asks, and holds the answer, and what was asked, to the document."""
        at = asked or path
        if body is not None:
            pointer = f"/paths/{at.replace('/', '~1')}/{method}/requestBody/content/application~1json/schema"
            self.assertEqual([], [error.message for error in self.validator(pointer).iter_errors(body)], f"{at}")
        got, head, data = ask(method.upper(), path, body, headers.items())
        self.assertEqual(got, status, f"{method} {path}: {data[:300]}")
        if not data:
            self.assertNotIn("content", self.operation(method, at)["responses"][str(status)])
            return None
        value = json.loads(data)
        self.holds(method, at, got, head.get_content_type(), value)
        return value

    def test_the_document_is_valid(self):
        self.assertEqual(self.document["openapi"], "3.1.0")
        self.assertEqual([], [str(error) for error in OpenAPIV31SpecValidator(self.document).iter_errors()])

    def test_schemas_refuse_what_is_not_so(self):
        job = self.validator("/components/schemas/Job")
        listed = self.answered("get", "/api/v1/jobs")["data"] or [self.a_job()]
        self.assertTrue(job.is_valid(listed[0]))
        for field, wrong in [("state", "thinking"), ("attempts", -1), ("owner", None), ("durable", "yes")]:
            self.assertFalse(job.is_valid({**listed[0], field: wrong}), field)
        self.assertFalse(job.is_valid({name: value for name, value in listed[0].items() if name != "model"}))
        self.assertFalse(self.validator("/components/schemas/KeyRequest").is_valid({"name": "a", "secret": "mine"}))

    def test_everything_that_can_be_read_is_as_described(self):
        read = 0
        for path, operations in self.document["paths"].items():
            operation = operations.get("get")
            if operation is None or "{" in path or operation["operationId"] in ENDLESS:
                continue
            if path.startswith("/api/v1/hub/"):
                # What a hub says, which the tests of its client hold against a hub of their own.
                continue
            status, head, data = ask("GET", path)
            self.assertEqual(status, 200, path)
            media = head.get_content_type()
            value = json.loads(data) if media == "application/json" else data.decode()
            self.holds("get", path, status, media, value)
            read += 1
        self.assertGreater(read, 15)

    def test_models_in_each_form(self):
        self.answered("get", f"/v1/models/{OFFICE}", asked="/v1/models/{model}")
        self.answered("get", f"/v1/models/{CLOUD}", asked="/v1/models/{model}")
        for header, value in [("anthropic-version", "2023-06-01"), ("x-goog-api-client", "x")]:
            for path, at in [("/v1/models", None), (f"/v1/models/{OFFICE}", "/v1/models/{model}")]:
                self.answered("get", path, asked=at, **{header: value})
        self.answered("get", f"/v1beta/models/{OFFICE}", asked="/v1beta/models/{call}")
        self.answered("post", "/api/show", {"model": OFFICE})

    def test_every_dialects_answers(self):
        user = [{"role": "user", "content": "upper: hello"}]
        content = {"contents": [{"role": "user", "parts": [{"text": "upper: hello"}]}]}
        tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
        for model in [OFFICE, CLOUD]:
            self.answered("post", "/v1/chat/completions", chat("upper: hello", model))
            self.answered("post", "/v1/chat/completions", chat("use look_up: x", model, tools=[tool]))
            self.answered("post", "/v1/responses", {"model": model, "input": "upper: hello"})
            self.answered("post", "/v1/messages", {"model": model, "messages": user, "max_tokens": 60})
            self.answered("post", "/v1/messages/count_tokens", {"model": model, "messages": user})
            for version, at in [("v1", "/v1/models/{model}"), ("v1beta", "/v1beta/models/{call}")]:
                for call, body in [("generateContent", content), ("countTokens", content)]:
                    self.answered("post", f"/{version}/models/{model}:{call}", body, asked=at)
            self.answered("post", "/api/chat", {"model": model, "messages": user, "stream": False})
            self.answered("post", "/api/generate", {"model": model, "prompt": "upper: hello", "stream": False})
        self.answered("post", "/v1/responses/input_tokens", {"model": OFFICE, "input": "upper: hello"})
        self.answered("post", "/v1/completions", {"model": OFFICE, "prompt": "hello", "max_tokens": 4})

    def test_vectors_in_every_dialect(self):
        self.answered("post", "/v1/embeddings", {"model": OFFICE, "input": ["rice", "barley"]})
        self.answered("post", "/v1/embeddings", {"model": OFFICE, "input": "rice", "encoding_format": "base64"})
        self.answered("post", "/api/embed", {"model": OFFICE, "input": "rice"})
        self.answered("post", "/api/embeddings", {"model": OFFICE, "prompt": "rice"})
        one = {"content": {"parts": [{"text": "rice"}]}}
        at = "/v1beta/models/{call}"
        self.answered("post", f"/v1beta/models/{OFFICE}:embedContent", one, asked=at)
        self.answered("post", f"/v1beta/models/{OFFICE}:batchEmbedContents", {"requests": [one]}, asked=at)

    def test_pieces_of_streams(self):
        user = [{"role": "user", "content": "repeat: one two"}]
        messages = {"model": OFFICE, "messages": user, "max_tokens": 60, "stream": True}
        asked = [
            ("/v1/chat/completions", chat("repeat: one two", stream=True, stream_options={"include_usage": True})),
            ("/v1/completions", {"model": OFFICE, "prompt": "hello", "max_tokens": 4, "stream": True}),
            ("/v1/responses", {"model": OFFICE, "input": "repeat: one two", "stream": True}),
            ("/v1/messages", messages),
            ("/api/chat", {"model": OFFICE, "messages": user}),
            ("/api/generate", {"model": OFFICE, "prompt": "repeat: one two"}),
        ]
        for path, body in asked:
            status, head, data = ask("POST", path, body)
            self.assertEqual(status, 200, path)
            media, lines = head.get_content_type(), data.decode().splitlines()
            if media == "text/event-stream":
                lines = [line[6:] for line in lines if line.startswith("data: ") and line != "data: [DONE]"]
            self.assertGreater(len(lines), 1, path)
            for line in lines:
                self.holds("post", path, status, media, json.loads(line))
        content = {"contents": [{"role": "user", "parts": [{"text": "repeat: one two"}]}]}
        at = "/v1beta/models/{call}"
        self.answered("post", f"/v1beta/models/{OFFICE}:streamGenerateContent", content, asked=at)

    def a_job(self):
        submission = {"kind": "chat", "request": chat("upper: job")}
        return self.answered("post", "/api/v1/jobs", submission, status=201)

    def test_a_job_from_the_first_to_the_last(self):
        job = self.a_job()["id"]
        one = "/api/v1/jobs/{job}"
        deadline = time.monotonic() + 60
        while self.answered("get", f"/api/v1/jobs/{job}", asked=one)["state"] != "completed":
            self.assertLess(time.monotonic(), deadline)
        for part in ["why", "result"]:
            self.answered("get", f"/api/v1/jobs/{job}/{part}", asked=f"{one}/{part}")
        status, head, data = ask("GET", f"/api/v1/jobs/{job}/events")
        events = [line[6:] for line in data.decode().splitlines() if line.startswith("data: ")]
        self.assertTrue(events)
        for event in events:
            self.holds("get", f"{one}/events", status, head.get_content_type(), json.loads(event))
        self.answered("delete", f"/api/v1/jobs/{job}", asked=one, status=204)

    def test_settings_are_changed_as_described(self):
        key = self.answered("post", "/api/v1/keys", {"name": "sample", "scopes": ["view"]}, status=201)["key"]["id"]
        self.answered("patch", f"/api/v1/keys/{key}", {"requests_per_min": 9}, asked="/api/v1/keys/{key}")
        self.answered("delete", f"/api/v1/keys/{key}", asked="/api/v1/keys/{key}")
        made = self.answered("post", "/api/v1/invitations", {"uses": 2}, status=201)["invitation"]["id"]
        self.answered("delete", f"/api/v1/invitations/{made}", asked="/api/v1/invitations/{invitation}", status=204)
        self.answered("patch", "/api/v1/routing", {"full_after_ms": 5_000})
        self.answered("post", "/api/v1/lending", {"lend": "paused", "for_s": 5})
        self.answered("post", "/api/v1/lending", {"lend": "accepting"})
        self.answered("post", "/api/v1/providers/lab/check", asked="/api/v1/providers/{provider}/check")
        place = "/api/v1/models/starter-chat/load"
        self.answered("post", place, {}, asked="/api/v1/models/{model}/load", status=202)

    def test_errors_in_each_form(self):
        for method, path, body, at in [
            ("post", "/v1/chat/completions", chat("x", "never-was"), None),
            ("post", "/v1/messages", {"model": "never-was", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}, None),
            ("post", "/v1beta/models/never-was:generateContent", {"contents": []}, "/v1beta/models/{call}"),
            ("post", "/api/chat", {"model": "never-was", "messages": [{"role": "user", "content": "x"}]}, None),
            ("get", "/api/v1/jobs/none", None, "/api/v1/jobs/{job}"),
            ("post", "/api/v1/keys", {"name": ""}, None),
        ]:
            status, head, data = ask(method.upper(), path, body)
            self.assertGreaterEqual(status, 400, path)
            self.holds(method, at or path, status, head.get_content_type(), json.loads(data))

    def test_the_page_for_agents_leads_to_what_it_names(self):
        page = plain("/llms.txt")
        self.assertTrue(page.startswith("# "))
        self.assertIn(f"{URL}/api/openapi.json", page)
        for secret in [OFFICE, "near", "far", "lab", TOKEN]:
            self.assertNotIn(secret, page.split(), secret)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
