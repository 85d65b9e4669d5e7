"""The operators of :mod:`airflow_provider_directcall.operators.numbers`, under the module name of version 0.1.0."""

from airflow_provider_directcall.operators.numbers import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
)

__all__ = [
    "DirectcallApplyNumberRulesOperator",
    "DirectcallPlanNumberRulesOperator",
    "DirectcallRestoreNumberRulesOperator",
]
