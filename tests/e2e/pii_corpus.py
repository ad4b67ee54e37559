"""Sentences with known personal data, in the manner of Presidio's evaluation: templates filled with values, many countries and forms.

No template and no unlisted name here serves the training (tools/pii/make_sentences.py); hard negatives look like what is sought.
"""

import dataclasses
import random
import re

from pii_numbers import Numbers

# kind: the words before it, of which one is drawn; None: strong enough alone as well.
BEFORE = {
    "us_ssn": ["My SSN is", "Social Security Number:", "SSN", "his social security number was", None], "us_itin": ["ITIN:", "My ITIN is", None],
    "uk_nhs": ["NHS number", "NHS No:"], "uk_nino": ["NI number:", "National Insurance number is", None],
    "de_tax_id": ["Steuer-ID:", "Meine Steueridentifikationsnummer lautet", "IdNr."], "fr_nir": ["NIR :", "numéro de sécurité sociale", None],
    "es_dni": ["DNI:", "con DNI", None], "es_nie": ["NIE:", None], "it_codice_fiscale": ["Codice fiscale:", "CF", None], "nl_bsn": ["BSN:", "Mijn BSN is", "burgerservicenummer"],
    "pl_pesel": ["PESEL:", "mój PESEL to"], "be_national_number": ["rijksregisternummer", None], "pt_nif": ["NIF:", "contribuinte"], "se_personnummer": ["personnummer", None],
    "fi_hetu": ["henkilötunnus", "HETU", None], "dk_cpr": ["CPR-nummer", "CPR:"], "no_fodselsnummer": ["fødselsnummer", None], "ch_ahv": ["AHV-Nummer", None],
    "br_cpf": ["CPF:", "Meu CPF é"], "in_aadhaar": ["Aadhaar number", "My Aadhaar is", None], "au_tfn": ["TFN:", "tax file number"], "au_medicare": ["Medicare number", None],
    "ca_sin": ["SIN:", "social insurance number"], "za_id": ["South African ID", "ID number"], "cn_resident_id": ["ID card", None], "sg_nric": ["NRIC", None],
    "card": ["card number", "Please charge my Visa", "credit card:", None], "iban": ["IBAN", "transfer to", None], "email": ["e-mail:", "write to", "contact", None],
    "phone": ["call me at", "Tel.:", "phone:", "my number is", None], "ip": ["from", "IP", "host", None], "mac": ["MAC", "adapter", None], "url": ["see", "at", None],
    "api_key": ["token", "key =", None], "jwt": ["Authorization: Bearer", None],
}
AROUND = ["{x}", "{x}.", "Hello, {x}, thanks.", "Please note {x} and confirm.", "Customer wrote: '{x}'", "({x})", "We received {x} yesterday", "Update the file with {x}; it was wrong.",
          '{{"note": "{x}"}}', "- {x}", "I think {x} is right?", "Betreff: {x}", "Bonjour, {x} merci.", "a,{x},b", "<p>{x}</p>", "According to the form {x} is what they entered."]
NEGATIVE = ["Order {d3}-{d7}-{d7} was shipped.", "Your order number is {d9}.", "Invoice INV-{d6} of {d4}", "Ticket #{d6} is open", "Version {d1}.{d2}.{d3}", "running kernel {d1}.{d2}.{d2}-{d2}-generic",
            "sha256 {h64}", "commit {h40}", "md5 {h32}", "uuid {h8}-{h4}-{h4}-{h4}-{h12}", "timestamp 1{d9}", "epoch 1{d9}000 ms", "took {d5} ms", "ISBN 978-{d1}-{d2}-{d6}-{d1}", "costs ${d3},{d3}.{d2}",
            "{d2},{d3},{d3} people", "page {d3} of {d3}", "ratio {d1}:{d1}", "at 1{d1}:3{d1}:2{d1}", "lat {d2}.{d6}, lon -{d2}.{d6}", "SKU AB-{d4}-{d2}", "part number {d4}-{d3}", "model X{d3}", "room {d3}",
            "{d2}% of {d4} users", "build {d8}", "The Quick Start Guide explains it.", "Click Save and open the Settings page.", "Java and Python are languages.", "The Board approved the Budget on Monday.",
            "0x{h8}", "#{h6}", "range {d3}-{d3}", "RFC {d4}", "bug {d6}", "chapter {d1}.{d1}.{d1}", "temperature {d2}.{d1}", "scored {d2}-{d2}", "see example(1) and std::vector", "foo@ bar", "tracking 1Z{d6}AB{d8}"]

NAME_TEMPLATES = ["I need to speak with {P} about my policy.", "{P} will be visiting {C} in the autumn.", "Could you send the parcel to {P} please?", "The accident happened near {C}.", "My colleague {P} forgot the password.",
                  "She married {P} in {C}.", "{T} {S} prescribed a new drug.", "On behalf of {P}, I would like to complain.", "What time is it in {C}?", "{P} was arrested in {C} on Friday.", "Our guide in {C} was {F}.",
                  "The invoice was paid by {P}.", "Did {F} get home safely?", "I used to live in {C} before moving to {C}.", "{P} wants to close the account.", "Has {T} {S} replied?", "They named the baby {F}.",
                  "We are looking for a flat in {C}.", "Hello {F}, how are you?", "The patient is {P}, aged 54.", "Reservation under {P}, two nights in {C}.", "{P} can be reached after six.", "My flight from {C} to {C} is late.",
                  "{P} has worked here since 2011.", "A letter from {P} arrived.", "{F} {S} signed for it.", "The heirs are {P} and {P}.", "Ship everything to our {C} warehouse.", "Thank you, {P}", "{P}\nSenior Analyst",
                  "Yesterday {F} called from {C}.", "I met {P} at a wedding.", "Nobody in {C} knew {S}.", "{C} is cold in winter.", "Is {P} your manager?", "His doctor, {T} {S}, retired.", "She asked {F} for help.",
                  "{P}'s passport expired.", "Please forward this to {P}.", "The hotel in {C} was full.", "Interview with {P} from {C}", "They emigrated from {C} in 1988.", "Guten Tag, hier spricht {P}.", "Ik ben {P} uit {C}.",
                  "Bonjour, ici {P}.", "Soy {P}, de {C}.", "Sono {P} e chiamo da {C}.", "Employee: {P}", "Passenger {P}, seat 14C", "Plaintiff {P} seeks damages.", "Nothing was found for {P}.", "Mrs {S} owns a shop in {C}.",
                  # without any
                  "Our Terms of Service changed on Monday.", "Click Continue to open the Dashboard.", "The new Galaxy phone runs Android.", "Quarterly Report: Revenue and Costs", "Please read the User Manual first.",
                  "Thanks for choosing our Premium Plan!", "Is the Finance Department open?", "English and French are taught.", "Every Tuesday the Help Desk closes early.", "Error: Invalid Argument", "Total Amount Due: 45",
                  "Dear Customer, your Order has shipped.", "The Senate passed the Bill in March.", "Windows Update failed again.", "Read the Quick Reference Card.", "Can I return the Shoes?", "My Account is locked."]
# In none of our lists.
UNLISTED_GIVEN = "Thandeka Bronagh Yevgenya Oluwagbemiro Nkechinyere Temperance Jaxxon Kaelynn Zbyszko Aoibheann Wambui Tlaloc Sigurveig Citlalmina Chukwuemeka Rhydian Torvald Nokubongile Quillan Eirwen Zephyrine Makoa Brixton Dashiell Ifunanyachi Tuiloma".split()
UNLISTED_SURNAMES = "Achterberg Bhandaripur Castelnuovo Drumgoole Eisenhardt Fotheringay Grzybkowiak Hollingberry Igwebuike Jablonsky Kristvang Llewelyn-Vaughan Mzimela Nakashidze Ostrowicki Pemberwick Quarterly Raghunathan Szczepaniuk Thistlethwaite Uzodinma Vandersloot Wrigglesworth Xenopoulou Yoshikage Zubizarreta".split()
UNLISTED_PLACES = "Blythmoor Castlerigg Dunmurry Eketahuna Fennborough Gondershausen Hvolsvollur Inverbervie Jelgavkrasti Kirkbymoorside Lostwithiel Mbalizi Nuneham Oranmore Pontardawe Quillabamba Ruakaka Szentbakonyhat Tranekaer Umhlali Vlieterzand Wollerau Yarmolyntsi Zinkgruvan".split()
LISTED_GIVEN = "Anna Robert Maria Ahmed Wei Priya Olivia Lukas Sofia Hiroshi Fatima Diego Chloe Ivan Amina Noah Elena Kwame Ingrid Pedro".split()
LISTED_SURNAMES = "Schmidt Nguyen Kowalski Rossi Okafor Johansson Tanaka Fernandez Dubois Patel Murphy Petrov Silva Cohen Yilmaz Larsen Kim Novak Garcia Brown".split()
LISTED_PLACES = ["Berlin", "New York", "Nairobi", "São Paulo", "Kyoto", "Canada", "Texas", "Lyon", "Rio de Janeiro", "Cape Town", "Warsaw", "India", "San Francisco", "Bavaria", "Melbourne", "Toronto"]


@dataclasses.dataclass
class Sentence:
    text: str
    spans: list  # (begin, end, kind), in bytes of UTF-8


def fold(word):
    import unicodedata
    return re.sub("[^a-z]", "", "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c)))


def assemble(pieces):
    """A Sentence of (text, kind or None)."""
    data, spans = b"", []
    for text, kind in pieces:
        raw = text.encode()
        if kind:
            spans.append((len(data), len(data) + len(raw), kind))
        data += raw
    return Sentence(data.decode(), spans)


def structured(count, seed):
    numbers, draw = Numbers(seed), random.Random(seed + 1)
    out = []
    for i in range(count):
        kind = list(BEFORE)[i % len(BEFORE)]
        cue, value, around = draw.choice(BEFORE[kind]), getattr(numbers, kind)(), draw.choice(AROUND)
        left, right = around.replace("{{", "{").replace("}}", "}").split("{x}")
        out.append(assemble([(left + (f"{cue} " if cue else ""), None), (value, kind), (right, None)]))
    hexes = "0123456789abcdef"
    for i in range(count // 2):
        text = NEGATIVE[i % len(NEGATIVE)]
        text = re.sub(r"\{d(\d+)\}", lambda m: numbers.digits(int(m[1])), text)
        text = re.sub(r"\{h(\d+)\}", lambda m: "".join(draw.choices(hexes, k=int(m[1]))), text)
        out.append(Sentence(draw.choice(["{x}", "Note: {x}", "{x} again", "see {x}."]).replace("{x}", text), []))
    draw.shuffle(out)
    return out


def names(count, seed, listed):
    draw = random.Random(seed)
    given, surnames, places = (LISTED_GIVEN, LISTED_SURNAMES, LISTED_PLACES) if listed else (UNLISTED_GIVEN, UNLISTED_SURNAMES, UNLISTED_PLACES)

    def person():
        r = draw.random()
        if r < 0.7:
            return f"{draw.choice(given)} {draw.choice(surnames)}"
        if r < 0.8:
            return f"{draw.choice(given)} {draw.choice('ABCDEJKLMR')}. {draw.choice(surnames)}"
        return draw.choice(given)

    out = []
    for i in range(count):
        pieces = []
        for part in re.split(r"(\{\w\})", NAME_TEMPLATES[i % len(NAME_TEMPLATES)]):
            make = {"{P}": (person, "person"), "{F}": (lambda: draw.choice(given), "person"), "{S}": (lambda: draw.choice(surnames), "person"), "{C}": (lambda: draw.choice(places), "place"),
                    "{T}": (lambda: draw.choice(["Dr.", "Mr.", "Mrs.", "Professor", "Ms"]), None)}.get(part)
            pieces.append((make[0](), make[1]) if make else (part, None))
        out.append(assemble(pieces))
    return out
