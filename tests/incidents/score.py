"""How well are recorded incidents explained? Asks a server as an operator would, and compares with the answers.

    python -m tests.incidents.score FOLDER [--case case-07] [--json]

The folder has what `tests.support.still` serves, and `expected.json`: a record a case, see `Case`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig_file
from tests.support.still import StillCluster, standing_still

Json = dict[str, Any]

PATIENCE = 60.0


def identity(node: Json) -> tuple[str, str, str, str]:
    """Who a node is."""
    return (node["kind"], node.get("group", ""), node.get("namespace", ""), node["name"])


class Case:
    """One case, and what is told of it.

    root, root_also: right answers. partial: right, but not yet the cause. reason_words: one of them, and
    and_words all, must stand in the answer. affected: listed under it. tolerate: may stand by itself.
    """

    def __init__(self, record: Json) -> None:
        self.record = record
        self.name = record["case"] + record.get("part", "")
        self.namespace = record["case"]
        roots = ([record["root"]] if record["root"] else []) + record.get("root_also", [])
        self.roots = {identity(each) for each in roots}
        self.partial = {identity(each) for each in record.get("partial", [])}
        self.affected = {identity(each) for each in record["affected"]}
        self.tolerated = {identity(each) for each in record.get("tolerate", [])}

    def concerns(self, problem: Json) -> bool:
        """Whether a problem is of this case."""
        cause = problem["cause"]
        return (
            cause["namespace"] == self.namespace
            or self.namespace in problem["namespaces"]
            or (cause["kind"], cause["name"]) == ("Namespace", self.namespace)
            or bool(self.names(problem) & self.roots)
        )

    def names(self, problem: Json) -> set[tuple[str, str, str, str]]:
        """The causes that a problem names."""
        cause = problem["cause"]
        return {identity(cause), *[identity(each) for each in cause.get("members", ())]}

    def judge(self, problems: list[Json], others: set[tuple[str, str, str, str]]) -> list[str]:
        """What is wrong with these problems, the first of which counts. others: roots of other parts."""
        if self.record.get("not_a_problem"):
            return [f"false problem: {tell(problem)}" for problem in problems]
        passed = (others | self.tolerated) - self.roots
        mine = [each for each in problems if not self.names(each) & passed]
        if not mine:
            return ["nothing is told"]
        first, wrong = mine[0], []
        if not self.names(first) & self.roots:
            wrong.append(f"named first: {tell(first)}")
            if self.names(first) & self.partial:
                wrong[-1] += " (partly right)"
        wrong += self._words(first)
        listed = {identity(each) for each in first["affected"]["nodes"]} | self.names(first)
        wrong += [f"not listed under it: {' '.join(each)}" for each in sorted(self.affected - listed)]
        return wrong + [f"told as well: {tell(each)}" for each in mine[1:]]

    def is_told_to(self, answer: str) -> bool:
        """Whether an agent's answer has a root by name, and the words of the reason."""
        told = answer.lower()
        words, all_words = self.record["reason_words"], self.record.get("and_words", [])
        named = any(
            "/".join(filter(None, (kind, where, name))).lower() in told for kind, _, where, name in self.roots
        )
        has_words = not words or any(word.lower() in told for word in words)
        return named and has_words and all(word.lower() in told for word in all_words)

    def _words(self, problem: Json) -> list[str]:
        told = json.dumps(problem).lower()
        words, all_words = self.record["reason_words"], self.record.get("and_words", [])
        wrong = []
        if words and not any(word.lower() in told for word in words):
            wrong.append(f"none of the words {words}: {problem['reason']}: {problem['message'][:120]}")
        wrong += [f"without the word {word!r}" for word in all_words if word.lower() not in told]
        return wrong


def tell(problem: Json) -> str:
    """A problem in a line."""
    cause = problem["cause"]
    who = f"{cause['kind']} {cause['namespace']}/{cause['name']}"
    return f"{who} ({problem['status']} {problem['reason']}: {problem['message'][:80]})"


async def ask(folder: Path, namespaces: Iterable[str]) -> tuple[list[Json], dict[str, str]]:
    """The problems that a server tells of what was recorded, and what it tells agents of each namespace."""
    async with standing_still(StillCluster(folder)) as url:
        with kubeconfig_file(url) as kubeconfig:
            settings = Settings(
                in_cluster=False, kubeconfig=kubeconfig, host="127.0.0.1", port=0, label_selector=""
            )
            application = Application(settings)
            await application.start()
            try:
                async with asyncio.timeout(PATIENCE):
                    await application.ready()
                    return await _settled(f"http://127.0.0.1:{application.port}", namespaces)
            finally:
                await application.stop()


async def _settled(url: str, namespaces: Iterable[str]) -> tuple[list[Json], dict[str, str]]:
    """The problems once two looks in a row find the same graph: what is optional may come late."""
    async with aiohttp.ClientSession() as session:
        before = None
        while True:
            async with session.get(f"{url}/health") as answer:
                health = await answer.json()
            here = (health["state"], health["nodes"], health["edges"])
            if here == before and health["state"] != "syncing":
                break
            before = here
            await asyncio.sleep(1.0)
        async with session.get(f"{url}/api/v1/problems?detail=true") as answer:
            assert answer.status == 200, await answer.text()
            problems: list[Json] = await answer.json()
        return problems, {each: await _told_to_agents(session, url, each) for each in sorted({*namespaces})}


async def _told_to_agents(session: aiohttp.ClientSession, url: str, namespace: str) -> str:
    call = {"name": "triage", "arguments": {"search": f"ns:{namespace}"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    async with session.post(f"{url}/mcp", json=message) as answer:
        text: str = (await answer.json())["result"]["content"][0]["text"]
        return text


def score(cases: list[Case], problems: list[Json]) -> tuple[dict[str, list[str]], int, int]:
    """What is wrong by case, how many count, and how many of these name the root first."""
    wrong: dict[str, list[str]] = {}
    counted = right = 0
    for case in cases:
        beside = [other for other in cases if other is not case and other.namespace == case.namespace]
        others = {root for other in beside for root in other.roots | other.tolerated}
        found = case.judge([each for each in problems if case.concerns(each)], others)
        wrong[case.name] = found
        if "disputed" not in case.record:
            counted += 1
            right += not any(
                each.startswith(("nothing", "named", "false", "none", "without")) for each in found
            )
    return wrong, counted, right


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Score recorded incidents.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", default="")
    parser.add_argument("--json", action="store_true", help="print the problems, too")
    given = parser.parse_args()
    cases = [Case(record) for record in json.loads((given.folder / "expected.json").read_text())]
    problems, answers = asyncio.run(ask(given.folder, [case.namespace for case in cases]))
    if given.json:
        json.dump(problems, sys.stdout, indent=1)
    wrong, counted, right = score(cases, problems)
    for case in cases:
        if given.case and not case.name.startswith(given.case):
            continue
        found = wrong[case.name]
        disputed = " (disputed)" if "disputed" in case.record else ""
        _say(f"{'ok   ' if not found else 'WRONG'} {case.name:9} {case.record['title']}{disputed}")
        for each in found:
            _say(f"          {each}")
    effects = sum([each.startswith("told as well") for found in wrong.values() for each in found])
    false = sum([each.startswith("false") for found in wrong.values() for each in found])
    unlisted = sum([each.startswith("not listed") for found in wrong.values() for each in found])
    asked = [case for case in cases if case.roots and "disputed" not in case.record]
    untold = [case.name for case in asked if not case.is_told_to(answers[case.namespace])]
    _say(
        f"agents: {len(asked) - len(untold)} of {len(asked)}"
        + (f", not {', '.join(untold)}" if untold else "")
    )
    _say(f"{right} of {counted} right; {false} false problems; {effects} effects told; {unlisted} not listed")


if __name__ == "__main__":
    main()
