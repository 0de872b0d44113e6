"""Write the dataset_info.json by which LlamaFactory finds the Alpaca files beside it."""

from finintent.data.dataset_info import dataset_info
from finintent.files import write_json
from finintent.logs import logged

if "snakemake" in globals():
    with logged(snakemake.log[0]):
        write_json(snakemake.output[0], dataset_info())
