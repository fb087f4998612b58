"""What OpenAI's own client for Python makes of the server: prints what it got as JSON, and writes the files."""

import base64
import json
import sys

import openai

asked = json.load(sys.stdin)
folder = asked["folder"]


def client(key):
    return openai.OpenAI(base_url=asked["url"], api_key=key, max_retries=0, timeout=60)


def refused(key=asked["key"], **changes):
    speech = {"model": "tts-1", "voice": asked["voice"], "input": "Hello."} | changes
    try:
        client(key).audio.speech.create(**speech)
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param]
    return "not refused"


told = {"models": [model.id for model in client(asked["key"]).models.list()]}
audio = client(asked["key"]).audio
for name in asked["formats"]:
    speech = audio.speech.create(
        model="tts-1", voice=asked["voice"], input=asked["short"], response_format=name
    )
    speech.write_to_file(f"{folder}/python.{name}")
    with audio.speech.with_streaming_response.create(
        model=asked["model"], voice=asked["voice_id"], input=asked["long"], response_format=name
    ) as stream:
        stream.stream_to_file(f"{folder}/python-streamed.{name}")

for name in asked["event_formats"]:
    with audio.speech.with_streaming_response.create(
        model="tts-1", voice=asked["voice"], input=asked["long"] + " By events.", response_format=name, stream_format="sse"
    ) as stream:
        lines = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line) for line in lines]
    told["events"] = sorted({event["type"] for event in events})
    told["usage"] = events[-1]["usage"]["input_tokens"]
    with open(f"{folder}/python-events.{name}", "wb") as file:
        for event in events[:-1]:
            file.write(base64.b64decode(event["audio"]))

marked = []
for text in ["Once only.", "Once only.", "Something else."]:
    try:
        answer = audio.speech.with_raw_response.create(
            model="tts-1", voice=asked["voice"], input=text, extra_headers={"Idempotency-Key": asked["once"]}
        )
        marked.append([answer.headers["x-resonance-generation"], answer.headers.get("idempotent-replayed")])
    except openai.UnprocessableEntityError as error:
        marked.append([error.code, error.param])
told["marked"] = marked

told["refused"] = {
    "no key": refused(key="rsk_nothing"),
    "a key that may not": refused(key=asked["mute_key"]),
    "over budget": refused(key=asked["poor_key"], input="This is more than the budget has."),
    "no such voice": refused(voice="Nobody"),
    "another's voice": refused(voice=asked["foreign_voice"]),
    "no such model": refused(model="whisper-1"),
    "nothing to speak": refused(input=" "),
    "too long": refused(input="x" * 5001),
    "too fast": refused(speed=5),
    "no such format": refused(response_format="ogg"),
    "instructions": refused(instructions="Whisper."),
}
print(json.dumps(told))
