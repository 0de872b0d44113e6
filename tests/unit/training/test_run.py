from types import SimpleNamespace

from finintent.training import run as llamafactory_run
from finintent.training.run import run_llamafactory


def test_of_several_cards_llamafactory_sees_the_first(monkeypatch):
    seen = {}
    monkeypatch.setattr(llamafactory_run.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        llamafactory_run.subprocess, "run", lambda *_, env, **__: seen.update(env) or SimpleNamespace(returncode=0)
    )
    for given, expected in ((None, "0"), ("3,1", "3")):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if given:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        run_llamafactory("train", "train.yaml")
        assert (seen["CUDA_VISIBLE_DEVICES"], seen["RECORD_VRAM"]) == (expected, "1")
