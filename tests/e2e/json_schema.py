"""Random JSON Schemas that can be satisfied, and a validator: written from the specification (draft 2020-12), apart from the program's code."""

import base64
import datetime
import ipaddress
import json
import math
import re
import uuid

KEYS = ["name", "id", 'a"b', "new\nline", "café", "", "$ref", "type", "back\\slash", "🙂", "x", "y", "tab\t"]
PATTERNS = ["^[a-z]{2,5}$", "^(foo|bar)-[0-9]+$", "[A-Z]", "^a.c", "[0-9]{3}$", '^["\\\\\n]+$', "^(?:[ab]{2}){1,4}$", "^é*x?$"]
FORMATS = ["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "hostname", "base64", "base64url", "hex", "e164", "mac", "cidrv4", "cidrv6"]


class Maker:
    """Schemas of the random numbers that are given to it. Objects nest at most three deep, recursion has an end."""

    def __init__(self, draw):
        self.draw = draw

    def coin(self, n=2):
        return self.draw.randrange(n) == 0

    def make(self):
        schema = self.any(3)
        schema["$defs"] = {
            "list": {"type": "object", "properties": {"v": self.scalar(), "next": {"anyOf": [{"$ref": "#/$defs/list"}, {"type": "null"}]}},
                     "required": ["v", "next"], "additionalProperties": False},
            "tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}, "leaf": self.scalar()},
                     "required": ["kids"], "additionalProperties": False},
            "plain": self.scalar()}
        return schema

    def any(self, depth):
        kind = self.draw.randrange(10 if depth > 0 else 4)
        if kind < 3:
            return self.scalar()
        if kind == 3:
            return {"$ref": "#/$defs/" + self.draw.choice(["list", "tree", "plain"])}
        if kind < 6:
            return self.array(depth)
        if kind < 9:
            return self.object(depth)
        # Told apart by a type, so that oneOf can be decided.
        return {self.draw.choice(["anyOf", "oneOf"]): [self.object(depth - 1), {"type": "string", "maxLength": 4}, {"type": "null"}]}

    def scalar(self):
        draw = self.draw
        return draw.choice([
            lambda: {"type": "null"}, lambda: {"type": "boolean"}, self.integer, self.number, self.string, self.string,
            lambda: {"enum": ["a", 'a"\né', 1, 2.5, True, None, {"k": [1, "x"]}, ["q", 2]]},
            lambda: {"const": draw.choice(["it's \"so\"", {"deep": {"er": [1, 2, 3]}}, 7, [[]]])},
            lambda: {"type": "string", "format": draw.choice(FORMATS)},
            lambda: {"type": ["string", "null"], "maxLength": draw.randrange(5)},
            lambda: {"enum": ["x", "xy", "xyz", "y"], "minLength": 2},
            lambda: {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 3000}]}])()

    def integer(self):
        schema, low = {"type": "integer"}, self.draw.randrange(-1000, 1000)
        if self.coin():
            schema[self.draw.choice(["minimum", "exclusiveMinimum"])] = low
        if self.coin():
            schema[self.draw.choice(["maximum", "exclusiveMaximum"])] = low + 20 + self.draw.choice([0, 1, 2, 70_000])
        if self.coin(4):
            schema["multipleOf"] = self.draw.randrange(1, 10)
        return schema

    def number(self):
        schema, low = {"type": "number"}, self.draw.randrange(-2000, 2000) / 16
        if self.coin():
            schema[self.draw.choice(["minimum", "exclusiveMinimum"])] = low
        if self.coin():
            schema[self.draw.choice(["maximum", "exclusiveMaximum"])] = low + 0.02 + self.draw.choice([0, 0.5, 400])
        return schema

    def string(self):
        return {"type": "string", **self.draw.choice([
            {}, {"pattern": self.draw.choice(PATTERNS)}, {"minLength": self.draw.randrange(4), "maxLength": 4 + self.draw.randrange(40)},
            {"minLength": self.draw.randrange(60)}, {"pattern": "^[a-f]*$", "minLength": 2, "maxLength": 50}, {"pattern": "b+", "maxLength": 6}])}

    def array(self, depth):
        if self.coin(6):
            return {"type": "array", "items": {"enum": [1, "one", None, False]}, "uniqueItems": True, "minItems": self.draw.randrange(4)}
        if self.coin(5):
            return {"type": "array", "prefixItems": [self.any(depth - 1), self.any(depth - 1)], "items": False, "minItems": self.draw.randrange(3)}
        schema = {"type": "array", "items": self.any(depth - 1)}
        if self.coin():
            schema["minItems"] = self.draw.randrange(3)
        if self.coin():
            schema["maxItems"] = 2 + self.draw.randrange(4)
        return schema

    def record(self):
        names = self.draw.choice([{}, {"enum": self.draw.sample(KEYS, 3)}, {"pattern": "^[a-z]+_?$", "maxLength": 6}, {"minLength": 2}])
        return {"type": "object", "propertyNames": {"type": "string", **names}, "additionalProperties": self.scalar()}

    def object(self, depth):
        if self.coin(6):
            return self.record()
        keys = self.draw.sample(KEYS, self.draw.randrange(6))
        schema = {"type": "object", "properties": {key: self.any(depth - 1) for key in keys},
                  "required": [key for key in keys if self.coin()]}
        if not self.coin(4):
            schema["additionalProperties"] = False if self.coin() else self.scalar()
        return schema


TYPES = {"null": lambda v: v is None, "boolean": lambda v: isinstance(v, bool), "string": lambda v: isinstance(v, str),
         "array": lambda v: isinstance(v, list), "object": lambda v: isinstance(v, dict),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
         "integer": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v == math.floor(v)}


def is_hostname(text):
    return len(text) <= 253 and all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", part) for part in text.split("."))


def is_email(text):
    local, at, domain = text.partition("@")
    return bool(at) and len(local) <= 64 and bool(re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", local)) \
        and "." in domain and is_hostname(domain)


def has_format(name, text):
    clock = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
    try:
        if name == "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(datetime.date.fromisoformat(text))
        if name == "time":
            return bool(re.fullmatch(clock, text, re.ASCII))
        if name == "date-time":
            return text[10] == "T" and has_format("date", text[:10]) and has_format("time", text[11:])
        if name == "uuid":
            return len(text) == 36 and str(uuid.UUID(text)) == text.lower()
        if name == "ipv4":
            return ipaddress.IPv4Address(text) is not None
        if name == "ipv6":
            return "%" not in text and ipaddress.IPv6Address(text) is not None
        if name in ("cidrv4", "cidrv6"):
            address, slash, bits = text.partition("/")
            return bool(slash) and bits.isdigit() and has_format(name.replace("cidrv", "ipv"), address) and int(bits) <= (32 if name == "cidrv4" else 128)
        if name == "base64":
            return base64.b64decode(text, validate=True) is not None and len(text) % 4 == 0
        if name == "base64url":
            return re.fullmatch(r"[A-Za-z0-9_-]*", text) is not None and len(text) % 4 != 1
        if name == "hex":
            return re.fullmatch(r"[0-9a-fA-F]*", text) is not None
        if name == "e164":
            return re.fullmatch(r"\+[1-9][0-9]{6,14}", text) is not None
        if name == "mac":
            return re.fullmatch(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}", text) is not None
    except (ValueError, IndexError):
        return False
    return is_email(text) if name == "email" else is_hostname(text) if name == "hostname" else True


def same(a, b):
    """JSON's equality: 1 is 1.0, but true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def problem(schema, value, root=None, at="$"):
    """What is wrong with the value, or "" if it is valid."""
    root = schema if root is None else root
    if schema is True:
        return ""
    if schema is False:
        return f"{at}: forbidden"

    def wrong(keyword):
        return f"{at}: {keyword}: {json.dumps(value)[:200]}"

    def inner(sub, item, where=at):
        return problem(sub, item, root, where)

    if "$ref" in schema and isinstance(schema["$ref"], str):
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        if found := inner(target, value):
            return found
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(TYPES[kind](value) for kind in kinds):
        return wrong("type")
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        return wrong("enum")
    if "const" in schema and not same(value, schema["const"]):
        return wrong("const")
    if TYPES["number"](value):
        if not math.isfinite(value):
            return wrong("not finite")
        for keyword, good in (("minimum", lambda v, b: v >= b), ("maximum", lambda v, b: v <= b), ("exclusiveMinimum", lambda v, b: v > b),
                              ("exclusiveMaximum", lambda v, b: v < b), ("multipleOf", lambda v, b: v % b == 0)):
            if keyword in schema and not good(value, schema[keyword]):
                return wrong(keyword)
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
            return wrong("length")
        if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
            return wrong("pattern")
        if "format" in schema and not has_format(schema["format"], value):
            return wrong("format " + schema["format"])
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            return wrong("items")
        firsts = schema.get("prefixItems", [])
        for place, item in enumerate(value):
            sub = firsts[place] if place < len(firsts) else schema.get("items", True)
            if found := inner(sub, item, f"{at}/{place}"):
                return found
        if schema.get("uniqueItems") and any(same(a, b) for i, a in enumerate(value) for b in value[:i]):
            return wrong("uniqueItems")
    if isinstance(value, dict):
        if any(key not in value for key in schema.get("required", [])):
            return wrong("required")
        # Those that no schema names may (docs/adr/0013).
        if getattr(value, "again", set()) & set(schema.get("properties", {})):
            return wrong("properties, twice")
        for key, item in value.items():
            sub = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
            if found := inner(sub, item, f"{at}/{key}") or inner(schema.get("propertyNames", True), key, f"{at}/{key}"):
                return found
    for sub in schema.get("allOf", []):
        if found := inner(sub, value):
            return found
    if "anyOf" in schema and all(inner(sub, value) for sub in schema["anyOf"]):
        return wrong("anyOf")
    if "oneOf" in schema and sum(not inner(sub, value) for sub in schema["oneOf"]) != 1:
        return wrong("oneOf")
    return ""


class Members(dict):
    """An object as readers take it: of a key that came again, the last value."""

    def __init__(self, items):
        super().__init__(items)
        keys = [key for key, _ in items]
        self.again = {key for key in keys if keys.count(key) > 1}


def parsed(text):
    """The value, strictly: no NaN, and it is known which keys came again."""
    def pairs(items):
        return Members(items)

    def constant(word):
        raise ValueError(word)
    return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
