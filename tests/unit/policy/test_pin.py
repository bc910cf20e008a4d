"""A matrix of AgentPins: right ones are verified, each forged one is refused with its reason."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies

from agentschedule.policy.pin import Expected, Refused, Verified, verify

from .tokens import DOMAIN, NAME, NOW, claims, jwks, make_key, sign, text

KEY, OTHER = make_key("one"), make_key("two")
EXPECTED = Expected(NAME, DOMAIN)
AT = int(NOW.timestamp())


def judged(token: str, keys: str = jwks(KEY, OTHER), expected: Expected = EXPECTED) -> str:
    """Why it is refused; empty if it is verified."""
    found = verify(token, keys, expected, NOW)
    return found.reason if isinstance(found, Refused) else ""


def unsigned(header: dict[str, object]) -> str:
    return f"{text(json.dumps(header).encode())}.{text(json.dumps(claims()).encode())}."


def hmac_signed(secret: bytes) -> str:
    message = f"{text(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{text(json.dumps(claims()).encode())}"
    return f"{message}.{text(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"


def changed(token: str, **others: Any) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{text(json.dumps(claims(**others)).encode())}.{signature}"


def flipped(token: str) -> str:
    """A token with another first character of its signature."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(sign(KEY, claims()), id="plain"),
        pytest.param(sign(OTHER, claims()), id="the other key, after a rotation"),
        pytest.param(sign(KEY, claims(), {"kid": None}), id="no kid"),
        pytest.param(sign(OTHER, claims(), {"kid": None}), id="no kid, the other key"),
        pytest.param(sign(KEY, claims(exp=AT - 59)), id="expired within the clock skew"),
        pytest.param(sign(KEY, claims(nbf=AT + 60)), id="not before, within the clock skew"),
        pytest.param(sign(KEY, claims(), {"typ": "agentpin-credential+jwt"}), id="a type of its own"),
        pytest.param(sign(KEY, claims(aud="agentschedule.dev")), id="meant for us"),
        pytest.param(sign(KEY, claims(aud=["other", "agentschedule.dev"])), id="meant for us, too"),
        pytest.param(sign(KEY, claims(exp=float(AT + 1.5))), id="fractions of a second"),
        pytest.param(sign(KEY, claims()) + "\n", id="a line end, as files have it"),
    ],
)
def test_a_right_one_is_verified(token: str) -> None:
    assert judged(token) == ""


def test_it_says_until_when_it_holds() -> None:
    assert verify(sign(KEY, claims()), jwks(KEY), EXPECTED, NOW) == Verified(NAME, DOMAIN, NOW + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        pytest.param("", "not a signed JWT", id="empty"),
        pytest.param("a.b", "not a signed JWT", id="two parts"),
        pytest.param("a.b.c.d.e", "not a signed JWT", id="encrypted"),
        pytest.param("x" * 20000, "not a signed JWT", id="too long"),
        pytest.param(unsigned({"alg": "none"}), "not a signed JWT", id="no signature"),
        pytest.param(unsigned({"alg": "none"}) + "AA", "alg is 'none', only ES256", id="alg none"),
        pytest.param(unsigned({"alg": "None"}) + "AA", "alg is 'None', only ES256", id="alg None"),
        pytest.param(unsigned({}) + "AA", "alg is missing", id="no alg"),
        pytest.param(unsigned({"alg": ["ES256"]}) + "AA", "only ES256", id="a list of algs"),
        pytest.param(hmac_signed(jwks(KEY).encode()), "alg is 'HS256', only ES256", id="HMAC by the key set"),
        pytest.param(hmac_signed(KEY.as_pem(private=False)), "alg is 'HS256'", id="HMAC by the public key"),
        pytest.param(sign(KEY, claims(), {"alg": "ES384"}), "alg is 'ES384'", id="another curve's alg"),
        pytest.param(sign(KEY, claims(), {"alg": "es256"}), "alg is 'es256'", id="alg in lower case"),
        pytest.param(sign(KEY, claims(), {"crit": ["b64"], "b64": False}), "has crit", id="crit"),
        pytest.param(sign(KEY, claims(), {"jku": "https://evil.example.com/"}), "key of its own (jku)", id="jku"),
        pytest.param(
            sign(make_key("evil"), claims(), {"jwk": make_key("evil").as_dict(private=False)}),
            "key of its own (jwk)",
            id="jwk",
        ),
        pytest.param(sign(KEY, claims(), {"x5u": "https://evil.example.com/"}), "key of its own (x5u)", id="x5u"),
        pytest.param(sign(KEY, claims(), {"x5c": ["MII"]}), "key of its own (x5c)", id="x5c"),
        pytest.param(sign(make_key("one"), claims()), "by none of the keys", id="another's key under a known kid"),
        pytest.param(sign(make_key("three"), claims()), "no key with its kid 'three'", id="unknown kid"),
        pytest.param(sign(KEY, claims(), {"kid": "two"}), "by none of the keys", id="the kid of another key"),
        pytest.param(sign(KEY, claims(), {"kid": 1}), "kid is not text", id="kid is a number"),
        pytest.param(sign(KEY, claims(), {"kid": "../../etc"}), "no key with its kid", id="kid is a path"),
        pytest.param(sign(make_key(None), claims()), "by none of the keys", id="unknown key without kid"),
        pytest.param(
            changed(sign(KEY, claims()), iss=NAME, exp=AT + 10**6), "by none of the keys", id="claims changed"
        ),
        pytest.param(flipped(sign(KEY, claims())), "by none of the keys", id="signature changed"),
        pytest.param(sign(KEY, claims(), der=True), "DER-encoded", id="DER"),
        pytest.param(sign(KEY, claims()) + "AAAA", "not 64 bytes", id="signature too long"),
        pytest.param(sign(KEY, claims(iss="other")), "iss is 'other', the agent's name is 'payer'", id="another agent"),
        pytest.param(sign(KEY, claims(iss=None)), "iss is missing", id="no iss"),
        pytest.param(sign(KEY, claims(iss=[NAME])), "the agent's name is", id="several iss"),
        pytest.param(sign(KEY, claims(domain="evil.example.com")), "domain is 'evil.example.com'", id="other domain"),
        pytest.param(sign(KEY, claims(domain=None)), "domain is missing", id="no domain"),
        pytest.param(sign(KEY, claims(domain=DOMAIN.upper())), "domain is", id="domain in upper case"),
        pytest.param(sign(KEY, claims(aud="shop.example.com")), "meant for somebody else", id="another audience"),
        pytest.param(sign(KEY, claims(exp=AT - 60)), "has expired", id="expired"),
        pytest.param(sign(KEY, claims(exp=None)), "has no exp", id="no exp"),
        pytest.param(sign(KEY, claims(exp="never")), "has no exp", id="exp is text"),
        pytest.param(sign(KEY, claims(exp=True)), "has no exp", id="exp is true"),
        pytest.param(sign(KEY, json.dumps(claims(exp=float("nan"))).encode()), "has no exp", id="exp is no number"),
        pytest.param(sign(KEY, json.dumps(claims(exp=float("inf"))).encode()), "has no exp", id="exp is infinite"),
        pytest.param(sign(KEY, claims(nbf=AT + 61)), "does not hold yet", id="not yet"),
        pytest.param(sign(KEY, claims(nbf=None)), "has no nbf", id="no nbf"),
        pytest.param(sign(KEY, b"[]"), "payload is not a JSON object", id="a list"),
        pytest.param(sign(KEY, b"{"), "payload is not JSON", id="no JSON"),
        pytest.param("!!!.e30.AA", "header is not", id="header is no base64"),
    ],
)
def test_a_forged_one_is_refused_with_its_reason(token: str, reason: str) -> None:
    assert reason in judged(token)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        pytest.param("", "not a JSON Web Key Set", id="nothing"),
        pytest.param("[]", "not a JSON Web Key Set", id="a list"),
        pytest.param('{"keys": {}}', "none for ES256", id="no list"),
        pytest.param('{"keys": []}', "none for ES256", id="empty"),
        pytest.param(jwks(make_key("one", "P-384")), "none for ES256", id="another curve"),
        pytest.param(jwks({"kty": "oct", "k": "AAAA", "kid": "one"}), "none for ES256", id="a secret"),
        pytest.param(jwks({**KEY.as_dict(private=False), "use": "enc"}), "none for ES256", id="for encryption"),
        pytest.param(jwks({**KEY.as_dict(private=False), "alg": "ES512"}), "none for ES256", id="for another alg"),
        pytest.param(
            jwks({"kty": "EC", "crv": "P-256", "kid": "one", "x": "A", "y": "A"}), "by none of", id="no point"
        ),
    ],
)
def test_keys_that_cannot_be_used(keys: str, reason: str) -> None:
    assert reason in judged(sign(KEY, claims()), keys)


def test_der_is_accepted_where_administrators_say_so() -> None:
    accepting = Expected(NAME, DOMAIN, accept_der=True)
    assert judged(sign(KEY, claims(), der=True), expected=accepting) == ""
    assert judged(sign(KEY, claims()), expected=accepting) == ""
    assert "by none of the keys" in judged(sign(make_key("one"), claims(), der=True), expected=accepting)


@given(strategies.text(max_size=200) | strategies.binary(max_size=200).map(lambda data: f"{text(data)}.e30.AA"))
def test_no_text_is_verified_or_breaks_it(token: str) -> None:
    assert judged(token)


@given(strategies.sampled_from([0, 1, 2]), strategies.integers(0, 400), strategies.sampled_from("ABCxyz-_09"))
def test_a_token_with_a_character_changed_is_refused(part: int, place: int, character: str) -> None:
    parts = sign(KEY, claims()).split(".")
    at = place % (len(parts[part]) - 1)  # the last one has bits that say nothing
    if parts[part][at] != character:
        parts[part] = parts[part][:at] + character + parts[part][at + 1 :]
        assert judged(".".join(parts))
