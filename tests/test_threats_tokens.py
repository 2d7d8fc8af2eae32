"""Forged and edited tokens: 100,000 of them, none accepted."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from app.captcha.challenges import Binding
from app.captcha.keys import FixedKeys, Key, make_key
from app.captcha.tokens import Claims, TokenError, mint, read
from tests.made_captcha import make_desk

KEY = Key("2027a", "c2VjcmV0LW9mLTMyLWJ5dGVzLWZvci10aGUtdGVzdHM")
KEYS = FixedKeys([KEY])
CLAIMS = Claims("jti-1", 1000, 1120, "face", Binding("fs-1", "example.org", "login", "data"))
TOKEN = mint(CLAIMS, KEY)
OTHER = mint(replace(CLAIMS, jti="jti-2", binding=Binding("fs-2", "example.net")), KEY)
COUNT = 100_000
SEED = 20_270_115
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_ODD = "=.+/ \n\t%\0éａ\u200b\ud800😀"
_ALGORITHMS = ("none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256", None, 256)

Mutation = Callable[[random.Random], str]


def _part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _parts(token: str) -> list[dict[str, Any]]:
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


def _edit(chance: random.Random) -> str:
    """Letters changed, put in or taken out."""
    token = TOKEN
    for _ in range(chance.randint(1, 3)):
        place, letter = chance.randrange(len(token)), chance.choice(_LETTERS)
        token = chance.choice((token[:place] + letter + token[place + 1 :], token[:place] + letter + token[place:], token[:place] + token[place + 1 :]))
    return token


def _odd_letter(chance: random.Random) -> str:
    place = chance.randrange(len(TOKEN) + 1)
    return TOKEN[:place] + chance.choice(_ODD) + TOKEN[place + chance.randint(0, 1) :]


def _truncate(chance: random.Random) -> str:
    begin, end = sorted(chance.sample(range(len(TOKEN) + 1), 2))
    return TOKEN[begin:end] if (begin, end) != (0, len(TOKEN)) else TOKEN[:-1]


def _other_algorithm(chance: random.Random) -> str:
    header, _ = _parts(TOKEN)
    signature = chance.choice(("", TOKEN.rpartition(".")[2], "AA"))
    return f"{_part(header | {'alg': chance.choice(_ALGORITHMS), 'typ': chance.choice(('JWT', 'none'))})}.{TOKEN.split('.')[1]}.{signature}"


def _other_header(chance: random.Random) -> str:
    """What other libraries were once led astray by: keys and their places in the header."""
    header, _ = _parts(TOKEN)
    field = chance.choice(("kid", "jwk", "jku", "x5u", "crit", "zip", "b64"))
    return f"{_part(header | {field: chance.choice(('', '../../dev/null', [], {}, 7, None, 'http://127.0.0.1/'))})}{TOKEN[TOKEN.index('.') :]}"


def _spliced(chance: random.Random) -> str:
    """Parts of two good tokens, in any order."""
    return ".".join(chance.choices((*TOKEN.split("."), *OTHER.split("."), ""), k=chance.randint(1, 5)))


def _other_claims(chance: random.Random) -> str:
    """Claims that say more, with the signature of those that said less."""
    _, claims = _parts(TOKEN)
    name = chance.choice(list(claims))
    claims[name] = chance.choice((claims["exp"] + chance.randrange(1, 10**6), "", None, True, [claims[name]], f"{claims[name]}x"))
    head, _, signature = TOKEN.split(".")
    return f"{head}.{_part(claims)}.{signature}"


def _foreign_key(chance: random.Random) -> str:
    _, claims = _parts(TOKEN)
    key = replace(make_key(), kid=chance.choice((KEY.kid, "2027b", "")))
    return jwt.encode(claims, key.material, "HS256", headers={"kid": key.kid})


def _signed_for_others(chance: random.Random) -> str:
    """Our own signature, under something that is no token for us."""
    _, claims = _parts(TOKEN)
    name = chance.choice(("aud", "iss", "purpose", "nbf", "exp"))
    wrong: list[Any] = [f"{claims[name]}x", None, [], 7.5] + ([f"{claims[name]}"[:-1]] if isinstance(claims[name], str) else [])
    claims[name] = chance.choice(wrong)
    return jwt.api_jws.encode(json.dumps(claims).encode(), KEY.material, "HS256", headers={"kid": KEY.kid, "typ": "JWT"})


MUTATIONS: tuple[Mutation, ...] = (
    _edit,
    _odd_letter,
    _truncate,
    _other_algorithm,
    _other_header,
    _spliced,
    _other_claims,
    _foreign_key,
    _signed_for_others,
)


def _mutated(mutation: Mutation, count: int) -> Iterator[str]:
    chance = random.Random(SEED)
    made = (mutation(chance) for _ in range(count))
    return (token for token in made if token not in (TOKEN, OTHER))


def _is_read(token: str) -> bool:
    try:
        read(token, KEYS)
    except TokenError:
        return False
    return True


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__.strip("_"))
def test_of_100_000_mutated_tokens_none_is_accepted(mutation: Mutation) -> None:
    share = -(-COUNT // (len(MUTATIONS) - 1))  # one of them may give back a good token now and then, and it is left out
    tried = list(_mutated(mutation, share))
    assert [token for token in tried if _is_read(token)] == []
    assert len(tried) > 0.9 * share


def test_what_they_are_made_of_is_good() -> None:
    assert read(TOKEN, KEYS) == CLAIMS
    assert _is_read(OTHER)
    assert _parts(TOKEN)[1].items() >= asdict(CLAIMS.binding).items()


def test_mutated_tokens_of_a_pass_are_answered_like_any_nonsense(tmp_path: Path) -> None:
    desk, chance = make_desk(tmp_path), random.Random(SEED)
    good = desk.solve()["token"]
    for _ in range(100):
        place = chance.randrange(len(good) - 1)
        answer = desk.verify(good[:place] + chance.choice(_LETTERS.replace(good[place], "")) + good[place + 1 :])
        assert (answer["success"], answer["error-codes"], answer["hostname"]) == (False, ["invalid-input-response"], "")
    assert desk.verify(good)["success"]
