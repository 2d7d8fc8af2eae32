"""What the page shows of the loaded models' packages."""

import hashlib
from pathlib import Path

from app.cards import loaded_weights, read_card, versions
from app.models import Model, load_models
from tests.fake_recognizer import FakeRecognizer
from tests.tiny_package import make_package

CARD = """---
license: other
---
# Tiny

![learning curve](figures/history.png) <img src="https://example.org/spy.png"> See [the licence](LICENSE.md) and [FER](https://example.org).

```python
# no heading
```
## Law
"""


def test_a_card_comes_without_front_matter_pictures_and_dead_links(tmp_path: Path) -> None:
    (make_package(tmp_path, "tiny") / "README.md").write_text(CARD)
    card = read_card(load_models([tmp_path / "tiny"])[0])
    assert card.startswith("### Tiny")
    assert "#### Law" in card
    assert "\n# no heading\n" in card
    assert "licence and [FER](https://example.org)" in card
    assert not [word for word in ("license: other", "figures", "spy", "LICENSE") if word in card]


def test_a_model_without_a_card_or_a_folder_has_none(tmp_path: Path) -> None:
    assert read_card(load_models([make_package(tmp_path, "tiny")])[0]) == ""
    assert read_card(Model(FakeRecognizer("fake", lambda _: 0))) == ""


def test_the_hash_is_that_of_the_file_which_answers(tmp_path: Path) -> None:
    package = make_package(tmp_path, "tiny")
    (weights,) = loaded_weights(load_models([package]))
    assert (weights.title, weights.name, weights.sha256) == ("tiny", "model.onnx", hashlib.sha256((package / "model.onnx").read_bytes()).hexdigest())
    assert loaded_weights([Model(FakeRecognizer("fake", lambda _: 0))]) == []


def test_versions_name_what_takes_part() -> None:
    named = " ".join(versions())
    assert all(name in named for name in ("FER-Sys", "Python", "gradio", "onnxruntime"))
