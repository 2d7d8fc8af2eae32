"""The way without a camera: a puzzle that costs a computer some seconds, of the `altcha` package, worth the same token.

The puzzle is kept here and looked up by its id; of the client's answer the solution alone is read, so nothing of the
puzzle can be edited. Time is the server's: no expiry travels. One puzzle is worth one token.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import altcha

from app.captcha import dummies
from app.captcha.challenges import Binding, make_id
from app.captcha.keys import Key
from app.captcha.refusals import RefusedError
from app.captcha.service import Service
from app.captcha.store import Ticket, reading

METHOD = "pow"
ALGORITHM = "PBKDF2/SHA-256"  # every browser has it built in
_SIGNING, _SOLUTION = "fersys-captcha work", "fersys-captcha work solution"


def offer(service: Service, asked: Binding, address: str) -> dict[str, Any]:
    """Hand out a puzzle, as JSON data.

    Args:
        service: the service.
        asked: as the client sent it.
        address: of the client.

    Raises:
        RefusedError: if the site key, host or action is not allowed, or the client has to wait.
        StoreError: if something cannot be reached.
    """
    if asked.sitekey in dummies.SITE_KEYS:
        return {**dummies.view(asked.sitekey), "challenge": None}
    binding = service.admit(asked, METHOD, address)
    service.rates.count("site", binding.sitekey)
    service.tidy()
    name, key = make_id(), service.keys.signing()
    puzzle = _make_puzzle(service, key)
    body = json.dumps({"puzzle": puzzle.to_dict(), "kid": key.kid})
    service.store.add_ticket(Ticket(name, "work", binding, service.clock() + service.settings.work_life, body))
    service.meters.attempts.labels(METHOD, "begun").inc()
    return {"id": name, "state": "open", "challenge": puzzle.to_dict(), "seconds_left": service.settings.work_life, "token": ""}


def _make_puzzle(service: Service, key: Key) -> altcha.Challenge:
    return altcha.create_challenge(
        ALGORITHM,
        service.settings.work_cost,
        counter=secrets.randbelow(service.settings.work_tries),
        hmac_secret=key.derive(_SIGNING),
        hmac_key_secret=key.derive(_SOLUTION),
    )


def redeem(service: Service, name: str, solution: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Take the solution of a puzzle and return the token, as JSON data.

    Args:
        service: the service.
        name: id of the puzzle.
        solution: `counter` and `derivedKey`, as altcha's solvers give them.
        address: of the client.

    Raises:
        RefusedError: if there is no such puzzle, it is over or used, the solution is wrong, or the client has to wait.
        StoreError: if something cannot be reached.
    """
    service.rates.check_pause(METHOD, address)
    ticket = service.store.get_ticket(name)
    if ticket is None or ticket.kind != "work":
        raise RefusedError("unknown-work", 404, "No such puzzle.")
    if service.clock() >= ticket.expires:
        raise RefusedError("expired", 410, "The time to solve this puzzle is over.")
    key = service.keys.verifying(reading(lambda text: str(json.loads(text)["kid"]), ticket.body))
    if key is None:
        raise RefusedError("puzzle-ended", 410, "The key behind this puzzle is no longer good: ask for another puzzle.")
    if not _is_solved(key, ticket, solution):
        service.rates.count_failure(METHOD, address)
        service.meters.attempts.labels(METHOD, "failed").inc()
        raise RefusedError("wrong-solution", 400, "This does not solve the puzzle.")
    if not service.store.spend(ticket, service.clock(), ""):
        raise RefusedError("already-used", 409, "This puzzle has been redeemed.")
    return {"id": name, "state": "passed", "token": service.mint(service.issue(ticket.binding, METHOD))}


def _is_solved(key: Key, ticket: Ticket, solution: Mapping[str, Any]) -> bool:
    given = altcha.Solution(solution.get("counter", -1), solution.get("derivedKey", ""))
    puzzle = reading(lambda text: altcha.Challenge.from_dict(json.loads(text)["puzzle"]), ticket.body)
    payload = altcha.Payload(puzzle, given)
    return altcha.verify_solution(payload, key.derive(_SIGNING), hmac_key_secret=key.derive(_SOLUTION)).verified
