"""Another site's token: site key, host and action are bound together."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from app.captcha import verifying
from app.captcha.challenges import Binding
from app.captcha.sites import Site, make_site
from tests.made_captcha import Desk, make_desk, solution_of

HOSTS = ("a.example", "b.example", "sub.b.example")
ACTIONS = ("", "login", "signup")
RULES = {"one": (["a.example"], []), "two": (["a.example", "b.example"], ["login"]), "three": (["*.b.example"], ["login", "signup"])}


@dataclass
class Sites:
    desk: Desk
    sites: dict[str, tuple[Site, str]]

    def token(self, name: str, host: str, action: str) -> str:
        """The token of a pass on a site, or "" if it does not allow this."""
        answer = self.desk.client.post("/captcha/v1/challenges", json={"sitekey": self.sites[name][0].key, "hostname": host, "action": action})
        if answer.status_code != 201:
            assert answer.json()["error"] in ("invalid-hostname", "invalid-action")
            return ""
        view = answer.json()
        while view["state"] == "open":
            view = self.desk.show(view)
        return str(view["token"])


@pytest.fixture
def sites(tmp_path: Path) -> Sites:
    desk = make_desk(tmp_path, begin_rate="1000 per 1 minute")
    made = {name: make_site(name, hosts, actions, desk.clock()) for name, (hosts, actions) in RULES.items()}
    for site, _ in made.values():
        desk.service.store.put_site(site)
    return Sites(desk, made)


def _is_allowed(name: str, host: str, action: str) -> bool:
    hosts, actions = RULES[name]
    fits = host in hosts or any(allowed.startswith("*.") and host.endswith(allowed[1:]) for allowed in hosts)
    return fits and (not actions or action in actions)


def test_the_matrix_of_sites_hosts_and_actions(sites: Sites) -> None:
    """Every token is tried with every site's secret, the wrong ones first: one of them accepts it."""
    for name, host, action in product(RULES, HOSTS, ACTIONS):
        token = sites.token(name, host, action)
        assert bool(token) is _is_allowed(name, host, action), (name, host, action)
        for other in sorted(RULES, key=name.__eq__) if token else ():
            answer = verifying.verify(sites.desk.service, {"secret": sites.sites[other][1], "response": token})
            assert answer["success"] is (other == name)
            assert (answer["hostname"], answer["action"]) == ((host, action) if other == name else ("", ""))


@pytest.mark.parametrize("host", ["<b>.b.example", "a\nb.b.example", ".b.example", "*.b.example", "x" * 300 + ".b.example", "é.b.example", "..b.example"])
def test_below_a_wildcard_a_host_is_still_a_host(sites: Sites, host: str) -> None:
    assert sites.token("three", host, "login") == ""


@pytest.mark.parametrize("host", ["evil-b.example", "b.example.evil.org", "b.example", "sub.b.example@evil.org", "evil.org#.b.example"])
def test_what_only_looks_like_an_allowed_host_is_refused(sites: Sites, host: str) -> None:
    assert sites.token("three", host, "login") == ""


def test_a_puzzle_s_token_is_bound_the_same_way(sites: Sites) -> None:
    (one, _), (_, secret) = sites.sites["one"], sites.sites["two"]
    offered = sites.desk.client.post("/captcha/v1/work", json={"sitekey": one.key, "hostname": "a.example"}).json()
    token = sites.desk.client.post(f"/captcha/v1/work/{offered['id']}", json=solution_of(offered)).json()["token"]
    assert verifying.verify(sites.desk.service, {"secret": secret, "response": token})["error-codes"] == ["invalid-input-response"]
    assert verifying.verify(sites.desk.service, {"secret": sites.sites["one"][1], "response": token})["success"]


def test_a_key_and_a_secret_of_two_sites_are_nobody_s(sites: Sites) -> None:
    (one, _), (_, secret) = sites.sites["one"], sites.sites["two"]
    mixed = f"{one.key}.{secret.partition('.')[2]}"
    assert not one.knows(mixed)
    token = sites.desk.service.mint(sites.desk.service.issue(Binding(one.key, "a.example"), "face"))
    assert verifying.verify(sites.desk.service, {"secret": mixed, "response": token})["error-codes"] == ["invalid-input-secret"]
