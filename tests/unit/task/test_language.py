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
