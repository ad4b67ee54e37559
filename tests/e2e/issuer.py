"""An issuer of tokens for tests: an Ed25519 key pair (RFC 8032, section 5.1, written for reading and not for secrecy), its public key as a
JSON Web Key Set, and JSON Web Tokens signed by it."""

import base64
import hashlib
import json
import os
import time

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    """Points as (X, Y, Z, T), section 5.1.4."""
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    p, q, r, s = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P, 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


def base_point():
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1:
        x = P - x
    return x, y, 1, x * y % P


BASE = base_point()


def packed(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


def number(data):
    return int.from_bytes(data, "little")


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, name, kid="k1"):
        self.name, self.kid = name, kid
        hashed = hashlib.sha512(os.urandom(32)).digest()
        self.scalar = number(hashed[:32]) & (1 << 254) - 8 | 1 << 254
        self.prefix = hashed[32:]
        self.public = packed(times(self.scalar, BASE))

    def key_set(self):
        return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": base64url(self.public)}]})

    def sign(self, message):
        r = number(hashlib.sha512(self.prefix + message).digest()) % L
        point = packed(times(r, BASE))
        k = number(hashlib.sha512(point + self.public + message).digest()) % L
        return point + ((r + k * self.scalar) % L).to_bytes(32, "little")

    def token(self, subject="u-1", header=None, **claims):
        now = int(time.time())
        body = {"iss": self.name, "sub": subject, "aud": "freehold", "exp": now + 600, "iat": now, **claims}
        head = {"alg": "EdDSA", "typ": "JWT", "kid": self.kid, **(header or {})}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, body))
        return f"{text}.{base64url(self.sign(text.encode()))}"
