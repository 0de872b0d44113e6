"""What made a result: package versions and digests."""

import json
from pathlib import Path
from typing import Any

from finintent.files import read_json
from finintent.models.folder import OWN_FILE


def study_record(config: dict[str, Any], models: dict[str, Path], training: str) -> dict[str, Any]:
    """Return what made a study: configuration, versions, digests of the training rows, and each base model's record.

    Args:
        config: the configuration.
        models: folder of each base model.
        training: path of the training.json of the first model's main run.
    """
    trained = read_json(training)
    return {
        **{key: trained[key] for key in ("versions", "data_sha256")},
        "models": {name: read_json(folder / OWN_FILE) for name, folder in models.items()},
        "config": json.loads(json.dumps(config)),  # plain types, for YAML
    }
