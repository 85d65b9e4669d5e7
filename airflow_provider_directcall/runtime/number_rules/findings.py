"""What a task does with that which is surely or maybe wrong with the rules that shall stand."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow_provider_directcall.routing.errors import DirectcallRuleError

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.explaining.findings import Finding

log = logging.getLogger(__name__)


def refuse_errors(findings: Iterable[Finding], *, skip_checks: bool) -> None:
    """Let nothing be written that cannot be meant; all else is told in the log.

    :param findings: of the rules, or of the calendar that they are made of.
    :param skip_checks: only tell the errors too.
    :raises DirectcallRuleError: there are errors.
    """
    from airflow_provider_directcall.routing.explaining.findings import Severity

    findings = tuple(findings)
    errors = [str(finding) for finding in findings if finding.severity is Severity.ERROR]
    if errors and not skip_checks:
        raise DirectcallRuleError(
            "nothing was written, because this cannot be meant (skip_checks=True writes it all the same): "
            f"{'; '.join(errors)}"
        )
    for finding in findings:
        log.warning("%s", finding)


def findings_view(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings for an XCom, each as ``{"severity", "code", "where", "text"}``."""
    return [
        {"severity": str(one.severity), "code": str(one.code), "where": one.where, "text": one.text} for one in findings
    ]
