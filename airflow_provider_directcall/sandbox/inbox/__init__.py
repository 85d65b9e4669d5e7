"""The inbox: what the sandbox's page shows of calls and messages, and the page itself.

``index`` keeps all entries by time and searches them, ``entries`` makes a list's rows of them, ``telephone`` shows one
as its recipient sees it, ``setup`` lists the switches, ``page`` serves the files of ``static`` in one language.
"""
