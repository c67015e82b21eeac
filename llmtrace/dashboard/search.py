"""What a person means who types something into the search of Recent spans."""

from __future__ import annotations

import re
from typing import Final

from django.db.models import Q

from llmtrace.dashboard.addresses import TRACE_ID

_ID_BEGIN: Final = re.compile(r"[0-9a-f]{4,32}")
MAX_WORDS: Final = 8


def finds_by_index(term: str) -> bool:
    """Whether the search is for a trace by its whole id, which an index finds however old it is."""
    return TRACE_ID.fullmatch(term.strip().lower()) is not None


def condition(term: str) -> Q:
    """The rows that a search asks for.

    A whole trace id finds its spans. Of anything else each word is part of a name, a user, a session, a conversation,
    or the begin of a trace or span id.
    """
    term = term.replace("\0", "").strip()
    if finds_by_index(term):
        return Q(trace_id=term.lower())
    found = Q()
    for word in term.split()[:MAX_WORDS]:
        found &= _word(word)
    return found


def _word(word: str) -> Q:
    asked = Q(name__icontains=word) | Q(user_id=word) | Q(session_id=word) | Q(conversation_id=word)
    if _ID_BEGIN.fullmatch(word.lower()):
        begin = word.lower()
        asked |= Q(trace_id__startswith=begin) | Q(span_id__startswith=begin)
    return asked
