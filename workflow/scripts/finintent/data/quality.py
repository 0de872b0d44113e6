"""Measures of the diversity and quality of a curated data set."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import entropy, hypergeom
from sklearn.metrics import cohen_kappa_score

from finintent.data.curation import UNKNOWN_PERSONA, Row
from finintent.data.similarity import nearest_other
from finintent.errors import DataError
from finintent.task.text import normalise

NGRAMS = (1, 2, 3)  # characters
SAMPLE = 1000  # n-grams, to compare distinct-n of sets of different sizes
BIN_EDGES = np.arange(0, 101, 5)  # of similarity, in percent
NEAREST_PAIRS = 10
DUPLICATE_REASONS = ("duplicate", "near_duplicate")


def measure(rows: list[Row], rejected: list[Row], taxonomy_codes: list[str], personas: list[str]) -> dict[str, Any]:
    """Return the measures of a curated data set as plain JSON values.

    Args:
        rows: the curated rows, training and validation together.
        rejected: the rejected rows with their `reason`.
        taxonomy_codes: the codes of the labels.
        personas: ids of the personas.

    Returns:
        length: of the queries, in characters, with the number of rows of each length that occurs.
        distinct_n: for each n of NGRAMS the distinct character n-grams over all n-grams of the normalised texts
            (Li et al. 2016, https://aclanthology.org/N16-1014), of all rows and as the mean of the labels. It falls as
            a set grows, so compare sets of different sizes, or a set with its labels, by the `sampled` values only:
            the expected distinct-n of SAMPLE n-grams drawn without replacement (the HD-D of McCarthy and Jarvis 2010,
            https://doi.org/10.3758/BRM.42.2.381, which draws 42 words); None where a set has fewer.
        near_duplicate_rate: share of all candidates that curation rejected as a duplicate or near duplicate.
        nearest_neighbour, nearest_evaluation: similarity (0-100, `similarity.similarity`) of each row to the nearest
            other row, and to the nearest evaluation question; only the question's index is given, as the result is
            public.
        label_balance: rows by label, and the entropy over that of a uniform distribution (1 = even).
        persona_share: share of the rows by persona; empty where no row was written for one.
        judge: agreement (0-1) and Cohen's kappa of the requested and the judged labels of all judged rows, rejected
            ones included; None without judged rows. kappa is None where all labels of both are the same.

    Raises:
        DataError: there are fewer than two rows.
    """
    if len(rows) < 2:
        raise DataError(
            f"data quality: found {len(rows)} curated row(s), expected at least 2; raise curation.train_rows"
        )
    table = pd.DataFrame([{key: row[key] for key in ("id", "query", "label", "persona")} for row in rows])
    table["text"] = table["query"].map(normalise)
    reasons = Counter(row["reason"] for row in rejected)
    return {
        "rows": len(rows),
        "length": _length(table, taxonomy_codes),
        "distinct_n": {str(n): _distinct_n(table, n) for n in NGRAMS},
        "distinct_n_sample": SAMPLE,
        "near_duplicate_rate": sum(reasons[reason] for reason in DUPLICATE_REASONS) / (len(rows) + len(rejected)),
        "rejected_per_reason": dict(reasons),
        "nearest_neighbour": _spread(nearest_other(list(table["text"]))),
        "nearest_evaluation": _nearest_evaluation(rows),
        "label_balance": _label_balance(table, taxonomy_codes),
        "persona_share": _persona_share(table, personas),
        "judge": _judge(rows + rejected, taxonomy_codes),
    }


def _length(table: pd.DataFrame, codes: list[str]) -> dict[str, Any]:
    lengths = table["query"].str.len()
    values, counts = np.unique(lengths, return_counts=True)
    means = lengths.groupby(table["label"]).mean()
    return {
        "mean": float(lengths.mean()),
        "median": float(lengths.median()),
        "p10": float(lengths.quantile(0.1)),
        "p90": float(lengths.quantile(0.9)),
        "min": int(lengths.min()),
        "max": int(lengths.max()),
        "histogram": {"characters": values.tolist(), "counts": counts.tolist()},
        "mean_per_label": {code: float(means[code]) if code in means else None for code in codes},
    }


def _distinct_n(table: pd.DataFrame, n: int) -> dict[str, float | None]:
    everything = _ngram_counts(table["text"], n)
    labels = [_ngram_counts(texts, n) for _, texts in table.groupby("label")["text"]]
    return {
        "all": _distinct(everything),
        "within_labels": _mean([_distinct(counts) for counts in labels]),
        "all_sampled": _sampled_distinct(everything),
        "within_labels_sampled": _mean([_sampled_distinct(counts) for counts in labels]),
    }


def _ngram_counts(texts: pd.Series, n: int) -> np.ndarray:
    counts = Counter(text[start : start + n] for text in texts for start in range(len(text) - n + 1))
    return np.array(list(counts.values()), dtype=int)


def _distinct(counts: np.ndarray) -> float | None:
    return float(len(counts) / counts.sum()) if len(counts) else None


def _sampled_distinct(counts: np.ndarray) -> float | None:
    total = counts.sum()
    if total < SAMPLE:
        return None
    return float((1 - hypergeom.pmf(0, total, counts, SAMPLE)).sum() / SAMPLE)


def _mean(values: list[float | None]) -> float | None:
    return None if None in values else float(np.mean(values))


def _spread(similarities: np.ndarray) -> dict[str, Any]:
    return {
        "mean": float(similarities.mean()),
        "p50": float(np.percentile(similarities, 50)),
        "p95": float(np.percentile(similarities, 95)),
        "max": float(similarities.max()),
        "histogram": {"edges": BIN_EDGES.tolist(), "counts": np.histogram(similarities, BIN_EDGES)[0].tolist()},
    }


def _nearest_evaluation(rows: list[Row]) -> dict[str, Any]:
    similarities = np.array([row["question_similarity"] for row in rows])
    nearest = [rows[index] for index in np.argsort(-similarities, kind="stable")[:NEAREST_PAIRS]]
    pairs = [
        {
            "id": row["id"],
            "query": row["query"],
            "question_index": row["nearest_question"],
            "similarity": round(row["question_similarity"], 1),
        }
        for row in nearest
    ]
    return {**_spread(similarities), "nearest_pairs": pairs}


def _label_balance(table: pd.DataFrame, codes: list[str]) -> dict[str, Any]:
    rows = table["label"].value_counts().reindex(codes, fill_value=0)
    return {
        "rows": {code: int(count) for code, count in rows.items()},
        "normalised_entropy": float(entropy(rows, base=len(codes))),
    }


def _persona_share(table: pd.DataFrame, personas: list[str]) -> dict[str, float]:
    shares = table["persona"].value_counts(normalize=True)
    if not personas and set(shares.index) == {UNKNOWN_PERSONA}:
        return {}
    names = [*personas, *sorted(set(shares.index) - set(personas))]  # UNKNOWN_PERSONA last
    return {name: float(shares.get(name, 0)) for name in names}


def _judge(rows: list[Row], codes: list[str]) -> dict[str, Any] | None:
    pairs = [(row["label"], row["judged"]) for row in rows if row.get("judged") is not None]
    if not pairs:
        return None
    asked, judged = zip(*pairs, strict=True)
    defined = len({*asked, *judged}) > 1
    return {
        "judged": len(pairs),
        "agreement": sum(a == b for a, b in pairs) / len(pairs),
        "kappa": float(cohen_kappa_score(asked, judged, labels=codes)) if defined else None,
    }
