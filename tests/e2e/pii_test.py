"""`guard scan` and `guard mask`: what is found in sentences of known content, measured; the report; the exit status."""

import json
import os
import unittest

import e2e
import pii_corpus
import pii_languages
import pii_templates

COUNT = int(os.environ.get("FREEHOLD_PII_SENTENCES", "6000" if not e2e.SANITIZED else "1200"))
FOUND = 8


def overlap(a, b):
    return min(a[1], b[1]) > max(a[0], b[0])


class Pii(e2e.Case):
    def scan(self, sentences, *options):
        """For each sentence its findings, in bytes of the sentence; all of them in one file."""
        data, begins = b"", []
        for sentence in sentences:
            begins.append(len(data))
            data += sentence.text.encode() + b"\n\n"
        (self.folder / "sentences.txt").write_bytes(data)
        report = json.loads(self.succeeds("guard", "scan", self.folder / "sentences.txt", "--format", "json", "--show", *options).text)
        out, at = [[] for _ in sentences], 0
        for f in report["files"][0]["findings"]:
            self.assertEqual(data[f["begin"] : f["end"]].decode(), f["value"])
            while at + 1 < len(begins) and begins[at + 1] <= f["begin"]:
                at += 1
            out[at].append((f["begin"] - begins[at], f["end"] - begins[at], f["kind"]))
        return out

    def test_structured(self):
        sentences = pii_corpus.structured(COUNT, 11)
        for profile in ("gdpr", "hipaa"):
            right = missed = false = inexact = 0
            worst = []
            for sentence, found in zip(sentences, self.scan(sentences, "--profile", profile)):
                found = [f for f in found if f[2] not in ("person", "place", "date", "birth_date", "address")]
                for span in sentence.spans:
                    same = [f for f in found if f[2] == span[2] and overlap(f, span)]
                    right += bool(same)
                    inexact += bool(same) and same[0][:2] != span[:2]
                    if not same:
                        missed += 1
                        worst.append(("missed", span[2], sentence.text, found))
                for f in found:
                    if not any(overlap(f, span) and f[2] == span[2] for span in sentence.spans):
                        false += 1
                        worst.append(("false", f[2], sentence.text))
            recall, precision = right / (right + missed), right / (right + false)
            print(f"structured, {profile}: {right + missed} values, recall {recall:.4f}, precision {precision:.4f}, {inexact} not exact to the byte")
            self.assertGreaterEqual(recall, 0.999, worst[:20])
            if profile == "gdpr":
                self.assertGreaterEqual(precision, 0.99, worst[:20])
            self.assertLessEqual(inexact, right // 200)

    def test_structured_in_unusual_forms(self):
        """Other signs between groups, a line's end inside, columns of numbers that are nobody's; an address within a web address counts as found."""
        also = {"ip": {"url"}, "email": {"url"}}
        for seed in (21, 22, 23):
            sentences = pii_templates.structured(COUNT // 2, seed)
            for profile in ("gdpr", "hipaa"):
                right = missed = false = 0
                worst = []
                for sentence, found in zip(sentences, self.scan(sentences, "--profile", profile)):
                    found = [f for f in found if f[2] not in ("person", "place", "date", "address")]
                    for span in sentence.spans:
                        good = any(f[2] in {span[2]} | also.get(span[2], set()) and overlap(f, span) for f in found)
                        right += good
                        missed += not good
                        if not good:
                            worst.append(("missed", span[2], sentence.text, found))
                    for f in found:
                        if not any(overlap(f, span) for span in sentence.spans):
                            false += 1
                            worst.append(("false", f[2], sentence.text))
                recall, precision = right / (right + missed), right / (right + false)
                print(f"unusual forms, seed {seed}, {profile}: {right + missed} values, recall {recall:.4f}, precision {precision:.4f}")
                self.assertGreaterEqual(recall, 0.999, worst[:20])
                if profile == "gdpr":
                    self.assertGreaterEqual(precision, 0.99, worst[:20])

    def test_names_and_places(self):
        lexicon = {line.split()[0]: line.split()[1] for line in (e2e.SOURCE / "src/pii/data/lexicon.txt").read_text().splitlines()}
        for word in pii_corpus.UNLISTED_GIVEN + pii_corpus.UNLISTED_SURNAMES + pii_corpus.UNLISTED_PLACES:
            self.assertFalse(set(lexicon.get(pii_corpus.fold(word), "")) & set("gspq"), word)
        for listed in (True, False):
            sentences = pii_corpus.names(COUNT, 12, listed)
            for profile in ("gdpr", "hipaa"):
                sums = {kind: [0, 0, 0] for kind in ("person", "place")}  # right, missed, false
                worst = {}
                for sentence, found in zip(sentences, self.scan(sentences, "--profile", profile)):
                    found = [f for f in found if f[2] in sums]
                    for span in sentence.spans:
                        # Half of it at least, of the same kind: what the mask would leave readable otherwise.
                        good = any(f[2] == span[2] and 2 * (min(f[1], span[1]) - max(f[0], span[0])) > max(f[1] - f[0], span[1] - span[0]) for f in found)
                        sums[span[2]][0 if good else 1] += 1
                        if not good:
                            worst[sentence.text] = found
                    for f in found:
                        if not any(f[2] == span[2] and overlap(f, span) for span in sentence.spans):
                            sums[f[2]][2] += 1
                            worst[sentence.text] = found
                total = [sum(s[i] for s in sums.values()) for i in range(3)]
                f2 = 5 * total[0] / (5 * total[0] + 4 * total[1] + total[2])
                print(f"names and places, {'listed' if listed else 'unlisted'}, {profile}: recall {total[0] / (total[0] + total[1]):.3f}, precision {total[0] / (total[0] + total[2]):.3f}, F2 {f2:.3f}; {sums}")
                self.assertGreaterEqual(f2, 0.85, list(worst.items())[:20])

    def test_six_languages(self):
        sums = {}  # of each language: right, missed, false
        sentences = pii_languages.names(COUNT, 13)
        for (language, sentence), found in zip(sentences, self.scan([s for _, s in sentences], "--profile", "gdpr")):
            found = [f for f in found if f[2] in ("person", "place")]
            into = sums.setdefault(language, [0, 0, 0])
            for span in sentence.spans:
                good = any(f[2] == span[2] and 2 * (min(f[1], span[1]) - max(f[0], span[0])) > max(f[1] - f[0], span[1] - span[0]) for f in found)
                into[0 if good else 1] += 1
            into[2] += sum(not any(f[2] == span[2] and overlap(f, span) for span in sentence.spans) for f in found)
        f2 = {language: round(5 * r / (5 * r + 4 * m + w), 3) for language, (r, m, w) in sums.items()}
        print(f"names and places in six languages, F2: {f2}; {sums}")
        self.assertGreaterEqual(min(f2.values()), 0.85)

    def test_numbers_in_six_languages(self):
        sentences = pii_languages.structured(COUNT // 2, 14)
        missed = []
        for sentence, found in zip(sentences, self.scan(sentences, "--profile", "gdpr")):
            span, = sentence.spans
            if not any(f[2] == span[2] and overlap(f, span) for f in found):
                missed.append((span[2], sentence.text, found))
        print(f"numbers in six languages: {len(sentences)}, {len(missed)} missed")
        self.assertLessEqual(len(missed), len(sentences) // 1000, missed[:20])

    def test_the_report(self):
        path = self.put("letter.txt", "Dear Anna,\nwrite to jane.roe@example.com\nor call +1 (212) 555-0187.\n")
        text = self.succeeds("guard", "scan", path).text
        self.assertIn(f"{path}:2:10: email: j***.***@*******.**m", text)
        self.assertNotIn("jane", text)
        self.assertIn("jane.roe@example.com", self.succeeds("guard", "scan", path, "--show").text)
        report = json.loads(self.succeeds("guard", "scan", path, "--format", "json").text)
        self.assertEqual(report["counts"]["email"], 1)
        email = next(f for f in report["files"][0]["findings"] if f["kind"] == "email")
        self.assertEqual((email["line"], email["column"], email["safe_harbor"]), (2, 10, "F"))
        self.assertNotIn("jane", json.dumps(report))

    def test_folders_pipes_and_exit_status(self):
        folder = self.folder / "records"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "a.txt").write_text("jane@example.com\n")
        (folder / "b.bin").write_bytes(b"\0\1\2jane@example.com")
        (folder / "link").symlink_to("/etc")
        report = json.loads(self.succeeds("guard", "scan", folder, "--format", "json").text)
        self.assertEqual([f["path"] for f in report["files"]], [str(folder / "deep" / "a.txt")])
        self.assertEqual(sorted(report["skipped"]), [str(folder / "b.bin"), str(folder / "link")])
        ended = self.succeeds("guard", "scan", folder)
        self.assertIn(" bytes, 2 skipped: ", ended.text)
        self.assertIn(f"skipped {folder / 'link'}: a symbolic link", ended.message)
        self.assertEqual(self.run_freehold("guard", "scan", folder, "--fail").code, FOUND)
        clean = self.put("clean.txt", "nothing here\n")
        self.assertIn("0 findings", self.succeeds("guard", "scan", clean, "--fail").text)
        self.fails(e2e.NOT_FOUND, "guard", "scan", self.folder / "none.txt", names="none.txt")
        self.fails(e2e.USAGE, "guard", "scan", clean, "--profile", "all", names="hipaa")

    def test_utf16_and_what_is_packed(self):
        text = "Dear Ada \U0001f600,\nwrite to jane.roe@example.com\n"
        for name, mark, encoding in (("little", b"\xff\xfe", "utf-16-le"), ("big", b"\xfe\xff", "utf-16-be")):
            (self.folder / name).write_bytes(mark + text.encode(encoding))
            report = json.loads(self.succeeds("guard", "scan", self.folder / name, "--format", "json", "--show").text)
            email = next(f for f in report["files"][0]["findings"] if f["kind"] == "email")
            self.assertEqual((email["value"], email["line"], email["column"]), ("jane.roe@example.com", 2, 10))
            data = (self.folder / name).read_bytes()
            self.assertEqual(data[email["begin"] : email["end"]], "jane.roe@example.com".encode(encoding), "bytes of the file")
            masked = self.succeeds("guard", "mask", self.folder / name).out
            self.assertEqual(masked, mark + text.replace("Ada", "[person]").replace("jane.roe@example.com", "[email]").encode(encoding))
        folder = self.folder / "packed"
        folder.mkdir()
        for name, data in (("a.pdf", b"%PDF-1.7\njane@example.com\n"), ("b.docx", b"PK\x03\x04jane@example.com")):
            (folder / name).write_bytes(data)
            self.fails(e2e.UNSUPPORTED, "guard", "scan", folder / name, names="not read")
            self.fails(e2e.UNSUPPORTED, "guard", "mask", folder / name, names="not masked")
        (folder / "c.txt").write_bytes(b"\xff\xfe" + "jane@example.com".encode("utf-16-le"))
        report = json.loads(self.succeeds("guard", "scan", folder, "--format", "json").text)
        self.assertEqual(report["skipped"], [str(folder / "a.pdf"), str(folder / "b.docx")])
        self.assertEqual(report["counts"], {"email": 1})

    def test_what_is_not_utf8_is_read_as_windows_1252(self):
        data = "Patientin: Zoë Müller, größe@x, jane.roe@example.com – 5 €\n".encode("cp1252")
        path = self.put("letter.txt", data)
        said = self.succeeds("guard", "scan", path, "--show", "--format", "json")
        self.assertIn(f"{path} is not UTF-8: 6 bytes of it were read as windows-1252", said.message)
        found = {f["kind"]: f for f in json.loads(said.text)["files"][0]["findings"]}
        self.assertEqual((found["person"]["value"], found["person"]["column"]), ("Zoë Müller", 12))
        for kind in ("person", "email"):
            self.assertEqual(data[found[kind]["begin"]:found[kind]["end"]].decode("cp1252"), found[kind]["value"])
        masked = self.succeeds("guard", "mask", path)
        self.assertEqual(masked.out.decode("cp1252"), "Patientin: [person], größe@x, [email] – 5 €\n", "in the same encoding")
        self.assertIn("windows-1252", masked.message)
        self.assertEqual(self.succeeds("guard", "scan", self.put("utf8.txt", "Zoë\n")).message, "")

    def test_utf16_and_utf32_without_a_mark(self):
        text = "mail jane.roe@example.com\nand so on\n"
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-32"):
            path = self.put("wide/letter.txt", text.encode(encoding))
            masked = self.succeeds("guard", "mask", path)
            self.assertEqual(masked.out.decode(encoding), text.replace("jane.roe@example.com", "[email]"), encoding)
            report = json.loads(self.succeeds("guard", "scan", self.folder / "wide", "--format", "json").text)
            self.assertEqual((report["counts"], report["skipped"]), ({"email": 1}, []), encoding)

    def test_tables(self):
        """What the first row calls a column is known of each cell below it."""
        text = "id,surname,dob,note\n1,Quuxley,03/04/1980,\"a, \"\"b\"\"\"\n2,Zorblatt,05/06/1981,jane@example.com\n"
        path = self.put("patients.csv", text)
        rows = self.succeeds("guard", "scan", path, "--show").text.splitlines()
        self.assertEqual([row.split(": ", 1)[1] for row in rows[:-1]],
                         ["person: Quuxley", "birth_date: 03/04/1980", "person: Zorblatt", "birth_date: 05/06/1981", "email: jane@example.com"])
        self.assertIn(":3:3: person", rows[2])
        masked = "id,surname,dob,note\n1,[person],[birth_date],\"a, \"\"b\"\"\"\n2,[person],[birth_date],[email]\n"
        self.assertEqual(self.succeeds("guard", "mask", path).text, masked)
        wide = self.put("patients.TSV", b"\xff\xfe" + text.replace(",", "\t").encode("utf-16-le"))
        self.assertEqual(self.succeeds("guard", "mask", wide).out.decode("utf-16"), masked.replace(",", "\t"))

    def test_kinds(self):
        text = self.succeeds("guard", "scan", "--kinds").text
        self.assertIn("birth_date", text)
        self.assertNotIn("\nage ", text)
        self.assertIn("\nage ", self.succeeds("guard", "scan", "--kinds", "--profile", "hipaa").text)
        self.assertNotIn("birth_date", self.succeeds("guard", "scan", "--kinds", "--profile", "secrets").text)
        self.fails(e2e.USAGE, "guard", "scan", names="needs PATH")

    def test_mask(self):
        path = self.put("letter.txt", "Seen on March 5, 2024, ZIP 02139, jane@example.com.\n")
        self.assertEqual(self.succeeds("guard", "mask", path).text, "Seen on March 5, 2024, ZIP [postcode], [email].\n")
        self.fails(e2e.USAGE, "guard", "mask", path, "-o", path, names="would be lost")
        self.assertIn("jane", path.read_text())
        out = self.folder / "masked.txt"
        self.succeeds("guard", "mask", path, "--profile", "hipaa", "--style", "safe-harbor", "-o", out)
        self.assertEqual(out.read_text(), "Seen on 2024, ZIP 021**, [email].\n")

    @unittest.skipUnless((e2e.SHARED / "data/bench/llm-foundry-gauntlet/safety").is_dir(), "no shared data")
    def test_passages_of_companies(self):
        """MosaicML's classification of passages is judged by meaning (revenue, plans); what it holds of people is found more often in the sensitive ones."""
        rows = [json.loads(line) for line in (e2e.SHARED / "data/bench/llm-foundry-gauntlet/safety/enterprise_pii_classification.jsonl").read_text().splitlines()]
        sentences = [pii_corpus.Sentence(r["query"].split("'''")[1].strip(), []) for r in rows]
        found = self.scan(sentences, "--profile", "gdpr")
        with_any = [sum(any(f[2] == "person" for f in fs) for fs, r in zip(found, rows) if r["gold"] == gold) for gold in (0, 1)]
        of = [sum(r["gold"] == gold for r in rows) for gold in (0, 1)]
        print(f"passages with a person's name: {with_any[1] / of[1]:.3f} of the sensitive ones, {with_any[0] / of[0]:.3f} of the others")
        self.assertGreater(with_any[1] / of[1], 2 * with_any[0] / of[0])


if __name__ == "__main__":
    e2e.main()
