"""Schedule expressions: `cron(...)`, `rate(...)` and `at(...)`, as EventBridge and its Scheduler read them.

Pure: an expression is parsed once, and asked for its next moment. Whoever fires it keeps the timer.
"""

from ballroom.kernel.schedules.cron import Cron, parse_cron
from ballroom.kernel.schedules.errors import InvalidSchedule
from ballroom.kernel.schedules.expression import At, Rate, Schedule, parse_schedule
from ballroom.kernel.schedules.zones import load_zone

__all__ = ["At", "Cron", "InvalidSchedule", "Rate", "Schedule", "load_zone", "parse_cron", "parse_schedule"]
