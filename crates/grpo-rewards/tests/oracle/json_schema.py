"""Writes fixtures/json_schema.json: what Python's jsonschema (draft 2020-12) says of values.

    pip install jsonschema==4.25.1
    python json_schema.py ../fixtures/json_schema.json

The official test suite is part of that package's source distribution (folder `json`); the test
`the_official_suite` of tests/json_schema.rs reads it from the folder that JSON_SCHEMA_SUITE names.
"""

import json
import sys
from importlib.metadata import version

from jsonschema import Draft202012Validator

VALUES = [
    None, True, False, 0, 1, -1, 2, 3, 7, 10, 1.0, 1.5, 0.3, -0.0, 19.99, 1e3, 1e300, 9007199254740993,
    18446744073709551615, "", "a", "ab", "abc", "é", "漢字", "12", "a1", "2024-01-31", "red",
    [], [1], [1, 1], [1, 1.0], [1, 2], [1, 2, 3], ["a"], ["a", 1], [None, True], [[1], [1]], [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
    [1, "a", 2, "b"], [0, False], [[], {}], [1, 2, 3, 4, 5],
    {}, {"a": 1}, {"a": "x"}, {"a": 1, "b": 2}, {"b": 2}, {"a": None}, {"a": {"a": {"a": 1}}}, {"a": [1, 2]}, {"x-1": 1, "a": 2},
    {"name": "Ann", "age": 7}, {"name": "Ann"}, {"name": "", "age": -1}, {"age": 7.5, "name": "Ann"}, {"name": "Ann", "age": "7"},
    {"name": "Ann", "age": 7, "extra": 1}, {"value": 1, "next": {"value": 2, "next": None}}, {"value": 1, "next": {"value": "2"}},
    {"kind": "circle", "radius": 2}, {"kind": "square", "radius": 2}, {"kind": "square", "side": 2}, {"a/b": 1, "m~n": 2},
]  # fmt: skip

SCHEMAS = [
    True,
    False,
    {},
    *({"type": name} for name in ["null", "boolean", "integer", "number", "string", "array", "object"]),
    {"type": ["integer", "string"]},
    {"enum": [1, "a", None, [1, 2], {"a": 1}]},
    {"const": 1},
    {"const": False},
    {"const": {"a": 1, "b": 2}},
    {"enum": [1, 2], "const": 1},
    {"minimum": 1},
    {"exclusiveMinimum": 1},
    {"maximum": 1.5},
    {"exclusiveMaximum": 7},
    {"minimum": 9007199254740992.0, "exclusiveMaximum": 18446744073709551615},
    {"multipleOf": 2},
    {"multipleOf": 0.5},
    {"minLength": 2},
    {"maxLength": 2},
    {"pattern": "^[a-z]+$"},
    {"pattern": "1"},
    {"pattern": "^\\w*$"},
    {"minItems": 2},
    {"maxItems": 2},
    {"uniqueItems": True},
    {"items": {"type": "integer"}},
    {"items": False},
    {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
    {"prefixItems": [True, True], "items": False},
    {"contains": {"type": "string"}},
    {"contains": {"const": 1}, "minContains": 2},
    {"contains": {"type": "integer"}, "minContains": 0, "maxContains": 2},
    {"minProperties": 2},
    {"maxProperties": 1},
    {"required": ["a"]},
    {"properties": {"a": {"type": "integer"}}},
    {"properties": {"a": True}, "additionalProperties": False},
    {"patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"propertyNames": {"maxLength": 1}},
    {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"required": ["b"]}}},
    {"properties": {"a/b": {"type": "integer"}, "m~n": {"type": "string"}}},
    {"allOf": [{"type": "integer"}, {"minimum": 2}]},
    {"anyOf": [{"type": "string"}, {"minimum": 2}]},
    {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
    {"not": {"type": "object"}},
    {"if": {"type": "integer"}, "then": {"minimum": 2}, "else": {"type": ["string", "object"]}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
    {"then": {"type": "integer"}},
    {"$ref": "#/$defs/positive", "$defs": {"positive": {"type": "number", "exclusiveMinimum": 0}}},
    {"items": {"$ref": "#/$defs/a~1b%20c"}, "$defs": {"a/b c": {"type": "integer"}}},
    {"$ref": "#word", "$defs": {"any": {"$anchor": "word", "type": "string"}}},
    {"$ref": "#/definitions/x", "maximum": 2, "definitions": {"x": {"type": "integer"}}},
    {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False, "type": ["object", "integer"]},
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A person",
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
        "required": ["name"],
        "additionalProperties": False,
    },
    {
        "$ref": "#/$defs/list",
        "$defs": {
            "list": {
                "type": "object",
                "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/list"}]}},
                "required": ["value"],
            }
        },
    },
    {
        "oneOf": [
            {"properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}}, "required": ["kind", "radius"]},
            {"properties": {"kind": {"const": "square"}, "side": {"type": "number"}}, "required": ["kind", "side"]},
        ]
    },
]  # fmt: skip


def main(path):
    rows = []
    for schema in SCHEMAS:
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        rows.append([schema, "".join("1" if validator.is_valid(value) else "0" for value in VALUES)])
    with open(path, "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(row) for row in rows)
        values = ",\n".join(json.dumps(value) for value in VALUES)
        source = f'"source": "jsonschema {version("jsonschema")}, draft 2020-12"'
        file.write(f'{{{source}, "values": [\n{values}\n], "verdicts": [\n{lines}\n]}}\n')


main(sys.argv[1])
