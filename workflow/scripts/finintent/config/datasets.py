"""The catalogue `datasets`."""

from pydantic import Field

from finintent.config.block import Block, Repository
from finintent.config.curation import Curation
from finintent.config.evaluation import Evaluation
from finintent.config.generation import Generation


class Publication(Block):
    """Where `snakemake push_dataset` uploads the curated set."""

    repo_id: Repository = Field(description="owner/name on the Hugging Face Hub")
    private: bool = Field(True, description="whether only its owner sees it")
    license: str = Field("other", description="the Hub's id of its licence")


class Dataset(Block):
    """One data set, by its id."""

    resources: str = Field(description="folder of taxonomy.yaml, personas.yaml and prompts/")
    generation: Generation
    curation: Curation
    evaluation: Evaluation
    publication: Publication | None = None
