"""Policy documents and what they decide, for every service that has them; free of any service.

`document` reads a policy, `conditions` knows the operators, `patterns` the wildcards, `context` what every
request can be asked about, `evaluate` decides.

Source: IAM User Guide, "IAM JSON policy elements reference", "Policy evaluation logic".
"""

from ballroom.kernel.policy.context import global_keys
from ballroom.kernel.policy.document import Policy, PolicyError, Principals, Statement, parse_policy
from ballroom.kernel.policy.evaluate import Access, Decision, Principal, decide
from ballroom.kernel.policy.patterns import matches

__all__ = [
    "Access",
    "Decision",
    "Policy",
    "PolicyError",
    "Principal",
    "Principals",
    "Statement",
    "decide",
    "global_keys",
    "matches",
    "parse_policy",
]
