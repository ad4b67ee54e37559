"""Values in ways of writing that no other list here has, in the manner of Presidio's templates: any sign between groups, a line's end within a number, ids at
the edges of a text, in JSON, YAML, Markdown, CSV, XML, e-mail headers, logs and queries; what only looks like it, in columns above all."""

import random
import re
import string

from pii_corpus import Sentence, fold
from pii_numbers import Numbers

NBSP, THIN, NARROW, FIGURE = "\u00a0", "\u2009", "\u202f", "\u2007"
BETWEEN = [" ", "-", "  ", NBSP, THIN, NARROW, FIGURE, "\t", ".", "/", " - ", "\n", "\u2011", "\u2013", "&nbsp;", "   "]
# Scheme: first digits, length, groups.
CARDS = [("4", 16, 4444), ("4", 16, 4444), ("51", 16, 4444), ("55", 16, 4444), ("2223", 16, 4444), ("2699", 16, 4444), ("34", 15, 465), ("37", 15, 465), ("6011", 16, 4444), ("65", 16, 4444), ("645", 16, 4444),
         ("3530", 16, 4444), ("3589", 16, 4444), ("36", 14, 464), ("301", 14, 464), ("38", 14, 464), ("62", 16, 4444), ("6304", 16, 4444), ("6762", 16, 4444), ("5893", 16, 4444), ("2200", 16, 4444), ("4", 13, 13), ("4", 19, 44443)]
# The registry's countries and lengths (SWIFT, IBAN Registry).
IBANS = dict(AD=24, AE=23, AL=28, AT=20, AZ=28, BA=20, BE=16, BG=22, BH=22, BR=29, BY=28, CH=21, CR=22, CY=28, CZ=24, DE=22, DK=18, DO=28, EE=20, EG=29, ES=24, FI=18, FO=18, FR=27, GB=22, GE=22, GI=23, GL=18, GR=27, GT=28,
             HR=21, HU=28, IE=22, IL=23, IQ=23, IS=26, IT=27, JO=30, KW=30, KZ=20, LB=28, LC=32, LI=21, LT=20, LU=20, LV=21, LY=25, MC=27, MD=24, ME=22, MK=19, MR=27, MT=31, MU=30, NL=18, NO=15, PK=24, PL=28, PS=29, PT=25,
             QA=29, RO=24, RS=22, SA=24, SC=31, SE=24, SI=19, SK=24, SM=27, ST=25, SV=28, TL=23, TN=24, TR=26, UA=29, VA=22, VG=24, XK=20)
IBAN_LETTERS = dict(GB=4, NL=4, IE=4, BG=4, RO=4, MT=4, LV=4, GI=4, PK=4, QA=4, KW=4, JO=4, GE=2, AZ=4, LC=4, VG=4, BH=4, MU=4, SV=4, SC=4)
COUNTRY_CODES = {1: 10, 20: 10, 27: 9, 30: 10, 31: 9, 32: 9, 33: 9, 34: 9, 36: 9, 39: 10, 41: 9, 43: 10, 44: 10, 45: 8, 46: 9, 47: 8, 48: 9, 49: 10, 52: 10, 55: 11, 61: 9, 65: 8, 81: 10, 86: 11, 90: 10, 91: 10, 351: 9, 353: 9, 358: 9, 359: 9, 385: 9, 420: 9, 421: 9, 972: 9, 971: 9}
MONTHS = {"en": "January February March April May June July August September October November December", "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
          "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre", "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
          "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre", "nl": "januari februari maart april mei juni juli augustus september oktober november december"}
SAID = {
    "card": {"en": ["card", "Credit Card Number", "my amex is", "cardNumber", "We billed the Mastercard"], "de": ["Kreditkarte", "Die Kartennummer lautet"], "fr": ["Carte de crédit", "n° de carte"], "es": ["Tarjeta", "número de tarjeta"], "it": ["Carta di credito"], "nl": ["creditcardnummer", "Kaartnummer"]},
    "iban": {"en": ["IBAN", "send the rent to", "Account (IBAN)"], "de": ["IBAN", "Bankverbindung"], "fr": ["RIB / IBAN"], "es": ["Cuenta IBAN"], "it": ["coordinate bancarie"], "nl": ["rekening"]},
    "phone": {"en": ["Phone", "Mobile", "call", "Fax no."], "de": ["Telefon", "Tel", "Handy", "Rufnummer"], "fr": ["Tél", "téléphone", "portable"], "es": ["Teléfono", "móvil", "Llame al"], "it": ["Telefono", "cellulare", "Tel"], "nl": ["Telefoon", "mobiel", "Bel"]},
    "ip": {"en": ["IP address", "client", "Received: from", "remote_ip"], "de": ["IP-Adresse"], "fr": ["adresse IP"], "es": ["dirección IP"], "it": ["indirizzo IP"], "nl": ["IP-adres"]},
    "mac": {"en": ["MAC", "MAC address", "hwaddr"], "de": ["MAC-Adresse"], "fr": ["adresse MAC"], "es": ["dirección MAC"], "it": ["indirizzo MAC"], "nl": ["MAC-adres"]},
    "birth_date": {"en": ["DOB", "Date of Birth", "born on", "birth_date", "BDAY"], "de": ["Geburtsdatum", "geboren am", "geb."], "fr": ["Date de naissance", "née le", "né le"], "es": ["Fecha de nacimiento", "nacida el"], "it": ["Data di nascita", "nata il"], "nl": ["Geboortedatum", "geboren op"]},
    "passport": {"en": ["Passport No", "passport number", "Passport"], "de": ["Reisepassnummer", "Passnummer", "Reisepass-Nr."], "fr": ["passeport", "N° de passeport"], "es": ["pasaporte", "Pasaporte n.º"], "it": ["passaporto", "Passaporto n."], "nl": ["paspoortnummer", "Paspoort"]},
    "licence": {"en": ["Driver's License", "driving licence number", "DL"], "de": ["Führerschein", "Führerscheinnummer"], "fr": ["permis de conduire"], "es": ["permiso de conducir"], "it": ["patente di guida"], "nl": ["rijbewijs", "rijbewijsnummer"]},
    "us_ssn": {"en": ["SSN", "Social Security No.", "social security number", "ssn"]}, "us_itin": {"en": ["ITIN"]}, "uk_nhs": {"en": ["NHS number", "NHS no"]}, "uk_nino": {"en": ["National Insurance no.", "NINO"]},
    "de_tax_id": {"de": ["Steuer-ID", "IdNr.", "Steueridentifikationsnummer"]}, "fr_nir": {"fr": ["NIR", "Numéro de sécurité sociale", "n° sécu"]}, "es_dni": {"es": ["DNI", "NIF"]}, "es_nie": {"es": ["NIE"]},
    "it_codice_fiscale": {"it": ["Codice fiscale", "C.F.", "cod. fiscale"]}, "nl_bsn": {"nl": ["BSN", "burgerservicenummer"]}, "pl_pesel": {"en": ["PESEL"]}, "be_national_number": {"nl": ["rijksregisternummer"], "fr": ["registre national"]},
    "ch_ahv": {"de": ["AHV-Nummer"], "fr": ["N° AVS"], "it": ["numero AVS"]}, "se_personnummer": {"en": ["personnummer"]}, "fi_hetu": {"en": ["henkilötunnus"]}, "dk_cpr": {"en": ["CPR"]}, "no_fodselsnummer": {"en": ["fødselsnummer"]},
    "br_cpf": {"en": ["CPF"]}, "ca_sin": {"en": ["SIN", "Social Insurance Number"]}, "in_aadhaar": {"en": ["Aadhaar"]}, "au_tfn": {"en": ["TFN", "tax file number"]}, "au_medicare": {"en": ["Medicare no."]},
    "email": {"en": ["From", "To", "Reply-To", "contact", "mailto"], "de": ["E-Mail"], "fr": ["courriel"], "es": ["correo"], "it": ["posta"], "nl": ["e-mail"]},
    "api_key": {"en": ["api_key", "X-Api-Key", "Authorization: Bearer", "token", "export KEY"]}, "jwt": {"en": ["Authorization: Bearer", "id_token", "Cookie: session"]},
}
# Around "word: value"; {w} the word, {x} the value. What holds no {w} is for values that need none.
PAIRS = ["{w}: {x}", "{w} {x}", "{w}: {x}.", "{w} = {x}", '{{"{w}": "{x}"}}', '{{"a": 1, "{w}":"{x}", "b": null}}', "| {w} | {x} |", "|{w}|{x}|\n|---|---|", "{w},{x}", "{w};{x};", '"{w}","{x}"', "{w}\t{x}", "- **{w}:** {x}", "* {w}: `{x}`", "<{t}>{x}</{t}>",
         "<td>{w}</td><td>{x}</td>", "  {t}: '{x}'", "{w}:{x}\r\nSubject: hello", "[{w}: {x}]", "({w} {x})", "{w}\n{x}", "{w}: {x}\n\nKind regards", "> {w}: {x}\n> ok", "{w} — {x} — thanks", "…{w}: {x}…", "«{w} {x}»", "{w}={x}&next=1", "{w}:\t{x}\n"]
ALONE = ["\\t{x}\\n", "{x}", "{x}\n", " {x}", "{x}, thank you", "“{x}”", "'{x}'", "[{x}]", "1) {x}", "name,{x},town", "a;{x};b", "| {x} | x |", "-> {x} <-", "see: {x}!", "*{x}*", "_{x}_", "`{x}`", "{x}?"]
NEGATIVE = ["{d4}  {d4}  {d3}  {d4}\n{d4}  {d4}  {d3}  {d4}", "year  {d4}  {d4}\nsum   {d5}  {d6}", "{d3}\t{d5}\t{d4}\n{d3}\t{d5}\t{d4}", "{d2},{d4},{d6}\n{d2},{d4},{d6}", "| {d4} | {d4} | {d5} |\n| {d3} | {d4} | {d5} |", "total {d5}\n{d4} rows",
            "page {d2}\n{d3} words", "version {d1}.{d2}\n{d4} changes", "{d1}. first\n{d1}. second", "{d2} - {d2} - {d2}", "ranges {d3} - {d3}, {d4} – {d4}", "{d6} / {d6} tests", "{d4}/{d4} done", "Order {d4}-{d4}\nTicket {d6}", "{d5} {d5} {d5} {d5} {d5}",
            "ratio {d2}/{d2}/{d3}", "IP 0.0.0.0 and 255.255.255.255", "1.2.3.4-beta", "00:00:00", "{d2}:{d2}:{d2}.{d3}", "uuid {h8}-{h4}-{h4}-{h4}-{h12}", "sha256:{h64}", "0x{h12}", "id {h12}", "blob {h16}", "AB{d3}\nCD{d3}", "SKU: {d4} - {d4}",
            "LOT {d6}\nEXP 2027", "EAN {d3}", "width {d4}\nheight {d4}", "{d4}\n{d4}\n{d4}\n{d4}", "{d3} {d3}\n{d3} {d3}", "$ {d4}\n$ {d4}", "int a[] = {{{d4}, {d4}, {d4}, {d4}}};", "{d2}%\n{d2}%", "x = {d1}.{d6}\ny = {d1}.{d6}", "LINE {d3}\nLINE {d3}",
            "PASSPORT OFFICE OPENS AT 9", "card games for {d1} players", "charge {d2} %", "paid {d4} euros", "the licence costs {d3}", "born in 19{d2}", "call {d2} functions", "mac and cheese {d4}", "ethernet {d4} Mbit", "expires in {d5} seconds",
            "ABCDEFGHJKLMNPRST is a word", "payment {d6} received", "VIN IS REQUIRED", "THE CHASSIS NUMBER IS MISSING"]


def tag(word, draw):
    """As a member or an element is called: passport_number, passportNumber."""
    parts = [fold(part) for part in re.split(r"[^\w.]+", word) if fold(part)]
    if draw.random() < 0.5 or any(len(part) < 3 and part != "no" for part in parts):
        return "_".join(parts)
    return parts[0] + "".join(part.capitalize() for part in parts[1:])


class Values(Numbers):
    def pick(self, *values):
        return self.draw.choice(values)

    def cut(self, text, sizes):
        out = []
        for size in sizes:
            out.append(text[:size])
            text = text[size:]
        return out + ([text] if text else [])

    def joined(self, groups, between):
        """The groups with one sign between all; a line's end stands once, with blanks elsewhere."""
        if between != "\n":
            return between.join(groups)
        at = self.draw.randrange(1, len(groups))
        return " ".join(groups[:at]) + "\n" + " ".join(groups[at:])

    def luhn(self, body):
        total = 0
        for i, c in enumerate(reversed(body)):
            d = int(c) * (2 - i % 2)
            total += d - 9 * (d > 9)
        return body + str(-total % 10)

    def card_of(self):
        first, length, groups = self.draw.choice(CARDS)
        number = self.luhn(first + "".join(self.draw.choices(string.digits, k=length - len(first) - 1)))
        if groups == 13 or self.draw.random() < 0.2:
            return number, groups != 13
        return self.joined(self.cut(number, [int(c) for c in str(groups)]), self.draw.choice(BETWEEN)), True

    def iban_of(self):
        country = self.draw.choice(list(IBANS))
        letters = IBAN_LETTERS.get(country, 0)
        body = "".join(self.draw.choices(string.ascii_uppercase, k=letters)) + "".join(self.draw.choices(string.digits, k=IBANS[country] - 4 - letters))
        check = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
        number = f"{country}{check:02}{body}"
        between = self.draw.choice(["", ""] + BETWEEN)
        return (self.joined(self.cut(number, [4] * (len(number) // 4)), between) if between else self.draw.choice([number, number, number.lower()])), True

    def phone_of(self, language):
        d, high = self.digits, "23456789"
        if self.draw.random() < 0.5:
            code = self.draw.choice(list(COUNTRY_CODES))
            number = d(COUNTRY_CODES[code], high)
            if code == 1:
                number = d(3, high) + d(7, high)
            sizes = self.pick([2, 3, 3], [3, 3], [3, 4], [2, 2, 2, 2], [1, 2, 2, 2])
            prefix = self.pick(f"+{code}", f"+{code}", f"+{code}", f"00{code}", f"(+{code})")
            between = self.draw.choice([b for b in BETWEEN if b not in ("\u2011", "&nbsp;", "   ", " - ")])
            if prefix[0] != "+" and between == "\n":
                between = " "
            return prefix + (" " if between == "\n" else between) + self.joined(self.cut(number, sizes), between), prefix[0] != "0"
        between = self.pick(" ", "-", ".", "/", NBSP, THIN, "  ")
        if language == "en":
            return self.pick(lambda: between.join([d(3, high), d(3, high), d(4)]), lambda: f"({d(3, high)}) {d(3, high)}-{d(4)}", lambda: f"1-{d(3, high)}-{d(3, high)}-{d(4)}", lambda: f"07{d(3)} {d(3)} {d(3)}", lambda: f"020 {d(4)} {d(4)}", lambda: f"({d(3, high)}) {d(3, high)}-{d(4)} ext. {d(3)}")(), False
        groups = {"de": self.pick(["0" + d(2, "346"), d(7, high)], ["017" + d(1), d(3), d(4)], ["0" + d(3, "234"), d(3), d(3)]), "fr": ["0" + d(1, "1234679")] + [d(2) for _ in range(4)], "es": self.pick(["6" + d(2), d(3), d(3)], ["91", d(3), d(2), d(2)]),
                  "it": self.pick(["3" + d(2), d(3), d(4)], ["06", d(4), d(4)]), "nl": self.pick(["06", d(4), d(4)], ["020", d(3, high), d(4)], ["06"] + [d(2) for _ in range(4)])}[language]
        return between.join(groups), False

    def ip_of(self):
        v4 = f"{self.pick(10, 172, 192, 85, 203, 198)}.{self.draw.randrange(256)}.{self.draw.randrange(256)}.{self.draw.randrange(1, 255)}"
        h = lambda: f"{self.draw.randrange(1, 65536):x}"
        return self.pick(v4, v4, f"2001:db8:{h()}::{h()}", f"fe80::{h()}:{h()}:{h()}:{h()}", ":".join(f"{self.draw.randrange(65536):04X}" for _ in range(8)), f"2a01:4f8:{h()}:{h()}::1", f"::ffff:{v4}"), True

    def mac_of(self):
        h = [f"{self.draw.randrange(1, 255):02x}" for _ in range(6)]
        strong = self.pick(":".join(h), ":".join(h).upper(), "-".join(h), f"{h[0]}{h[1]}.{h[2]}{h[3]}.{h[4]}{h[5]}")
        return (strong, True) if self.draw.random() < 0.8 else (self.pick("".join(h), "".join(h).upper()), False)

    def birth_of(self, language):
        y, m, d = self.date()
        name = MONTHS[language].split()[m - 1]
        order = [f"{m:02}", f"{d:02}", f"{y}"] if language == "en" else [f"{d:02}", f"{m:02}", f"{y}"]
        between = self.pick(".", "/", "-", " ", "  ", NBSP, ". ", " / ", " - ")
        if between == ". ":
            return f"{d}. {name} {y}" if language == "de" else f"{d} {name} {y}", False
        return self.pick(between.join(order), between.join(order), f"{y}-{m:02}-{d:02}", f"{y}/{m:02}/{d:02}", f"{y}.{m:02}.{d:02}", f"{y}{m:02}{d:02}", f"{d} {name} {y}", f"{d}{NBSP}{name}{NBSP}{y}", f"{y}-{m:02}-{d:02}T00:00:00Z"), False

    def passport_of(self):
        a, d = lambda n: "".join(self.draw.choices("ABCDEFGHJKLMNPRTXYZ", k=n)), self.digits
        return self.pick(d(9), a(1) + d(8), a(2) + d(7), a(3) + d(6), f"{a(2)} {d(7)}", f"{d(2)}{a(2)}{d(5)}", f"C{d(2)}{a(2)}{d(3)}{a(1)}", f"{a(1)}{d(7)}", f"{a(2)}{NBSP}{d(6)}"), False

    def licence_of(self):
        a, d = lambda n: "".join(self.draw.choices("ABCDEFGHJKLMNPRTXYZ", k=n)), self.digits
        return self.pick(a(1) + d(7), d(9), a(1) + d(12), f"{a(5)}{d(6)}{a(2)}{d(1)}{a(2)}", f"{a(5)} {d(6)} {a(2)}{d(1)}{a(2)}", f"{a(1)}{d(3)}-{d(4)}-{d(4)}", f"{a(2)}{d(7)}{a(1)}", f"{d(3)} {d(3)} {d(3)}"), False

    def email_of(self):
        user = self.pick("jane.roe", "j_roe+news", "o'neill", "x", "müller", "ann-marie.k", "2024.sales", "INFO", "é.dupont")
        host = self.pick("example.com", "mail.example.co.uk", "bücher.de", "EXAMPLE.ORG", "a.b.c.example.net", "klinik-nord.de", "example.photography")
        return f"{user}@{host}", True

    def key_of(self):
        t = lambda n: "".join(self.draw.choices(string.ascii_letters + string.digits, k=n))
        u = lambda n: "".join(self.draw.choices(string.ascii_uppercase + string.digits, k=n))
        return self.pick("ghp_" + t(36), "AKIA" + u(16), "sk-ant-api03-" + t(60), "sk-proj-" + t(48), "AIza" + t(35), "glpat-" + t(20), "xoxb-" + self.digits(12) + "-" + t(24), "hf_" + t(34), "sk_live_" + t(24), "SG." + t(22) + "." + t(43), "npm_" + t(36)), True

    def national_of(self, kind):
        value = getattr(self, kind)()
        groups = re.split(r"[ .\-/+]", value)
        # Finland's sign tells the century, Sweden's plus the age.
        if len(groups) > 1 and kind not in ("fi_hetu", "se_personnummer", "it_codice_fiscale") and self.draw.random() < 0.6:
            return self.joined(groups, self.draw.choice(BETWEEN)), False
        return value, False


def structured(count, seed):
    values, draw = Values(seed), random.Random(seed + 1)
    make = {"card": lambda _: values.card_of(), "iban": lambda _: values.iban_of(), "phone": values.phone_of, "ip": lambda _: values.ip_of(), "mac": lambda _: values.mac_of(), "birth_date": values.birth_of, "passport": lambda _: values.passport_of(),
            "licence": lambda _: values.licence_of(), "email": lambda _: values.email_of(), "api_key": lambda _: values.key_of(), "jwt": lambda _: (values.jwt(), True)}
    kinds = list(SAID) + ["card", "card", "iban", "phone", "phone", "ip", "birth_date", "email"]
    out = []
    for i in range(count):
        if i % 3 == 2:
            text = draw.choice(NEGATIVE).replace("{{", "{").replace("}}", "}")
            text = re.sub(r"\{d(\d+)\}", lambda m: values.digits(int(m[1]), "123456789"), text)
            text = re.sub(r"\{h(\d+)\}", lambda m: "".join(draw.choices("0123456789abcdef", k=int(m[1]))), text)
            out.append(Sentence(draw.choice(["{x}", "{x}", "See {x}.", "log: {x}", "{x}\nend"]).replace("{x}", text), []))
            continue
        kind = kinds[i % len(kinds)]
        language = draw.choice(list(SAID[kind]))
        value, alone = make[kind](language) if kind in make else values.national_of(kind)
        word = draw.choice(SAID[kind][language])
        frame = draw.choice(ALONE) if alone and draw.random() < 0.5 else draw.choice(PAIRS)
        if "{x}" == frame[1:-1] and frame[0] == "_" and kind in ("email", "api_key", "jwt"):
            frame = "*{x}*"  # an underscore may be part of these
        if frame.startswith("\\t") and value[0].islower():
            frame = "'{x}'"  # a folder's name may begin so
        frame = frame.replace("{{", "{").replace("}}", "}").replace("{w}", word).replace("{t}", tag(word, draw))
        left, right = frame.split("{x}", 1)
        begin = len(left.encode())
        out.append(Sentence(left + value + right, [(begin, begin + len(value.encode()), kind)]))
    return out
