"""Makes a tiny Llama that can chat: ChatML with tools as its template, a context of 2,048 tokens, random weights.

What it says is noise, the same noise for the same seed everywhere: it is there for tests of protocols.
"""

import random
import struct
import sys

from tiny import ARRAY, BOOL, F32, I32, STRING, U32, WIDTH, Gguf, vocabulary

CONTEXT = 2048
# Whole characters of two to four bytes among the words, so that answers hold more than ASCII.
CHARACTERS = ["é", "ß", "日", "本", "🙂", "▁о", "ж"]
LETTERS = [chr(c) for c in range(0x20, 0x7F)]
START, END = "<|im_start|>", "<|im_end|>"
OPEN, CLOSE = "<think>", "</think>"

TEMPLATE = """\
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] + '\\n\\n' }}{%- endif %}
{{- 'You may call these functions:\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
{{- '\\n</tools>\\nA call is one JSON object:\\n<tool_call>\\n{"name": NAME, "arguments": OBJECT}\\n</tool_call><|im_end|>\\n' }}
{%- elif messages[0]['role'] == 'system' %}
{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message['role'] == 'assistant' %}
{{- '<|im_start|>assistant\\n' + (message['content'] or '') }}
{%- for call in message['tool_calls'] or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call['function']['name'] + '", "arguments": ' }}
{{- (call['function']['arguments'] | tojson) + '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message['role'] == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message['content'] + '\\n</tool_response><|im_end|>\\n' }}
{%- elif message['role'] != 'system' or not loop.first %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""

# The same for a model that thinks before it answers, unless it is told not to.
THINKING_TEMPLATE = TEMPLATE.replace("{{- '<|im_start|>assistant\\n' + (message['content'] or '') }}", """\
{{- '<|im_start|>assistant\\n' }}
{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}
{{- message['content'] or '' }}""").replace("{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}", """\
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- else %}{{- '<think>\\n' }}{%- endif %}
{%- endif %}""")


def likes(token):
    """How much the model likes to say a token, whatever came before."""
    if token in (START, OPEN, "<unk>", "<s>", "</s>"):
        return -30.0
    if token == CLOSE:  # some tokens of thinking
        return 11.0
    if token == END:
        return -6.0
    return -8.0 if token.startswith("<0x") else 0.0


class ChatGguf(Gguf):
    """The tiny model with more words and two marks. One number of every embedding is a constant that no layer changes, so that a column
    of the output matrix says what is likely; the rest is random."""

    def __init__(self, seed=7, template=TEMPLATE, context=CONTEXT, thinks=False):
        super().__init__(seed)
        tokens, types, scores = vocabulary()
        more = [w for w in CHARACTERS + LETTERS if w not in tokens and w != " "]
        marks = [OPEN, CLOSE] if thinks else []
        tokens += more + marks + [START, END]
        types += [1] * len(more) + [4] * len(marks) + [3, 3]
        scores += [-100.0 - i for i in range(len(more))] + [0.0] * (len(marks) + 2)
        self.tokens, self.end = tokens, len(tokens) - 1
        self.metadata.update({
            "general.name": (STRING, "chatty"), "llama.context_length": (U32, context),
            "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)), "tokenizer.ggml.scores": (ARRAY, (F32, scores)),
            "tokenizer.ggml.token_type": (ARRAY, (I32, types)), "tokenizer.ggml.eos_token_id": (U32, self.end),
            "tokenizer.ggml.add_bos_token": (BOOL, False),
            "tokenizer.chat_template": (STRING, THINKING_TEMPLATE if thinks else template),
        })
        draw = random.Random(seed)
        for name, first in (("token_embd.weight", lambda token: 3.0), ("output.weight", likes)):
            rows = []
            for token in tokens:
                rows += [first(token)] + [draw.gauss(0, 1) for _ in range(WIDTH - 1)]
            tensor = self.tensor(name)
            tensor[1], tensor[3] = [WIDTH, len(tokens)], struct.pack(f"<{len(rows)}f", *rows)
        for tensor in self.tensors:
            if tensor[0].endswith(("attn_output.weight", "ffn_down.weight")):  # row 0 writes the constant
                columns = tensor[1][0]
                tensor[3] = b"\0" * 4 * columns + tensor[3][4 * columns:]


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as out:
        out.write(ChatGguf().write())
