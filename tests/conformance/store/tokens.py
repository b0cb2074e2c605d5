"""JSON Web Tokens with RS256, checked to the last bit and by nothing but Python and openssl's program."""
import base64
import hashlib
import json
import subprocess

DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2: SHA-256.
EXPONENT = 65537


class Refused(Exception):
    """Why a token is not accepted."""


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def modulus(key_file):
    """Of the RSA key in the file, whose public exponent is the usual one."""
    said = subprocess.run(["openssl", "rsa", "-in", key_file, "-noout", "-modulus"], check=True, capture_output=True)
    return int(said.stdout.decode().strip().split("=")[1], 16)


def sign(key_file, key_id, claims):
    head = {"alg": "RS256", "typ": "JWT", "kid": key_id}
    text = ".".join(b64(json.dumps(part).encode()) for part in (head, claims))
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key_file], input=text.encode(), check=True,
                               capture_output=True).stdout
    return f"{text}.{b64(signature)}"


def verify(token, key_modulus, key_id):
    """The claims of a token that this key signed."""
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(unb64(head)), json.loads(unb64(body))
        given = int.from_bytes(unb64(signature), "big")
    except ValueError as error:
        raise Refused(f"no JWT: {error}") from error
    if header.get("alg") != "RS256" or header.get("kid") != key_id:
        raise Refused("another algorithm or key")
    size = (key_modulus.bit_length() + 7) // 8
    tail = DIGEST_INFO + hashlib.sha256(f"{head}.{body}".encode()).digest()
    wanted = b"\0\1" + b"\xff" * (size - len(tail) - 3) + b"\0" + tail
    if pow(given, EXPONENT, key_modulus) != int.from_bytes(wanted, "big"):
        raise Refused("Invalid JWT Signature.")
    return claims
