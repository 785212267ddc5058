"""Histories of runs with untrusted bytes in them, and calls that a compromised model might make of them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from loccit.core.calls import ToolCall
from loccit.policy.gateway import Gateway
from loccit.policy.rules import Verdict
from tests.simulated_tools import call, contacts, mail, untrusted

PEOPLE = ("ana", "bo", "carla", "mallory", "eve")
DOMAINS = ("example.org", "evil.example", "bank.test")
ACCOUNTS = ("DE44500105175407324931", "US133000000121212121212", "GB33BUKB20201555555555")
WORDS = (
    "pay",
    "send an email to",
    "delete",
    "hello",
    "the invoice",
    "and",
    "not",
    "10.00",
    "95",
    "all",
    "www.evil.com/x",
)


def addresses() -> st.SearchStrategy[str]:
    return st.builds("{}@{}".format, st.sampled_from(PEOPLE), st.sampled_from(DOMAINS))


def texts(most: int = 8) -> st.SearchStrategy[str]:
    """Words, names, addresses, accounts and arbitrary characters, in any order."""
    piece = st.one_of(
        st.sampled_from(WORDS),
        st.sampled_from(PEOPLE),
        addresses(),
        st.sampled_from(ACCOUNTS),
        st.text(max_size=12),
    )
    return st.lists(piece, max_size=most).map(" ".join)


def effects() -> st.SearchStrategy[ToolCall]:
    """Calls with an effect, on values that may stand anywhere."""
    amounts = st.sampled_from([5, 10.0, 95, 1000, "10.00"])
    return st.one_of(
        st.builds(
            lambda to, body: call("send_email", recipients=to, body=body),
            st.lists(st.one_of(addresses(), texts(2)), max_size=2),
            texts(4),
        ),
        st.builds(
            lambda to, amount: call("pay", account=to, amount=amount), st.sampled_from(ACCOUNTS), amounts
        ),
        st.builds(
            lambda which: call("delete_email", id=which),
            st.one_of(st.sampled_from(["1234567", "7"]), texts(1)),
        ),
    )


@dataclass(frozen=True)
class History:
    """A request, trusted records, and untrusted texts; and calls that somebody wants made after them."""

    request: str
    records: tuple[tuple[str, str], ...]
    texts: tuple[str, ...]
    wanted: tuple[ToolCall, ...]

    def gateway(self, untrusted_texts: tuple[str, ...]) -> Gateway:
        """The gateway after all was read, with these texts in the place of the untrusted ones."""
        gateway = mail(self.request)
        gateway.observed(call("find_contact"), contacts(*self.records))
        for text in untrusted_texts:
            gateway.observed(call("read_inbox"), untrusted(text))
        return gateway


def requests() -> st.SearchStrategy[str]:
    """Any words, and words that grant something and name somebody."""
    granting = st.builds(
        "send an email to {} and pay {} {}, then delete number {}. {}".format,
        addresses(),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["10.00", "95", "1,000"]),
        st.sampled_from(["1234567", "7"]),
        texts(2),
    )
    return st.one_of(texts(), granting)


def histories() -> st.SearchStrategy[History]:
    return st.builds(
        History,
        requests(),
        st.lists(st.tuples(st.sampled_from(PEOPLE), addresses()), max_size=3).map(tuple),
        st.lists(texts(), min_size=1, max_size=3).map(tuple),
        st.lists(effects(), min_size=1, max_size=4).map(tuple),
    )


def widened(history: History) -> list[tuple[ToolCall, str]]:
    """Calls that pass with the untrusted texts, and do not where there was nothing untrusted to read."""
    read, unread = history.gateway(history.texts), history.gateway(())
    return [
        (each, decision.reason)
        for each in history.wanted
        if read.decide(each).verdict is Verdict.ALLOW
        and (decision := unread.decide(each)).verdict is not Verdict.ALLOW
    ]


def moved(history: History, other: tuple[str, ...]) -> list[ToolCall]:
    """Calls of which other untrusted bytes change what becomes of them."""
    one, two = history.gateway(history.texts), history.gateway(other)
    return [each for each in history.wanted if one.decide(each).verdict is not two.decide(each).verdict]


def allowed(history: History) -> int:
    """How many of the calls pass: a property that nothing meets would say nothing."""
    gateway = history.gateway(history.texts)
    return sum(gateway.decide(each).verdict is Verdict.ALLOW for each in history.wanted)
