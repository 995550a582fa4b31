"""The containers of a pod that do not run: those that wait and those that have ended, and what each says."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from astrolabe.kinds.common import LONGEST_QUOTE, shortened
from astrolabe.kinds.pod import UNSTARTED, ContainerStatus, Pod, PodSpec, PodStatus, Terminated
from astrolabe.kinds.pod_printer import print_end

CRASH_LOOP = "CrashLoopBackOff"
_NOTHING: tuple[()] = ()
_FINISHED = frozenset(("Succeeded", "Failed"))


def is_failure(reason: str) -> bool:
    """Whether a container that waits for this reason cannot start.

    By their pattern, since kubelets, runtimes and image policies add reasons of their own.
    """
    return (
        reason.startswith("Err")
        or reason.endswith(("Error", "Failed", "BackOff", "Unavailable"))
        or reason == "InvalidImageName"
    )


class Termination(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How a container ended last: as it is shown, and how often it was started again."""

    container: str
    reason: str
    exit_code: int
    at: str = ""


class Waits(msgspec.Struct, frozen=True, gc=False):
    """A container that waits. who: `container app`, `init container migrate`. since: when it last ended."""

    who: str
    is_named: bool
    reason: str
    said: str
    restarts: int
    last: Terminated | None

    @property
    def since(self) -> str | None:
        return self.last.finished_at if self.last is not None else None

    @property
    def is_failure(self) -> bool:
        return is_failure(self.reason)

    @property
    def is_specific(self) -> bool:
        """Whether the message says more than the reason does; of a crash loop, that is how it ends."""
        return self.last is not None if self.reason == CRASH_LOOP else bool(self.said)

    @property
    def printed(self) -> str:
        """What kubectl prints of it."""
        return self.reason

    @property
    def message(self) -> str:
        """A crash loop says how it ends: that the kubelet backs off is only what follows."""
        if self.reason == CRASH_LOOP and self.last is not None:
            return keeps_ending(self.who, self.last, self.restarts)
        if self.said:
            return f"{self.who}: {self.said}" if self.is_named else self.said
        return f"{self.who} is waiting: {self.reason}"


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A container that has ended. is_main: neither an init container nor a sidecar.

    is_restarted: the kubelet starts it again. It does so at once the first time, and holds back from the
    second time on.
    """

    who: str
    is_main: bool
    restarts: int
    end: Terminated
    is_restarted: bool = False

    @property
    def is_first(self) -> bool:
        """Whether it had not ended before, and is started again."""
        return self.is_restarted and not self.restarts

    @property
    def since(self) -> str | None:
        return self.end.finished_at

    @property
    def is_specific(self) -> bool:
        """How it ended is known."""
        return True

    @property
    def printed(self) -> str:
        """What kubectl prints of it."""
        return print_end(self.end)

    @property
    def message(self) -> str:
        if self.restarts:
            return keeps_ending(self.who, self.end, self.restarts)
        again = ", and is started again" if self.is_first else ""
        return tell_end(self.who, self.end, again)


class Stopped(msgspec.Struct, frozen=True, gc=False):
    """The containers of one pod that wait or have ended, init containers first."""

    waits: list[Waits] | tuple[()] = _NOTHING
    ends: list[Ended] | tuple[()] = _NOTHING

    def trouble(self, printed: str) -> Waits | Ended | None:
        """Of those that cannot start, or have failed and are not started again at once, the one to tell.

        printed: the reason of the pod. One that says why comes first, then one that the reason is of, then
        the one that was started again most often.
        """
        found: list[Waits | Ended] = []
        if self.waits:
            found += [each for each in self.waits if each.is_failure]
        if self.ends:
            found += [each for each in self._failed if not each.is_first]
        return min(found, key=lambda each: _rank(each, printed)) if found else None

    @property
    def failed(self) -> Ended | None:
        """The first that failed, main containers first: the end of a sidecar follows theirs."""
        return next(iter(self._failed), None)

    @property
    def _failed(self) -> list[Ended]:
        failed = [each for each in self.ends if each.end.exit_code]
        return sorted(failed, key=lambda each: not each.is_main) if len(failed) > 1 else failed

    @property
    def main_ends(self) -> list[Ended]:
        return [each for each in self.ends if each.is_main]

    @property
    def last_main_end(self) -> Ended | None:
        """The main container that ended last."""
        return max(self.main_ends, key=lambda each: each.since or "", default=None)


def _rank(trouble: Waits | Ended, printed: str) -> tuple[bool, bool, int]:
    is_printed = trouble.printed == printed.removeprefix("Init:")
    return not trouble.is_specific, not is_printed, -trouble.restarts


NONE_STOPPED = Stopped()


def stopped_containers(pod: Pod, status: PodStatus) -> Stopped:
    """Those that wait or have ended, according to the kubelet. Debug containers do not count."""
    mains = status.container_statuses or ()
    is_alive = status.phase not in _FINISHED
    for each in mains:
        if each.state is None or each.state.running is None:
            break
    else:
        if not status.init_container_statuses or (mains and is_alive and _have_initialized(pod, status)):
            return NONE_STOPPED  # nearly always
    waits: list[Waits] = []
    ends: list[Ended] = []
    for each, role in _with_roles(pod, status):
        state = each.state
        if state is None or state.running is not None:
            continue
        who = f"{role} {each.name}"
        if state.waiting is not None and state.waiting.reason:
            last = each.last_state.terminated if each.last_state is not None else None
            is_named = role != "container" or len(mains) > 1
            waiting = state.waiting
            waits.append(Waits(who, is_named, waiting.reason, waiting.message, each.restart_count, last))
        elif state.terminated is not None:
            restarts, end = each.restart_count, state.terminated
            again = is_alive and _is_restarted(pod, each.name, role, end)
            ends.append(Ended(who, role == "container", restarts, end, again))
    return Stopped(waits, ends)


def _have_initialized(pod: Pod, status: PodStatus) -> bool:
    """Whether its init containers have all ended well, and none of them is started again whatever it does."""
    spec = pod.spec
    for known in (spec.init_containers if spec is not None else None) or ():
        if known.restart_policy or known.restart_policy_rules:
            return False
    for each in status.init_container_statuses or ():
        state = each.state
        if state is None or state.terminated is None or state.terminated.exit_code or state.waiting:
            return False
    return True


def _is_restarted(pod: Pod, name: str, role: str, end: Terminated) -> bool:
    """Whether the kubelet starts a container again that has ended so. A container may have its own policy
    (Kubernetes 1.34), with rules for some exit codes.
    """
    spec = pod.spec or PodSpec()
    known = spec.containers if role == "container" else spec.init_containers
    own = next((each for each in known or () if each.name == name), None)
    if own is not None and any(rule.holds(end.exit_code) for rule in own.restart_policy_rules or ()):
        return True
    policy = (own.restart_policy if own is not None else None) or spec.restart_policy
    return policy != "Never" and (end.exit_code != 0 or (policy == "Always" and role != "init container"))


def _with_roles(pod: Pod, status: PodStatus) -> Iterator[tuple[ContainerStatus, str]]:
    """Each container with what it is: `init container`, `sidecar`, `container`."""
    if status.init_container_statuses:
        sidecars = sidecar_names(pod)
        for each in status.init_container_statuses:
            yield each, "sidecar" if each.name in sidecars else "init container"
    for each in status.container_statuses or ():
        yield each, "container"


def sidecar_names(pod: Pod) -> frozenset[str]:
    """The init containers that keep running next to the main ones (restartPolicy Always)."""
    inits = pod.spec.init_containers if pod.spec is not None else None
    return frozenset([each.name for each in inits or () if each.restart_policy == "Always"])


def how(end: Terminated) -> str:
    """`OOMKilled (exit code 137)`."""
    return f"{print_end(end)} (exit code {end.exit_code})"


def keeps_ending(who: str, last: Terminated, restarts: int) -> str:
    """How a container ends again and again.

    The time is absolute, since a status has no clock: a text that ages would have to change by itself. The
    number of restarts changes with it, so that it adds no change of the node.
    """
    times = f", {restarts} restart{'' if restarts == 1 else 's'}" if restarts else ""
    at = f", last at {last.finished_at}" if last.finished_at else ""
    verb = "cannot start" if last.reason in UNSTARTED else "keeps ending"
    return f"{who} {verb}: {how(last)}{times}{at}{_said(last)}"


def tell_end(who: str, end: Terminated, again: str = "") -> str:
    """How a container ended once. again: when, or what follows, as `, and is started again`."""
    verb = "could not start" if end.reason in UNSTARTED else "terminated"
    return f"{who} {verb}: {how(end)}{again}{_said(end)}"


def _said(end: Terminated) -> str:
    return f": {shortened(end.message, LONGEST_QUOTE)}" if end.message else ""


def last_termination(status: PodStatus) -> Termination | None:
    """How a container of the pod ended last, if it failed or was started again.

    It stays as long as the kubelet reports it. Readers decide whether it was within the hour,
    who has a clock.
    """
    newest: tuple[str, str, Terminated] | None = None
    for statuses in (status.init_container_statuses, status.container_statuses):
        for each in statuses or ():
            end = _notable_end(each)
            if end is not None and (newest is None or (end.finished_at or "") > newest[0]):
                newest = end.finished_at or "", each.name, end
    if newest is None:
        return None
    at, name, end = newest
    return Termination(name, print_end(end), end.exit_code, at)


def _notable_end(container: ContainerStatus) -> Terminated | None:
    now = container.state.terminated if container.state is not None else None
    if now is not None and (now.exit_code or container.restart_count):
        return now
    return container.last_state.terminated if container.last_state is not None else None
