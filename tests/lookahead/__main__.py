"""`python -m tests.lookahead`: examine the whole corpus, print recall and false alarms by class as a table.

Exit 1 when a planted leak was missed or a clean study was reported.
"""

import argparse
import sys
from collections import Counter

from research.lookahead.watching import native_words_to_stderr
from tests.lookahead.corpus import Case, cases, look


def main() -> int:
    """Examine and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.lookahead", description=__doc__)
    parser.add_argument("--cuts", type=int, default=16, help="cuts per study, ends included; 0 for every bar")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--kinds", action="store_true", help="also tell the kind of every leak (slower)")
    arguments = parser.parse_args()
    reported: dict[Case, str] = {}
    wrong = []
    for case in cases():
        with native_words_to_stderr():
            found = look(case, arguments.cuts or None, arguments.seed, named=arguments.kinds)
        if found.leaks:
            reported[case] = str(found.leaks[0].kind or "not told")
        if bool(found.leaks) != case.leaks:
            wrong.append(f"{'missed' if case.leaks else 'false alarm'}: {case} {found.leaks}")
    print("\n".join(table(reported, kinds=arguments.kinds)))
    print("\n".join(wrong), file=sys.stderr)
    return int(bool(wrong))


def table(reported: dict[Case, str], *, kinds: bool) -> list[str]:
    """Return the counts as lines of a table, class by class, and a line of sums each."""
    lines = ["| class | studies | reported | " + ("told as |" if kinds else "|"), "|---|---:|---:|---|"]
    for leaking, title in ((True, "**planted leaks**"), (False, "**clean**")):
        chosen = [case for case in cases() if case.leaks == leaking]
        groups = {group: [case for case in chosen if case.group == group] for group in (case.group for case in chosen)}
        lines += [_line(group, inside, reported, kinds=kinds) for group, inside in groups.items()]
        lines.append(_line(title, chosen, reported, kinds=False))
    return lines


def _line(title: str, chosen: list[Case], reported: dict[Case, str], *, kinds: bool) -> str:
    found = [reported[case] for case in chosen if case in reported]
    told = ", ".join(f"{kind} {count}" for kind, count in Counter(found).most_common()) if kinds else ""
    return f"| {title} | {len(chosen)} | {len(found)} | {told} |"


if __name__ == "__main__":
    sys.exit(main())
