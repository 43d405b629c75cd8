"""Follows an edge as a client does that holds all flags: asks for them, revalidates, and listens.

Takes the edge's address. Prints a line of JSON for each step. When it says "event" or "back", whoever started
it publishes the next version, which the client waits to hear of.
"""

import json
import sys
from urllib.parse import urljoin

import requests

base_url = sys.argv[1]


def say(step, **facts):
    print(json.dumps({"step": step, **facts}, separators=(",", ":")), flush=True)


def evaluate(step, context, etag=None, announced=None):
    response = requests.post(
        urljoin(base_url, "/ofrep/v1/evaluate/flags"),
        params={"flagConfigEtag": announced},
        headers={"If-None-Match": etag},
        json={"context": context},
        timeout=20,
    )
    body = response.json() if response.content else {}
    say(
        step,
        status=response.status_code,
        isTagKnown=response.headers["ETag"] == etag,
        version=body.get("metadata", {}).get("configVersion"),
    )
    return response.headers["ETag"], body


def listen(stream, heard=None):
    response = requests.get(stream, headers={"Last-Event-ID": heard}, stream=True, timeout=20)
    response.raise_for_status()
    return response.iter_lines(chunk_size=1, decode_unicode=True)


def next_event(lines):
    event = {}
    for line in lines:
        field, _, value = line.partition(":")
        if field:
            event[field] = value.removeprefix(" ")
        elif "data" in event:
            return event["id"], json.loads(event["data"])
        else:
            event = {}
    raise SystemExit("the stream ended")


user = {"targetingKey": "u1", "plan": "pro", "team": {"seats": 5}}
tag, body = evaluate("first", user)
evaluate("again", user, tag)
evaluate("reordered", dict(reversed(user.items())), tag)
evaluate("changed", {**user, "plan": "free"}, tag)
evaluate("elsewhere", user, tag, announced='"another"')

stream = body["eventStreams"][0]
say("stream", type=stream["type"], path=stream["endpoint"]["requestUri"])
stream = urljoin(base_url, stream["endpoint"]["requestUri"])

lines = listen(stream)
current, data = next_event(lines)
evaluate("current", user, tag, announced=data["etag"])
say("event", type=data["type"])
heard, data = next_event(lines)
say("heard", type=data["type"], isNew=heard != current)
new_tag, _ = evaluate("new", user, tag, announced=data["etag"])
evaluate("new again", user, new_tag, announced=data["etag"])

# It was away for a moment, in which nothing happened: an event that came at once would be one that it heard.
lines = listen(stream, heard)
say("back")
last, data = next_event(lines)
say("heard", type=data["type"], isNew=last != heard)
