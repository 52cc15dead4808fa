"""An official client in the middle of whose stream the cloud dies: it must not notice.

    broken_cloud.py {openai,responses,anthropic,google,ollama} MODEL

Prints `streaming` after some pieces, whereupon the test that runs it pulls the cloud's plug, and in the
end one line of JSON: the text, the pieces, and why the answer ended. The node's address is in PUMASI_URL.
"""

import json
import os
import sys

URL = os.environ["PUMASI_URL"]
ASKED = "repeat: neighbours"
USER = [{"role": "user", "content": ASKED}]
PIECES_BEFORE = 6
# What stands in for the cloud is a tiny model: it may not know where to end.
CEILING = 60


def openai_pieces(model):
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key="unused", max_retries=0, timeout=120)
    said, finish = "", None
    for chunk in client.chat.completions.create(model=model, messages=USER, max_tokens=CEILING, stream=True):
        for choice in chunk.choices:
            said += choice.delta.content or ""
            finish = choice.finish_reason or finish
            if choice.delta.content:
                yield choice.delta.content, None
    yield None, (said, finish)


def responses_pieces(model):
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key="unused", max_retries=0, timeout=120)
    stream = client.responses.create(model=model, input=ASKED, max_output_tokens=CEILING, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            yield event.delta, None
        elif event.type in ["response.completed", "response.incomplete"]:
            yield None, (event.response.output_text, event.response.status)


def anthropic_pieces(model):
    import anthropic

    client = anthropic.Anthropic(base_url=URL, api_key="unused", max_retries=0, timeout=120)
    with client.messages.stream(model=model, messages=USER, max_tokens=CEILING) as stream:
        for text in stream.text_stream:
            yield text, None
        final = stream.get_final_message()
        yield None, ("".join(block.text for block in final.content), final.stop_reason)


def google_pieces(model):
    from google import genai

    client = genai.Client(api_key="unused", http_options=genai.types.HttpOptions(base_url=URL, timeout=120_000))
    said, finish = "", None
    config = genai.types.GenerateContentConfig(max_output_tokens=CEILING)
    for piece in client.models.generate_content_stream(model=model, contents=ASKED, config=config):
        said += piece.text or ""
        finish = piece.candidates[0].finish_reason or finish
        if piece.text:
            yield piece.text, None
    yield None, (said, finish.name)


def ollama_pieces(model):
    import ollama

    said, finish = "", None
    options = {"num_predict": CEILING}
    client = ollama.Client(host=URL, timeout=120)
    for piece in client.chat(model=model, messages=USER, options=options, stream=True):
        said += piece.message.content or ""
        finish = piece.done_reason or finish
        if piece.message.content:
            yield piece.message.content, None
    yield None, (said, finish)


DIALECTS = {
    "openai": openai_pieces,
    "responses": responses_pieces,
    "anthropic": anthropic_pieces,
    "google": google_pieces,
    "ollama": ollama_pieces,
}


def main():
    dialect, model = sys.argv[1:]
    pieces = []
    for piece, end in DIALECTS[dialect](model):
        if end:
            whole, finish = end
            print(json.dumps({"text": "".join(pieces), "whole": whole, "finish": finish}), flush=True)
            return
        pieces.append(piece)
        if len(pieces) == PIECES_BEFORE:
            print("streaming", flush=True)


main()
