"""Calendar files of three lines over a year. ``year_oracle`` says the same in its own way.

An emergency is a text of its own: it comes into the file when it is declared, and stays there when it is over.
"""

from __future__ import annotations

_SP = """
did: 1130000001
open:
  - {action: forward, to: 5511990000001, wait_seconds: 20}
  - {action: forward, to: 5511990000002}
  - &desk {action: voicemail, email: desk@example.com}
closed: [*desk]
holiday:
  - {action: sound, sound_id: 150}
  - {action: forward, to: 5511990000003}
  - &duty {action: voicemail, email: duty@example.com}
hours:
  - {weekdays: mon-fri, start: 08:00, end: 12:00}
  - {weekdays: mon-fri, start: 13:30, end: 18:00}
  - {weekdays: sat, start: 09:00, end: 13:00}
holidays:
  state: SP
"""

SP_2026 = (
    _SP
    + """\
  optional_days: [carnival, corpus_christi, civil_service_day]
  own_dates: {2026-01-26: Aniversário de Santos, 2026-09-08: Nossa Senhora do Monte Serrat}
part_days:
  - {day: ash_wednesday, until: 12:00}
  - {day: 2026-06-05, until: 12:00}
  - {day: christmas_eve, from: 12:00}
  - {day: new_years_eve, from: 12:00}
overrides:
  - {name: Recesso, begins: 2025-12-29, ends: 2026-01-02, chain: &shut [{action: sound, sound_id: 155, moment: end}]}
  - {name: Inventário, begins: 2026-01-15, ends: 2026-01-15, as: closed}
  - {name: Reunião, begins: 2026-02-18T11:00, ends: 2026-02-18T14:00, as: closed}
  - {name: Treinamento, begins: 2026-03-11T09:17, ends: 2026-03-11T11:43, chain: [{action: forward, to: 5511990000004}]}
  - name: Visita
    begins: 2026-03-11T11:43
    ends: 2026-03-11T15:00
    chain: [{action: forward, to: 5511990000006, sources: [5521990000098]}]
  - name: Tiradentes
    begins: 2026-04-21T08:00
    ends: 2026-04-21T12:00
    chain: &on_duty [{action: forward, to: 5511990000005}, *duty]
  - {name: Noite, begins: 2026-05-08T22:00, ends: 2026-05-09T03:00, as: open}
  - {name: Reforma, begins: 2026-08-29, ends: 2026-09-02, chain: *shut}
  - {name: Dia das Crianças, begins: 2026-10-12T09:00, ends: 2026-10-12T17:00, as: open}
  - {name: Luto, begins: 2026-11-13, ends: 2026-11-13, as: holiday}
  - {name: Black Friday, begins: 2026-11-27T08:00, ends: 2026-11-27T22:00, as: open}
  - {name: Réveillon, begins: 2026-12-31T20:00, ends: 2027-01-01T08:00, chain: *on_duty}
"""
)

SP_2026_EMERGENCY = """
emergency:
  chain: [{action: forward, to: 5511990000480, wait_seconds: 20}, {action: forward, to: 5511990000007}]
  until: 2026-06-19T15:20:00-03:00
  reason: Falta de luz
"""

RJ_2026 = """
did: 1130000001
open: [{action: forward, to: 5521990000001}, {action: forward, to: 5521990000002}]
closed: [{action: sound, sound_id: 151}, &desk {action: voicemail, email: desk@example.com}]
holiday: [{action: sound, sound_id: 155, moment: end}]
hours:
  - {weekdays: mon-fri, start: 09:00, end: 12:30}
  - {weekdays: mon-fri, start: 14:00, end: 19:00}
  - {weekdays: fri, start: 20:00, end: 02:00}
  - {weekdays: sat, start: 08:30, end: 12:00}
holidays:
  state: RJ
  optional_days: [corpus_christi]
  own_dates: {2026-01-20: São Sebastião, 2026-08-15: Aniversário da loja}
part_days:
  - {day: ash_wednesday, until: 14:00}
  - {day: 2026-06-13, from: 10:00}
  - {day: 2026-07-17, from: 15:00}
  - {day: 2026-08-07, from: 10:00, until: 14:00}
  - {day: Finados, from: 12:00}
  - {day: christmas_eve, from: 12:00}
  - {day: new_years_eve, from: 12:00}
overrides:
  - {name: Recesso, begins: 2025-12-30, ends: 2026-01-04, as: holiday}
  - {name: Treinamento, begins: 2026-01-14T09:00, ends: 2026-01-14T10:30, as: closed}
  - {name: Mudança, begins: 2026-03-30, ends: 2026-04-02, as: closed}
  - {name: São Jorge, begins: 2026-04-23T10:00, ends: 2026-04-23T15:00, as: open}
  - name: Autógrafos
    begins: 2026-05-15T19:00
    ends: 2026-05-16T04:15
    chain: &on_duty [{action: forward, to: 5521990000004}, &duty {action: voicemail, email: duty@example.com}]
  - {name: Ponte, begins: 2026-06-05, ends: 2026-06-05, as: holiday}
  - {name: Final, begins: 2026-07-19T14:00, ends: 2026-07-19T19:30, as: open}
  - name: Semana do cliente
    begins: 2026-09-14T18:00
    ends: 2026-09-18T09:00
    chain: [{action: forward, to: 5511990000006, sources: [5521990000098]}, *duty]
  - {name: Manutenção, begins: 2026-10-08T10:10, ends: 2026-10-08T10:50, as: closed}
  - {name: Consciência Negra, begins: 2026-11-20, ends: 2026-11-20, chain: *on_duty}
  - {name: Natal, begins: 2026-12-23T18:00, ends: 2026-12-24T15:00, as: open}
  - {name: Réveillon, begins: 2026-12-31T20:00, ends: 2027-01-01T06:00, chain: *on_duty}
"""

RJ_2026_EMERGENCY = """
emergency:
  chain: [{action: forward, to: 5521990000007}]
  until: 2026-09-06T06:30:00-03:00
  reason: Enchente
"""

SP_2028 = (
    _SP
    + """\
  optional_days: [carnival, corpus_christi]
  own_dates: {2028-01-25: Aniversário de São Paulo}
part_days:
  - {day: ash_wednesday, until: 12:00}
  - {day: christmas_eve, from: 12:00}
  - {day: new_years_eve, from: 12:00}
overrides:
  - name: Virada
    begins: 2027-12-31T18:00
    ends: 2028-01-02T06:00
    chain: &shut [{action: sound, sound_id: 155, moment: end}]
  - {name: Aniversário, begins: 2028-01-25T08:00, ends: 2028-01-25T12:00, as: open}
  - {name: Carnaval, begins: 2028-02-29T09:00, ends: 2028-02-29T15:00, as: open}
  - name: Noite de Carnaval
    begins: 2028-02-29T23:00
    ends: 2028-03-01T01:00
    chain: &on_duty [{action: forward, to: 5511990000005}, *duty]
  - name: Visita
    begins: 2028-04-14T10:00
    ends: 2028-04-14T11:01
    chain: [{action: forward, to: 5511990000006, sources: [5521990000098]}]
  - {name: Mudança, begins: 2028-05-30, ends: 2028-06-02, as: closed}
  - {name: Nove de Julho, begins: 2028-07-09, ends: 2028-07-09, as: open}
  - {name: Almoço, begins: 2028-08-16T12:00, ends: 2028-08-16T13:30, as: open}
  - {name: Independência, begins: 2028-09-06T18:00, ends: 2028-09-08T08:00, chain: *on_duty}
  - {name: Black Friday, begins: 2028-11-24, ends: 2028-11-25, as: open}
  - {name: Luto, begins: 2028-12-04T00:01, ends: 2028-12-04T23:59, as: holiday}
  - {name: Recesso, begins: 2028-12-30T09:00, ends: 2029-01-03, chain: *shut}
"""
)

SP_2028_EMERGENCY = """
emergency:
  chain: [{action: forward, to: 5511990000007}, {action: voicemail, email: duty@example.com}]
  until: 2028-06-16T00:00:00-03:00
  reason: Queda do sistema
"""
