"""The inbox: the sandbox's page, with calls and messages as their recipients see them.

``index`` keeps all entries by time and searches them, ``entries`` makes a list's rows of them, ``telephone`` shows one
as its recipient sees it, ``setup`` lists the switches, ``page`` serves the files of ``static`` in one language.
"""
