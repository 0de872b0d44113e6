"""The block `study`: which entries of the catalogues this run compares."""

from typing import Annotated

from pydantic import Field

from finintent.config.block import DISTINCT, Block, Distinct


class Study(Block):
    """Which entries of the catalogues this run compares."""

    models: Annotated[list[str], Distinct] = Field(
        min_length=1, description="ids of the catalogue `models`", json_schema_extra=DISTINCT
    )
    recipes: Annotated[list[str], Distinct] = Field(
        min_length=1,
        description="ids of the catalogue `recipes`; each model is tuned by each, and models are compared under the "
        "first",
        json_schema_extra=DISTINCT,
    )
    datasets: Annotated[list[str], Distinct] = Field(
        min_length=1, description="ids of the catalogue `datasets`", json_schema_extra=DISTINCT
    )
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Distinct] = Field(
        [42],
        min_length=1,
        description="seeds of training: each model is trained once a seed; the first seed is the one by which models "
        "are compared",
        json_schema_extra=DISTINCT,
    )
    train_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Distinct] = Field(
        [],
        description="sizes of smaller training sets for the learning curve; each is the beginning of the whole set",
        json_schema_extra=DISTINCT,
    )
    recipe_sizes: dict[str, Annotated[list[Annotated[int, Field(ge=1)]], Distinct, Field(min_length=1)]] = Field(
        {},
        description="sizes of the training set, by recipe, for recipes that shall not run on the whole set and on "
        "every one of `train_sizes`",
    )
