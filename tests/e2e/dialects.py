"""One question in the words of several vendors, and what their answers say: for tests that ask the same in many ways.

`said` keeps what the model said (text, calls with their arguments, why it ended, log-probabilities, how many tokens) and leaves out what
is new in every answer (ids, times, what a cache held). The pieces of a stream are joined, so that it compares with a whole answer.
"""

import dataclasses
import http.client
import json
import socket

TOOL = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}, "days": {"type": "integer", "minimum": 1, "maximum": 14},
                                         "unit": {"enum": ["C", "F"]}},
        "required": ["city", "days"], "additionalProperties": False}
NAME, ABOUT = "weather", "What the weather will be"


@dataclasses.dataclass(frozen=True)
class Ask:
    """What is asked. `seed` is meant only where the dialect has one: elsewhere ask with temperature 0."""
    dialect: str
    text: str = "the cat sat"
    max_tokens: int = 32
    temperature: float = 0
    seed: int = 7
    schema: dict | None = None
    tool: bool = False
    stop: str | None = None
    logprobs: bool = False
    expected: str | None = None  # OpenAI's prediction, in chats


def openai_chat(ask, stream):
    body = {"messages": [{"role": "user", "content": ask.text}], "max_tokens": ask.max_tokens, "temperature": ask.temperature,
            "seed": ask.seed, "stream": stream}
    if ask.expected is not None:
        body["prediction"] = {"type": "content", "content": ask.expected}
    if stream:
        body["stream_options"] = {"include_usage": True}
    if ask.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": ask.schema}}
    if ask.tool:
        body["tools"] = [{"type": "function", "function": {"name": NAME, "description": ABOUT, "parameters": TOOL}}]
        body["tool_choice"] = "required"
    if ask.stop:
        body["stop"] = ask.stop
    if ask.logprobs:
        body.update(logprobs=True, top_logprobs=2)
    return "/v1/chat/completions", body


def said_openai_chat(answers):
    text, calls, why, tokens, probabilities = "", {}, None, None, []
    for answer in answers:
        if answer.get("usage"):
            tokens = answer["usage"]["completion_tokens"]
        for choice in answer["choices"]:
            part = choice.get("delta") or choice.get("message") or {}
            text += part.get("content") or ""
            for place, call in enumerate(part.get("tool_calls") or []):
                one = calls.setdefault(call.get("index", place), ["", ""])
                one[0] += call["function"].get("name") or ""
                one[1] += call["function"].get("arguments") or ""
            why = choice.get("finish_reason") or why
            probabilities += (choice.get("logprobs") or {}).get("content") or []
    return text, [tuple(calls[i]) for i in sorted(calls)], why, tokens, json.dumps(probabilities)


def openai_completions(ask, stream):
    body = {"prompt": ask.text, "max_tokens": ask.max_tokens, "temperature": ask.temperature, "seed": ask.seed, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    if ask.stop:
        body["stop"] = ask.stop
    if ask.logprobs:
        body["logprobs"] = 2
    return "/v1/completions", body


def said_openai_completions(answers):
    text, why, tokens, probabilities = "", None, None, []
    for answer in answers:
        if answer.get("usage"):
            tokens = answer["usage"]["completion_tokens"]
        for choice in answer["choices"]:
            text += choice["text"]
            why = choice.get("finish_reason") or why
            scores = choice.get("logprobs") or {}
            probabilities += list(zip(scores.get("tokens", []), scores.get("token_logprobs", [])))
    return text, [], why, tokens, json.dumps(probabilities)


def openai_responses(ask, stream):
    body = {"input": ask.text, "max_output_tokens": ask.max_tokens, "temperature": ask.temperature, "stream": stream, "store": False}
    if ask.schema is not None:
        body["text"] = {"format": {"type": "json_schema", "name": "x", "strict": True, "schema": ask.schema}}
    if ask.tool:
        body["tools"] = [{"type": "function", "name": NAME, "description": ABOUT, "parameters": TOOL}]
        body["tool_choice"] = "required"
    return "/v1/responses", body


def said_openai_responses(answers):
    joined = "".join(a["delta"] for a in answers if a.get("type") == "response.output_text.delta")
    whole = answers[-1].get("response", answers[-1])
    text, calls = "", []
    for item in whole["output"]:
        if item["type"] == "message":
            text += "".join(part["text"] for part in item["content"])
        elif item["type"] == "function_call":
            calls.append((item["name"], item["arguments"]))
    if len(answers) > 1 and joined != text:
        raise AssertionError(f"the pieces {joined!r} are not the whole {text!r}")
    return text, calls, (whole["status"], str(whole["incomplete_details"])), whole["usage"]["output_tokens"], ""


def anthropic(ask, stream):
    body = {"messages": [{"role": "user", "content": ask.text}], "max_tokens": ask.max_tokens, "temperature": ask.temperature,
            "stream": stream}
    if ask.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": ask.schema}}
    if ask.tool:
        body["tools"] = [{"name": NAME, "description": ABOUT, "input_schema": TOOL}]
        body["tool_choice"] = {"type": "any"}
    if ask.stop:
        body["stop_sequences"] = [ask.stop]
    return "/v1/messages", body


def said_anthropic(answers):
    if len(answers) == 1 and answers[0]["type"] == "message":
        blocks, end = answers[0]["content"], answers[0]
    else:
        blocks, end = [], {}
        for answer in answers:
            if answer["type"] == "content_block_start":
                blocks.append(dict(answer["content_block"], json=""))
            elif answer["type"] == "content_block_delta":
                delta = answer["delta"]
                blocks[answer["index"]]["text"] = blocks[answer["index"]].get("text", "") + delta.get("text", "")
                blocks[answer["index"]]["json"] += delta.get("partial_json", "")
            elif answer["type"] == "message_delta":
                end = dict(answer["delta"], usage=answer["usage"])
        for block in blocks:
            if block["type"] == "tool_use":
                block["input"] = json.loads(block["json"] or "{}")
    text = "".join(b["text"] for b in blocks if b["type"] == "text")
    calls = [(b["name"], json.dumps(b["input"])) for b in blocks if b["type"] == "tool_use"]
    return text, calls, (end["stop_reason"], end["stop_sequence"]), end["usage"]["output_tokens"], ""


def gemini(ask, stream):
    config = {"maxOutputTokens": ask.max_tokens, "temperature": ask.temperature, "seed": ask.seed}
    body = {"contents": [{"role": "user", "parts": [{"text": ask.text}]}], "generationConfig": config}
    if ask.schema is not None:
        config.update(responseMimeType="application/json", responseJsonSchema=ask.schema)
    if ask.tool:
        body["tools"] = [{"functionDeclarations": [{"name": NAME, "description": ABOUT, "parametersJsonSchema": TOOL}]}]
        body["toolConfig"] = {"functionCallingConfig": {"mode": "ANY"}}
    if ask.stop:
        config["stopSequences"] = [ask.stop]
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/MODEL:{verb}", body


def said_gemini(answers):
    text, calls, why, tokens = "", [], None, None
    for answer in answers:
        tokens = answer.get("usageMetadata", {}).get("candidatesTokenCount", tokens)
        for candidate in answer.get("candidates", []):
            why = candidate.get("finishReason") or why
            for part in candidate.get("content", {}).get("parts", []):
                text += part.get("text", "")
                if "functionCall" in part:
                    calls.append((part["functionCall"]["name"], json.dumps(part["functionCall"]["args"])))
    return text, calls, why, tokens, ""


def ollama(ask, stream):
    options = {"num_predict": ask.max_tokens, "temperature": ask.temperature, "seed": ask.seed}
    body = {"messages": [{"role": "user", "content": ask.text}], "options": options, "stream": stream}
    if ask.schema is not None:
        body["format"] = ask.schema
    if ask.tool:
        body["tools"] = [{"type": "function", "function": {"name": NAME, "description": ABOUT, "parameters": TOOL}}]
    if ask.stop:
        options["stop"] = [ask.stop]
    return "/api/chat", body


def said_ollama(answers):
    text = "".join(a["message"]["content"] for a in answers)
    calls = [(c["function"]["name"], json.dumps(c["function"]["arguments"])) for a in answers for c in a["message"].get("tool_calls") or []]
    return text, calls, answers[-1]["done_reason"], answers[-1]["eval_count"], ""


# Whether it has a seed, and whether it forces calls, are the vendors' own choices.
DIALECTS = {
    "chat": (openai_chat, said_openai_chat), "completions": (openai_completions, said_openai_completions),
    "responses": (openai_responses, said_openai_responses), "anthropic": (anthropic, said_anthropic),
    "gemini": (gemini, said_gemini), "ollama": (ollama, said_ollama),
}
SEEDED = ("chat", "completions", "gemini", "ollama")
CONSTRAINED = ("chat", "responses", "anthropic", "gemini", "ollama")


def parts_of(data):
    """The JSON values of an answer, whole or streamed, as events or as lines."""
    text = data.decode("utf-8")  # strict
    if "data: " in text[:400]:
        lines = (line[6:] for line in text.split("\n") if line.startswith("data: "))
        return [json.loads(line) for line in lines if line != "[DONE]"]
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line]


def said(ask, data):
    return DIALECTS[ask.dialect][1](parts_of(data))


def request(ask, model, stream):
    path, body = DIALECTS[ask.dialect][0](ask, stream)
    if "MODEL" in path:
        return path.replace("MODEL", model), body
    return path, {"model": model, **body}


@dataclasses.dataclass
class Got:
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    data: bytes = b""
    whole: bool = False  # nothing is missing

    @property
    def request_id(self):
        return self.headers.get("x-request-id", "")


def post(port, key, path, body, leave_after=None, timeout=120, headers=None):
    """Asks once. With `leave_after` the connection is closed after so many bytes of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    got = Got()
    try:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, data, {"authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})})
        if leave_after == 0:
            return got
        response = connection.getresponse()
        got.status, got.headers = response.status, {k.lower(): v for k, v in response.getheaders()}
        if leave_after is not None:
            got.data = response.read(leave_after)
            if connection.sock:  # a reset, which the server sees at once
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return got
        got.data = response.read()
        got.whole = True
        return got
    finally:
        connection.close()


def ask_for(port, key, model, ask, stream=False, **more):
    path, body = request(ask, model, stream)
    return post(port, key, path, body, **more)


def ends_well(ask, data):
    """Whether a stream came to its last event."""
    tail = data[-400:]
    return {"chat": b"data: [DONE]" in tail, "completions": b"data: [DONE]" in tail, "anthropic": b"message_stop" in tail,
            "responses": b"response.completed" in data or b"response.incomplete" in data, "gemini": b'"finishReason"' in data,
            "ollama": b'"done":true' in tail}[ask.dialect]
