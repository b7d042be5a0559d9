"""Where a machine's states lead: targets that are missing, states that nothing reaches, loops without an end.

Source: texts of CreateStateMachine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ballroom.services.stepfunctions.language.findings import Findings

MISSING_TARGET = "MISSING_TRANSITION_TARGET"


@dataclass(slots=True)
class Graph:
    """The transitions of one (sub)machine, gathered as its states are compiled."""

    location: str
    """Of the object that holds `States`."""
    edges: list[tuple[str, str, str]] = field(default_factory=list)
    """(from a state, or "" for StartAt; target; location of the field)."""
    ends: set[str] = field(default_factory=set)
    """The states at which the machine may end."""

    def check(self, names: set[str], findings: Findings) -> None:
        """Report what is wrong with the transitions."""
        following: dict[str, list[str]] = {}
        for source, target, location in self.edges:
            if target not in names:
                findings.error(f"Missing 'Next' target: {target}", location, MISSING_TARGET)
            following.setdefault(source, []).append(target)
        if not self.ends:
            findings.error("Workflow has no terminal state", "", "MISSING_END_STATE")
            return
        reached: set[str] = set()
        waiting = [""]
        while waiting:
            for target in following.get(waiting.pop(), ()):
                if target in names and target not in reached:
                    reached.add(target)
                    waiting.append(target)
        for name in names:
            if name not in reached:
                findings.error(
                    f'State "{name}" is not reachable.',
                    f"{self.location.rstrip('/')}/States/{name}",
                    MISSING_TARGET,
                )
