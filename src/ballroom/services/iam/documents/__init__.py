"""The policy language: documents are checked when they are stored, with AWS's own complaints.

Pure functions over the document's text; what a document allows is not evaluated here.
"""

from __future__ import annotations

from .identity import check_identity_policy
from .trust import check_trust_policy

__all__ = ["check_identity_policy", "check_trust_policy"]
