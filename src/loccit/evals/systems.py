"""What is measured: loccit itself, a program behind HTTP, a chat model, or a function in Python."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import inspect
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pydantic import ValidationError

from loccit.core.answers import Abstention, Answer, Citation, CitationKind, Claim, ClaimKind, Outcome
from loccit.core.calls import Message, ModelCall, Payer, Speaker
from loccit.core.errors import InputError, LoccitError, SystemFailed
from loccit.core.evidence import Hit, Place
from loccit.core.triage import Triage, TriageAbstention, TriageOutcome
from loccit.evals.datasets import COMMIT_MESSAGE, Job, Lines, Sample
from loccit.evals.outputs import Cited, Output, OutputClaim, OutputOutcome, Stages, Usage
from loccit.pipeline.events import Event, Found

if TYPE_CHECKING:
    from loccit.budgets.deadline import Deadline
    from loccit.core.answers import DroppedClaim
    from loccit.models.protocols import ChatModel
    from loccit.pipeline.written import Written

_Result = TypeVar("_Result")

_RANKED = 10
_MOST_REPLY_BYTES = 16_000_000
_SHOWN = 200
_ROLES = ("answer", "stronger", "judge")


class System(Protocol):
    """Something that can be asked. `kind` and `facts` say what it is: nothing secret, nothing that changes
    from run to run.
    """

    @property
    def kind(self) -> str:
        """How it is reached."""
        ...

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """All that decides what it gives."""
        ...

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        """Its output, and what that took; time is taken by the caller. `key` names this attempt: a system
        that is asked again with it need not be paid twice. Raises LoccitError where there is no output.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


class Asker(Protocol):
    """What of the class `Loccit` is measured."""

    @property
    def has_model(self) -> bool:
        """See `Loccit`, for this and the rest."""
        ...

    def ask(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        rev: str | None = None,
        tell: Callable[[Event], None] = ...,
    ) -> Answer:
        """See `Loccit`."""
        ...

    async def write_async(
        self,
        question: str,
        *,
        repos: Sequence[str] = (),
        rev: str | None = None,
        user: str = "",
        scope: str = "",
        tell: Callable[[Event], None] = ...,
    ) -> Written:
        """See `Loccit`."""
        ...

    def search(
        self, query: str, *, repos: Sequence[str] = (), rev: str | None = None, limit: int | None = None
    ) -> tuple[Hit, ...]:
        """See `Loccit`."""
        ...

    def triage(
        self, issue: str, *, repo: str | None = None, as_of: str | None = None, top: int = 10
    ) -> Triage:
        """See `Loccit`."""
        ...

    async def aclose(self) -> None:
        """See `Loccit`."""
        ...


@dataclass
class LoccitSystem:
    """loccit with the settings at hand. A sample's own repository and commit stand before `repos` and HEAD.

    `roles` are the models by role, `prompts` the versions of its prompts by name.
    """

    loccit: Asker
    repos: tuple[str, ...]
    facts: Mapping[str, Any]
    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    prompts: Mapping[str, str] = field(default_factory=dict[str, str])
    quotes_only: bool = False
    user: str = "loccit eval"
    name: str = "loccit"
    kind: str = "loccit"

    def __post_init__(self) -> None:
        self._one = asyncio.Lock()

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        """See `System`."""
        repos = (sample.repo,) if sample.repo else self.repos
        match sample.job:
            case Job.ASK if self.loccit.has_model and not self.quotes_only:
                return await self._written(sample, repos, key)
            case Job.ASK:
                found: list[Found] = []
                told = _found_only(found)
                answer, usage = await self._alone(
                    lambda: self.loccit.ask(sample.question, repos=repos, rev=sample.commit, tell=told)
                )
                trace = answer.run.trace_id if answer.run else ""
                return output_of_answer(answer, found), usage.model_copy(update={"trace_id": trace})
            case Job.SEARCH:
                hits, usage = await self._alone(
                    lambda: self.loccit.search(sample.question, repos=repos, rev=sample.commit, limit=_RANKED)
                )
                return output_of_hits(hits), usage
            case Job.TRIAGE:
                triage, usage = await self._alone(
                    lambda: self.loccit.triage(
                        sample.question,
                        repo=repos[0] if repos else None,
                        as_of=sample.commit,
                        top=_RANKED,
                    )
                )
                trace = triage.run.trace_id if triage.run else ""
                return output_of_triage(triage), usage.model_copy(update={"trace_id": trace})
            case Job.FIX:
                raise InputError(
                    f"sample {sample.id!r} wants a fix, which loccit does not make here",
                    next_step="measure a system that does, over HTTP or in Python",
                )

    async def _alone(self, work: Callable[[], _Result]) -> tuple[_Result, Usage]:
        """What is computed without a model, one at a time: two would only wait for each other. The time is
        that of the work, without the wait.
        """
        async with self._one:
            began = time.perf_counter()
            result = await asyncio.to_thread(work)
            return result, Usage(cost_usd=0.0, calls=0, latency_s=time.perf_counter() - began)

    async def _written(self, sample: Sample, repos: tuple[str, ...], key: str) -> tuple[Output, Usage]:
        found: list[Found] = []
        # What the models said in a run is kept for that attempt alone: after a kill it is not paid twice, and
        # another repeat, or another run, is not told what this one was at no cost and in no time.
        written = await self.loccit.write_async(
            sample.question,
            repos=repos,
            rev=sample.commit,
            user=self.user,
            scope=key,
            tell=_found_only(found),
        )
        record = written.record
        asked = {call.model for call in record.calls}
        used = {f"model {role}": self.roles[role] for role in _ROLES if self.roles.get(role) in asked}
        for prompt in record.prompts:
            prompt_name, _, version = prompt.partition("@")
            used[f"prompt {prompt_name}"] = version
        usage = Usage(
            cost_usd=float(record.cost_usd),
            input_tokens=sum(call.input_tokens for call in record.calls),
            output_tokens=sum(call.output_tokens for call in record.calls),
            calls=len(record.calls),
            trace_id=record.id,
        )
        return output_of_answer(written.answer, found).model_copy(update={"used": used}), usage

    async def close(self) -> None:
        """See `System`."""
        await self.loccit.aclose()


@dataclass
class HttpSystem:
    """A program that answers `POST url` with an output: docs/reference/eval-systems.md has the form.

    `secret` goes out as a bearer token, and nowhere else.
    """

    url: str
    secret: str = field(default="", repr=False)
    name: str = ""
    kind: str = "http"

    def __post_init__(self) -> None:
        self.name = self.name or self.url
        self._client: Any = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `System`."""
        return {"url": self.url}

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        """See `System`."""
        import httpx

        if self._client is None:
            headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
            # How many are asked at once is the run's to say.
            unbounded = httpx.Limits(max_connections=None)
            self._client = httpx.AsyncClient(headers=headers, follow_redirects=False, limits=unbounded)
        body = asked_of(sample)
        try:
            async with self._client.stream(
                "POST",
                self.url,
                json=body,
                headers={"Idempotency-Key": key},
                timeout=max(0.001, deadline.remaining_s),
            ) as response:
                data = await _bounded(response.aiter_bytes())
        except httpx.TimeoutException as error:
            raise SystemFailed(f"{self.url!r} did not answer in time") from error
        except httpx.DecodingError as error:
            raise SystemFailed(f"{self.url!r} gave bytes that cannot be decoded: {error}") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise SystemFailed(
                f"{self.url!r} cannot be reached: {str(error) or type(error).__name__}"
            ) from error
        if response.status_code != 200:
            raise SystemFailed(f"{self.url!r} said {response.status_code}: {_shown(data)}")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SystemFailed(f"{self.url!r} gave no JSON: {error}") from error
        return parse_output(document, self.url)

    async def close(self) -> None:
        """See `System`."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


@dataclass
class ChatSystem:
    """A chat model that is given the question alone, whoever serves it.

    `model_of` gives the model for one attempt: what it said is kept for that alone.
    """

    name: str
    model_of: Callable[[str], ChatModel]
    facts: Mapping[str, Any]
    instructions: str = "Answer the question about this software briefly and exactly."
    reply_tokens: int = 2000
    close_models: Callable[[], Awaitable[None]] | None = None
    kind: str = "openai"

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        """See `System`."""
        call = ModelCall(
            purpose="eval",
            messages=(Message(Speaker.SYSTEM, self.instructions), Message(Speaker.USER, sample.question)),
            prompt="eval",
            max_output_tokens=self.reply_tokens,
        )
        model = self.model_of(key)
        reply = await model.reply(call, Payer(request=key, user="loccit eval"), deadline)
        usage = Usage(
            cost_usd=float(reply.cost_usd),
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            calls=1,
        )
        return Output(text=_unicode(reply.text), used={"model answer": reply.model}), usage

    async def close(self) -> None:
        """See `System`."""
        if self.close_models is not None:
            await self.close_models()


@dataclass
class PythonSystem:
    """A function `FILE.py:NAME` that takes a sample as a dict and gives a text, or an output as a dict.

    It may be a coroutine function. It runs in this process: what it does is its writer's business.
    """

    function: Callable[[dict[str, Any]], Any]
    name: str
    version: str = ""
    kind: str = "python"

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `System`. `version` is what its code is told from another by."""
        return {"function": self.name, "version": self.version}

    async def answer(self, sample: Sample, key: str, deadline: Deadline) -> tuple[Output, Usage]:
        """See `System`."""
        asked = {**asked_of(sample), "key": key}
        try:
            given = await called(self.function, asked)
        except LoccitError:
            raise
        except (Exception, SystemExit) as error:
            # Somebody else's code: whatever it raises is its output's failure, not ours.
            raise SystemFailed(f"{self.name!r} raised {type(error).__name__}: {error}") from error
        if isinstance(given, str):
            return Output(text=_unicode(given)), Usage()
        return parse_output(given, self.name)

    async def close(self) -> None:
        """See `System`."""


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What somebody's function gives, a coroutine function or not, with whatever it raises.

    A plain one runs in a thread of its own, so that one that hangs keeps neither the others nor the end of
    the program waiting.
    """
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Any] = loop.create_future()

    def end(given: Any, error: BaseException | None) -> None:
        if ended.done():
            return  # nobody waits any more
        if error is None:
            ended.set_result(given)
        else:
            ended.set_exception(error)

    def work() -> None:
        given, problem = None, None
        try:
            given = function(*arguments)
        except StopIteration as error:
            problem = RuntimeError(f"StopIteration: {error}")  # a future cannot hold it
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            problem = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(end, given, problem)

    threading.Thread(target=work, name="loccit-measured", daemon=True).start()
    given = await ended
    return await given if inspect.isawaitable(given) else given


def code_version(written: str, folder: Path) -> str:
    """What tells the code of `FILE.py:NAME` from another version of it: twelve digits of the file's SHA-256.

    Raises InputError.
    """
    path = folder / written.rpartition(":")[0]
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error


def load_function(written: str, folder: Path) -> Callable[..., Any]:
    """The function that `FILE.py:NAME` names, the file relative to the folder. Runs the file.

    Raises InputError where there is none.
    """
    file, _, name = written.rpartition(":")
    path = folder / file
    if not file or not path.is_file():
        raise InputError(
            f"{written!r} names no file in {str(folder)!r}", next_step="write it as FILE.py:FUNCTION"
        )
    spec = importlib.util.spec_from_file_location(f"loccit_eval_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{str(path)!r} is no Python file", next_step="write it as FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    # Data classes look themselves up among the modules.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{str(path)!r} cannot be run: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{str(path)!r} has no function {name!r}", next_step="write it as FILE.py:FUNCTION")
    return function


def asked_of(sample: Sample) -> dict[str, Any]:
    """What a system is told of a sample: never what would be right."""
    return {
        "id": sample.id,
        "job": sample.job.value,
        "question": sample.question,
        "repo": sample.repo,
        "commit": sample.commit,
    }


def parse_output(document: object, name: str) -> tuple[Output, Usage]:
    """An output and its `usage` as a system of somebody else's gives them. Raises SystemFailed."""
    if not isinstance(document, dict):
        raise SystemFailed(f"{name!r} gave {shortened(document)}, expected an object")
    fields = dict(cast("dict[str, Any]", document))
    usage = fields.pop("usage", {})
    try:
        return Output.model_validate(fields), Usage.model_validate(usage)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SystemFailed(
            f"{name!r} gave an output of another form: {where}: {first['msg']}",
            next_step="see docs/reference/eval-systems.md",
        ) from error


def output_of_answer(answer: Answer, found: Sequence[Found]) -> Output:
    """An answer of loccit's as scorers read it, with what its searches found (the last one knows all)."""
    hits = found[-1].hits if found else ()
    lines = _lines([hit.place for hit in hits])
    claims = tuple(_claim(claim) for claim in answer.claims)
    why_not = answer.abstention.value if answer.abstention else ""
    if answer.abstention not in (None, Abstention.NOT_IN_SOURCES):
        # Quotations in the place of what a model should have written, or an index that cannot be read: no
        # word on whether the sources hold the answer.
        return Output(outcome=OutputOutcome.FAILED, error=why_not, message="loccit could not answer")
    return Output(
        outcome={
            Outcome.ANSWERED: OutputOutcome.ANSWERED,
            Outcome.PARTIAL: OutputOutcome.PARTIAL,
            Outcome.ABSTAINED: OutputOutcome.ABSTAINED,
        }[answer.outcome],
        text="\n\n".join(claim.text for claim in answer.claims),
        claims=claims,
        dropped=tuple(_dropped(claim) for claim in answer.dropped),
        files=_paths(lines),
        functions=_functions(hits),
        passages=lines,
        abstention=why_not,
        confidence=answer.confidence,
        stages=Stages(
            retrieved=_places([hit.place for hit in hits]),
            packed=_places(found[-1].kept) if found else (),
        ),
    )


def output_of_hits(hits: Sequence[Hit]) -> Output:
    """A search as scorers read it."""
    lines = _lines([hit.place for hit in hits])
    return Output(
        outcome=OutputOutcome.ANSWERED if hits else OutputOutcome.ABSTAINED,
        files=_paths(lines),
        functions=_functions(hits),
        passages=lines,
    )


def output_of_triage(triage: Triage) -> Output:
    """A triage as scorers read it: the suspects, and the functions of the first before those of the next."""
    why_not = triage.abstention.value if triage.abstention else ""
    if triage.abstention not in (None, TriageAbstention.NOT_ENOUGH):
        return Output(outcome=OutputOutcome.FAILED, error=why_not, message="loccit could not triage")
    suspects = [suspect for suspect in triage.suspects if suspect.path]
    functions = dict.fromkeys(
        f"{suspect.path}::{function.symbol}"
        for suspect in suspects
        for function in suspect.functions
        if function.symbol
    )
    is_answered = triage.outcome is not TriageOutcome.ABSTAINED
    return Output(
        outcome=OutputOutcome.ANSWERED if is_answered else OutputOutcome.ABSTAINED,
        files=tuple(suspect.path for suspect in suspects if suspect.path),
        functions=tuple(functions),
        abstention=why_not,
        confidence=triage.confidence,
    )


def _found_only(found: list[Found]) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if isinstance(event, Found):
            found.append(event)

    return tell


def _lines(places: Sequence[Place]) -> tuple[Lines, ...]:
    """Places in files; a commit's message has none."""
    return tuple(
        Lines(path=place.path, start_line=place.start_line, end_line=place.end_line)
        for place in places
        if place.path and _is_unicode(place.path)
    )


def _places(places: Sequence[Place]) -> tuple[Lines, ...]:
    """The same with commits' messages."""
    return tuple(
        line
        for place in places
        for line in (
            _lines([place])
            if place.path
            else [
                Lines(
                    path=COMMIT_MESSAGE,
                    start_line=place.start_line,
                    end_line=place.end_line,
                    commit=place.object_id,
                )
            ]
        )
    )


def _functions(hits: Sequence[Hit]) -> tuple[str, ...]:
    named = [hit for hit in hits if hit.symbol and hit.place.path and _is_unicode(hit.place.path)]
    return tuple(dict.fromkeys(f"{hit.place.path}::{hit.symbol}" for hit in named))


def _paths(lines: Sequence[Lines]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.path for line in lines))


def is_told(citation: Citation) -> bool:
    """Whether scorers are told of a citation: not of one in a file whose name is not UTF-8."""
    return citation.path is not None or citation.kind is CitationKind.COMMIT


def _claim(claim: Claim) -> OutputClaim:
    cited = tuple(
        Cited(
            path=citation.path or COMMIT_MESSAGE,
            start_line=citation.start_line,
            end_line=citation.end_line,
            repo=citation.repo,
            commit=citation.commit,
            quote=citation.quote,
            holds=True,
        )
        for citation in claim.citations
        if is_told(citation)
    )
    return OutputClaim(
        text=claim.text,
        cited=cited,
        verdict=claim.verdict.label,
        is_quotation=claim.kind is ClaimKind.QUOTATION,
    )


def _dropped(claim: DroppedClaim) -> OutputClaim:
    return OutputClaim(text=claim.text, verdict=claim.verdict.label)


async def _bounded(chunks: Any) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > _MOST_REPLY_BYTES:
            raise SystemFailed(f"more than {_MOST_REPLY_BYTES:,} bytes came")
    return bytes(data)


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")


def shortened(value: object) -> str:
    """How a value is written, not too long. What somebody's own `__repr__` raises is told instead."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - somebody else's code
        text = f"a {type(value).__name__} that cannot be shown ({type(error).__name__})"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unicode(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
