"""xAPI by other people's programs: PyPI's ralph-malph (models of statements), rfc3987, uuid and pydantic.

    python3 -m venv ralph && ralph/bin/pip install 'ralph-malph[full]==5.1.0'
    ralph/bin/python oracle/xapi.py golden golden/xapi.json        # verdicts and numbers for tests/xapi_rules.rs
    ralph/bin/python oracle/xapi.py check golden/xapi-exported.jsonl

The second command checks statements that we exported (`GRPO_ORACLE=FILE cargo test --release -p grpo-edu --test xapi
-- --ignored write_for_ralph` writes them anew).

`spec` is what xAPI 1.0.3 says about a statement, by hand; `ralph` is the verdict of ralph's model. Where they differ, `differs` says
why.
"""

import copy
import datetime
import json
import sys
import uuid

from pydantic import TypeAdapter, ValidationError
from ralph.models.xapi.base.statements import BaseXapiStatement
from rfc3987 import parse

CHOICE = {
    "id": "5b1f4a52-8a5c-5b0e-9d25-3f1c1f1f1f1f",
    "actor": {"objectType": "Agent", "name": "Ada", "account": {"homePage": "https://school.example/", "name": "ada"}},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en": "answered"}},
    "object": {
        "objectType": "Activity",
        "id": "https://school.example/items/q1",
        "definition": {
            "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
            "name": {"en": "Colours"},
            "description": {"en": "Which are warm?", "de-CH": "Welche sind warm?"},
            "interactionType": "choice",
            "correctResponsesPattern": ["red[,]orange"],
            "choices": [
                {"id": "red", "description": {"en": "Red"}},
                {"id": "orange", "description": {"en": "Orange"}},
                {"id": "blue"},
            ],
            "extensions": {"https://school.example/x": None},
        },
    },
    "result": {
        "score": {"scaled": 0.5, "raw": 1, "min": -1, "max": 2},
        "success": False,
        "completion": True,
        "response": "red[,]blue",
        "duration": "PT1M30.25S",
        "extensions": {"https://school.example/y": {"a": [1, None, ""]}},
    },
    "context": {
        "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        "instructor": {"mbox": "mailto:t@school.example"},
        "team": {"objectType": "Group", "member": [{"mbox": "mailto:a@school.example"}]},
        "contextActivities": {
            "parent": [{"id": "https://school.example/assessments/a"}],
            "grouping": {"id": "https://school.example/skills/s"},
        },
        "revision": "2",
        "platform": "grpo",
        "language": "en-GB",
        "statement": {"objectType": "StatementRef", "id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"},
        "extensions": {"https://school.example/z": 1},
    },
    "timestamp": "2026-01-31T12:00:00.250Z",
    "stored": "2026-01-31T12:00:01+01:00",
    "authority": {"mbox": "mailto:lrs@school.example"},
    "version": "1.0.0",
    "attachments": [
        {
            "usageType": "https://school.example/usage",
            "display": {"en": "Sheet"},
            "contentType": "text/plain",
            "length": 12,
            "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
            "fileUrl": "https://school.example/sheet.txt",
        }
    ],
}

GONE = object()

COERCED = "pydantic reads numbers out of texts; by 2.2 a text where a number is needed is refused"
FALSY = "ralph compares bounds only where they aren't 0"
REGISTERED = "ralph looks language tags up in the registry; RFC 5646 calls a tag well-formed by its form"
LISTS = "ralph doesn't tie lists of components to their interaction (appendix C)"

# Name, changes (path and value), whether xAPI allows it, and why ralph differs where it does.
TABLE = [
    ("as it is", {}, True),
    ("without the optional", {k: GONE for k in ("id", "result", "context", "timestamp", "stored", "authority", "version",
                                                "attachments", "object.definition", "object.objectType", "verb.display")}, True),
    ("no actor", {"actor": GONE}, False),
    ("no verb", {"verb": GONE}, False),
    ("no object", {"object": GONE}, False),
    ("unknown property", {"colour": "red"}, False),
    ("unknown property within", {"result.mark": 1}, False),
    ("wrong case of a property", {"verb.Display": {"en": "x"}}, False),
    ("null", {"result.success": None}, False),
    ("empty text", {"result.response": ""}, False),
    ("empty object", {"result": {}}, False),
    ("empty definition", {"object.definition": {}}, False),
    ("id no uuid", {"id": "q1"}, False),
    ("id in capitals", {"id": "5B1F4A52-8A5C-5B0E-9D25-3F1C1F1F1F1F"}, True),
    ("two identifiers", {"actor.mbox": "mailto:a@b.example"}, False),
    ("no identifier", {"actor.account": GONE}, False),
    ("mbox without mailto", {"actor.account": GONE, "actor.mbox": "a@b.example"}, False),
    ("mbox without an address", {"actor.account": GONE, "actor.mbox": "mailto:nobody"}, False),
    ("mbox", {"actor.account": GONE, "actor.mbox": "mailto:a@school.com"}, True),
    ("sum of an address", {"actor.account": GONE, "actor.mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}, True),
    ("short sum", {"actor.account": GONE, "actor.mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee"}, False),
    ("openid", {"actor.account": GONE, "actor.openid": "https://ada.example/"}, True),
    ("openid no IRI", {"actor.account": GONE, "actor.openid": "ada"}, False, "ralph takes any text"),
    ("home page no IRI", {"actor.account.homePage": "school"}, False),
    ("account without a name", {"actor.account.name": GONE}, False),
    ("account with an empty name", {"actor.account.name": ""}, False),
    ("agent in small letters", {"actor.objectType": "agent"}, False),
    ("group as actor", {"actor": {"objectType": "Group", "member": [{"mbox": "mailto:a@school.com"}]}}, True),
    ("group of nobody", {"actor": {"objectType": "Group"}}, False),
    ("group of groups", {"actor": {"objectType": "Group", "member": [{"objectType": "Group", "member": []}]}}, False),
    ("verb no IRI", {"verb.id": "answered"}, False),
    ("verb without id", {"verb.id": GONE}, False),
    ("display no object", {"verb.display": "answered"}, False),
    ("language no tag", {"verb.display": {"not a tag": "x"}}, False),
    ("language of no country", {"verb.display": {"xq-ZZ": "x"}}, True, REGISTERED),
    ("activity no IRI", {"object.id": "q1"}, False),
    ("activity with a blank", {"object.id": "https://school.example/q 1"}, False),
    ("activity with umlauts", {"object.id": "https://school.example/größe"}, True),
    ("activity type no IRI", {"object.definition.type": "question"}, False),
    ("unknown interaction", {"object.definition.interactionType": "essay"}, False),
    ("interaction in capitals", {"object.definition.interactionType": "Choice"}, False),
    ("choices without interaction", {"object.definition.interactionType": GONE}, False),
    ("choices of a text", {"object.definition.interactionType": "fill-in"}, False, LISTS),
    ("double choice", {"object.definition.choices": [{"id": "a"}, {"id": "a"}]}, False),
    ("choice with a blank", {"object.definition.choices": [{"id": "a b"}]}, False),
    ("choice without id", {"object.definition.choices": [{"description": {"en": "a"}}]}, False),
    ("pattern no list", {"object.definition.correctResponsesPattern": "red"}, False),
    ("extension no IRI", {"object.definition.extensions": {"x": 1}}, False),
    ("matching", {"object.definition.interactionType": "matching", "object.definition.choices": GONE,
                  "object.definition.source": [{"id": "a"}], "object.definition.target": [{"id": "1"}],
                  "object.definition.correctResponsesPattern": ["a[.]1"]}, True),
    ("numeric", {"object.definition.interactionType": "numeric", "object.definition.choices": GONE,
                 "object.definition.correctResponsesPattern": ["4[:]6"]}, True),
    ("scaled at its bounds", {"result.score": {"scaled": -1}}, True),
    ("scaled too high", {"result.score.scaled": 1.01}, False),
    ("scaled too low", {"result.score.scaled": -1.01}, False),
    ("scaled a text", {"result.score.scaled": "0.5"}, False, COERCED),
    ("raw above max", {"result.score.raw": 2.5}, False),
    ("raw below min", {"result.score.raw": -1.5}, False),
    ("raw below zero", {"result.score.raw": -1, "result.score.min": 0}, False, FALSY),
    ("min above max", {"result.score.min": 3, "result.score.raw": GONE}, False),
    ("success a text", {"result.success": "true"}, False),
    ("success a number", {"result.success": 1}, False),
    ("completion a text", {"result.completion": "yes"}, False),
    ("duration in words", {"result.duration": "90 seconds"}, False),
    ("duration without P", {"result.duration": "T1M"}, False),
    ("duration of days", {"result.duration": "P1DT2H"}, True),
    ("registration no uuid", {"context.registration": "session 1"}, False),
    ("context with an unknown relation", {"context.contextActivities.before": {"id": "https://x.example/"}}, False),
    ("context activity no IRI", {"context.contextActivities.parent": [{"id": "quiz"}]}, False),
    ("team an agent", {"context.team": {"mbox": "mailto:a@school.com"}}, False),
    ("language of the context", {"context.language": "no_tag"}, False, "ralph takes underscores, which RFC 5646 has not"),
    ("statement in the context", {"context.statement": {"id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"}}, False),
    ("platform of no activity", {"object": {"objectType": "Agent", "mbox": "mailto:a@school.com"}}, False),
    ("an agent as object", {"object": {"objectType": "Agent", "mbox": "mailto:a@school.com"}, "context": GONE}, True),
    ("unknown kind of object", {"object.objectType": "Course"}, False),
    ("reference", {"object": {"objectType": "StatementRef", "id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"},
                   "context": GONE}, True),
    ("reference to no uuid", {"object": {"objectType": "StatementRef", "id": "q"}, "context": GONE}, False),
    ("voiding an activity", {"verb.id": "http://adlnet.gov/expapi/verbs/voided"}, False,
     "ralph has no rule for voiding (2.3.2)"),
    ("a statement within", {"context": GONE, "object": {
        "objectType": "SubStatement", "actor": {"mbox": "mailto:a@school.com"}, "verb": {"id": "https://x.example/v"},
        "object": {"id": "https://x.example/o"}}}, True),
    ("a statement within with an id", {"context": GONE, "object": {
        "objectType": "SubStatement", "id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        "actor": {"mbox": "mailto:a@school.com"}, "verb": {"id": "https://x.example/v"},
        "object": {"id": "https://x.example/o"}}}, False),
    ("a statement within a statement within", {"context": GONE, "object": {
        "objectType": "SubStatement", "actor": {"mbox": "mailto:a@school.com"}, "verb": {"id": "https://x.example/v"},
        "object": {"objectType": "SubStatement", "actor": {"mbox": "mailto:a@school.com"},
                   "verb": {"id": "https://x.example/v"}, "object": {"id": "https://x.example/o"}}}}, False),
    ("timestamp in words", {"timestamp": "noon"}, False),
    ("timestamp of no day", {"timestamp": "2026-02-30T12:00:00Z"}, False),
    ("timestamp of an unknown zone", {"timestamp": "2026-01-31T12:00:00-00:00"}, False,
     "ralph takes -00:00 for UTC; 2.4.7 refuses it"),
    ("version 0.9", {"version": "0.9"}, False),
    ("version 2.0.0", {"version": "2.0.0"}, True, "ralph knows 1.0 only; by xAPI 2.0 it is right"),
    ("attachment without type", {"attachments": [{"usageType": "https://x.example/", "display": {"en": "x"}, "length": 1,
                                                  "sha2": "00"}]}, False),
]


def changed(changes):
    statement = copy.deepcopy(CHOICE)
    for path, value in changes.items():
        *parents, key = path.split(".")
        place = statement
        for parent in parents:
            place = place[parent]
        if value is GONE:
            place.pop(key, None)
        else:
            place[key] = value
    return statement


def accepts(statement):
    try:
        BaseXapiStatement.model_validate(statement)
        return True, ""
    except (ValidationError, ValueError, TypeError, LookupError) as error:
        return False, " ".join(str(error).split())[:200]


def is_iri(text):
    try:
        parse(text, rule="IRI")
        return True
    except ValueError:
        return False


def golden(path):
    rows, failed = [], False
    for name, changes, spec, *differs in TABLE:
        statement = changed(changes)
        verdict, reason = accepts(statement)
        if (verdict != spec) != bool(differs):
            print(f"unexpected: {name}: xAPI {spec}, ralph {verdict} {reason}", file=sys.stderr)
            failed = True
        rows.append({"name": name, "spec": spec, "ralph": verdict, "differs": (differs or [None])[0],
                     "set": {key: value for key, value in changes.items() if value is not GONE},
                     "gone": [key for key, value in changes.items() if value is GONE]})
    iris = [
        "https://example.org/", "https://example.org/a?b=c#d", "urn:isbn:0451450523", "tag:example.org,2026:x", "a:b", "http://[::1]:80/",
        "mailto:a@b.example", "https://example.org/größe/日本", "https://example.org/%41", "https://example.org/~(a)!$&'*+,;=:@",
        "", "example.org", "//example.org/", "/a", "http://a b/", "https://a/<b>", "https://a/{b}", "https://a/|", "https://a/\\", "https://a/^",
        "https://a/`", "https://a/\"", "https://a/%4", "https://a/%zz", "https://a/#a#b", "1a:b", "https://a/\u0000", "https://a/\u007f",
        "https://a/\nb", "https://a/[b]", "https://a/\ue000", "https://a/?\ue000", "a_b:c", ":a", "http://a:port/",
    ]
    seconds = TypeAdapter(datetime.timedelta)
    durations = ["PT0S", "PT1.25S", "PT1M", "PT2H3M4.50S", "P1DT2H", "P3D", "P2W", "PT36H"]
    moments = TypeAdapter(datetime.datetime)
    times = ["1970-01-01T00:00:00Z", "2000-02-29T12:30:15.25Z", "2026-11-23T10:58:54+02:00", "2026-01-01T00:10:00-05:30",
             "1969-12-31T23:59:59.999Z", "2100-03-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    base = uuid.uuid5(uuid.NAMESPACE_URL, "https://school.example/")
    sessions = []
    for run, session in [("monday", "1"), ("", ""), ('a"b\\', "ü\n"), ("mon", "day1")]:
        registration = uuid.uuid5(base, json.dumps([run, session], ensure_ascii=False, separators=(",", ":")))
        answers = [str(uuid.uuid5(registration, f'["answered",{step}]')) for step in range(3)]
        sessions.append({"run": run, "session": session, "registration": str(registration),
                         "initialized": str(uuid.uuid5(registration, '["initialized"]')), "answered": answers})
    result = {
        "made_by": "oracle/xapi.py, ralph-malph 5.1.0, rfc3987 1.3.8",
        "statement": CHOICE,
        "rows": rows,
        "iris": [{"text": text, "is_iri": is_iri(text)} for text in iris],
        "durations": [{"text": text, "seconds": seconds.validate_python(text).total_seconds()} for text in durations],
        "times": [{"text": text, "seconds": moments.validate_python(text).timestamp()} for text in times],
        "base": "https://school.example/",
        "sessions": sessions,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, ensure_ascii=True)
        file.write("\n")
    differ = [row for row in rows if row["differs"]]
    print(f"{len(rows)} statements, ralph differs from xAPI in {len(differ)}:")
    for row in differ:
        print(f"  {row['name']}: {row['differs']}")
    sys.exit(failed)


def check(path):
    refused = count = second = 0
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            statement = json.loads(line)
            count += 1
            if statement["version"] == "2.0.0":
                # ralph's model knows 1.0 only; everything else is checked.
                statement["version"] = "1.0.0"
                second += 1
            verdict, reason = accepts(statement)
            if not verdict:
                refused += 1
                print(f"line {number}: {reason}")
    print(f"{count} statements ({second} of them of version 2.0.0, checked as 1.0.0), {refused} refused by ralph")
    sys.exit(refused > 0 or count == 0)


if __name__ == "__main__":
    {"golden": golden, "check": check}[sys.argv[1]](sys.argv[2])
