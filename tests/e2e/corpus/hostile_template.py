"""Hostile chat templates, row T6: bombs, secrets, and what is no template."""

from corpus.build import BOUNDED, Folder, Gguf, file_case, folder_case
from corpus.hostile_gguf import ESCAPE
from tiny import ARRAY, BOOL, STRING, U8, U32


BOMBS = {
    "range": "{% for i in range(10**12) %}x{% endfor %}",
    "range-nested": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "list-range": "{{ range(10**9)|list }}",
    "doubling": "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
    "repeat": "{{ 'x' * 10**10 }}",
    "repeat-list": "{{ [1] * 10**10 }}",
    "repeat-nested": "{{ ('x' * 10**5) * 10**5 }}",
    "center": "{{ 'x'|center(10**10) }}",
    "center-method": "{{ 'x'.center(10**10) }}",
    "ljust": "{{ 'x'.ljust(10**10) }}",
    "zfill": "{{ '1'.zfill(10**10) }}",
    "indent": "{{ 'x\n' * 9999|indent(10**7) }}",
    "format": "{{ '%1000000000d' % 1 }}",
    "format-brace": "{{ '{:1000000000}'.format(1) }}",
    "format-precision": "{{ '%.1000000000f' % 1.0 }}",
    "power": "{{ 9**9**9 }}",
    "power-large": "{{ 10**1000000 }}",
    "shift": "{{ 2**63 * 2**63 * 2**63 }}",
    "product": "{% set ns = namespace(n=3) %}{% for i in range(64) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
    "divide": "{{ 1 / 0 }}",
    "modulo": "{{ 1 % 0 }}",
    "floor": "{{ 1 // 0 }}",
    "round": "{{ 1.5|round(10**9) }}",
    "batch": "{{ range(10**6)|batch(1)|list }}",
    "slice": "{{ [1]|slice(10**9)|list }}",
    "join": "{{ (['x' * 1000] * 1000)|join('y' * 1000) }}",
    "replace": "{{ ('a' * 10**6)|replace('a', 'b' * 10**6) }}",
    "replace-empty": "{{ ('a' * 10**6)|replace('', 'b' * 1000) }}",
    "tojson": "{% set a = [] %}{{ a.append(a) or a|tojson }}",
    "tojson-indent": "{{ [[[1]]]|tojson(indent=10**9) }}",
    "cycle": "{% set a = [] %}{% set _ = a.append(a) %}{{ a }}",
    "cycle-dict": "{% set d = {} %}{% set _ = d.update({'d': d}) %}{{ d }}",
    "cycle-compare": "{% set a = [] %}{% set b = [] %}{% set _ = a.append(b) %}{% set _ = b.append(a) %}{{ a == b }}",
    "cycle-namespace": "{% set n = namespace() %}{% set n.n = n %}{{ n|tojson }}",
    "macro-recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macro-mutual": "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "recursive-loop": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "caller-recursion": "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
    "deep-parentheses": "{{ " + "(" * 50000 + "1" + ")" * 50000 + " }}",
    "deep-lists": "{{ " + "[" * 50000 + "]" * 50000 + " }}",
    "deep-not": "{{ " + "not " * 50000 + "1 }}",
    "deep-minus": "{{ " + "-" * 50000 + "1 }}",
    "deep-if": "{% if 1 %}" * 20000 + "{% endif %}" * 20000,
    "deep-for": "{% for i in [1] %}" * 2000 + "{% endfor %}" * 2000,
    "deep-filter": "{{ 1" + "|string" * 50000 + " }}",
    "deep-attribute": "{{ messages" + ".a" * 50000 + " }}",
    "deep-index": "{{ messages" + "[0]" * 50000 + " }}",
    "deep-call": "{{ a" + "()" * 50000 + " }}",
    "deep-plus": "{{ 1" + " + 1" * 50000 + " }}",
    "deep-ternary": "{{ " + "1 if 1 else " * 50000 + "1 }}",
    "deep-concat": "{{ 'a'" + " ~ 'a'" * 50000 + " }}",
    "deep-and": "{{ 1" + " and 1" * 50000 + " }}",
    "deep-compare": "{{ 1" + " < 1" * 50000 + " }}",
    "deep-power": "{{ 1" + " ** 1" * 50000 + " }}",
    "deep-set": "{% set a %}" * 5000 + "{% endset %}" * 5000,
    "deep-dict": "{{ " + '{"a":' * 50000 + "1" + "}" * 50000 + " }}",
    "nested-list-print": "{% set ns = namespace(a=[]) %}{% for i in range(100000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
    "nested-list-compare": "{% set ns = namespace(a=[], b=[]) %}{% for i in range(100000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
    "exponential-list": "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
    "exponential-json": "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}",
    "exponential-compare": "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
    "append-while": "{% set a = [1] %}{% for x in a %}{% set _ = a.append(x) %}{% endfor %}",
    "unique": "{{ range(1000000)|unique|list|length }}",
    "sort": "{{ (range(1000000)|list)|sort|length }}",
    "groupby": "{{ range(100000)|groupby('x') }}",
    "split": "{{ ('a,' * 10**6).split(',')|length }}",
    "wordwrap": "{{ ('a ' * 10**6)|wordwrap(1) }}",
    "secret-attribute": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "secret-globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "secret-import": "{% import 'os' as os %}",
    "secret-include": "{% include '/etc/passwd' %}",
    "secret-extends": "{% extends '/etc/passwd' %}",
    "secret-from": "{% from 'x' import y %}",
    "secret-self": "{{ self.__init__ }}",
    "secret-lipsum": "{{ lipsum.__globals__ }}",
    "secret-format": "{{ '{0.__class__}'.format(1) }}",
    "secret-attr": "{{ ''|attr('__class__') }}",
    "secret-request": "{{ request.application }}",
    "secret-config": "{{ config.items() }}",
    "secret-map": "{{ ['']|map(attribute='__class__')|list|first.__mro__ }}",
    "secret-joiner": "{{ joiner.__init__.__globals__ }}",
    "open": "{{ open('/etc/passwd').read() }}",
    "unclosed-if": "{% if 1 %}",
    "unclosed-for": "{% for x in [1] %}",
    "unclosed-expression": "{{ 1",
    "unclosed-statement": "{% if",
    "unclosed-comment": "{# x",
    "unclosed-string": "{{ 'x }}",
    "unclosed-raw": "{% raw %}",
    "stray-end": "{% endif %}",
    "stray-else": "{% else %}",
    "unknown-tag": "{% none_such %}",
    "unknown-filter": "{{ 1|none_such }}",
    "unknown-test": "{{ 1 is none_such }}",
    "unknown-function": "{{ none_such() }}",
    "raise": "{{ raise_exception('no') }}",
    "raise-escape": "{{ raise_exception('" + "\x1b[31m\u202eno" + "') }}",
    "bad-number": "{{ 0x }}",
    "bad-escape": "{{ '\\x' }}",
    "long-number": "{{ " + "9" * 100000 + " }}",
    "long-name": "{{ " + "a" * 1000000 + "() }}",
    "many-tags": "{{ none_such() }}" * 100000,
    "huge": "x" * 2_000_000 + "{{ none_such() }}",
    "for-string": "{% for c in 'x' * 10**7 %}{% for d in 'x' * 10**7 %}{% endfor %}{% endfor %}",
    "regex": "{{ ('a' * 100000).replace('a', 'aa').replace('aa', 'aaaa').replace('a', 'aaaaaaaa') * 100 }}",
    "strftime": "{{ strftime_now('%Y' * 1000000) }}",
    "namespace-many": "{% set ns = namespace() %}{% for i in range(10**7) %}{% set ns.x = i %}{% endfor %}",
    "dict-many": "{% set d = {} %}{% for i in range(10**7) %}{% set _ = d.update({i: i}) %}{% endfor %}",
    "slice-step": "{{ ('x' * 1000)[::0] }}",
    "slice-huge": "{{ [1][-10**30:10**30] and none_such() }}",
    "index-huge": "{{ [1][10**30] }}",
    "call-number": "{{ 5() }}",
    "block": "{% block a %}{{ self.a() }}{% endblock %}",
    "generation": "{% generation %}",
    "expand-tabs": "{{ '\t'.expandtabs(10**9) }}",
    "encode": "{{ 'x'.encode('rot13') }}",
    "translate": "{{ 'x'.translate({120: 'y' * 10**9}) }}",
    "title": "{% for i in range(100000) %}{{ ('ß' * 1000).upper() }}{% endfor %}",
    "maketrans": "{{ ''.maketrans('a' * 10**9, 'b') }}",
    "sum": "{{ range(10**9)|sum }}",
    "xml": "{{ {'a ': 1}|xmlattr }}",
    "urlize": "{{ ('http://a.b ' * 10**6)|urlize }}",
    "truncate": "{{ 'x'|truncate(-10**9) }}",
    "random": "{{ range(10**12)|random }}",
    "dictsort": "{{ {1: 2, 'a': 3}|dictsort }}",
    "min": "{{ [1, 'a']|min }}",
    "compare": "{{ [1, 'a']|sort }}",
    "debug": "{% debug %}",
    "do": "{% do messages.none_such() %}",
}


# Jinja2 gives some of these an answer, or they end within the limits.
LENIENT = frozenset(
    """
    exponential-compare unique sort split groupby random secret-map secret-attr secret-format join block truncate expand-tabs
    slice-step regex encode xml urlize wordwrap tojson cycle cycle-dict secret-request secret-config secret-self deep-filter
    deep-attribute deep-plus deep-concat deep-and deep-compare deep-power deep-not deep-ternary deep-minus maketrans replace-empty
    translate batch round indent shift
    """.split()
)

# 2 MB of text: within what a template may give, and tokenizing it takes 40 bytes a byte.
TEXT_KB = {"join": 80 * 1024}


def templates():
    for label, source in BOMBS.items():
        also = ("chat", "template")
        lenient = label in LENIENT
        expect = BOUNDED if lenient else "refuse"
        yield file_case(
            "T6 templates",
            f"gguf-{label}",
            Gguf().set("tokenizer.chat_template", STRING, source).write(),
            expect,
            also=also,
            justified_kb=TEXT_KB.get(label, 0),
            spares=("run", "inspect", "json", "import", "tokenize", "quantize"),
        )
        if len(source) < 1_000_000:
            yield folder_case(
                "T6 templates",
                f"jinja-{label}",
                Folder().files(chat_template__jinja=source),
                expect,
                also=also,
                justified_kb=TEXT_KB.get(label, 0),
                spares=("run", "inspect", "json", "import", "tokenize"),
            )
    for kind, content in ((U32, 5), (ARRAY, (STRING, ["x"])), (BOOL, 1), (ARRAY, (U8, [1]))):
        yield file_case(
            "T6 templates", f"gguf-type-{kind}", Gguf().set("tokenizer.chat_template", kind, content).write(), also=("chat", "template")
        )
    for i, bad in enumerate((b"\xff\xfe", b"{{ \xc0\x80 }}")):
        yield file_case(
            "T6 templates", f"gguf-not-utf8-{i}", Gguf().set("tokenizer.chat_template", STRING, bad).write(), also=("chat", "template")
        )
        yield folder_case(
            "T6 templates",
            f"jinja-not-utf8-{i}",
            Folder().files(chat_template__jinja=bad),
            also=("chat", "template"),
            spares=("run", "inspect", "import"),
        )
    yield folder_case("T6 templates", "jinja-4MB", Folder().files(chat_template__jinja="x" * 4_000_000), also=("chat", "template"))
    yield file_case(
        "T6 templates",
        "gguf-name-escape",
        Gguf().set("tokenizer.chat_template." + ESCAPE, STRING, "{% if %}").write(),
        BOUNDED,
        also=("chat", "template"),
    )


def cases():
    for group in (templates,):
        yield from group()
