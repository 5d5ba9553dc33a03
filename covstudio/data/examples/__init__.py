"""Example tables that ship with the program, each with its source and licence.

One file of this package for each, beside its csv file, registered as an `Example`.
"""

from covstudio.data.examples.example import EXAMPLES, Example, examples, load_example, load_relations

__all__ = ["EXAMPLES", "Example", "examples", "load_example", "load_relations"]
