"""The page as a whole: what it offers, to whom, and what it would load from elsewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.demo import TABS, appearance, build_demo
from app.models import Arms, Measurement, Model
from app.page import Page
from app.server import Address, privacy
from app.tabs.about import absences, note, table
from app.words import say
from fersys.errors import ConfigError
from tests.fixed import Fixed
from tests.served import Served, fetch, serve
from tests.tiny_deepface import weights_in

MODELS = [
    Model(Fixed("first", "happy"), (Measurement("validation", 3585, 0.7, 0.6), Measurement("test", 3589, 0.6543, 0.6))),
    Model(Fixed("<second>", "sad")),
]
PAGE = Page(Arms(tuple(MODELS[:1]), tuple(MODELS[1:])), "page.privacy_share")


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    return dict(build_demo(PAGE).get_config_file())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


def html_of(page: dict[str, Any]) -> str:
    """All HTML of the page in English; what the browser translates is looked up."""
    values = [part["props"].get("value") for part in page["components"] if part["type"] == "html"]
    return " ".join(english(value) for value in values)


def english(value: Any) -> str:
    marked = re.fullmatch(r"__i18n__(.*)", str(value))
    key = json.loads(marked[1])["key"] if marked else getattr(value, "key", None)
    return str(PAGE.words.table().translations["en"][key]) if key else str(value)


def test_page_has_a_tab_for_each_line_of_the_table(page: dict[str, Any]) -> None:
    titles = [english(part["props"]["label"]) for part in page["components"] if part["type"] == "tabitem"]
    assert titles == [say("en", tab.TITLE) for tab in TABS]
    assert {"Image", "About"} <= set(titles)


def test_page_says_where_pictures_go_and_what_an_answer_is_not(page: dict[str, Any]) -> None:
    assert say("en", "page.privacy_share") in html_of(page)
    assert "not what a person feels" in html_of(page)


def test_names_of_models_are_escaped(page: dict[str, Any]) -> None:
    assert "&lt;second&gt;" in html_of(page)
    assert "<second>" not in html_of(page)


def test_two_endpoints_are_public_and_say_what_they_do(served: Served) -> None:
    described = json.loads(fetch(f"{served.url}/gradio_api/info"))
    assert set(described["named_endpoints"]) == {"/classify", "/compare"}
    assert described["unnamed_endpoints"] == {}
    for name, told in (("/classify", "seven expressions"), ("/compare", "whether they agree")):
        assert told in described["named_endpoints"][name]["description"]


def test_what_keeps_pictures_is_not_used(page: dict[str, Any]) -> None:
    """An image output is written to disk and served; a state outlives its answer."""
    kinds = {part["type"] for part in page["components"]}
    assert not kinds & {"image", "gallery", "annotatedimage", "state", "fileexplorer", "loginbutton"}


def test_fonts_are_those_of_the_system() -> None:
    theme = appearance()["theme"]
    assert [sheet for font in (*theme._font, *theme._font_mono) for sheet in font.stylesheet().values() if sheet] == []


def test_what_we_add_to_the_page_names_no_other_host() -> None:
    look = appearance()
    texts = look["head"] + "".join(path.read_text() for path in look["css_paths"])
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", texts.replace("http://www.w3.org/2000/svg", "")) == []


def test_note_gives_the_first_model_s_accuracy_on_the_last_split() -> None:
    assert "first is right on 65.4% of FER2013's test images" in note(MODELS)


def test_models_are_shown_by_their_titles() -> None:
    titled = [Model(Fixed("first", "happy", title="First, by us"), MODELS[0].measurements)]
    assert "First, by us is right on 65.4%" in note(titled)
    assert '<th scope="row">First, by us</th>' in table(titled)


def test_a_built_in_model_whose_weights_are_not_here_is_named_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights_in(tmp_path, monkeypatch)
    said = absences(MODELS)
    assert said.startswith("<p>Not shown: DeepFace as its author published it")
    assert path.name in said
    assert str(path.parent) not in said
    weights_in(tmp_path, monkeypatch, b"there")
    assert absences(MODELS) == ""


def test_note_gives_no_number_that_was_not_measured() -> None:
    assert not re.search(r"\d%", note(MODELS[1:]))


def test_table_shows_what_was_measured_and_a_dash_for_the_rest() -> None:
    rows = re.findall(r"<tr>.*?</tr>", table(MODELS))
    assert re.findall(r"<td>(.*?)</td>", rows[1]) == ["0.700", "0.600", "0.654", "0.600"]
    assert re.findall(r"<td>(.*?)</td>", rows[2]) == ["–"] * 4


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3", "::1"])
def test_a_page_for_this_machine_alone_says_so(host: str) -> None:
    assert "never leaves this computer" in say("en", privacy(Address(host=host)))


@pytest.mark.parametrize("address", [Address(host="0.0.0.0"), Address(host="192.0.2.7"), Address(host="example.org"), Address(share=True)])
def test_a_page_that_others_can_reach_does_not_say_so(address: Address) -> None:
    assert "never leaves" not in say("en", privacy(address))


def test_a_shared_page_names_the_tunnel() -> None:
    assert "tunnel" in say("en", privacy(Address(share=True)))


def test_address_on_all_interfaces_is_shown_as_one_to_click() -> None:
    assert Address(host="0.0.0.0", port=8000).url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_impossible_port_is_an_error_of_ours(port: int) -> None:
    with pytest.raises(ConfigError, match=f"Received: {port}"):
        Address(port=port)
