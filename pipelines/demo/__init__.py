"""A generated operational bank of a payment institution in Kosovo: nobody in it exists."""

from pipelines.demo.bank import write_bank
from pipelines.demo.schema import MARK_KEY, MARK_VALUE
from pipelines.demo.targets import BankTarget, CsvTarget, DuckDBTarget, ParquetTarget

__all__ = [
    "MARK_KEY",
    "MARK_VALUE",
    "BankTarget",
    "CsvTarget",
    "DuckDBTarget",
    "ParquetTarget",
    "write_bank",
]
