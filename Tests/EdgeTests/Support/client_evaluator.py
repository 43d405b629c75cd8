"""Decides in the client, from GET /api/v1/client-snapshot: written from docs/ alone and with nothing of Turnout's
code, so that a difference is a fault of the code or of the docs.

    client_evaluator.py URL CASES

URL is that of the document. Each line of CASES is a JSON array: a user key, and a context as the text that a
request would carry. For each of them one line is printed: an object of the variant ids by experiment key, or null
if the context is none.
"""

import hashlib
import json
import re
import sys
import urllib.request
from datetime import date

BUCKETS = 10000


def text(value):
    """A string in UTF-8; half of a surrogate pair reads as U+FFFD."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def parse(source):
    return json.loads(source, parse_int=float, parse_constant=lambda name: 1 / 0)


# Buckets


def murmur3(data):
    mask = 0xFFFFFFFF

    def mix(word):
        word = word * 0xCC9E2D51 & mask
        return (word << 15 | word >> 17) * 0x1B873593 & mask

    state = 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        state ^= mix(int.from_bytes(data[at : at + 4], "little"))
        state = ((state << 13 | state >> 19) & mask) * 5 + 0xE6546B64 & mask
    if whole < len(data):
        state ^= mix(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & mask
    state = (state ^ state >> 13) * 0xC2B2AE35 & mask
    return state ^ state >> 16


def bucket(user, salt, sha256_of=None):
    if sha256_of is None:
        return murmur3(user + b":" + text(salt)) % BUCKETS
    digest = hashlib.sha256(user + b":" + text(sha256_of) + b":" + text(salt)).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


# Targeting

MISSING = object()


def attribute(context, name):
    if name in context:
        return context[name]
    value = context
    for part in name.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part == "length":
            value = float(len(value))
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", part) and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def is_number(value):
    return isinstance(value, float)


def equals(left, right):
    """Strict: of one type, and neither an array nor an object."""
    if left is MISSING or isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return False
    if isinstance(left, str) and isinstance(right, str):
        return text(left) == text(right)
    return type(left) is type(right) and left == right


def version(value):
    """A key to order semantic versions by, or None."""
    if not isinstance(value, str):
        return None
    number = "(0|[1-9][0-9]*)"
    part = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    match = re.fullmatch(
        rf"{number}\.{number}\.{number}(?:-({part}(?:\.{part})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", value
    )
    if not match:
        return None
    core = tuple(int(match[place]) for place in (1, 2, 3))
    if match[4] is None:
        return core, (1,)
    parts = [(0, int(one), "") if one.isdigit() else (1, 0, one) for one in match[4].split(".")]
    return core, (0, parts)


def moment(value):
    """Milliseconds since 1970, or None."""
    if not isinstance(value, str):
        return None
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d)))?", value, re.ASCII
    )
    if not match:
        return None
    try:
        day = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    if match[4] is None:
        return day * 86400000.0
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    zone_hour, zone_minute = int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 60 or zone_hour > 23 or zone_minute > 59:
        return None
    zone = (zone_hour * 60 + zone_minute) * (-1 if match[8] == "-" else 1)
    return day * 86400000.0 + ((hour * 60 + minute - zone) * 60 + second) * 1000.0 + float(match[7] or 0) * 1000.0


def compare(key, actual, value, holds):
    left, right = key(actual), key(value)
    return left is not None and right is not None and holds(left, right)


def holds(condition, context):
    actual = attribute(context, condition["attribute"])
    operator, value = condition["operator"], condition.get("value")
    both_numbers = is_number(actual) and is_number(value)
    both_strings = isinstance(actual, str) and isinstance(value, str)
    if operator == "eq":
        return equals(actual, value)
    if operator == "neq":
        return not equals(actual, value)
    if operator == "in":
        return isinstance(value, list) and any(equals(actual, one) for one in value)
    if operator == "notIn":
        return isinstance(value, list) and not any(equals(actual, one) for one in value)
    if operator == "contains":
        return both_strings and text(value) in text(actual)
    if operator == "startsWith":
        return both_strings and text(actual).startswith(text(value))
    if operator == "endsWith":
        return both_strings and text(actual).endswith(text(value))
    if operator == "gt":
        return both_numbers and actual > value
    if operator == "lt":
        return both_numbers and actual < value
    if operator == "gte":
        return both_numbers and actual >= value
    if operator == "lte":
        return both_numbers and actual <= value
    if operator == "exists":
        return actual is not MISSING
    if operator == "notExists":
        return actual is MISSING
    if operator == "semverEq":
        return compare(version, actual, value, lambda left, right: left == right)
    if operator == "semverGt":
        return compare(version, actual, value, lambda left, right: left > right)
    if operator == "semverLt":
        return compare(version, actual, value, lambda left, right: left < right)
    if operator == "before":
        return compare(moment, actual, value, lambda left, right: left < right)
    if operator == "after":
        return compare(moment, actual, value, lambda left, right: left > right)
    raise ValueError(operator)


def matches(rules, context):
    return not rules or any(all(holds(one, context) for one in rule["conditions"]) for rule in rules)


# A snapshot


class Snapshot:
    def __init__(self, document):
        self.cap = document.get("maxExperimentsPerUser")
        self.layers = {layer["key"]: layer["salt"] for layer in document.get("layers", [])}
        self.holdouts = document.get("holdouts", [])
        self.experiments = document["experiments"]
        self.flags = {flag["key"]: flag for flag in document.get("flags", [])}
        self.ids = {experiment["id"]: experiment for experiment in self.experiments}
        self.keys = {experiment["key"]: experiment for experiment in self.experiments}
        self.ranked = sorted(self.experiments, key=self.rank)
        self.order = self.settled()

    @staticmethod
    def rank(experiment):
        started = moment(experiment.get("startedAt"))
        return (
            -experiment.get("priority", 0),
            float("inf") if started is None else started,
            text(experiment["id"]),
        )

    def requirements(self, experiment):
        flag = self.flags.get(experiment.get("flagKey"), {})
        return experiment.get("requires", []) + flag.get("requires", [])

    def givers(self, requirement):
        """The experiments that may meet it, the highest ranked first."""
        if "flag" in requirement:
            return [one for one in self.ranked if one.get("flagKey") == requirement["flag"]]
        name = requirement["experiment"]
        return [self.ids[name] if name in self.ids else self.keys[name]]

    def settled(self):
        """By rank, but what is required comes first."""
        left, order = list(self.ranked), []
        while left:
            for experiment in left:
                needed = [one for requirement in self.requirements(experiment) for one in self.givers(requirement)]
                if not any(one in left for one in needed):
                    left.remove(experiment)
                    order.append(experiment)
                    break
            else:
                raise ValueError("a circle of requirements")
        return order

    def is_met(self, requirement, given):
        for giver in self.givers(requirement):
            if giver["key"] in given:
                chosen = given[giver["key"]]
                names = [(one["id"], one["key"]) for one in giver["variants"] if one["id"] == chosen][0]
                return "variants" not in requirement or any(name in names for name in requirement["variants"])
        return False

    def is_held_out(self, experiment, user):
        names = (experiment["id"], experiment["key"])
        return any(
            bucket(user, holdout["salt"]) < holdout["share"]
            for holdout in self.holdouts
            if "experiments" not in holdout or any(name in names for name in holdout["experiments"])
        )

    def alone(self, experiment, user, context):
        """The variant's id, looking at the experiment alone."""
        if experiment.get("status") == "PAUSED" or self.is_held_out(experiment, user):
            return None
        if not matches(experiment.get("audienceRules"), context):
            return None
        if not matches(experiment.get("targetingRules"), context):
            return None
        if "layer" in experiment:
            place = bucket(user, self.layers[experiment["layer"]])
        elif experiment.get("hash") == "sha256":
            place = bucket(user, experiment["salt"], sha256_of=experiment["id"])
        else:
            place = bucket(user, experiment["salt"])
        for allocation in experiment.get("allocations", []):
            if allocation["rangeStart"] <= place <= allocation["rangeEnd"]:
                return allocation["variantId"]
        return None

    def decide(self, user, context):
        given = {}
        taken = set()
        for experiment in self.order:
            variant = self.alone(experiment, user, context)
            domain = experiment.get("conflictDomain")
            if variant is None or not all(self.is_met(one, given) for one in self.requirements(experiment)):
                continue
            if domain in taken:
                continue
            if domain is not None:
                taken.add(domain)
            if self.cap is None or len(given) < self.cap:
                given[experiment["key"]] = variant
        return given


def main():
    with urllib.request.urlopen(sys.argv[1]) as answer:
        snapshot = Snapshot(parse(answer.read()))
    with open(sys.argv[2], encoding="utf-8") as cases:
        for line in cases:
            user, source = json.loads(line)
            try:
                context = parse(source)
            except ValueError:
                context = None
            decided = snapshot.decide(text(user), context) if isinstance(context, dict) else None
            print(json.dumps(decided))


if __name__ == "__main__":
    main()
