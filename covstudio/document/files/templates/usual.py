"""The usual parts of models, with what people call their columns, the most telling word first."""

from __future__ import annotations

from covstudio.document.files.templates.parts import Part

_TREATMENTS = "treatment treat trt behandlung variante"
_PLACES = "location loc site sites county station farm field centre center clinic hospital ort standort"
_YEARS = "year season jahr"

GENOTYPE = Part(
    "genotype",
    "the genotypes that are compared",
    (
        "gen geno genotype gid variety var cultivar line entry hybrid clone accession family sire sorte "
        "genotyp",
        _TREATMENTS,
    ),
)
TREATMENT = Part(
    "treatment",
    "the treatments that are compared",
    (f"{_TREATMENTS} diet dose", "group arm sex gender", *GENOTYPE.words[:1]),
)
REPLICATE = Part(
    "replicate", "the replicates", ("rep reps replicate replication wdh wiederholung",), needed=False
)
BLOCK = Part("block", "the blocks", ("block blk iblock incblock bloc",))
ROW = Part("row", "the rows of the field", ("row rows reihe zeile",))
COLUMN = Part("column", "the columns of the field", ("col cols column columns range bed spalte",))
SUBJECT = Part(
    "subject",
    "the subjects that are measured several times",
    (
        "subject subj id animal patient person participant mouse rat chick boy tree plant worker child mare "
        "tier",
    ),
    otherwise="largest",
)
TIME = Part(
    "time",
    "the times of the measurements",
    (
        "time times day days week weeks month year visit occasion age session period date "
        "zeit tag woche monat jahr datum",
    ),
)
#: Times as numbers: slopes and curves run over them.
CLOCK = Part(
    "time",
    "the times of the measurements, as numbers",
    ("time times day days week weeks age month year date zeit tag alter woche monat jahr datum",),
    holds="numbers",
    otherwise="only",
)
#: Rows of different trials are never neighbours, whatever their labels say.
TRIAL = Part(
    "trial",
    "the trials",
    ("trial trials env envs environment environments experiment expt versuch umwelt",),
    needed=False,
    together=(_PLACES, _YEARS),
    several=True,
)
#: The same beside times, for which a year is none.
CENTRE = Part(
    "trial",
    "the trials or centres",
    ("trial trials environment experiment expt study versuch",),
    needed=False,
    together=(_PLACES,),
    several=True,
)
PEDIGREE = Part("pedigree", "individuals, sires and dams", holds="relation", kinds=("pedigree",))
RELATIONSHIPS = Part(
    "relationships",
    "the markers or relationships of the genotypes",
    holds="relation",
    kinds=("markers", "relationship", "inverse", "pedigree"),
)
