"""Settings of a campaign for tests of its files."""

from __future__ import annotations

from decimal import Decimal

from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings


def settings(**options: object) -> CampaignSettings:
    """Return settings for contacts with ``id``, ``phone`` and ``name``."""
    defaults = {"text": "Ola {name}", "id_column": "id", "price_brl": Decimal("0.09"), "tags": {"who": "{id}"}}
    return CampaignSettings(**{**defaults, **options})
