"""A web page on which a base model and its tuned model answer the same question, side by side."""

import os
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

import gradio
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from finintent.errors import FinintentError
from finintent.inference.classifier import Classifier

# Gradio's page loads a script from a content network; this policy lets browsers load from the page's own server only.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
STYLE = """
footer {display: none !important}
.gradio-container {width: 100%; max-width: 60rem !important; margin: 0 auto !important}
"""


def build_page(base: Classifier, tuned: Classifier) -> gradio.Blocks:
    """Return the page: a question, and each model's probabilities of the labels, most probable first."""
    names = tuned.settings.taxonomy.names

    def answer(question: str) -> list[dict[str, float] | str]:
        try:
            both = [classifier.classify([question])[0] for classifier in (base, tuned)]
        except FinintentError as error:
            raise gradio.Error(str(error), print_exception=False) from None
        return [shown_shares(row, names) for row in both]

    system = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    calibrated = f"Tuned (temperature {tuned.settings.temperature:.2f})"
    title = tuned.settings.taxonomy.title
    with gradio.Blocks(title=title, theme=system, css=STYLE, analytics_enabled=False) as page:
        gradio.Markdown(f"# {title}\nThe same question to a model before and after it was tuned.")
        question = gradio.Textbox(label="Question", lines=1, max_lines=4, elem_id="question")
        ask = gradio.Button("Ask both", variant="primary", elem_id="ask")
        with gradio.Row():
            answers = [
                gradio.Label(label=label, num_top_classes=len(names), elem_id=element)
                for label, element in (("Base", "base"), (calibrated, "tuned"))
            ]
        if tuned.settings.examples:
            gradio.Examples(
                [[text] for text in tuned.settings.examples], question, answers, answer, run_on_click=True,
                cache_examples=False, label="Examples",
            )  # fmt: skip
        gradio.on([ask.click, question.submit], answer, question, answers)
    return page


def serve(page: gradio.Blocks, port: int) -> str:
    """Serve the page on this machine alone, in the background, and return its address."""
    _, address, _ = page.launch(
        server_name="127.0.0.1",
        server_port=port,
        app_kwargs={"middleware": [Middleware(_OwnServerOnly)]},
        prevent_thread_lock=True,
        share=False,
        show_api=False,
        ssr_mode=False,
        quiet=True,
    )
    return address


def shown_shares(row: dict[str, Any], names: dict[str, str]) -> dict[str, float] | str:
    """Return what a label of the page shows: the probabilities by name, of which it names the highest, or a tie."""
    shares = {names[code]: share for code, share in row["probabilities"].items()}
    if row["label"] is not None:
        return shares
    return "tie: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())


class _OwnServerOnly:
    """Adds the policy to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY
            await send(message)

        await self._app(scope, receive, send_with_policy)
