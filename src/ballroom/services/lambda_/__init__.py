"""AWS Lambda: functions, versions, aliases, layers, URLs, invocations and event source mappings."""

from ballroom.services.lambda_ import code_page, operations, polling, url_host

__all__ = ["code_page", "operations", "polling", "url_host"]
