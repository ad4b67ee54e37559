"""Numbers and addresses of nobody, made at random with right check digits: an implementation of its own beside src/pii/."""

import base64
import random
import string

DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def luhn_digit(body):
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return str(-total % 10)


def weigh(digits, weights):
    return sum(int(d) * w for d, w in zip(digits, weights))


class Numbers:
    def __init__(self, seed):
        self.draw = random.Random(seed)

    def digits(self, n, first="0123456789"):
        return self.draw.choice(first) + "".join(self.draw.choices(string.digits, k=n - 1))

    def date(self):
        return self.draw.randrange(1930, 2010), self.draw.randrange(1, 13), self.draw.randrange(1, 29)

    def until(self, make):
        while True:
            value = make()
            if value:
                return value

    def us_ssn(self):
        area = self.until(lambda: (lambda a: a if a != 666 else None)(self.draw.randrange(1, 900)))
        return f"{area:03}-{self.draw.randrange(1, 100):02}-{self.draw.randrange(1, 10000):04}"

    def us_itin(self):
        return f"9{self.draw.randrange(100):02}-{self.draw.choice([50, 61, 65, 70, 88, 90, 92, 94, 99])}-{self.digits(4)}"

    def uk_nhs(self):
        def make():
            body = self.digits(9, "4679")
            check = 11 - weigh(body, range(10, 1, -1)) % 11
            return None if check == 10 else body + str(check % 11)
        n = self.until(make)
        return f"{n[:3]} {n[3:6]} {n[6:]}"

    def uk_nino(self):
        n = self.draw.choice("ABCEGHJKLMPRSTW") + self.draw.choice("ABCEHJLMPRSWX") + self.digits(6) + self.draw.choice("ABCD")
        return self.draw.choice([n, f"{n[:2]} {n[2:4]} {n[4:6]} {n[6:8]} {n[8]}"]) if n[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") else self.uk_nino()

    def de_tax_id(self):
        pool = self.draw.sample(string.digits, 9)
        ten = pool + [self.draw.choice(pool)]
        self.draw.shuffle(ten)
        if ten[0] == "0":
            return self.de_tax_id()
        product = 10
        for d in ten:
            total = (int(d) + product) % 10 or 10
            product = total * 2 % 11
        return "".join(ten) + str((11 - product) % 10)

    def fr_nir(self):
        year, month, _ = self.date()
        body = f"{self.draw.choice('12')}{year % 100:02}{month:02}{self.draw.randrange(1, 95):02}{self.draw.randrange(1, 990):03}{self.draw.randrange(1, 999):03}"
        n = body + f"{97 - int(body) % 97:02}"
        return self.draw.choice([n, f"{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:10]} {n[10:13]} {n[13:]}"])

    def es_dni(self):
        n = self.digits(8)
        return n + self.draw.choice(["", "-"]) + DNI[int(n) % 23]

    def es_nie(self):
        letter, n = self.draw.choice("XYZ"), self.digits(7)
        return letter + n + DNI[int(str("XYZ".index(letter)) + n) % 23]

    def it_codice_fiscale(self):
        consonants = "BCDFGLMNPRSTVZ"
        year, month, day = self.date()
        body = "".join(self.draw.choices(consonants, k=6)) + f"{year % 100:02}" + "ABCDEHLMPRST"[month - 1] + f"{day + self.draw.choice([0, 40]):02}" + self.draw.choice("ABCDEFGHL") + self.digits(3)
        odd = dict(zip("0123456789", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]))
        odd |= dict(zip(string.ascii_uppercase, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))
        total = sum(odd[c] if i % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65) for i, c in enumerate(body))
        return body + chr(65 + total % 26)

    def nl_bsn(self):
        return self.until(lambda: (lambda n: n if weigh(n, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 else None)(self.digits(9, "123456789")))

    def pl_pesel(self):
        year, month, day = self.date()
        body = f"{year % 100:02}{month + (20 if year >= 2000 else 0):02}{day:02}{self.digits(4)}"
        return body + str(-weigh(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)

    def be_national_number(self):
        year, month, day = self.date()
        body = f"{year % 100:02}{month:02}{day:02}{self.draw.randrange(1, 998):03}"
        check = f"{97 - int(('2' if year >= 2000 else '') + body) % 97:02}"
        return f"{body[:2]}.{body[2:4]}.{body[4:6]}-{body[6:]}.{check}"

    def pt_nif(self):
        body = self.digits(8, "1235")
        rest = weigh(body, range(9, 1, -1)) % 11
        return body + str(0 if rest < 2 else 11 - rest)

    def se_personnummer(self):
        year, month, day = self.date()
        body = f"{year % 100:02}{month:02}{day:02}{self.digits(3)}"
        n = body + luhn_digit(body)
        return self.draw.choice(["", str(year // 100)]) + n[:6] + "-" + n[6:]

    def fi_hetu(self):
        year, month, day = self.date()
        body, serial = f"{day:02}{month:02}{year % 100:02}", f"{self.draw.randrange(2, 900):03}"
        return body + ("A" if year >= 2000 else "-") + serial + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(body + serial) % 31]

    def dk_cpr(self):
        year, month, day = self.date()
        return f"{day:02}{month:02}{year % 100:02}-{self.digits(4)}"

    def no_fodselsnummer(self):
        def make():
            year, month, day = self.date()
            body = f"{day:02}{month:02}{year % 100:02}{self.digits(3)}"
            first = -weigh(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
            second = -weigh(body + str(first), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
            return None if 10 in (first, second) else f"{body}{first}{second}"
        return self.until(make)

    def ch_ahv(self):
        body = "756" + self.digits(9)
        n = body + str(-weigh(body, (1, 3) * 6) % 10)
        return f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}"

    def br_cpf(self):
        n = self.digits(9)
        for _ in range(2):
            n += str(weigh(n, range(len(n) + 1, 1, -1)) * 10 % 11 % 10)
        return self.draw.choice([n, f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}"])

    def in_aadhaar(self):
        d = [[(i + j) % 5 if i < 5 and j < 5 else 5 + (i + j) % 5 if i < 5 else 5 + (i - j) % 5 if j < 5 else (i - j) % 5 for j in range(10)] for i in range(10)]
        p = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
        for _ in range(6):
            p.append([p[-1][p[1][i]] for i in range(10)])

        def right(n):
            c = 0
            for i, digit in enumerate(reversed(n)):
                c = d[c][p[i % 8][int(digit)]]
            return c == 0
        body = self.digits(11, "23456789")
        n = next(body + c for c in string.digits if right(body + c))
        return f"{n[:4]} {n[4:8]} {n[8:]}"

    def au_tfn(self):
        n = self.until(lambda: (lambda n: n if weigh(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 else None)(self.digits(9, "123456789")))
        return f"{n[:3]} {n[3:6]} {n[6:]}"

    def au_medicare(self):
        body = self.digits(8, "23456")
        return f"{body[:4]} {body[4:]}{weigh(body, (1, 3, 7, 9, 1, 3, 7, 9)) % 10} {self.draw.randrange(1, 6)}"

    def ca_sin(self):
        body = self.digits(8, "1234567")
        n = body + luhn_digit(body)
        return self.draw.choice([f"{n[:3]} {n[3:6]} {n[6:]}", f"{n[:3]}-{n[3:6]}-{n[6:]}"])

    def za_id(self):
        year, month, day = self.date()
        body = f"{year % 100:02}{month:02}{day:02}{self.digits(4)}08"
        return body + luhn_digit(body)

    def cn_resident_id(self):
        year, month, day = self.date()
        body = self.digits(6, "123456") + f"{year}{month:02}{day:02}" + self.digits(3)
        return body + "10X98765432"[weigh(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11]

    def sg_nric(self):
        letter, n = self.draw.choice("ST"), self.digits(7)
        return letter + n + "JZIHGFEDCBA"[(weigh(n, (2, 7, 6, 5, 4, 3, 2)) + (4 if letter == "T" else 0)) % 11]

    def card(self):
        prefix, length = self.draw.choice([("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16), ("3530", 16), ("36", 14)])
        body = prefix + self.digits(length - len(prefix) - 1)
        n = body + luhn_digit(body)
        if length == 16:
            return self.draw.choice([n, " ".join(n[i:i + 4] for i in range(0, 16, 4)), "-".join(n[i:i + 4] for i in range(0, 16, 4))])
        return self.draw.choice([n, f"{n[:4]} {n[4:10]} {n[10:]}"])

    def iban(self):
        country, pattern = self.draw.choice([("DE", "9" * 18), ("FR", "9" * 10 + "A" * 11 + "99"), ("GB", "AAAA" + "9" * 14), ("ES", "9" * 20), ("IT", "A" + "9" * 22), ("NL", "AAAA" + "9" * 10),
                                             ("BE", "9" * 12), ("AT", "9" * 16), ("CH", "9" * 17), ("PL", "9" * 24), ("PT", "9" * 21), ("SE", "9" * 20), ("DK", "9" * 14), ("NO", "9" * 11),
                                             ("FI", "9" * 14), ("IE", "AAAA" + "9" * 14), ("SA", "9" * 20), ("TR", "9" * 22), ("MT", "AAAA" + "9" * 23), ("LU", "9" * 16)])
        body = "".join(self.draw.choice(string.digits if c == "9" else string.ascii_uppercase) for c in pattern)
        number = int("".join(str(int(c, 36)) for c in body + country + "00"))
        n = f"{country}{98 - number % 97:02}{body}"
        return self.draw.choice([n, " ".join(n[i:i + 4] for i in range(0, len(n), 4))])

    def email(self):
        user = self.draw.choice(["{a}.{b}", "{a}{n}", "{a}_{b}", "{a}-{b}+{n}", "{a}", "{b}.{a}{n}"]).format(a=self.word(), b=self.word(), n=self.draw.randrange(1, 999))
        return f"{user}@{self.draw.choice(['', 'mail.', 'sub.dept.'])}{self.word()}.{self.draw.choice(['com', 'org', 'net', 'de', 'co.uk', 'io', 'fr', 'com.br', 'museum', 'health'])}"

    def word(self):
        return "".join(self.draw.choice("bcdfghklmnprstvw") + self.draw.choice("aeiou") for _ in range(self.draw.randrange(2, 5)))

    def phone(self):
        def american():
            return f"{self.draw.randrange(201, 990)}", f"{self.draw.randrange(201, 999)}", self.digits(4)
        a, b, c = american()
        d = self.digits
        return self.draw.choice([f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"+1-{a}-{b}-{c}", f"+1 {a} {b} {c}", f"1-{a}-{b}-{c}", f"({a}) {b}-{c} x{d(3)}", f"+1 ({a}) {b}-{c}",
                                 f"001-{a}-{b}-{c}", f"{a}-{b}-{c} ext. {d(2)}", f"+49 30 {d(6, '123456789')}", f"+49 (0)89 {d(7, '123456789')}", f"030/{d(7, '123456789')}", f"0171-{d(7)}",
                                 f"+44 20 7{d(3)} {d(4)}", f"020 7{d(3)} {d(4)}", f"+33 1 {d(2)} {d(2)} {d(2)} {d(2)}", f"06 {d(2)} {d(2)} {d(2)} {d(2)}", f"+34 6{d(2)} {d(3)} {d(3)}",
                                 f"+39 02 {d(8)}", f"+91 9{d(4)} {d(5)}", f"+55 (11) 9{d(4)}-{d(4)}", f"+61 4{d(2)} {d(3)} {d(3)}", f"+81-3-{d(4, '3456')}-{d(4)}", f"+48 5{d(2)} {d(3)} {d(3)}",
                                 f"+41 44 {d(3)} {d(2)} {d(2)}", f"+31 6 {d(8)}", f"+46 70-{d(3)} {d(2)} {d(2)}", f"+86 138 {d(4)} {d(4)}", f"+27 82 {d(3)} {d(4)}"])

    def ip(self):
        v4 = f"{self.draw.randrange(11, 223)}.{self.draw.randrange(256)}.{self.draw.randrange(256)}.{self.draw.randrange(1, 255)}"
        v6 = ":".join(f"{self.draw.randrange(65536):x}" for _ in range(8))
        return self.draw.choice([v4 if not v4.startswith("127") else "203.0.113.9", v6, f"2001:db8::{self.draw.randrange(4096, 65536):x}:{self.draw.randrange(1, 65536):x}"])

    def mac(self):
        sign = self.draw.choice(":-")
        return sign.join(f"{self.draw.randrange(1, 256):02{self.draw.choice('xX')}}" for _ in range(6))

    def url(self):
        return self.draw.choice(["https://www.{a}.com/{b}", "http://{a}.org", "https://{a}.{b}.net/x?id={n}&y=1", "www.{a}.de/{b}", "https://{a}.io:8443/{b}#top", "ftp://{a}.edu/{b}.zip"]).format(
            a=self.word(), b=self.word(), n=self.digits(4))

    def text(self, n, alphabet=string.ascii_letters + string.digits):
        return "".join(self.draw.choices(alphabet, k=n))

    def api_key(self):
        return self.draw.choice([f"ghp_{self.text(36)}", f"AKIA{self.text(16, string.ascii_uppercase + '234567')}", f"glpat-{self.text(20)}", f"xoxb-{self.digits(12)}-{self.text(24)}",
                                 f"sk_live_{self.text(24)}", f"AIza{self.text(35)}", f"hf_{self.text(34)}", f"npm_{self.text(36)}", f"sk-proj-{self.text(48)}"])

    def jwt(self):
        part = lambda text: base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
        return f"{part('{' + chr(34) + 'alg' + chr(34) + ':' + chr(34) + 'HS256' + chr(34) + '}')}.{part('{' + chr(34) + 'sub' + chr(34) + ':' + chr(34) + self.digits(10) + chr(34) + '}')}.{self.text(43)}"
