import pytest

from finintent.task.language import in_language


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("茅台PE多少", "zh", True),
        ("600519", "zh", True),
        ("where is it", "zh", False),
        ("where is it", "en", True),
        ("где", "en", False),
        ("это акция?", "ru", True),
    ],
)
def test_language_by_script(text: str, language: str, expected: bool):
    assert in_language(text, language) is expected


def test_only_the_language_counts_and_only_known_ones_are_checked():
    assert in_language("茅台", "zh-Hant_TW")
    assert not in_language("where", "ZH")
    assert in_language("где", "xx")
    assert in_language("すし", "ja")
    assert not in_language("すし", "zh")
