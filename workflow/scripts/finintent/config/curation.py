"""The block `curation` of a data set: how candidates become a training and a validation set."""

from pydantic import Field, model_validator

from finintent.config.block import Block, Number, mistake


class Curation(Block):
    """How candidates become a training and a validation set."""

    train_rows: int = Field(ge=1, description="rows to train on")
    validation_rows: int = Field(ge=1, description="rows to choose the epoch and settings on")
    min_characters: int = Field(2, ge=1, description="shortest query kept")
    max_characters: int = Field(60, ge=1, description="longest query kept")
    reject_label_names: bool = Field(
        True, description="whether a query that has an option's text in it is rejected; false for rows of real users"
    )
    near_duplicate_threshold: Number = Field(
        70, ge=1, le=100, description="similarity (1 to 100) from which two rows count as one"
    )
    decontamination_threshold: Number = Field(
        55, ge=1, le=100, description="similarity (1 to 100) to an evaluation question from which a row is rejected"
    )

    @model_validator(mode="after")
    def _shortest_is_not_longest(self) -> "Curation":
        if self.min_characters > self.max_characters:
            raise mistake(
                "min_characters",
                f"is {self.min_characters}, above max_characters, which is {self.max_characters}; lower the one or "
                "raise the other",
            )
        return self


class SeededCuration(Curation):
    """The block with the study's seed, which decides the split."""

    seed: int = Field(ge=0, description="the study's seed")
