"""The corpus of the search (tests/reml/corpus): record what every case ends at, and compare two records.

    python tools/search_corpus.py record FILE [--only TEXT] [--seeds FROM TO] [--change FILE OLD NEW]...
    python tools/search_corpus.py compare OLD NEW
    python tools/search_corpus.py expect RECORD [ALIKE]...

`record` fits every case and writes where it ended, after how many steps and evaluations of the likelihood;
with `--change` as if a text in a file of `covstudio/reml` were another one: what a mechanism or a constant is
good for. `compare` says which cases ended elsewhere, and what the others cost. `expect` writes what the tests
hold the corpus to: what converged, and ended alike in records from other machines or numbers of threads.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import pkgutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "tests" / "reml" / "corpus" / "expected.json"
sys.path.insert(0, str(ROOT))

#: Log-likelihoods are the same within this, and a millionth of themselves.
SAME = 5e-6


# -- with another text ---------------------------------------------------------------------------------------


class Changed(importlib.machinery.SourceFileLoader):
    """A module with some of its text replaced.

    Args:
        name: the module.
        path: its file.
        changes: pairs of an old text, which must stand there once, and a new one.
    """

    def __init__(self, name: str, path: str, changes: Sequence[tuple[str, str]]) -> None:
        super().__init__(name, path)
        self.changes = changes

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text()
        for old, new in self.changes:
            if text.count(old) != 1:
                raise SystemExit(f"{self.path} must have {old!r} once, and has it {text.count(old)} times.")
            text = text.replace(old, new)
        return compile(text, self.path, "exec")


class Changes(importlib.abc.MetaPathFinder):
    """Finds the modules that are to be changed.

    Args:
        changes: file in `covstudio/reml`, old text, new text.
    """

    def __init__(self, changes: Sequence[tuple[str, str, str]]) -> None:
        self.files: dict[str, list[tuple[str, str]]] = {}
        for file, old, new in changes:
            self.files.setdefault(file, []).append((old, new))

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        for file, changes in self.files.items():
            if fullname == "covstudio.reml." + file.removesuffix(".py").replace("/", "."):
                where = str(ROOT / "covstudio" / "reml" / file)
                return importlib.util.spec_from_file_location(
                    fullname, where, loader=Changed(fullname, where, changes)
                )
        return None


# -- what a fit costs ----------------------------------------------------------------------------------------


def count_evaluations(counter: Counter[str]) -> None:
    """Have every engine count the likelihoods, and every point the derivatives, that it is asked for."""
    import covstudio.reml as package

    for found in pkgutil.walk_packages(package.__path__, "covstudio.reml."):
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            for method, kind, word in (
                ("at", "Engine", "evaluations"),
                ("derivatives", "Point", "derivatives"),
            ):
                own = vars(value).get(method)
                protocol = getattr(value, "_is_protocol", False)
                if callable(own) and value.__name__.endswith(kind) and not protocol:
                    setattr(value, method, _counted(own, counter, word))


def _counted(function: Callable[..., Any], counter: Counter[str], word: str) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        counter[word] += 1
        return function(*args, **kwargs)

    return counted


# -- records -------------------------------------------------------------------------------------------------


def record_of(build: Callable[[], Any], counter: Counter[str]) -> dict[str, Any]:
    """One case: where it ended, or which error it raised."""
    counter.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = build().fit()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
    return {
        "verdict": result.verdict,
        "converged": result.converged,
        "loglik": result.loglik,
        "params": dict(result.params),
        "boundary": list(result.boundary),
        "indistinct": list(result.indistinct),
        "iterations": result.iterations,
        "all": len(result.history) - 1,
        "evaluations": counter["evaluations"],
        "derivatives": counter["derivatives"],
        "engine": result.engine,
        "message": result.message,
    }


def record(only: str, seeds: range, counter: Counter[str]) -> dict[str, dict[str, Any]]:
    """All cases whose names have a text in them."""
    from tests.reml.corpus import corpus

    return {name: record_of(build, counter) for name, build in corpus(seeds).items() if only in name}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of one case is worse, better or otherwise in the second record."""
    if "error" in old or "error" in new:
        return [] if old.get("error") == new.get("error") else [f"{old.get('error')} -> {new.get('error')}"]
    found = []
    if old["converged"] != new["converged"]:
        found.append("converges no more" if old["converged"] else "converges now")
    gap = new["loglik"] - old["loglik"]
    if not abs(gap) <= SAME + 1e-6 * abs(old["loglik"]):
        found.append(f"log-likelihood {'higher' if gap > 0 else 'LOWER'} by {abs(gap):.3g}")
    if old["verdict"] != new["verdict"]:
        found.append(f"{old['verdict']} -> {new['verdict']}")
    elif old["boundary"] != new["boundary"]:
        found.append(f"boundary {old['boundary']} -> {new['boundary']}")
    elif old["indistinct"] != new["indistinct"]:
        found.append(f"indistinct {old['indistinct']} -> {new['indistinct']}")
    return found


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """Print the differences; how many cases ended elsewhere."""
    count = 0
    for name in old:
        found = differences(old[name], new[name]) if name in new else []
        count += bool(found)
        if found:
            print(f"{name}: {'; '.join(found)}")
    both = [name for name in old if name in new and "error" not in old[name] and "error" not in new[name]]
    for what in ("all", "evaluations", "derivatives"):
        a, b = (sum(side[name][what] for name in both) for side in (old, new))
        logs = [math.log((new[name][what] + 1) / (old[name][what] + 1)) for name in both]
        mean = math.exp(sum(logs) / max(len(logs), 1))
        print(f"{what}: {a} -> {b} in all, x {mean:.4f} in the geometric mean over {len(both)} cases")
    return count


def expect(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Verdict, log-likelihood and ends of ranges of what converged, and ended alike in all records."""
    first, *others = records
    return {
        name: [case["verdict"], round(case["loglik"], 6), case["boundary"]]
        for name, case in sorted(first.items())
        if case.get("converged") and not any(differences(case, other[name]) for other in others)
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("file", type=Path)
    recording.add_argument("--only", default="")
    recording.add_argument("--seeds", nargs=2, type=int, default=(0, 12))
    recording.add_argument("--change", nargs=3, action="append", default=[])
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    expecting = commands.add_parser("expect")
    expecting.add_argument("records", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "compare":
        old, new = (json.loads(path.read_text()) for path in (arguments.old, arguments.new))
        return int(compare(old, new) > 0)
    if arguments.command == "expect":
        found = expect([json.loads(path.read_text()) for path in arguments.records])
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in found.items())
        EXPECTED.write_text(f"{{\n{lines}\n}}\n")
        print(f"{len(found)} cases")
        return 0
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.meta_path.insert(0, Changes([tuple(change) for change in arguments.change]))
    counter: Counter[str] = Counter()
    count_evaluations(counter)
    cases = record(arguments.only, range(*arguments.seeds), counter)
    arguments.file.write_text(json.dumps(cases, indent=1) + "\n")
    print(f"{len(cases)} cases, {sum(case.get('converged', False) for case in cases.values())} converged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
