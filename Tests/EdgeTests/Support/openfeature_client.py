"""Asks an edge through OpenFeature's own client, as an application does.

Takes the edge's address and a JSON array of questions: type, key, default, and if wanted targetingKey and
attributes. Prints what the client makes of each answer as a line of JSON.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

base_url, questions = sys.argv[1:]
api.set_provider_and_wait(OFREPProvider(base_url=base_url, timeout=20))
client = api.get_client()
for question in json.loads(questions):
    ask = getattr(client, f"get_{question['type']}_details")
    context = EvaluationContext(question.get("targetingKey"), question.get("attributes", {}))
    details = ask(question["key"], question["default"], context)
    answer = {
        "value": details.value,
        "type": type(details.value).__name__,
        "variant": details.variant,
        "reason": details.reason,
        "error": details.error_code,
        "metadata": details.flag_metadata,
    }
    print(json.dumps(answer, separators=(",", ":")))
