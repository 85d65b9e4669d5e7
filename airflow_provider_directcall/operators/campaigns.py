"""The operators of campaigns: plan, send, track, report. Each has a module of its own."""

from __future__ import annotations

from airflow_provider_directcall.campaigns.again import Again
from airflow_provider_directcall.operators.campaign_plan import DirectcallPlanCampaignOperator
from airflow_provider_directcall.operators.campaign_report import DirectcallReportCampaignOperator
from airflow_provider_directcall.operators.campaign_send import DirectcallSendCampaignOperator
from airflow_provider_directcall.operators.campaign_track import DirectcallTrackCampaignOperator
from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts

__all__ = [
    "Again",
    "DirectcallPlanCampaignOperator",
    "DirectcallReportCampaignOperator",
    "DirectcallSendCampaignOperator",
    "DirectcallTrackCampaignOperator",
    "SqlContacts",
]
