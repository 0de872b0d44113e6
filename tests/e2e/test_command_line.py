"""The commands that need a model, with a tiny random one, and the page in a real browser."""

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finintent.errors import DataError
from finintent.inference.classifier_file import ClassifierFile, read_classifier, write_classifier
from finintent.task.questions import read_texts
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
EXAMPLE = "where is my order"


@pytest.fixture(scope="module")
def tuned(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the workflow leaves it: the weights, and the small file beside them."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "model").symlink_to(tiny_models["tiny-b"])
    classifier = ClassifierFile(
        template="gemma",
        taxonomy=read_taxonomy(RESOURCES / "taxonomy.yaml"),
        instruction=read_instruction(RESOURCES / "prompts/instruction.yaml"),
        temperature=0.5,
        precision="fp32",
        examples=(EXAMPLE,),
    )
    write_classifier(folder / "classifier.json", classifier)
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "finintent.cli", *map(str, arguments)]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts"), "HF_HUB_OFFLINE": "1"}


def classify(*arguments: object, lines: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        command("classify", *arguments), input=lines, env=environment(), capture_output=True, text=True, check=False
    )


def test_a_file_of_questions_is_classified_and_nothing_else_is_printed(tuned: Path):
    from finintent.inference.classifier import load_classifier

    lines = f'{{"question": "{EXAMPLE}"}}\n\n{{"text": " reset the code "}}\n'
    result = classify("--model", tuned, "--jsonl", "-", "--json", lines=lines)
    assert (result.returncode, result.stderr) == (0, "")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["question"] for row in rows] == [EXAMPLE, "reset the code"]
    for row in rows:
        shares = list(row["probabilities"].values())
        assert set(row["probabilities"]) == {"billing", "shipping", "account"}
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        assert row["label"] == next(iter(row["probabilities"]))
        assert row["name"] == row["label"].title()
    # The temperature divides the log-probabilities: at 0.5 the odds are those at 1, squared.
    classifier = load_classifier(tuned)
    classifier.settings = read_classifier(tuned).model_copy(update={"temperature": 1.0})
    (plain,) = classifier.classify([EXAMPLE])
    first, second, _ = plain["probabilities"].values()
    odds = rows[0]["probabilities"][plain["label"]] / list(rows[0]["probabilities"].values())[1]
    assert math.log(odds) == pytest.approx(2 * math.log(first / second), rel=1e-3)


def test_a_model_that_answers_by_label_is_asked_for_labels(tuned: Path):
    from finintent.inference.classifier import Classifier
    from finintent.inference.likelihood import predict
    from finintent.inference.loading import load_model
    from finintent.inference.prompting import Prompter

    by_letter = read_classifier(tuned).model_copy(update={"temperature": 1.0})
    by_label = by_letter.model_copy(update={"answer": "label"})
    model, prompter = load_model(str(tuned / "model"), bf16=False), Prompter(str(tuned / "model"), "gemma")
    taxonomy = by_label.taxonomy
    question = {"id": "0", "question": EXAMPLE, "options": taxonomy.options, "gold": "billing", "hard": False}
    for settings, answer in ((by_letter, "letter"), (by_label, "label")):
        (found,) = Classifier(tuned / "model", settings).classify([EXAMPLE])
        (row,) = predict(
            model, prompter, [question], taxonomy, settings.instruction, batch_size=1, seed=0, answer=answer
        )
        odds = {code: math.exp(value) for code, value in row.log_probabilities.items()}
        expected = {code: value / sum(odds.values()) for code, value in odds.items()}
        assert found["probabilities"] == pytest.approx(expected, rel=1e-4)


def test_a_question_is_answered_in_words(tuned: Path):
    result = classify(EXAMPLE, "--model", tuned)
    question, *shares = result.stdout.splitlines()
    assert (question, result.stderr, len(shares)) == (EXAMPLE, "", 3)
    assert shares[0].split()[1] == "%"
    assert {share.split()[2] for share in shares} == {"Billing", "Shipping", "Account"}


def test_a_tie_is_no_answer(tuned: Path, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    from finintent.cli import app
    from finintent.inference.demo import shown_shares

    shutil.copytree(tuned, tmp_path / "tied")
    model = AutoModelForCausalLM.from_pretrained(tuned / "model")
    model.lm_head.weight.data.zero_()
    model.save_pretrained(tmp_path / "tied/model")
    arguments = ["classify", EXAMPLE, "--model", str(tmp_path / "tied")]
    text = CliRunner().invoke(app, arguments).stdout.splitlines()
    assert text[1] == "  tie: several labels are the most probable, so none is the answer"
    assert [line.split()[0] for line in text[2:]] == ["33.3"] * 3
    row = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert (row["label"], row["name"]) == (None, None)
    names = read_classifier(tuned).taxonomy.names
    assert shown_shares(row, names) == "tie: Billing 33.3 %, Shipping 33.3 %, Account 33.3 %"
    assert shown_shares(row | {"label": "billing"}, names) == dict.fromkeys(names.values(), pytest.approx(1 / 3))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"question": "a"}\n\n{"question": " "}\n', "line 3: question is ' ', expected some text"),
        (
            '{"question": "a"}\n{"ask": "b"}\n',
            "line 2: found {'ask': 'b'}, expected question or text or query",
        ),
        ('{"question": "a"}\n[1]\n', "line 2: found [1], expected an object"),
        ("nonsense\n", "line 1: not JSON"),
        ("\n", "no rows, expected at least one"),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, lines: str, message: str):
    (tmp_path / "file.jsonl").write_text(lines)
    with pytest.raises(DataError) as caught:
        read_texts(tmp_path / "file.jsonl")
    assert message in str(caught.value)
    assert "file.jsonl" in str(caught.value)


def test_a_mistake_ends_the_command_with_one_sentence(tuned: Path):
    result = classify(" ", "--model", tuned)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "DataError: the question is ' ', expected some text, with a letter or a digit in it\n"


@pytest.fixture(scope="module")
def chromium() -> tuple[str, str]:
    """The paths of a browser and of what drives it."""
    pytest.importorskip("selenium", reason="selenium is not installed")
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no Chromium with chromedriver on this machine")
    return browser, driver


@contextmanager
def served(tiny_models: dict[str, Path], tuned: Path, **more: str) -> Iterator[str]:
    """Serve the page on a free port, with more variables in the environment, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = command("demo", "--base", tiny_models["tiny-a"], "--tuned", tuned, "--port", port)
    server = subprocess.Popen(arguments, env=environment() | more, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    assert line.startswith(f"http://127.0.0.1:{port}/"), line
    yield line.split()[0]
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture(scope="module")
def address(chromium: tuple[str, str], tiny_models: dict[str, Path], tuned: Path) -> Iterator[str]:
    """The address of a running page; none is started where no browser can open it."""
    with served(tiny_models, tuned) as page:
        yield page


@pytest.fixture
def browser(chromium: tuple[str, str]) -> Iterator:
    """A headless Chromium that logs what it asks the network for."""
    from selenium import webdriver

    binary, driver = chromium
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield session
    session.quit()


def test_the_page_shows_both_models_and_needs_no_network(browser, address: str, tuned: Path, tiny_models):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    from finintent.inference.classifier import load_base, load_classifier

    def shown(element: str) -> list[str]:
        return browser.find_element(By.ID, element).text.splitlines()

    browser.get(address)
    wait = WebDriverWait(browser, 60)
    wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "#question textarea"))
    browser.find_element(By.ID, "ask").click()
    wait.until(lambda page: "expected some text" in page.find_element(By.TAG_NAME, "body").text)
    browser.find_element(By.CSS_SELECTOR, "#question textarea").send_keys(EXAMPLE)
    browser.find_element(By.ID, "ask").click()
    wait.until(lambda page: any("%" in line for line in shown("tuned")))
    for element, classifier in (
        ("base", load_base(tiny_models["tiny-a"], read_classifier(tuned))),
        ("tuned", load_classifier(tuned)),
    ):
        (answer,) = classifier.classify([EXAMPLE])
        bars = [(code.title(), f"{100 * share:.0f}%") for code, share in answer["probabilities"].items()]
        assert shown(element)[1] == answer["name"]
        assert shown(element)[2:] == [text for bar in bars for text in bar]

    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["requestId"]: event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    blocked = {
        event["params"]["requestId"]
        for event in events
        if event["method"] == "Network.loadingFailed" and event["params"].get("blockedReason") == "csp"
    }
    elsewhere = [
        url
        for number, url in asked.items()
        if not url.startswith((address, "data:", "blob:")) and number not in blocked
    ]
    assert elsewhere == []


def test_the_page_goes_without_the_environments_proxies(tiny_models: dict[str, Path], tuned: Path):
    proxies = {
        "ALL_PROXY": "socks://127.0.0.1:9/",
        "all_proxy": "socks5://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with served(tiny_models, tuned, **proxies) as address, direct.open(address, timeout=10) as page:
        assert page.status == 200


def test_an_example_is_answered_at_a_click(browser, address: str):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(address)
    wait = WebDriverWait(browser, 60)
    (example,) = wait.until(lambda page: page.find_elements(By.XPATH, f"//button[normalize-space()='{EXAMPLE}']"))
    example.click()
    wait.until(lambda page: "%" in page.find_element(By.ID, "tuned").text)
    assert browser.find_element(By.CSS_SELECTOR, "#question textarea").get_attribute("value") == EXAMPLE


def test_a_port_in_use_is_told(tiny_models: dict[str, Path], tuned: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = command("demo", "--base", tiny_models["tiny-a"], "--tuned", tuned, "--port", port)
        result = subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    expected = f"ConfigError: port {port} cannot be used (Address already in use); give another one with --port\n"
    assert result.stderr == expected
