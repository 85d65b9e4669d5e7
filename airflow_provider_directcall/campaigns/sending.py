"""Send one chunk of a plan: never twice to a contact, and none silently lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.calling_again import Attempts
from airflow_provider_directcall.campaigns.chunk_reach import reach_of
from airflow_provider_directcall.campaigns.chunk_sender import ChunkSender
from airflow_provider_directcall.campaigns.chunks import chunk_stem, read_chunk
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.send_options import ChunkOutcome, SendOptions
from airflow_provider_directcall.campaigns.wave_log import WaveLog

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.campaigns.voice import AttemptRules

__all__ = ["ChunkOutcome", "Guards", "SendOptions", "send_chunk"]

_KEY: Final = re.compile("[a-z2-7]{16}")


async def send_chunk(
    folder: Folder,
    chunk_name: str,
    *,
    key: str,
    client: AsyncClient,
    clock: Clock,
    options: SendOptions,
    guards: Guards | None = None,
    on_progress: Callable[[ChunkProgress], None] | None = None,
    rules: AttemptRules | None = None,
    log_name: str | None = None,
) -> ChunkOutcome:
    """Send to the contacts of a chunk that were not sent to, and find out what became of each request.

    One process at a time may send a chunk. After a kill, the next call with the same key goes on.

    :param folder: of the campaign.
    :param chunk_name: as in the plan.
    :param key: of the chunk: the same in all tries; another one sends to everyone again.
    :param on_progress: called every few seconds, and at the end.
    :param rules: which outcomes are followed by another call; then :attr:`ChunkOutcome.waits_until` is also the next
        look at the statement, or the next further call. None for one attempt.
    :param log_name: of its waves; None for the chunk's own. Another one needs another key.
    :raises CampaignError: the plan or the log cannot be used; nothing was sent in this try.
    :raises OSError: the storage fails. Requests on their way are in doubt, and the next try looks for them.
    """
    if not _KEY.fullmatch(key):
        raise CampaignError("key: an idempotency key of 16 letters and digits is needed")
    guards = guards or Guards()
    contacts = read_chunk(folder, chunk_name)
    if rules is not None:
        attempts = Attempts(folder, chunk_name, contacts, key, client, clock, options, guards, rules, on_progress)
        return await attempts.send()
    log_name = log_name or chunk_stem(chunk_name)
    sender = ChunkSender(
        contacts,
        folder,
        WaveLog(folder, log_name),
        key=key,
        client=client,
        clock=clock,
        options=options,
        guards=guards,
        on_progress=on_progress,
        reach=reach_of(guards, folder, log_name, contacts, options),
    )
    return await sender.send_alone()
