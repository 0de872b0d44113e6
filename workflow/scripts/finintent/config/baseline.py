"""The block `baseline`: the linear model that a language model has to beat."""

from pydantic import Field, model_validator

from finintent.config.block import Block, Number, mistake


class Baseline(Block):
    """The linear model that a language model has to beat."""

    min_ngram: int = Field(1, ge=1, description="shortest character n-gram")
    max_ngram: int = Field(3, ge=1, description="longest character n-gram")
    regularisation: Number = Field(20, gt=0, description="scikit-learn's C: the smaller, the simpler the model")

    @model_validator(mode="after")
    def _shortest_is_not_longest(self) -> "Baseline":
        if self.min_ngram > self.max_ngram:
            raise mistake(
                "min_ngram",
                f"is {self.min_ngram}, above max_ngram, which is {self.max_ngram}; lower the one or raise the other",
            )
        return self
