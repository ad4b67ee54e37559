#!/usr/bin/env python3
"""Makes the starter model's training data: text that may be shipped as weights, in files that `freehold tune` reads.

    python3 examples/starter/prepare.py [--data FOLDER] OUT

FOLDER (by default $FREEHOLD_SHARED/data, or ../shared/data beside the repository) is a collection of public texts whose
README says under which licence each stands; only those whose licence lets trained weights be shipped are read
(docs/starter.md lists them). The same input gives the same bytes on every machine.

Every source is cut into documents, and a tenth of them (by hash of their first letters, so that the same story in two
files goes to the same side) is held out. What is written:
    train/NAME.jsonl, held-out/NAME.jsonl    a document a line: {"text"}, or {"messages"} for conversations
    held-out/NAME.txt                        the same as plain text, for `freehold inspect perplexity`
    tokenizer.txt                            what the vocabulary is learned from
    ATTRIBUTION.txt                          whose texts they are, for those whose licence asks for it
    MANIFEST.json                            SHA-256 and size of every file read and written
"""
import argparse
import gzip
import hashlib
import json
import lzma
import os
import re
import sys
import tarfile
from collections import Counter
from pathlib import Path

import dialogues

ROOT = Path(__file__).resolve().parents[2]

# The books whose language a very small model can follow: tales rather than novels.
TALES = re.compile(r"Hans Christian Andersen|Brothers Grimm|L\. Frank Baum|Lewis Carroll|Edith Nesbit|A Little Princess|"
                   r"The Secret Garden|Kenneth Grahame|Peter Pan|Hugh Lofting|Johanna Spyri|Anna Sewell|Aesop|"
                   r"The Princess and the Goblin|Christmas Angel|The Jungle Book|The Happy Prince|Beauty and the Beast|"
                   r"The First Christmas Tree|Beatrix Potter|Carlo Collodi")
OTHERS = """Texts that the starter model was trained on, under licences that ask for attribution. They were cut, their typography was
simplified, and questions were put before some of them.

US History, Psychology 2e, American Government 3e, Introduction to Sociology 3e. (c) Rice University, OpenStax. CC BY 4.0.
TinyStories. Ronen Eldan and Yuanzhi Li. CDLA-Sharing-1.0.
Self-Instruct, seed tasks and user-oriented instructions. Yizhong Wang and others. Apache-2.0.

Stories of Pratham Books' StoryWeaver and of the African Storybook initiative:
"""
PIECE = 1300  # characters of a piece of a book: fewer than 512 tokens


def held_out(text):
    """True for a tenth of all documents; the same for the same letters, however they are written."""
    letters = re.sub(r"[^a-z]", "", text[:400].lower())[:120]
    return int.from_bytes(hashlib.sha256(letters.encode()).digest()[:8], "big") % 10 == 0


def plain(text):
    """Typographic signs, and UTF-8 that was once read as Windows-1252, become ASCII where there is such a sign."""
    for old, new in (("â€œ", '"'), ("â€\x9d", '"'), ("â€™", "'"), ("â€˜", "'"), ("â€“", "-"), ("â€”", " - "), ("â€¦", "..."),
                     ("â€", '"'), ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"), ("—", " - "), ("–", "-"), ("…", "..."),
                     ("\u00a0", " "), ("\ufeff", ""), ("\r", "")):
        text = text.replace(old, new)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r" ?\n ?", "\n", re.sub(r"\n\s*\n+", "\n\n", text)).strip()


class Names:
    """Gives a lower-cased story its capitals back: sentence beginnings, "I", and names.

    A name is a word that `cased` nearly always writes with a capital inside of sentences, that the lower-cased stories
    introduce ("named lily") and `cased` hardly knows without one, or that the story itself introduces."""

    SPEECH = r"(?:said|asked|replied|cried|shouted|answered|called|yelled|whispered|exclaimed|thought|laughed|explained)\b"
    NONE = {"i", "it", "the", "her", "his", "after", "and", "mr", "him", "them"}

    def __init__(self, cased, lowered):
        upper, lower = Counter(), Counter()
        for word in re.findall(r"(?<=[a-z,;] )[A-Za-z]+", cased):
            (upper if word[0].isupper() else lower)[word.lower()] += 1
        named = Counter(re.findall(r"\bnamed ([a-z]{2,})\b", lowered))
        self.always = {w for w, n in upper.items() if n >= 2 and n > 9 * lower[w]} | {w for w, n in named.items() if n >= 2 and lower[w] < 3}

    def restore(self, story):
        names = (self.always | set(re.findall(r"\b(?:named|name was|name is) ([a-z]{2,})\b", story))) - self.NONE
        story = re.sub(r"\b[a-z]+\b", lambda m: m[0].capitalize() if m[0] in names else m[0], story)
        story = re.sub(r"\bi\b", "I", story)
        story = re.sub(r"(^|\n|[.!?] )(\"?)([a-z])", lambda m: m[1] + m[2] + m[3].upper(), story)
        # Behind a closing quotation mark a sentence begins, unless it says who spoke.
        story = re.sub(r"([.!?]\" )(?!" + self.SPEECH + r"|(?:the |her |his )?\w+ " + self.SPEECH + ")([a-z])", lambda m: m[1] + m[2].upper(), story)
        return re.sub(r"([,:] \")([a-z])", lambda m: m[1] + m[2].upper(), story)


def tiny_stories(data, cased_text):
    """All stories, and how many of them, the first ones, come from the file that kept its capitals."""
    folder = data / "text/tinystories-sample"
    cased = plain((folder / "tinystories_cased_197KB.txt").read_text(encoding="utf-8"))
    lowered = gzip.decompress((folder / "tinystories_lower_4.2MB.txt.gz").read_bytes()).decode("utf-8")
    names = Names(cased + cased_text, lowered)
    # In the cased file stories follow each other like paragraphs: one begins where one can begin.
    stories = [s.strip() for s in re.split(r"\n\n(?=Once upon a time|One day, (?:a|there) |Once there was|There was once)", cased)]
    with_capitals, part = set(stories), []
    for line in re.split(r"(?<!\n)\n(?!\n)", lowered):
        line = plain(line)
        if part and ((len(line) >= 400 and line[0].isalpha()) or re.match(r"once (upon|there)", line)):
            stories.append(names.restore("\n\n".join(part)))
            part = []
        if line:
            part.append(line)
    stories.append(names.restore("\n\n".join(part)))
    seen, kept = set(), []
    for story in stories:
        key = re.sub(r"[^a-z]", "", story.lower())[:200]
        if len(story) >= 150 and key not in seen and len(re.findall(r"[^\x20-\x7e\n]", story)) < 3:
            seen.add(key)
            kept.append(story)
    return kept, sum(story in with_capitals for story in kept)


def kids_stories(data):
    """(stories, their attributions)"""
    rows = map(json.loads, gzip.decompress((data / "text/open-kids-stories/stories_en.jsonl.gz").read_bytes()).decode("utf-8").split("\n")[:-1])
    rows = [row for row in rows if len(row["text"]) >= 100 and "NC" not in row["license"]]
    return ([plain(row["title"]) + "\n\n" + plain(row["text"]) for row in rows],
            [f"{plain(row['title'])}. {plain(row['attribution'])}. {row['license']}. {row['id']}" for row in rows])


def books(data):
    """(tales, other books) for children, each a list of books."""
    text = lzma.decompress((data / "text/classic-books/children.txt.xz").read_bytes()).decode("utf-8")
    tales, others = [], []
    for book in text.split("<|book|> ")[1:]:
        title, body = book.split("\n", 1)
        body = re.sub(r"^(#.*|-{3,}|\*{3,}|!\[.*)$", "", body, flags=re.M).replace("_", "").replace("*", "")
        (tales if TALES.search(title) else others).append((title, plain(body)))
    return tales, others


def textbooks(data):
    modules = []
    for path in sorted((data / "text/openstax-ccby").glob("*.txt.gz")):
        for module in re.split(r"\n(?=# )", gzip.decompress(path.read_bytes()).decode("utf-8")):
            # Without headings, tables and lists of references.
            body = plain(re.sub(r"^(#+ .*|\|.*|.*https?:.*|.*(?:Press|Books|New York: .*|\b[12]\d{3}[a-z]?\)?\. .*)\.?)$", "", module, flags=re.M))
            paragraphs = [p for p in body.split("\n\n") if len(p) > 200 and "OpenStax" not in p and "http" not in p]
            if paragraphs:
                modules.append("\n\n".join(paragraphs))
    return modules


def countries(data):
    """name -> facts, and the accounts of their history."""
    facts, accounts = [], []
    with tarfile.open(data / "text/factbook/factbook.tar.gz") as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if not member.name.endswith(".json"):
                continue
            country = json.load(archive.extractfile(member))

            def at(*path):
                node = country
                for name in path:
                    node = node.get(name, {}) if isinstance(node, dict) else {}
                text = node.get("text", "") if isinstance(node, dict) else ""
                return plain(re.sub(r"\s+", " ", re.sub(r"<[^>]*>|&nbsp;", " ", text)))

            name = at("Government", "Country name", "conventional short form")
            if not name or name == "none" or not re.fullmatch(r"[A-Z][A-Za-z' -]+", name):
                continue
            capital = re.split(r"[;(,]", at("Government", "Capital", "name"))[0].strip()
            population = re.match(r"[\d,]+", at("People and Society", "Population", "total") or at("People and Society", "Population"))
            facts.append({"name": name, "capital": capital if re.fullmatch(r"[A-Z][A-Za-z' .-]+", capital) else "",
                          "location": at("Geography", "Location").split(";")[0], "area": at("Geography", "Area", "total "),
                          "climate": at("Geography", "Climate").split(";")[0], "population": population[0] if population else "",
                          "languages": re.split(r"[;(\d]", at("People and Society", "Languages", "Languages"))[0].strip(" ,"),
                          "resources": ", ".join(at("Geography", "Natural resources").split(";")[0].split(", ")[:4])})
            account = at("Introduction", "Background")
            if len(account) > 200:
                accounts.append(name + "\n\n" + account)
    return facts, accounts


def pieces(text, size=PIECE):
    """Paragraphs together up to `size` characters; a longer paragraph is cut behind a sentence."""
    parts = []
    for paragraph in text.split("\n\n"):
        while len(paragraph) > size:
            cut = max(paragraph.rfind(end, 0, size) for end in (". ", "\n", '" '))
            cut = size if cut < size // 3 else cut + 1
            parts.append(paragraph[:cut].strip())
            paragraph = paragraph[cut:].strip()
        parts.append(paragraph)
    out = [""]
    for part in parts:
        if len(out[-1]) + len(part) + 2 > size:
            out.append("")
        out[-1] = (out[-1] + "\n\n" + part).strip()
    return [p for p in out if len(p) > 80]


def instructions(data):
    talks = []
    for name in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"):
        for line in (data / "sft/self-instruct" / name).read_text(encoding="utf-8").strip().split("\n"):
            row = json.loads(line)
            for instance in row["instances"][:1]:
                ask = plain(row["instruction"] + ("\n\n" + instance["input"] if instance["input"] else ""))
                answer = plain(instance["output"])
                if answer and len(ask) + len(answer) < 1200 and (ask + answer).isascii():
                    talks.append([ask, answer])
    return talks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    shared = os.environ.get("FREEHOLD_SHARED") or ROOT.parent / "shared"
    parser.add_argument("--data", type=Path, default=Path(shared) / "data", help="the collection of texts")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    if not (options.data / "text").is_dir():
        sys.exit(f"prepare.py: {options.data} has no folder text; --data names the collection of texts")
    data = options.data
    kids, attributions = kids_stories(data)
    tales, others = books(data)
    tiny, with_capitals = tiny_stories(data, "\n".join(kids + [body for _, body in tales]))
    facts, accounts = countries(data)
    # A book is a document, but there are too few books to hold out a tenth of them whole: chapters of 20 pieces are.
    chapters = lambda bs: ["\n\n".join(p[i:i + 20]) for _, body in bs for p in [pieces(body)] for i in range(0, len(p), 20)]
    documents = {"stories": tiny, "kids": kids, "tales": chapters(tales), "novels": chapters(others),
                 "textbooks": textbooks(data), "countries": accounts}
    written = {}

    def write(path, rows):
        path = options.out / path
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(row + "\n" for row in rows).encode("utf-8")
        path.write_bytes(content)
        written[str(path.relative_to(options.out))] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "rows": len(rows)}

    for name, texts in documents.items():
        for side, chosen in (("train", [t for t in texts if not held_out(t)]), ("held-out", [t for t in texts if held_out(t)])):
            write(f"{side}/{name}.jsonl", [json.dumps({"text": p}, ensure_ascii=False) for t in chosen for p in pieces(t)])
            if side == "held-out":
                write(f"{side}/{name}.txt", [t + "\n" for t in chosen])
    # As their authors wrote them: fair to models that have seen TinyStories as it is.
    write("held-out/stories-cased.txt", [t + "\n" for t in tiny[:with_capitals] if held_out(t)])
    talks = dialogues.all_dialogues([s for s in tiny + kids if len(s) < 1200], facts) + [("instructions", t) for t in instructions(data)]
    talk_rows = {"train": [], "held-out": []}
    for key, turns in talks:
        roles = ({"role": "user" if i % 2 == 0 else "assistant", "content": turn} for i, turn in enumerate(turns))
        # What tells a story goes where the story goes.
        side = "held-out" if held_out(key if key != "instructions" else turns[0]) else "train"
        talk_rows[side].append(json.dumps({"messages": list(roles)}, ensure_ascii=False))
    for side, rows in talk_rows.items():
        write(f"{side}/chat.jsonl", rows)
    write("ATTRIBUTION.txt", [OTHERS, *(" ".join(a.split()) for a in attributions)])
    # The vocabulary sees all kinds of text, simple ones most.
    sample = [p.replace("\n", " ") for name, every in (("stories", 2), ("kids", 1), ("tales", 4), ("textbooks", 8), ("countries", 2))
              for p in documents[name][::every] if not held_out(p)]
    write("tokenizer.txt", sample + [m["content"].replace("\n", " ") for r in talk_rows["train"][::4] for m in json.loads(r)["messages"]])
    read = {}
    for path in sorted(p for f in ("text/tinystories-sample", "text/open-kids-stories", "text/classic-books", "text/openstax-ccby",
                                   "text/factbook", "sft/self-instruct") for p in (data / f).iterdir()):
        if path.name.startswith("general."):
            continue  # not read
        if path.suffix in (".gz", ".xz", ".jsonl") or path.name.endswith("KB.txt"):
            read[str(path.relative_to(data))] = hashlib.sha256(path.read_bytes()).hexdigest()
    (options.out / "MANIFEST.json").write_text(json.dumps({"read": read, "written": written}, indent=1) + "\n")
    for name, facts_of in written.items():
        print(f"{facts_of['bytes']:>10} bytes {facts_of['rows']:>6} rows  {name}")


if __name__ == "__main__":
    main()
