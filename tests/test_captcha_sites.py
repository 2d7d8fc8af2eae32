from dataclasses import replace

import pytest

from app.captcha.challenges import Binding
from app.captcha.refusals import RefusedError
from app.captcha.sites import Site, frame_ancestors, from_json, key_of, make_site, rotate, to_json
from fersys.errors import ConfigError

SITE = Site("fs-1", "a site", ("example.org", "*.example.net", "localhost"))


def test_a_new_site_knows_its_secret_and_keeps_a_hash_alone() -> None:
    site, secret = make_site("a site", ["Example.org"], [], 1.0)
    assert site.knows(secret)
    assert site.hosts == ("example.org",)
    assert secret not in to_json(site)
    assert secret.partition(".")[2] not in to_json(site)
    assert key_of(secret) == site.key


def test_two_secrets_are_valid_at_a_time() -> None:
    site, first = make_site("a site", ["example.org"], [], 1.0)
    site, second = rotate(site, 2.0)
    assert [site.knows(first), site.knows(second)] == [True, True]
    site, third = rotate(site, 3.0)
    assert [site.knows(first), site.knows(second), site.knows(third)] == [False, True, True]


@pytest.mark.parametrize("secret", ["", "fs-1", "fs-1.", "fs-1.wrong", "\ud800"])
def test_another_secret_is_not_known(secret: str) -> None:
    site, _ = make_site("a site", ["example.org"], [], 1.0)
    assert not site.knows(secret)
    assert not replace(site, secrets=()).knows(secret)


@pytest.mark.parametrize("hostname", ["example.org", "EXAMPLE.ORG", "example.org.", "a.example.net", "a.b.example.net", "localhost"])
def test_its_hosts_are_allowed(hostname: str) -> None:
    bound = SITE.bind(Binding("fs-1", hostname))
    assert bound.hostname == hostname.lower().rstrip(".")


@pytest.mark.parametrize(
    "hostname", ["", "example.com", "www.example.org", "example.org.evil.com", "evilexample.net", "example.net", "example.org:443", "*.example.net\n"]
)
def test_other_hosts_are_not(hostname: str) -> None:
    with pytest.raises(RefusedError) as caught:
        SITE.bind(Binding("fs-1", hostname))
    assert caught.value.code == "invalid-hostname"


@pytest.mark.parametrize("action", ["a" * 33, "log in", "é", "a\n"])
def test_an_action_that_is_none_is_refused(action: str) -> None:
    with pytest.raises(RefusedError) as caught:
        SITE.bind(Binding("fs-1", "example.org", action))
    assert caught.value.code == "invalid-action"


def test_a_site_may_name_its_actions() -> None:
    site = replace(SITE, actions=("login",))
    assert site.bind(Binding("fs-1", "example.org", "login")).action == "login"
    for action in ("", "signup"):
        with pytest.raises(RefusedError, match="Action"):
            site.bind(Binding("fs-1", "example.org", action))


@pytest.mark.parametrize("cdata", ["c" * 256, "a b", "<"])
def test_data_out_of_bounds_are_refused(cdata: str) -> None:
    with pytest.raises(RefusedError) as caught:
        SITE.bind(Binding("fs-1", "example.org", "", cdata))
    assert caught.value.code == "invalid-cdata"


@pytest.mark.parametrize("host", ["", "*", "*.*", "https://example.org", "example.org:80", "example.org/", "a b", "-a.org", "'self'", "a;b", "h" * 254])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="Hosts"):
        make_site("a site", [host], [], 1.0)


def test_a_site_has_hosts_and_its_actions_are_words() -> None:
    with pytest.raises(ConfigError, match="Hosts"):
        make_site("a site", [], [], 1.0)
    with pytest.raises(ConfigError, match="Actions"):
        make_site("a site", ["example.org"], ["log in"], 1.0)


def test_it_comes_back_as_it_was_stored() -> None:
    site, _ = make_site("a site", ["example.org"], ["login"], 1.0)
    assert from_json(to_json(site)) == site


def test_its_hosts_alone_may_embed_the_widget() -> None:
    assert frame_ancestors(SITE) == "https://example.org:* https://*.example.net:* http://localhost:* https://localhost:*"


@pytest.mark.parametrize("secret", ["", "fs-1", "abc"])
def test_what_is_not_formed_like_a_secret_names_no_site(secret: str) -> None:
    assert key_of(secret) == ""
