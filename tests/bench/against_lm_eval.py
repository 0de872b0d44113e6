"""Time of scoring and of greedy text against lm-evaluation-harness. Usage: python tests/bench/against_lm_eval.py --help

Both sides answer the same questions of a study on this machine, from the same token ids: lm-eval gets them where it
would call its tokenizer. They take turns in one process, with the same threads. Each pair of runs gives a ratio of
seconds, and one of the CPU's seconds, which other processes on the machine disturb less.
Model and questions are made by `snakemake --cores 1 -- results/models/gemma-3-270m
results/questions/intent_understanding.jsonl`; lm-eval comes with `uv pip install --group bench -c requirements.lock`.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as of a job
os.environ.setdefault("LLAMAFACTORY_VERBOSITY", "WARN")

import torch
import typer

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow/scripts")]

from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

from finintent.files import read_jsonl  # noqa: E402
from finintent.inference.likelihood import draw_orders, predict  # noqa: E402
from finintent.inference.loading import load_model  # noqa: E402
from finintent.inference.packed import pack_weights  # noqa: E402
from finintent.inference.prompting import Prompter  # noqa: E402
from finintent.task.taxonomy import read_taxonomy  # noqa: E402
from finintent.task.wording import read_instruction  # noqa: E402

STUDY = ROOT / "results"
RESOURCES = ROOT / "resources/intent_understanding"
SEED = 42
TRIED = 32  # questions on which lm-eval's batch sizes are compared


class Peer(HFLM):
    """lm-eval's model, with prompts whose token ids are known by their text."""

    def __init__(self, model: Any, tokenizer: Any, ids: dict[str, list[int]]) -> None:
        super().__init__(pretrained=model, tokenizer=tokenizer, device=str(model.device))
        self._ids = ids

    def tok_encode(self, string: str, *args: Any, **kwargs: Any) -> list[int]:
        return self._ids[string] if string in self._ids else super().tok_encode(string, *args, **kwargs)

    def tok_batch_encode(self, strings: list[str], **_: Any) -> tuple[torch.Tensor, torch.Tensor]:
        rows = [self._ids[string] for string in strings]
        width = max(map(len, rows))
        ids = [[self.tokenizer.pad_token_id] * (width - len(row)) + row for row in rows]
        mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids), torch.tensor(mask)


def main(
    model: Path = STUDY / "models/gemma-3-270m",
    questions: Path = STUDY / "questions/intent_understanding.jsonl",
    template: str = "gemma",
    precision: Annotated[str, typer.Option(help="fp32 or bf16")] = "fp32",
    orders: Annotated[int, typer.Option(help="orders of each question's options, its own first")] = 1,
    text: Annotated[int, typer.Option(help="most tokens of the greedy text; 0: none")] = 0,
    pairs: int = 3,
    limit: Annotated[int, typer.Option(help="first so many questions; 0: all")] = 0,
    batch_size: Annotated[int, typer.Option(help="of this project: scoring.batch_size")] = 16,
    peer_batch_size: Annotated[int, typer.Option(help="of lm-eval; 0: the fastest of 1 to 32 on some questions")] = 0,
) -> None:
    """Answer by letter on both sides, print the seconds of each pair, and compare what was answered."""
    taxonomy = read_taxonomy(RESOURCES / "taxonomy.yaml")
    instruction = read_instruction(RESOURCES / "prompts/instruction.yaml")
    prompter = Prompter(str(model), template)
    asked = read_jsonl(questions)[: limit or None]
    prompts = []  # of each question, in each order
    for question in asked:
        for order in draw_orders(question["options"], orders, f"{SEED} {question['id']}"):
            named = {letter: taxonomy.names[code] for letter, code in order.items()}
            turn = instruction.render(question["question"], named, "letter")
            prompts.append(prompter.encode(turn, "")[0])
    letters = list(asked[0]["options"])
    position = prompter.deciding_position(letters)
    contexts = [prompt + position.prefix for prompt in prompts]
    own = {f"prompt {number}": ids for number, ids in enumerate(prompts[::orders])}
    bf16 = precision == "bf16"
    peer = Peer(load_model(str(model), bf16), prompter.tokenizer, own)
    ours = pack_weights(load_model(str(model), bf16))

    def ask_peer(count: int, with_text: int) -> tuple[list[float], list[str]]:
        """Return the log-likelihood of each letter after each of the first `count` contexts, and the texts."""
        requests = [
            (("", ""), context, [position.token_ids[letter]]) for context in contexts[:count] for letter in letters
        ]
        scores = [score for score, _ in peer._loglikelihood_tokens(requests, disable_tqdm=True)]
        settings = {"until": [], "max_gen_toks": with_text, "do_sample": False}
        texts = [
            Instance(request_type="generate_until", doc={}, arguments=(key, settings), idx=0)
            for key in list(own)[: count // orders]
        ]
        return scores, peer.generate_until(texts, disable_tqdm=True) if with_text else []

    def ask_ours(count: int) -> tuple[list[float], list[str]]:
        """Return the same for the first `count` questions."""
        rows = predict(
            ours, prompter, asked[:count], taxonomy, instruction, batch_size=batch_size, seed=SEED, permutations=orders,
            max_new_tokens=text,
        )  # fmt: skip
        scores = [
            order.log_probabilities[code]
            for row in rows
            for order in (row, *row.permutations)
            for code in order.options.values()
        ]
        return scores, [row.text for row in rows] if text else []

    ask_peer(orders, text)  # what a first pass loads, neither side pays for
    ask_ours(1)
    if not peer_batch_size:
        seconds = {}
        for size in (1, 2, 4, 8, 16, 32):
            peer.batch_size_per_gpu = size
            seconds[size] = timed(lambda: ask_peer(min(TRIED, len(contexts)), text))[0]
        peer_batch_size = min(seconds, key=seconds.get)
        print("lm-eval's seconds by batch size:", json.dumps(seconds), flush=True)
    peer.batch_size_per_gpu = peer_batch_size
    ratios = []
    for number in range(pairs):
        sides = [("peer", lambda: ask_peer(len(contexts), text)), ("ours", lambda: ask_ours(len(asked)))]
        results = {name: timed(run) for name, run in (sides if number % 2 == 0 else sides[::-1])}
        (theirs, their_cpu, _), (own_time, own_cpu, _) = results["peer"], results["ours"]
        ratios.append((theirs / own_time, their_cpu / own_cpu))
        print(
            f"pair {number + 1}: lm-eval {theirs:.2f} s (CPU {their_cpu:.2f} s), this project {own_time:.2f} s "
            f"(CPU {own_cpu:.2f} s), ratio {ratios[-1][0]:.2f} (CPU {ratios[-1][1]:.2f})",
            flush=True,
        )
    (scores, texts), (own_scores, own_texts) = (results[name][-1] for name in ("peer", "ours"))
    differences = [abs(left - right) for left, right in zip(scores, own_scores, strict=True)]
    best = [
        [max(range(len(letters)), key=lambda place: row[start + place]) for start in range(0, len(row), len(letters))]
        for row in (scores, own_scores)
    ]
    print(
        json.dumps(
            {
                "questions": len(asked), "orders": orders, "text_tokens": text, "precision": precision,
                "threads": torch.get_num_threads(), "peer_batch_size": peer_batch_size, "batch_size": batch_size,
                "median_ratio": median(wall for wall, _ in ratios),
                "median_cpu_ratio": median(cpu for _, cpu in ratios), "largest_difference": max(differences),
                "other_letters": sum(left != right for left, right in zip(*best, strict=True)),
                "other_texts": sum(
                    left.strip() != right for left, right in zip(texts, own_texts, strict=True)
                ),
            }
        )
    )  # fmt: skip


def timed(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return the seconds that a call takes, those of all its threads' computing, and what it returns."""
    start, computed = time.perf_counter(), time.process_time()
    result = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start, time.process_time() - computed, result


if __name__ == "__main__":
    typer.run(main)
