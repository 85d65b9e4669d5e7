"""The words of a server that errors and logs may repeat.

A server may put anything into its explanation: the text of the message, a tag's value, a name. Hiding what is known to
be private cannot be complete, because a server cuts, translates and escapes it. So only words of this list get through.
"""

from __future__ import annotations

import re
import unicodedata
from http import HTTPStatus
from typing import Final

from airflow_provider_directcall.api.errors import RETURN_CODES

#: Parameters and fields of the API.
_FIELDS: Final = """
    access_token agendamentoid api audio audio_id callbackemail callerid campos client_id client_secret code codigo
    cron data data_fim data_inicio datafinal datainicial destinatarios destino destino_csv did dpid enviar_ate
    enviar_de format formato getallpins gravar id id_destinatario id_mensagem id_origem inverter_discagem
    itens_por_pagina modulo msg nome num_tentativas numero numerodestino numeroorigem origem pagina paginas pin
    prioridade short_number soundid status texto tipo tipofiltro token url
"""
#: Portuguese, without accents: small words, and the terms of accounts, calls, messages and numbers.
_PORTUGUESE: Final = """
    a acesso agendada agendado agendamento aguardando aguarde ainda ano antes ao aos aparelho apenas as assinatura ate
    atendida ativa ativo autenticacao autorizacao autorizada autorizado bloqueada bloqueado bloqueio breve cada
    cadastrada cadastrado cadastro campo cancelada cancelado caracteres central chamada chamadas ciclo cliente
    cobranca com conexao confirmacao conta contato contem contratado contrato credenciais credencial credito creditos
    da dados das ddd ddi de desligada destinatario deve dia diario disponivel do dos duplicada duplicado e em email
    encerrada encontrada encontrado entre entrega entregar entregue entregues enviada enviado enviar envio erro erros
    espera esta estao este excedido existe existente expirada expirado falha falhou favor fila fim fixo foi fora foram
    formato gateway grande gravacao ha hora horario identificador inativa inativo indisponivel informada informado
    informe insuficiente insuficientes interno invalida invalidas invalido invalidos ja ligacao ligacoes limite linha
    lista longo mais mas maxima maximo menos mensagem mensagens mes minimo minutos momento movel muitas muitos na nao
    nas negada negado nem nenhum nenhuma no nos nova novamente o obrigatoria obrigatorio obrigatorios ocupado
    operadora ordem origens os ou para parametro parametros pedido pela pelo permissao permitida permitido permitidos
    plano pode por portabilidade possivel primeira primeiro problema processada processado processar quantidade que
    recebida recebido recurso recusada recusado rede registro registros regra rejeitada rejeitado requisicao
    requisicoes resposta saldo sao se segunda segundo segundos sem senha ser sera servico servidor seu sistema sms
    solicitacao solicitada solicitado sua sucesso sucessso suporte suspensa suspenso tarde telefone tem tempo
    tentativa tentativas tente ter teste texto total um uma usuario usuarios validas valido validos valor vazio voz
"""
#: English: gateways and frameworks.
_ENGLISH: Final = """
    access again an and are at bad be bearer been client closed conflict connection could denied does error exceeded
    exist expired failed failure for forbidden found gateway has in internal invalid is length limit maintenance many
    method missing moment moved must of or origin parameter permanently provided rate refused request requests
    required reset server service signature size temporarily the this time timed timeout to too try unauthorized
    unavailable unexpected unknown unsupported upstream value wait was with
"""
_NUMBERS: Final = (*RETURN_CODES, *(str(status.value) for status in HTTPStatus))
VOCABULARY: Final = frozenset([*f"{_FIELDS} {_PORTUGUESE} {_ENGLISH}".split(), *_NUMBERS])
_WORD: Final = re.compile(r"\w+")
#: What may stand between two words; anything else is dropped.
_PUNCTUATION: Final = re.compile(r"[^.,:;()\-/ ]+")
OMITTED: Final = "…"
_OMITTED_RUN: Final = re.compile(rf"{OMITTED}(?:[^\w{OMITTED}]*{OMITTED})+")


def folded(text: str) -> str:
    """Fold a text for comparison: lower case, no accents, single blanks."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


def known_words(text: str) -> str:
    """Return a text with an ellipsis in place of each run of unknown words; empty if no word is known."""
    parts: list[str] = []
    end = 0
    has_known = False
    for word in _WORD.finditer(text):
        is_known = folded(word.group()) in VOCABULARY
        has_known |= is_known
        parts += [_PUNCTUATION.sub(" ", text[end : word.start()]), word.group() if is_known else OMITTED]
        end = word.end()
    shown = "".join([*parts, _PUNCTUATION.sub(" ", text[end:])])
    return " ".join(_OMITTED_RUN.sub(OMITTED, shown).split()) if has_known else ""
