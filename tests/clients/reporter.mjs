// A reporter for node's test runner: what failed, what was left out and why, and the sums, as tools/test_all.py reads them.
import { basename } from "node:path";

export default async function* report(events) {
  const sums = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (type === "test:stderr" || type === "test:stdout") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const name = `${basename(data.file ?? "?", ".test.mjs")}: ${data.name}`;
    const how = type === "test:fail" ? "failed" : data.skip !== undefined ? "skipped" : "passed";
    ++sums[how];
    if (how === "skipped") yield `skipped: ${name} (${data.skip})\n`;
    if (how === "failed") {
      const cause = data.details.error?.cause ?? data.details.error;
      yield `failed: ${name}\n${String(cause?.stack ?? cause).replace(/^/gm, "    ")}\n`;
    }
    if (how === "passed") yield `passed: ${name} (${Math.round(data.details.duration_ms)} ms)\n`;
  }
  yield `${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`;
}
