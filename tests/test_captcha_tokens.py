import base64
import json
import random
from dataclasses import asdict, replace
from typing import Any

import jwt
import pytest

from app.captcha.challenges import Binding
from app.captcha.keys import FixedKeys, Key, make_key
from app.captcha.tokens import MAX_LENGTH, Claims, TokenError, mint, read

KEY = make_key()
KEYS = FixedKeys([KEY])
CLAIMS = Claims("jti-1", 1000, 1120, "face", Binding("fs-1", "example.org", "login", "data"))
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def payload(**changed: Any) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(mint(CLAIMS, KEY), options={"verify_signature": False})
    return {name: value for name, value in {**claims, **changed}.items() if value is not ...}


def signed(claims: dict[str, Any], key: Key = KEY, algorithm: str = "HS256", **headers: str) -> str:
    return jwt.encode(claims, key.material, algorithm, headers={"kid": key.kid, **headers})


def test_a_token_comes_back_as_it_was_minted() -> None:
    assert read(mint(CLAIMS, KEY), KEYS) == CLAIMS


def test_it_says_everything_the_protocol_asks_for() -> None:
    expected = {"iss", "aud", "exp", "nbf", "iat", "jti", "purpose", "sitekey", "hostname", "action", "cdata", "method"}
    assert set(payload()) == expected


def test_minting_twice_gives_the_same_token() -> None:
    assert mint(CLAIMS, KEY) == mint(CLAIMS, KEY)


def test_the_longest_token_is_not_too_long() -> None:
    binding = Binding("fs-" + "a" * 24, "h" * 253, "a" * 32, "c" * 255)
    token = mint(replace(CLAIMS, jti="j" * 32, passed_at=2**34, expires=2**34, binding=binding), KEY)
    assert len(token) <= MAX_LENGTH
    assert read(token, KEYS).binding == binding


@pytest.mark.parametrize(("now", "current"), [(999, False), (999.99, False), (1000, True), (1119, True), (1119.99, True), (1120, False), (1121, False)])
def test_it_is_current_from_the_pass_until_it_expires(now: float, current: bool) -> None:
    assert CLAIMS.is_current(now) is current


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "nbf", "iat", "jti", "purpose", "sitekey", "hostname", "action", "cdata", "method"])
def test_no_claim_may_be_missing(name: str) -> None:
    with pytest.raises(TokenError):
        read(signed(payload(**{name: ...})), KEYS)


@pytest.mark.parametrize(
    "changed",
    [{"iss": "another"}, {"aud": "another"}, {"purpose": "another"}, {"nbf": 1}, {"exp": "1120"}, {"exp": 1e12}, {"exp": True}, {"iat": None}],
)
def test_a_token_of_ours_for_another_purpose_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        read(signed(payload(**changed)), KEYS)


def test_another_key_under_our_name_is_refused() -> None:
    with pytest.raises(TokenError):
        read(signed(payload(), replace(make_key(), kid=KEY.kid)), KEYS)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(TokenError, match="No key"):
        read(signed(payload(), make_key()), KEYS)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_another_algorithm_is_refused_even_with_our_key(algorithm: str) -> None:
    with pytest.raises(TokenError):
        read(signed(payload(), algorithm=algorithm), KEYS)


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "HS256"])
def test_an_unsigned_token_is_refused(name: str) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": name, "typ": "JWT", "kid": KEY.kid}).encode()).rstrip(b"=").decode()
    body = mint(CLAIMS, KEY).split(".")[1]
    for token in (f"{header}.{body}.", f"{header}.{body}", f"{header}.{body}.AA"):
        with pytest.raises(TokenError):
            read(token, KEYS)


def _mutated(token: str, chance: random.Random) -> str:
    place = chance.randrange(len(token))
    letter = chance.choice(_LETTERS + ".=\n +/%é")
    edits = (token[:place] + letter + token[place + 1 :], token[:place] + letter + token[place:], token[:place] + token[place + 1 :])
    return chance.choice(edits)


def test_no_mutated_token_is_read() -> None:
    token, chance = mint(CLAIMS, KEY), random.Random(7)
    for edited in {_mutated(token, chance) for _ in range(3000)} - {token}:
        with pytest.raises(TokenError):
            read(edited, KEYS)


def test_a_token_has_one_spelling() -> None:
    token = mint(CLAIMS, KEY)
    spare = _LETTERS[_LETTERS.index(token[-1]) ^ 1]  # its last bits are in no byte
    for spelling in (token[:-1] + spare, token + "=", token + "\n", token.replace(".", ".\n", 1)):
        with pytest.raises(TokenError):
            read(spelling, KEYS)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "A" * 3000, "\ud800.a.b", "XXXX.FERSYS-DUMMY-TOKEN.XXXX"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        read(text, KEYS)


def test_the_binding_is_inside() -> None:
    assert asdict(CLAIMS.binding).items() <= payload().items()
