"""The front matter of a README."""

import pytest

from hub.local.cards import front_matter, tags
from hub.local.refusals import RefusalError


def test_metadata_stands_between_two_lines_of_dashes() -> None:
    assert front_matter("---\nlicense: mit\ntags: [a]\n---\n# Model\n---\n") == {"license": "mit", "tags": ["a"]}
    assert front_matter("---\r\nlicense: mit\r\n---\r\n") == {"license": "mit"}


@pytest.mark.parametrize("text", ["", "# Model", "# Model\n---\nlicense: mit\n---\n", "---\n# only a comment\n---\n"])
def test_a_readme_may_have_none(text: str) -> None:
    assert front_matter(text) == {}


@pytest.mark.parametrize(
    "block", ["a: [", "- a", "plain", "a: !!python/object/apply:os.getcwd []", "2024-01-01: a", "a: .nan", "a: &a [*a]", "a: " + "[" * 5000]
)
def test_metadata_that_is_no_mapping_of_plain_values_is_refused(block: str) -> None:
    with pytest.raises(RefusalError, match=r"Invalid metadata in README\.md"):
        front_matter(f"---\n{block}\n---\n")


def test_a_repository_is_found_by_library_task_and_licence() -> None:
    data = {"library_name": "keras", "pipeline_tag": "image-classification", "license": "mit", "tags": ["faces", 7]}
    assert tags(data) == ["faces", "keras", "image-classification", "license:mit"]
    assert tags({}) == tags({"tags": 7, "license": ["mit"]}) == []


def test_a_date_is_text() -> None:
    assert front_matter("---\nday: 2024-01-01\n---\n") == {"day": "2024-01-01"}
