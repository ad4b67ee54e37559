// Templates that want to crash, hang or fill the memory: each ends within a second and within 64 MB, whatever it says.
#include <gtest/gtest.h>
#include <pthread.h>

#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "base/sanitized_testing.h"
#include "base/thread_time.h"
#include "text/jinja/json_value.h"
#include "text/jinja/template.h"

namespace freehold::text::jinja {
namespace {

std::string times(const std::string& text, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += text;
  return out;
}
std::string nested(const char* open, const char* inside, const char* close, std::size_t n) {
  return times(open, n) + inside + times(close, n);
}

// "VmHWM" (the peak since it was last reset) or "VmRSS" in KiB; 0 where the system does not tell.
long memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(name + ":", 0) == 0) return std::stol(line.substr(name.size() + 1));
  return 0;
}
bool reset_peak() {
  std::ofstream clear("/proc/self/clear_refs");
  clear << "5";
  clear.flush();
  return clear.good();
}

struct Run {
  bool rendered = false;
  FailureKind kind = FailureKind::runtime;
  std::string message;
};

Run run(const std::string& source) {
  Run out;
  bool measured = reset_peak();
  long before = memory("VmRSS");
  const auto start = thread_time();
  Limits limits;
  if (kSanitized) limits.time = std::chrono::milliseconds(100);
  {
    auto parsed = Template::parse(source, limits);
    auto text = parsed ? parsed->render({{"messages", Value::list({})}}, [] { return std::tm{}; })
                       : Outcome<std::string>(tl::unexpected(std::move(parsed).error()));
    out.rendered = text.has_value();
    if (!text) {
      out.kind = text.error().kind();
      out.message = text.error().message();
    }
  }
  double seconds = thread_seconds_since(start);
  // A sanitizer slows some of these a hundredfold: then only that they end counts.
  if (!kSanitized) {
    EXPECT_LT(seconds, 1.0) << source.substr(0, 200);
  }
  if (measured && !kSanitized) {
    EXPECT_LT(memory("VmHWM") - before, 64 << 10) << source.substr(0, 200);
  }
  EXPECT_LT(out.message.size(), 2000u + (out.kind == FailureKind::raised ? 4u << 20 : 0u));
  return out;
}

// Must end at a limit.
void limited(const std::vector<std::string>& sources) {
  for (const auto& source : sources) {
    Run r = run(source);
    EXPECT_TRUE(!r.rendered && r.kind == FailureKind::limit) << source.substr(0, 200) << "\n" << r.message;
  }
}
// Must fail, for whatever reason.
void fails(const std::vector<std::string>& sources) {
  for (const auto& source : sources) EXPECT_FALSE(run(source).rendered) << source.substr(0, 200);
}
// May do either; must end.
void ends(const std::vector<std::string>& sources) {
  for (const auto& source : sources) run(source);
}

TEST(JinjaHostile, StringsAndListsThatGrow) {
  limited({
      "{{ 'a' * 10**9 }}",
      "{{ 'a' * 9223372036854775807 }}",
      "{{ [0] * 10**9 }}",
      "{{ (1,) * 10**12 }}",
      "{{ 'a' * 1000000 * 1000000 }}",
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(s='aa') %}{% for i in range(64) %}{% set ns.s = ns.s|replace('a','aa') %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = '%s%s'|format(ns.s, ns.s) %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(64) %}{% set ns.s = '{0}{0}'.format(ns.s) %}{% endfor %}",
      "{% set ns = namespace(s='\"') %}{% for i in range(64) %}{% set ns.s = ns.s|tojson %}{% endfor %}",
      "{% set ns = namespace(s='<') %}{% for i in range(64) %}{% set ns.s = (ns.s ~ ns.s)|forceescape %}{% endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = [ns.s, ns.s]|string %}{% endfor %}",
      "{{ ('ab' * 1000000).replace('a', 'b' * 1000) }}",
      "{{ ('a' * 1000000).replace('', 'b' * 1000) }}",
      "{{ (['x'] * 100000)|join('ab' * 100000) }}",
      "{{ ('ab' * 100000).join(['x'] * 100000) }}",
      "{{ ('\\n' * 10000)|indent(9999, true, true) }}",
      "{{ ('\\t' * 100000).expandtabs(1000) }}",
      "{{ ('a' * 1000000)|list|length }}",
      "{{ ('a' * 1000000).split('a')|length }}",
      "{{ ('a ' * 4000000).split()|length }}",
      "{{ ('\\n' * 8000000).splitlines()|length }}",
      "{{ 'a'.center(10**9) }}",
      "{{ 'a'.ljust(10**15) }}",
      "{{ 'a'.zfill(10**10) }}",
      "{{ 'a\\nb'|indent(10**9) }}",
      "{{ '%1000000000d' % 1 }}",
      "{{ '%.1000000000f' % 1.5 }}",
      "{{ '%*d' % (1000000000, 1) }}",
      "{{ '{:1000000000}'.format(1) }}",
      "{{ [1]|batch(10**9, 'x')|list }}",
      "{{ [1]|slice(10**9)|list }}",
      "{{ [1]|tojson(indent=10**9) }}",
      "{{ strftime_now('%c' * 20000) }}",
  });
}

// Texts that become longer than they were: what that takes is asked for before it is allocated.
TEST(JinjaHostile, TextsThatBecomeLonger) {
  limited({
      "{{ ('\\x01' * 12000000)|tojson }}",
      "{{ ('\\x01' * 8000000)|tojson|length }}",
      "{{ (['\\x01' * 8000000])|string|length }}",
      "{{ ('a\\n' * 1200000)|indent('x'*1000)|length }}",
      "{{ ('\\n' * 12000000)|indent(4, true, true)|length }}",
      "{{ ('\"' * 12000000)|forceescape|length }}",
      "{{ ('%s'|safe) % ('\"' * 12000000) }}",
      "{{ ('a' * 11000000)|join('b' * 2)|length }}",
      "{{ ['a', 'b', 'c']|join('b' * 11000000)|length }}",
      "{{ [1, 2, 3]|tojson(separators=('b' * 8000000, ''))|length }}",
      "{{ '{0:s}{0:s}'.format('a' * 12000000)|length }}",
      "{{ '%a' % ('é' * 6000000) }}",
      "{{ ('\\n' * 2500000).splitlines()|length }}",
  });
  ends({
      "{{ ('\\n' * 2000000)|indent(1)|length }}",
      "{{ ('\\x01' * 2000000)|tojson|length }}",
      "{{ ('ΐ' * 4000000)|upper|length }}{{ ('ΐ' * 2000000).casefold()|length }}",
      "{{ ('a' * 12000000)|striptags|length }}",
      "{{ ('é' * 6000000)|urlencode|length }}",
      "{{ 'a'.center(6000000, '\U0001f642')|length }}",
      "{{ ('\\t' * 20000).expandtabs(1000)|length }}",
  });
}

TEST(JinjaHostile, LoopsAndOutput) {
  limited({
      "{{ range(10**12)|list }}",
      "{{ range(100001)|length }}",
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% for i in range(25000) %}{% for j in range(25000) %}x{% endfor %}{% endfor %}",
      "{% for i in range(100000) %}" + times("x", 100) + "{% endfor %}",
      "{% filter upper %}{% for i in range(100000) %}" + times("x", 100) + "{% endfor %}{% endfilter %}",
      "{% set x %}{% for i in range(100000) %}" + times("x", 100) + "{% endfor %}{% endset %}",
      "{% macro m() %}" + times("x", 100000) + "{% endmacro %}{% for i in range(100) %}{{ m() }}{% endfor %}",
      "{% set s = 'é' * 1000000 %}{% for i in range(100000) %}{{ s[i] }}{% endfor %}",
      "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% set t = s|upper %}{% endfor %}",
      "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% if s == s|string ~ '' %}{% endif %}{% endfor %}",
      "{% set s = 'a' * 4000000 %}{% for i in range(100000) %}{% set t = s[1:] %}{% endfor %}",
      "{% set s = range(100000)|list %}{% for i in range(100000) %}{% set t = s[1:] %}{% endfor %}",
      "{% set s = range(100000)|list %}{% for i in range(100000) %}{% set t = s|sort %}{% endfor %}",
      "{% set s = range(100000)|list %}{% for i in range(100000) %}{% if -1 in s %}{% endif %}{% endfor %}",
      "{% set ns = namespace(d={}) %}{% for i in range(100000) %}{% set ns.d = dict(ns.d, **{i|string: i}) %}{% endfor "
      "%}",
  });
  ends({
      "{{ ('a' * 5000000).find('a' * 2000000 ~ 'b') }}{{ ('a' * 5000000).rfind('b' ~ 'a' * 2000000) }}",
      "{{ ('a' * 5000000).count('a' * 2000000 ~ 'b') }}{{ ('a' * 5000000).rsplit('b' ~ 'a' * 2000000)|length }}",
      "{{ dict(range(100000)|map('string')|map('list')) }}",
      "{{ raise_exception('x' * 1000000) }}",
  });
}

TEST(JinjaHostile, Recursion) {
  limited({
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
      "{% macro m(x) %}{{ m(x)|upper ~ m(x) }}{% endmacro %}{{ m(1) }}",
      "{% macro m(x=m()) %}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{% macro m() %}" + nested("{% if true %}", "{{ m() }}", "{% endif %}", 80) + "{% endmacro %}{{ m() }}",
      "{% macro m() %}{{ " + nested("[", "m()", "]", 80) + " }}{% endmacro %}{{ m() }}",
      "{% set ns = namespace(g=['a']) %}{% for i in range(20000) %}{% set ns.g = ns.g|map('upper') %}{% endfor %}{{ "
      "ns.g|list }}",
  });
}

TEST(JinjaHostile, CyclesAndDeepValues) {
  limited({
      "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
      "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}",
      "{% set ns = namespace() %}{% set ns.x = {'k': (ns,)} %}{{ ns.x|string }}",
      "{% set a = namespace() %}{% set b = namespace() %}{% set a.x = [b] %}{% set b.x = [a] %}{{ a }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(90000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[]) %}{% for i in range(90000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
      "{% set ns = namespace(l=[], m=[]) %}{% for i in range(50000) %}{% set ns.l = [ns.l] %}{% set ns.m = [ns.m] %}"
      "{% endfor %}{{ ns.l == ns.m }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson "
      "}}",
      "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}",
  });
  fails({
      "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x|tojson }}",
      "{% set ns = namespace(l=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} "
      "}}",
      "{% set ns = namespace(l=(1,)) %}{% for i in range(60000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}",
  });
  ends({
      "{% set ns = namespace() %}{% for i in range(100000) %}{% set ns = namespace(prev=ns) %}{% endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace(g=['a']) %}{% for i in range(20000) %}{% set ns.g = ns.g|map('upper') %}{% endfor %}",
      "{% for x in [1] %}{% set ns = namespace(l=loop) %}{{ loop.changed(loop) }}{{ ns }}{% endfor %}",
      "{% macro m() %}{% endmacro %}{% set ns = namespace(m=m) %}{% set ns.n = ns %}{{ ns == ns }}",
      "{% set ns = namespace() %}{% macro m() %}{{ ns }}{% endmacro %}{% set ns.m = m %}{% set ns.n = ns %}{{ m == m "
      "}}",
  });
}

TEST(JinjaHostile, Integers) {
  limited({
      "{{ 9223372036854775807 + 1 }}",
      "{{ -9223372036854775807 - 2 }}",
      "{{ 9223372036854775807 * 9223372036854775807 }}",
      "{{ 10 ** 1000000000 }}",
      "{{ 2 ** 2 ** 62 ** 4 }}",
      "{{ -(-9223372036854775807 - 1) }}",
      "{{ (-9223372036854775807 - 1) // -1 }}",
      "{{ (-9223372036854775807 - 1)|abs }}",
      "{{ '99999999999999999999'|int }}",
      "{{ 1e300|int }}",
      "{{ '%d' % 1e300 }}",
      "{{ 9223372036854775807|round(-1) }}",
  });
  fails({"{{ 99999999999999999999 }}", "{{ 10.0 ** 400 }}", "{{ 1 // 0 }}", "{{ 1.0 % 0 }}", "{{ 0 ** -1 }}"});
  ends({
      "{{ (-9223372036854775807 - 1) % -1 }}",
      "{{ range(9223372036854775807, -9223372036854775807, -9223372036854775807)|list }}",
      "{{ range(-9223372036854775807, 9223372036854775807, 4611686018427387904)[::-1]|list }}",
      "{{ range(-9223372036854775807, 9223372036854775807, 4611686018427387904)[::9223372036854775807]|list }}",
      "{{ 5 in range(-9223372036854775807, 9223372036854775807, 4611686018427387904) }}",
      "{{ 'abc'[-9223372036854775807:9223372036854775807:9223372036854775807] }}",
      "{{ 'abc'[9223372036854775807::-9223372036854775807] }}{{ 'abc'[::-9223372036854775807 - 1] }}",
      "{{ [1,2,3][-9223372036854775807 - 1] }}{{ 'a'[9223372036854775807] }}",
      "{{ 12345|round(9223372036854775807) }}{{ 1.5|round(-9223372036854775807) }}{{ 5|round(-9223372036854775807 - 1) "
      "}}",
      "{{ 'abc'.find('c', -9223372036854775807 - 1, 9223372036854775807) }}{{ 'abc'.split('b', -9223372036854775807 - "
      "1) }}",
      "{{ 'abc'|truncate(9223372036854775807) }}{{ 'abc'|truncate(3, leeway=9223372036854775807) }}",
  });
}

TEST(JinjaHostile, Nesting) {
  limited({
      "{{ " + nested("(", "1", ")", 60000) + " }}",
      "{{ " + nested("[", "1", "]", 60000) + " }}",
      "{{ " + nested("{1:", "1", "}", 60000) + " }}",
      "{{ " + nested("f(", "1", ")", 60000) + " }}",
      "{{ " + nested("a[", "1", "]", 60000) + " }}",
      nested("{% if 1 %}", "", "{% endif %}", 10000),
      times("{% for x in [1] %}", 10000),
      times("{% set x %}", 10000),
      times("{% call m() %}", 10000),
      times("{% filter upper %}", 10000),
      nested("{% macro a() %}", "", "{% endmacro %}", 5000),
      "{{ " + times("not ", 60000) + "1 }}",
      "{{ " + times("-", 200000) + "1 }}",
      "{{ a" + times(".a", 100000) + " }}",
      "{{ a" + times("[0]", 60000) + " }}",
      "{{ a" + times("()", 100000) + " }}",
      "{{ a" + times("|e", 100000) + " }}",
      "{{ a" + times(" is defined | e", 16000) + " }}",
      "{{ 1" + times(" if 1 else 1", 20000) + " }}",
      "{% set " + nested("(", "a", ")", 60000) + " = 1 %}",
      "{% macro m(a, b=1) %}" + times("{% if 1 %}", 200),
      times("a", 300 << 10),
  });
  ends({
      "{{ 1" + times("+1", 100000) + " }}",
      "{{ 'a'" + times("~'a'", 60000) + " }}",
      "{{ 1" + times(" and 1", 40000) + " }}",
      "{{ 1" + times(" or 0", 40000) + " }}",
      "{{ 1" + times("<2", 100000) + " }}",
      "{{ 1" + times("**1", 80000) + " }}",
      "{{ [" + times("1,", 120000) + "] }}",
      "{{ f(" + times("1,", 120000) + ") }}",
      "{% if 0 %}" + times("{% elif 0 %}", 20000) + "{% endif %}",
      times("{{1}}", 50000),
      times("{%set a=1%}", 20000),
      times("{#", 100000),
      times("{{", 100000),
      times("{%", 100000),
      times("{% raw %}", 20000),
      "{{ '" + times("\\", 100001),
      "{{ '" + times("a", 200000) + "' }}",
      std::string(1000, '\0'),
  });
}

TEST(JinjaHostile, ReachesForTheHost) {
  fails({
      "{{ ''.__class__.__mro__[1].__subclasses__() }}",
      "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
      "{{ lipsum.__globals__['os'] }}",
      "{{ self.__init__.__globals__ }}",
      "{{ ''|attr('__class__')|attr('__mro__')|first|attr('x') }}",
      "{{ '{0.__class__.__init__}'.format(range) }}",
      "{{ [].append(1) }}",
      "{{ {}.update({'a': 1}) }}",
      "{% include '/etc/passwd' %}",
      "{% import 'os' as os %}",
      "{% from 'os' import system %}",
      "{% extends '/etc/passwd' %}",
  });
}

// The deepest recursion that the limits allow has to fit a thread with a quarter of the usual stack.
TEST(JinjaHostile, StackOfASmallThread) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSanitized ? 8u << 20 : 2u << 20), 0);
  auto body = [](void*) -> void* {
    run("{% macro m() %}{{ " + nested("[", "m()", "]", 80) + " }}{% endmacro %}{{ m() }}");
    run("{% macro m() %}" + nested("{% if true %}", "{{ m() }}", "{% endif %}", 80) + "{% endmacro %}{{ m() }}");
    run("{% macro m() %}" + nested("{% filter upper %}", "{{ m() }}", "{% endfilter %}", 80) +
        "{% endmacro %}{{ m() }}");
    run("{% macro m(x) %}" +
        nested("{% for x in [1] %}", "{{ m(1 + 1 * [m(1)]|map('upper')|first) }}", "{% endfor %}", 80) +
        "{% endmacro %}{{ m(1) }}");
    run("{% set ns = namespace(l=[]) %}{% for i in range(90000) %}{% set ns.l = [{'a': (ns.l,)}] %}{% endfor %}{{ ns.l "
        "}}");
    run("{{ " + nested("(not -(", "1", "))", 24) + " }}");
    return nullptr;
  };
  pthread_t thread{};
  ASSERT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace
}  // namespace freehold::text::jinja
