"""TestState's mechanism: one state, tried by itself, with its work mocked or done by the caller.

`run.py` drives a state, `mocked.py` checks a mocked result against the model of the API it stands for,
`texts.py` prints values as they came. No transactions here: the operation runs what is not mocked.
"""

from __future__ import annotations

from ballroom.services.stepfunctions.test_state.run import BadTest, StateTest, Work

__all__ = ["BadTest", "StateTest", "Work"]
