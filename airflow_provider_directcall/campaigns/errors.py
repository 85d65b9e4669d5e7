"""Errors of campaigns."""

from __future__ import annotations

from airflow_provider_directcall.api.errors import DirectcallError


class CampaignError(DirectcallError):
    """A campaign cannot be planned or sent as asked; nothing was sent."""


class ContactsError(CampaignError):
    """A file of contacts cannot be read as a whole."""


class StalePlanError(CampaignError):
    """The contacts or the arguments are not those of the plan."""
